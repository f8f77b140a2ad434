//! Configs with mistakes: each is reported at its own span.

use super::*;

#[test]
fn every_mistake_of_a_file_is_reported_at_once() {
    let text = "instnace = \"x\"\n[intake]\nlisten = 80\n\
                [sources.ops]\npreset = \"bambohr\"\nsecrets = []\n\
                [connections.a]\nprofile = \"work place\"\nsources = [\"acme\"]\n";
    let found = messages(text);
    let begins = [
        "1:instnace: unknown key `instnace`: did you mean `instance`?",
        "3:80: `listen` is text: this is an integer",
        "4:ops: `ops` is not a name for a source",
        "5:\"bambohr\": `bambohr` is not a source preset: did you mean \"bamboohr\"?",
        "6:[]: no secret",
        "7:a: [connections.a] has no `base_url`",
        "7:a: [connections.a] needs one credential: expected exactly one of token, basic, header; \
         found none",
        "8:\"work place\": `work place` is not a profile: did you mean \"workplace\"?",
        "9:\"acme\": `acme` is not a source of this config",
    ];

    for begin in begins {
        assert!(
            found.iter().any(|line| line.starts_with(begin)),
            "{begin} is not in {found:#?}"
        );
    }
    assert_eq!(found.len(), begins.len(), "{found:#?}");
}

#[test]
fn a_syntax_error_is_reported_with_its_line() {
    let found = messages("instance = \"a\"\nx = \n[y\n");
    assert!(found.len() >= 2, "{found:?}");
    assert!(
        found.iter().all(|line| line.contains("this is not TOML")),
        "{found:?}"
    );
}

/// Each config has one mistake, and its message begins as given.
fn assert_messages(cases: impl IntoIterator<Item = (String, &'static str)>) {
    for (text, begin) in cases {
        let found = messages(&text);
        assert!(
            found.len() == 1 && found[0].starts_with(begin),
            "expected {begin}\n     got {found:#?}"
        );
    }
}

#[test]
fn each_mistake_of_a_source_is_reported_once_at_its_span() {
    let cases = [
        (
            "expect_every = \"24h\"",
            "4:expect_every: expect_every: not in this version",
        ),
        (
            "signature = \"githib\"",
            "4:\"githib\": `githib` is not a signature style: did you mean \"github\"?",
        ),
        (
            "signature = { encoding = \"hex\" }",
            "4:signature: [sources.acme.signature] has no `header`",
        ),
        (
            "signature = { scheme = \"github\", tolerance = \"5m\" }",
            "4:\"5m\": `tolerance` without",
        ),
        (
            "signature = { scheme = \"github\", encodnig = \"hex\" }",
            "4:encodnig: unknown key `encodnig`",
        ),
        (
            "authority = \"prehire\"",
            "4:\"prehire\": `authority` cannot be \"prehire\": expected `employment`",
        ),
    ];
    assert_messages(cases.map(|(line, begin)| (with(line, ""), begin)));

    let zone = with("time_zone = \"Europe/Berlni\"", "").replace("time_zone = \"UTC\"\n", "");
    let begin = "4:\"Europe/Berlni\": `time_zone` cannot be \"Europe/Berlni\"";
    assert_messages([(zone, begin)]);
}

#[test]
fn each_mistake_of_a_connection_is_reported_once_at_its_span() {
    let cases = [
        ("token = 1", "9:token: this is not TOML: duplicate key"),
        (
            "basic = { user = \"u\", password = { env = \"TOKEN\" } }",
            "6:app: [connections.app] needs one",
        ),
        (
            "mode = \"approve\"",
            "9:\"approve\": mode \"approve\": not in this version",
        ),
        (
            "mode = \"aply\"",
            "9:\"aply\": `mode` cannot be \"aply\": expected `observe` or `apply`",
        ),
        (
            "limits = { rate = \"25\" }",
            "9:\"25\": `rate` cannot be \"25\": expected a rate",
        ),
        (
            "limits = { concurrency = 0 }",
            "9:concurrency: `concurrency` is zero",
        ),
        (
            "limits = { delay = \"60s\" }",
            "9:delay: unknown key `delay` in [connections.app.limits]: expected one of timeout, \
             rate, concurrency, propagation_delay",
        ),
        (
            "limits = { timeout = \"0s\" }",
            "9:\"0s\": `timeout` is zero",
        ),
        (
            "adopt = { update = \"some\" }",
            "9:\"some\": `update` cannot be \"some\": expected one of",
        ),
        ("guard = {}", "9:guard: guard: not in this version"),
    ];

    assert_messages(cases.map(|(line, begin)| (with("", line), begin)));
}

#[test]
fn each_mistake_of_a_mapping_is_reported_once_at_its_span() {
    let cases = [
        ("mapping = { title = 3 }", "9:3: `title` is not a rule"),
        (
            "mapping = { name.givenName = 'x' }",
            "9:name: `name` is not a rule: a path with a dot needs quotes: \"name.givenName\"",
        ),
        (
            "mapping = { title = { expr = 'x', value = 'y' } }",
            "9:title: `mapping.title` of [connections.app] cannot be used: give either",
        ),
        (
            "[[connections.app.groups]]\nwhen = 'true'",
            "9:[[connections.app.groups]]: `groups.0` of [connections.app] cannot be used",
        ),
    ];

    assert_messages(cases.map(|(line, begin)| (with("", line), begin)));
}

#[test]
fn each_mistake_of_another_table_is_reported_once_at_its_span() {
    let cases = [
        ("[guard]\n", "1:guard: guard: not in this version"),
        (
            "[retention]\nraw = \"30d\"",
            "1:retention: retention: not in this version",
        ),
        (
            "[intake]\ntrusted_proxies = [\"10.0.0.0/8\", \"10.0.0.0/64\"]",
            "2:\"10.0.0.0/64\": `trusted_proxies` cannot have",
        ),
        (
            "[queue]\nurl = \"http://x\"",
            "2:\"http://x\": `url` is not such a URL: expected \"amqps://",
        ),
        (
            "[queue]\nurl = { env = \"TOKEN\" }",
            "2:{ env = \"TOKEN\" }: the secret is not such a URL",
        ),
        ("[queue]\n", "1:queue: [queue] has no `url`"),
        (
            "[store]\nurl = \"postgres://a:b@c/d\"",
            "2:\"postgres://a:b@c/d\": the URL holds a literal",
        ),
        (
            "instance = \"A b\"",
            "1:\"A b\": `instance` cannot be \"A b\"",
        ),
        (
            "[[ops.tokens]]\nname = \"a\"\nrole = \"viewer\"\nhash = \"abc\"",
            "4:\"abc\": `hash` is not a hash",
        ),
    ];

    assert_messages(cases.map(|(text, begin)| (text.to_owned(), begin)));
}

#[test]
fn a_secret_is_named_exists_and_has_the_right_form() {
    let literal = with("", "").replace("{ env = \"TOKEN\" }", "\"t0ken-in-the-file\"");
    let found = parse(&literal).unwrap_err();
    assert!(
        found.to_string().contains("literal secret") && !found.to_string().contains("t0ken"),
        "{found}"
    );
    let demo = environment().with_literal_secrets();
    assert!(Config::parse(&literal, "f", &demo).is_ok());

    let missing = with("", "").replace("TOKEN", "NOWHERE");
    assert_eq!(
        messages(&missing),
        ["8:\"NOWHERE\": the environment variable NOWHERE is not set: "]
    );
    let offline = Config::parse(&missing, "f", &environment().offline()).unwrap();
    assert_eq!(
        (offline.warnings.all().len(), offline.warnings.mistakes()),
        (1, 0)
    );
    assert!(offline.connections["app"].credentials.read().is_err());

    let wrong_form = with("", "")
        .replace("ACME", "HASH_")
        .replace("HASH_", "BAD");
    let environment = Environment::of([("BAD", "whpk_***"), ("TOKEN", "t")]);
    assert!(
        messages_in(&wrong_form, &environment)[0]
            .contains("the secret is not of the form whsec_<base64>")
    );
    let neither = with("", "").replace("{ env = \"TOKEN\" }", "{ evn = \"TOKEN\" }");
    assert_eq!(messages(&neither).len(), 2, "{:?}", messages(&neither));
}

#[test]
fn several_sources_need_distinct_ids_and_named_connections() {
    let two = |line: &str| {
        format!(
            "{}[sources.two]\ntime_zone = \"UTC\"\npreset = \"canonical\"\n\
             secrets = [{{ env = \"ACME\" }}]\n",
            with("", line)
        )
    };

    assert!(messages(&two(""))[0].starts_with("6:app: [connections.app] has no `sources`"));

    let named = two("sources = [\"acme\", \"two\"]\nexternal_id = \"worker.id\"");
    assert!(messages(&named)[0].starts_with(
        "10:\"worker.id\": `external_id` of [connections.app] is probably not as \
                 intended: with several sources"
    ));
    assert!(
        messages(&two("sources = [\"acme\", \"two\"]")).is_empty(),
        "the default names it"
    );
    assert!(messages(&two("sources = [\"acme\"]\nexternal_id = \"worker.id\"")).is_empty());

    let same = two("sources = [\"acme\"]").replace("[sources.two]", "[sources.two]\nid = \"acme\"");
    assert!(
        messages(&same)[0].contains("have the same id"),
        "{:?}",
        messages(&same)
    );

    let bare = "[sources.b]\npreset = \"bamboohr\"\nsecrets = [{ env = \"TEXT\" }]\n";
    assert!(
        messages(bare)[0].starts_with("1:b: [sources.b] has no `time_zone`"),
        "{:?}",
        messages(bare)
    );
    assert!(parse(bare).is_err());

    let canonical = with("", "").replace("time_zone", "# time_zone");
    assert!(messages(&canonical)[0].starts_with("1:acme: [sources.acme] has no `time_zone`"));
    assert!(
        parse(&canonical).is_ok(),
        "canonical events may name their zone: a warning"
    );
}

#[test]
fn a_fault_in_an_expression_has_a_caret_under_its_own_characters() {
    let cases = [
        ("when = 'worker.tpye == \"employee\"'", "9:tpye"),
        ("when = \"worker.tpye == 'employee'\"", "9:tpye"),
        (
            "when = \"worker.tpye == \\\"employee\\\"\"",
            "9:\"worker.tpye == \\\"employee\\\"\"",
        ),
        ("mapping = { title = 'worker.titel' }", "9:titel"),
        (
            "mapping = { title = { expr = 'worker.titel', on = \"create\" } }",
            "9:titel",
        ),
        (
            "mapping = { \"no path\" = 'worker.title' }",
            "9:\"no path\"",
        ),
        ("external_id = { expr = 'worker.ide' }", "9:ide"),
        (
            "lifecycle = { create = \"start minus 7d\" }",
            "9:\"start minus 7d\"",
        ),
        ("match = [\"externalId\", \"nick name\"]", "9:\"nick name\""),
        (
            "[[connections.app.groups]]\nname = \"A\"\n\
             [[connections.app.groups]]\nname = { expr = 'worker.dep' }",
            "12:dep",
        ),
    ];

    for (line, span) in cases {
        let found = messages(&with("", line));
        assert!(
            found.len() == 1 && found[0].starts_with(&format!("{span}: `")),
            "{line}\n{found:#?}"
        );
    }
}
