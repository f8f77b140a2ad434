//! Whole configs: the document of the manual reads, and each mistake is told where it is.

use std::{collections::BTreeSet, time::Duration};

use secrecy::ExposeSecret as _;

use super::*;
use crate::{scim_client::Credentials, worker::Mode};
use hirewire_core::{
    event::Authority,
    mapping::{AdoptUpdate, GroupName, OutOfScope, WhenEmpty, WhenWritten},
    source::Scheme,
};

const WHSEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Everything that this version takes.
const WHOLE: &str = r#"
instance = "acme"
data_dir = "data"
[intake]
listen = "127.0.0.1:0"
public_url = "https://hooks.acme.example"
trusted_proxies = []
[ops]
listen = "127.0.0.1:9999"
[queue]
url = { env = "AMQP" }
[store]
url = "postgres://db.acme.example/hirewire"
user = "hirewire"
password = { env = "DB_PASSWORD" }

[sources.acme]
preset = "canonical"
signature = "standard-webhooks"
secrets = [{ env = "ACME" }, { env = "ACME", id = "next", not_before = 2026-12-01T00:00:00Z, not_after = "2027-01-01T00:00:00Z" }]
time_zone = "Europe/Berlin"
authority = "employment"
origins = ["/hr/acme"]
[sources.jobs]
preset = "greenhouse"
secrets = [{ env = "TEXT" }]
time_zone = "Europe/Berlin"
id = "recruiting"
enabled = false
[sources.own]
preset = "canonical"
time_zone = "UTC"
signature = { scheme = "hmac-sha256", header = "X-Own", encoding = "base64", prefix = "v1=" }
secrets = [{ env = "TEXT" }]

[connections.workplace]
profile = "workplace"
base_url = "https://scim.workplace.com/"
token = { env = "TOKEN" }
mode = "apply"
sources = ["jobs", "acme"]
when = 'worker.type == "employee"'
out_of_scope = "keep"
match = ["externalId", "userName"]
external_id = "worker.source + worker.id"
protect = ["admin@acme.example"]
adopt = { match = "unique", update = "unset_only", take_external_id = true, activate = false }
lifecycle = { create = "start - 3d", leave = "deactivate" }
limits = { rate = "5/s", concurrency = 2, timeout = "10s", propagation_delay = "2m" }
groups_policy = { create_missing = true, remove = "never" }
[connections.workplace.mapping]
displayName = 'worker.name.formatted'
title = { expr = "worker.title", on = "create", empty = "clear" }
userType = { value = "Employee" }
"enterprise.department" = 'worker.department.name'
[[connections.workplace.groups]]
name = "Engineering"
when = 'worker.department.name == "Engineering"'
[[connections.workplace.groups]]
name = { expr = "worker.department.name" }
[[connections.workplace.groups]]
id = "g-1"

[[ops.tokens]]
name = "ada"
role = "operator"
hash = { env = "HASH" }
"#;

fn environment() -> Environment {
    Environment::of([
        ("AMQP", "amqp://guest:guest@127.0.0.1/%2f"),
        ("DB_PASSWORD", "p@ss/word"),
        ("ACME", WHSEC),
        ("TEXT", "some text"),
        ("TOKEN", "t0ken"),
        (
            "HASH",
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        ),
    ])
}

fn parse(text: &str) -> Result<Config, Diagnostics> {
    Config::parse(text, "etc/hirewire.toml", &environment())
}

/// The smallest config, and a line put under its source or connection.
fn with(source_line: &str, connection_line: &str) -> String {
    format!(
        "[sources.acme]\npreset = \"canonical\"\nsecrets = [{{ env = \"ACME\" }}]\n{source_line}\n\
         time_zone = \"UTC\"\n[connections.app]\nbase_url = \"https://scim.example.com\"\ntoken = {{ env = \"TOKEN\" }}\n{connection_line}\n"
    )
}

/// What is told, as `line:text under the caret: title: label`.
fn told(text: &str) -> Vec<String> {
    told_in(text, &environment())
}

fn told_in(text: &str, environment: &Environment) -> Vec<String> {
    let found = match Config::parse(text, "hirewire.toml", environment) {
        Ok(config) => config.warnings,
        Err(found) => found,
    };
    let line = |diagnostic: &Diagnostic| {
        let place = match &diagnostic.place {
            SourceSpan::Text(range) | SourceSpan::Secret(range) => {
                format!(
                    "{}:{}",
                    text[..range.start].matches('\n').count() + 1,
                    &text[range.clone()]
                )
            }
            SourceSpan::Variable(name) => name.clone(),
            SourceSpan::File => "file".to_owned(),
        };
        format!("{place}: {}: {}", diagnostic.title, diagnostic.label)
    };
    found.all().iter().map(line).collect()
}

#[test]
fn the_document_of_the_manual_reads() {
    let config = parse(WHOLE).unwrap_or_else(|found| panic!("{found}"));
    assert_eq!(config.instance, "acme");
    assert_eq!(config.data_dir, Path::new("etc/data"));
    assert_eq!(config.intake.listen.port(), 0);
    assert_eq!(
        config.hook_url("acme"),
        "https://hooks.acme.example/hooks/acme"
    );
    assert_eq!(
        (
            config.ops.tokens[0].name.as_str(),
            config.ops.tokens[0].role
        ),
        ("ada", crate::ops::OpsRole::Operator)
    );
    let QueueConfig::Rabbit(address) = &config.queue else {
        panic!("{:?}", config.queue)
    };
    assert_eq!(
        address.url().unwrap().expose_secret(),
        "amqp://guest:guest@127.0.0.1/%2f"
    );
    let StoreConfig::Url(address) = &config.store else {
        panic!("{:?}", config.store)
    };
    assert_eq!(
        address.url().unwrap().expose_secret(),
        "postgres://hirewire:p%40ss%2Fword@db.acme.example/hirewire"
    );
}

#[test]
fn a_source_has_its_preset_s_signature_or_its_own() {
    let config = parse(WHOLE).unwrap();
    let [acme, jobs, own] = ["acme", "jobs", "own"].map(|name| config.sources[name].clone());
    assert_eq!(acme.scheme, Scheme::standard_webhooks());
    let secrets = acme.secrets().unwrap();
    assert_eq!(secrets[1].id.as_deref(), Some("next"));
    assert_eq!(
        secrets[1].not_before,
        Some("2026-12-01T00:00:00Z".parse().unwrap())
    );
    assert_eq!(
        secrets[1].not_after,
        Some("2027-01-01T00:00:00Z".parse().unwrap())
    );
    assert_eq!(acme.rules().time_zone.iana_name(), Some("Europe/Berlin"));
    assert_eq!(acme.origins, ["/hr/acme"]);
    assert_eq!(
        (jobs.id.as_str(), jobs.enabled, jobs.authority),
        ("recruiting", false, Authority::PreHire)
    );
    assert_eq!(jobs.scheme.header, "Signature");
    assert_eq!(own.scheme.header, "X-Own");
    assert_eq!(
        own.scheme.grammar,
        hirewire_core::source::Grammar::Prefix("v1=".to_owned())
    );
    assert_eq!(
        own.scheme.signatures[0].encoding,
        hirewire_core::source::Encoding::Base64
    );
}

#[test]
fn a_connection_publishes_its_rules_on_top_of_the_profile_s() {
    let config = parse(WHOLE).unwrap();
    let connection = &config.connections["workplace"];
    assert_eq!(connection.mode, Mode::Apply);
    let ids: Vec<_> = connection.sources.iter().map(ToString::to_string).collect();
    assert_eq!(ids, ["acme", "recruiting"], "by id, in one order");
    let limits = Limits {
        rate: 5.0,
        concurrency: 2,
        timeout: Duration::from_secs(10),
        propagation_delay: Duration::from_mins(2),
    };
    assert_eq!(connection.limits, limits);
    let Credentials::Token(token) = connection.credentials.read().unwrap() else {
        panic!("no token")
    };
    assert_eq!(token.expose_secret(), "t0ken");

    let document = connection.document();
    assert_eq!(document.profile.name, "workplace");
    assert_eq!(document.sources, ["acme", "recruiting"]);
    assert_eq!(
        document.when.as_deref(),
        Some("worker.type == \"employee\"")
    );
    assert_eq!(
        (document.out_of_scope, document.external_id_on),
        (OutOfScope::Keep, WhenWritten::Create)
    );
    assert_eq!(
        (document.adopt.update, document.adopt.take_external_id),
        (AdoptUpdate::UnsetOnly, true)
    );
    assert_eq!(
        (
            document.lifecycle.create.as_str(),
            document.lifecycle.activate.as_str()
        ),
        ("start - 3d", "start")
    );
    assert_eq!(document.groups.len(), 3);
    assert_eq!(
        document.groups[1].name,
        Some(GroupName::Expression {
            expr: "worker.department.name".to_owned()
        })
    );
    let title = &document.mapping["title"];
    assert_eq!(
        (title.on, title.empty, title.expr.as_deref()),
        (WhenWritten::Create, WhenEmpty::Clear, Some("worker.title"))
    );
    assert_eq!(document.mapping["userType"].value, Some("Employee".into()));
    assert_eq!(
        document.mapping["displayName"].expr.as_deref(),
        Some("worker.name.formatted")
    );
    assert!(
        document.mapping.contains_key("userName"),
        "the profile's own are kept"
    );
}

#[test]
fn other_rooms_get_what_they_need_of_it() {
    let config = parse(WHOLE).unwrap();
    let rules = config.rules();
    let id = |name| hirewire_core::event::SourceId::parse(name).unwrap();
    assert_eq!(
        rules.sources[&id("recruiting")].authority,
        Authority::PreHire
    );
    assert_eq!(rules.sources.len(), 3);
    let source_routing = config.source_routing();
    assert_eq!(
        source_routing.connections["workplace"],
        BTreeSet::from([id("acme"), id("recruiting")])
    );
    let endpoint = config.sources["jobs"].endpoint().unwrap();
    assert_eq!(
        (endpoint.id, endpoint.enabled, endpoint.secrets.len()),
        (id("recruiting"), false, 1)
    );
    let settings = config.connections["workplace"]
        .client_settings(std::sync::Arc::new(crate::observer::NoObserver))
        .unwrap();
    assert_eq!(
        (
            settings.rate,
            settings.concurrency,
            settings.profile.name.as_str()
        ),
        (5.0, 2, "workplace")
    );
}

#[test]
fn name_base_url_and_token_are_enough() {
    let config = parse(&with("", "profile = \"workplace\"")).unwrap();
    assert!(config.warnings.is_empty(), "{}", config.warnings);
    let connection = &config.connections["app"];
    assert_eq!(
        (connection.mode, connection.limits),
        (Mode::Observe, Limits::default())
    );
    let document = connection.document();
    assert_eq!(document.external_id, "worker.id");
    assert_eq!(document.r#match, ["externalId", "userName"]);
    assert_eq!(document.mapping.len(), document.profile.mapping.len());
    assert!(matches!(config.queue, QueueConfig::Embedded));
    assert!(
        matches!(&config.store, StoreConfig::Sqlite(path) if path.ends_with("hirewire-data/hirewire.db"))
    );
    assert_eq!(config.hook_url("acme"), "http://127.0.0.1:8080/hooks/acme");
    assert!(
        parse("").is_ok(),
        "a process may have neither sources nor connections"
    );
}

#[test]
fn an_attribute_is_the_same_however_it_is_written() {
    let config = parse(&with(
        "",
        "mapping = { 'emails[type eq \"work\"].value' = 'worker.personal_email' }",
    ))
    .unwrap();
    let mapping = config.connections["app"].document().mapping;
    assert!(
        !mapping.contains_key("emails.work"),
        "replaced, not doubled"
    );
    let twice = with(
        "",
        "mapping = { 'emails.work' = 'worker.id', 'Emails.Work' = 'worker.id' }",
    );
    assert_eq!(told(&twice).len(), 1);
}

#[test]
fn plain_keys_are_also_taken_from_the_environment() {
    let environment = Environment::of([
        ("ACME", WHSEC),
        ("TOKEN", "t"),
        ("HIREWIRE__INSTANCE", "blue"),
        ("HIREWIRE__INTAKE__LISTEN", "0.0.0.0:80"),
        ("HIREWIRE__CONNECTIONS__APP__MODE", "apply"),
        ("HIREWIRE__CONNECTIONS__APP__LIMITS__CONCURRENCY", "9"),
        ("HIREWIRE__SOURCES__ACME__ENABLED", "false"),
    ]);
    let config = Config::parse(&with("", ""), "f", &environment).unwrap();
    assert_eq!(
        (config.instance.as_str(), config.intake.listen.port()),
        ("blue", 80)
    );
    assert_eq!(config.connections["app"].mode, Mode::Apply);
    assert_eq!(config.connections["app"].limits.concurrency, 9);
    assert!(!config.sources["acme"].enabled);
    let environment = Environment::of([
        ("ACME", WHSEC),
        ("TOKEN", "t"),
        ("HIREWIRE__OPS__LISTEN", "here"),
        ("HIREWIRE__SOURCES__ACME__SECRETS", "x"),
    ]);
    let told = told_in(&with("", ""), &environment);
    assert!(
        told[0]
            .starts_with("HIREWIRE__OPS__LISTEN: `listen` cannot be \"here\": expected an address"),
        "{told:?}"
    );
    assert!(
        told[1].starts_with("HIREWIRE__SOURCES__ACME__SECRETS: "),
        "{told:?}"
    );
}

#[test]
fn every_mistake_of_a_file_is_told_at_once() {
    let text = "instnace = \"x\"\n[intake]\nlisten = 80\n[sources.ops]\npreset = \"bambohr\"\nsecrets = []\n\
                [connections.a]\nprofile = \"work place\"\nsources = [\"acme\"]\n";
    let told = told(text);
    let begins = [
        "1:instnace: unknown key `instnace`: did you mean `instance`?",
        "3:80: `listen` is text: this is an integer",
        "4:ops: `ops` is no name for a source",
        "5:\"bambohr\": `bambohr` is no source preset: did you mean \"bamboohr\"?",
        "6:[]: no secret",
        "7:a: [connections.a] has no `base_url`",
        "7:a: [connections.a] needs one credential: expected exactly one of token, basic, header; found none",
        "8:\"work place\": `work place` is no profile: did you mean \"workplace\"?",
        "9:\"acme\": `acme` is no source of this config",
    ];
    for begin in begins {
        assert!(
            told.iter().any(|line| line.starts_with(begin)),
            "{begin} is not in {told:#?}"
        );
    }
    assert_eq!(told.len(), begins.len(), "{told:#?}");
}

#[test]
fn what_is_not_toml_is_told_with_its_line() {
    let told = told("instance = \"a\"\nx = \n[y\n");
    assert!(told.len() >= 2, "{told:?}");
    assert!(
        told.iter().all(|line| line.contains("this is not TOML")),
        "{told:?}"
    );
}

#[test]
fn one_mistake_each() {
    let cases = [
        (
            with("expect_every = \"24h\"", ""),
            "4:expect_every: expect_every: not in this version",
        ),
        (
            with("time_zone = \"Europe/Berlni\"", "").replace("time_zone = \"UTC\"\n", ""),
            "4:\"Europe/Berlni\": `time_zone` cannot be \"Europe/Berlni\"",
        ),
        (
            with("signature = \"githib\"", ""),
            "4:\"githib\": `githib` is no signature style: did you mean \"github\"?",
        ),
        (
            with("signature = { encoding = \"hex\" }", ""),
            "4:signature: [sources.acme.signature] has no `header`",
        ),
        (
            with(
                "signature = { scheme = \"github\", tolerance = \"5m\" }",
                "",
            ),
            "4:\"5m\": `tolerance` without",
        ),
        (
            with(
                "signature = { scheme = \"github\", encodnig = \"hex\" }",
                "",
            ),
            "4:encodnig: unknown key `encodnig`",
        ),
        (
            with("authority = \"prehire\"", ""),
            "4:\"prehire\": `authority` cannot be \"prehire\": unknown variant",
        ),
        (
            with("", "token = 1"),
            "9:token: this is not TOML: duplicate key",
        ),
        (
            with(
                "",
                "basic = { user = \"u\", password = { env = \"TOKEN\" } }",
            ),
            "6:app: [connections.app] needs one",
        ),
        (
            with("", "mode = \"approve\""),
            "9:\"approve\": mode \"approve\": not in this version",
        ),
        (
            with("", "mode = \"aply\""),
            "9:\"aply\": `mode` cannot be \"aply\": unknown variant `aply`",
        ),
        (
            with("", "limits = { rate = \"25\" }"),
            "9:\"25\": `rate` cannot be \"25\": expected a rate",
        ),
        (
            with("", "limits = { concurrency = 0 }"),
            "9:concurrency: `concurrency` is zero",
        ),
        (
            with("", "limits = { timeout = \"0s\" }"),
            "9:\"0s\": `timeout` is zero",
        ),
        (
            with("", "adopt = { update = \"some\" }"),
            "9:\"some\": `update` cannot be \"some\": unknown variant",
        ),
        (
            with("", "guard = {}"),
            "9:guard: guard: not in this version",
        ),
        (
            with("", "mapping = { title = 3 }"),
            "9:3: `title` is no rule",
        ),
        (
            with("", "mapping = { name.givenName = 'x' }"),
            "9:name: `name` is no rule: a path with a dot is quoted: \"name.givenName\"",
        ),
        (
            with("", "mapping = { title = { expr = 'x', value = 'y' } }"),
            "9:title: `mapping.title` of [connections.app] cannot be used: exactly one of",
        ),
        (
            with("", "[[connections.app.groups]]\nwhen = 'true'"),
            "9:[[connections.app.groups]]: `groups.0` of [connections.app] cannot be used",
        ),
        (
            "[guard]\n".to_owned(),
            "1:guard: guard: not in this version",
        ),
        (
            "[retention]\nraw = \"30d\"".to_owned(),
            "1:retention: retention: not in this version",
        ),
        (
            "[intake]\ntrusted_proxies = [\"10.0.0.0/8\"]".to_owned(),
            "2:trusted_proxies: trusted_proxies: not in this",
        ),
        (
            "[queue]\nurl = \"http://x\"".to_owned(),
            "2:\"http://x\": `url` is no such URL: expected \"amqps://",
        ),
        (
            "[queue]\nurl = { env = \"TOKEN\" }".to_owned(),
            "2:{ env = \"TOKEN\" }: the secret is no such URL",
        ),
        ("[queue]\n".to_owned(), "1:queue: [queue] has no `url`"),
        (
            "[store]\nurl = \"postgres://a:b@c/d\"".to_owned(),
            "2:\"postgres://a:b@c/d\": the URL holds a literal",
        ),
        (
            "instance = \"A b\"".to_owned(),
            "1:\"A b\": `instance` cannot be \"A b\"",
        ),
        (
            "[[ops.tokens]]\nname = \"a\"\nrole = \"viewer\"\nhash = \"abc\"".to_owned(),
            "4:\"abc\": `hash` is no hash",
        ),
    ];
    for (text, begin) in cases {
        let told = told(&text);
        assert!(
            told.len() == 1 && told[0].starts_with(begin),
            "expected {begin}\n     got {told:#?}"
        );
    }
}

#[test]
fn secrets_are_named_and_there_and_of_the_right_form() {
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
        told(&missing),
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
        told_in(&wrong_form, &environment)[0]
            .contains("the secret is not of the form whsec_<base64>")
    );
    let neither = with("", "").replace("{ env = \"TOKEN\" }", "{ evn = \"TOKEN\" }");
    assert_eq!(told(&neither).len(), 2, "{:?}", told(&neither));
}

#[test]
fn several_sources_are_told_apart() {
    let two = |line: &str| {
        format!(
            "{}[sources.two]\ntime_zone = \"UTC\"\npreset = \"canonical\"\nsecrets = [{{ env = \"ACME\" }}]\n",
            with("", line)
        )
    };
    assert!(told(&two(""))[0].starts_with("6:app: [connections.app] has no `sources`"));
    let named = two("sources = [\"acme\", \"two\"]\nexternal_id = \"worker.id\"");
    assert!(
        told(&named)[0]
            .starts_with("10:\"worker.id\": `external_id` of [connections.app] may not be meant: with several sources")
    );
    assert!(
        told(&two("sources = [\"acme\", \"two\"]")).is_empty(),
        "the default names it"
    );
    assert!(told(&two("sources = [\"acme\"]\nexternal_id = \"worker.id\"")).is_empty());
    let same = two("sources = [\"acme\"]").replace("[sources.two]", "[sources.two]\nid = \"acme\"");
    assert!(
        told(&same)[0].contains("have the same id"),
        "{:?}",
        told(&same)
    );
    let bare = "[sources.b]\npreset = \"bamboohr\"\nsecrets = [{ env = \"TEXT\" }]\n";
    assert!(
        told(bare)[0].starts_with("1:b: [sources.b] has no `time_zone`"),
        "{:?}",
        told(bare)
    );
    assert!(parse(bare).is_err());
    let canonical = with("", "").replace("time_zone", "# time_zone");
    assert!(told(&canonical)[0].starts_with("1:acme: [sources.acme] has no `time_zone`"));
    assert!(
        parse(&canonical).is_ok(),
        "canonical events may name their zone: a warning"
    );
}

#[test]
fn a_config_is_read_with_the_env_file_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my.toml");
    let told = Config::load(&path, &Environment::default())
        .unwrap_err()
        .to_string();
    assert!(
        told.contains("my.toml cannot be read") && told.contains("hirewire init"),
        "{told}"
    );
    fs::write(
        &path,
        with("", "").replace("{ env = \"TOKEN\" }", "{ file = \"token\" }"),
    )
    .unwrap();
    fs::write(folder.path().join("my.env"), format!("ACME={WHSEC}\n")).unwrap();
    fs::write(folder.path().join("token"), "from a file\n").unwrap();
    let config =
        Config::load(&path, &Environment::default()).unwrap_or_else(|found| panic!("{found}"));
    assert_eq!(config.data_dir, folder.path().join("hirewire-data"));
    let Credentials::Token(token) = config.connections["app"].credentials.read().unwrap() else {
        panic!("no token")
    };
    assert_eq!(token.expose_secret(), "from a file");
}

#[test]
fn a_fault_in_an_expression_is_under_its_own_characters() {
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
            "[[connections.app.groups]]\nname = \"A\"\n[[connections.app.groups]]\nname = { expr = 'worker.dep' }",
            "12:dep",
        ),
    ];
    for (line, place) in cases {
        let told = told(&with("", line));
        assert!(
            told.len() == 1 && told[0].starts_with(&format!("{place}: `")),
            "{line}\n{told:#?}"
        );
    }
}

#[test]
fn equal_configs_publish_equal_documents() {
    let texts: BTreeSet<String> = [
        "",
        "mode = \"apply\"",
        "sources = [\"acme\"]",
        "limits = { rate = \"1/s\" }",
    ]
    .into_iter()
    .map(|line| {
        serde_json::to_string(&parse(&with("", line)).unwrap().connections["app"].document())
            .unwrap()
    })
    .collect();
    assert_eq!(texts.len(), 1);
}
