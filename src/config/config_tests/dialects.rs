//! Dialects: every knob of a profile is reachable, from the connection and from a file.

use serde_json::Value;

use super::*;
use hirewire_core::{
    mapping::MappingDocument,
    scim::{MemberRemoval, NullPolicy, Profile, UpdateMethod},
};

/// A connection with these lines after it, beside files of these names.
fn load(lines: &str, files: &[(&str, &str)]) -> Result<MappingDocument, String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let path = folder.path().join("hirewire.toml");
    fs::write(&path, with("", lines)).unwrap();

    match Config::load(&path, &environment()) {
        Ok(config) => Ok(config.connections["app"].document()),
        Err(found) => Err(found.to_string()),
    }
}

/// Every knob with a value that no profile has by default.
const EVERY_KNOB: &str = r#"
user_agent = "acme/1"
headers = { X-Api-Version = "2" }
content_type = "application/json"
accept = "application/json"
users = "/v2/Users"
schemas = ""
service_provider_config = ""
update = "put"
deactivate = "patch_pathless"
max_operations = 1
null = "empty"
etag = true
required = [["userName"], ["title", "nickName"]]
leave_out_of_create = ["active", "title"]
lookup = ["userName"]
filterable = ["userName", "emails.work"]
single_valued = ["roles"]
whole_lists = ["phoneNumbers"]
typeless = ["emails"]
attributes = { "enterprise.manager.value" = { path = "enterprise.manager.managerId", kind = "integer" } }
groups = { path = "/Teams", chunk = 7, check = "filter", remove = "value" }
"#;

/// The knobs of a profile as JSON, without its name and its mapping.
fn knobs(profile: &Profile) -> serde_json::Map<String, Value> {
    let mut knobs = serde_json::to_value(profile).unwrap();
    let knobs = knobs.as_object_mut().unwrap();
    for other in ["name", "title", "mapping"] {
        knobs.remove(other);
    }
    knobs.clone()
}

#[test]
fn every_knob_of_a_profile_is_reachable_from_a_connection_and_from_a_file() {
    let of_connection = format!("[connections.app.dialect]\n{EVERY_KNOB}");
    let of_connection = load(&of_connection, &[]).unwrap();
    let own = format!("{EVERY_KNOB}\n[mapping]\nuserName = 'worker.work_email'\n");
    let of_file = load("profile = \"./own.toml\"", &[("own.toml", &own)]);
    let of_file = of_file.unwrap_or_else(|found| panic!("{found}"));

    for document in [&of_connection, &of_file] {
        let (set, default) = (knobs(&document.profile), knobs(&Profile::default()));
        for (knob, value) in &default {
            assert_ne!(&set[knob], value, "{knob} of {}", document.profile.name);
        }
    }
    assert_eq!(knobs(&of_connection.profile), knobs(&of_file.profile));
    assert_eq!(of_file.profile.name, "own");
    assert_eq!(of_file.mapping.len(), 1);
    assert_eq!(
        of_connection.mapping.len(),
        Profile::named("generic").unwrap().mapping.len()
    );
}

#[test]
fn a_knob_is_laid_over_the_profile_and_the_others_stay() {
    let knobs = "profile = \"workplace\"\n[connections.app.dialect]\nupdate = \"patch_pathless\"\n\
                 headers = { X-A = \"1\" }\n";
    let document = load(knobs, &[]).unwrap();
    let workplace = Profile::named("workplace").unwrap();
    let expected = Profile {
        update: UpdateMethod::PatchPathless,
        headers: BTreeMap::from([("X-A".to_owned(), "1".to_owned())]),
        ..workplace
    };
    assert_eq!(document.profile, expected, "deactivate stays put_partial");

    let put = load("dialect = { update = \"put\", null = \"null\" }", &[]).unwrap();
    assert_eq!(
        (put.profile.update, put.profile.deactivate, put.profile.null),
        (UpdateMethod::Put, UpdateMethod::Put, NullPolicy::Null),
        "access changes in the way in which attributes change"
    );

    let off = load("dialect = { groups = false }", &[]).unwrap();
    assert_eq!(off.profile.groups, None);
    let on = "profile = \"workplace\"\ndialect = { groups = { remove = \"value\" } }";
    let groups = load(on, &[]).unwrap().profile.groups.unwrap();
    assert_eq!((groups.remove, groups.chunk), (MemberRemoval::Value, 50));

    let lookup = load("dialect = { lookup = [\"userName\"] }", &[]).unwrap();
    assert_eq!(lookup.r#match, ["userName"], "the match keys follow");
}

#[test]
fn a_variable_sets_a_knob() {
    let environment = Environment::of([
        ("ACME", WHSEC),
        ("TOKEN", "t"),
        ("HIREWIRE__CONNECTIONS__APP__DIALECT__UPDATE", "put"),
    ]);
    let config = Config::parse(&with("", ""), "f", &environment).unwrap();
    let profile = config.connections["app"].document().profile;
    assert_eq!(profile.update, UpdateMethod::Put);
}

#[test]
fn each_mistake_of_a_dialect_is_reported_once_at_its_span() {
    let cases = [
        (
            "update = \"putt\"",
            "10:\"putt\": `update` cannot be \"putt\": expected one of `patch_path`, \
             `patch_pathless`, `put_partial`, `put`; did you mean \"put\"?",
        ),
        (
            "contenttype = \"x\"",
            "10:contenttype: unknown key `contenttype` in [connections.app.dialect]: did you mean \
             `content_type`?",
        ),
        (
            "leave_out_of_create = [\"active\", \"a b\"]",
            "10:\"a b\": `a b` is not an attribute path",
        ),
        (
            "etag = \"yes\"",
            "10:\"yes\": expected true or false: this is a string",
        ),
        (
            "users = \"Users\"",
            "10:\"Users\": `users` cannot be \"Users\"",
        ),
        (
            "groups = { remove = \"vaule\" }",
            "10:\"vaule\": `remove` cannot be \"vaule\": expected `path` or `value`; did you mean \
             \"value\"?",
        ),
        (
            "headers = { \"a b\" = \"x\" }",
            "10:\"a b\": `a b` is not a header",
        ),
        (
            "content_type = \"a\\nb\"",
            "10:\"a\\nb\": `content_type` cannot be \"a\\nb\": expected the value of a header",
        ),
        ("max_operations = -1", "10:-1: expected a whole number"),
        (
            "attributes = { title = { knd = \"text\" } }",
            "10:knd: `attributes` of [connections.app.dialect] cannot be read: unknown field",
        ),
        (
            "required = [[\"no path\"]]",
            "10:[\"no path\"]: `required` of [connections.app.dialect] cannot be read",
        ),
    ];

    for (line, begin) in cases {
        let found = messages(&with("", &format!("[connections.app.dialect]\n{line}")));
        assert!(
            found.len() == 1 && found[0].starts_with(begin),
            "expected {begin}\n     got {found:#?}"
        );
    }
}

#[test]
fn a_mistake_in_an_own_file_is_reported_with_the_line_of_that_file() {
    let cases = [
        (
            "update = \"putt\"\n",
            "own.toml:1:10",
            "did you mean \"put\"?",
        ),
        (
            "\nupdat = \"put\"\n",
            "own.toml:2:1",
            "did you mean `update`?",
        ),
        ("x = \n", "own.toml:1:5", "this is not TOML"),
    ];
    for (text, place, label) in cases {
        let found = load("profile = \"./own.toml\"", &[("own.toml", text)]).unwrap_err();
        assert!(found.contains(place) && found.contains(label), "{found}");
    }

    let missing = load("profile = \"./none.toml\"", &[]).unwrap_err();
    assert!(
        missing.contains("none.toml cannot be read") && missing.contains("hirewire.toml:9:11"),
        "{missing}"
    );

    let mapped = "[mapping]\nuserName = 'worker.work_email'\ndispalyName = 'worker.title'\n";
    let found = load("profile = \"own.toml\"", &[("own.toml", mapped)]);
    assert!(
        found.is_ok(),
        "an own profile may name attributes of its own: {found:?}"
    );
}

#[test]
fn an_own_preset_is_a_file() {
    const PRESET: &str = "signature = \"github\"\n[read]\norigin = \"/own\"\nworker = \"/id\"\n\
                          [[read.rules]]\nwhen = { \"/type\" = \"joined\" }\nevent = \"hired\"\n";
    let load = |text: &str| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("own.toml"), text).unwrap();
        let path = folder.path().join("hirewire.toml");
        let config = "[sources.hr]\npreset = \"./own.toml\"\nsecrets = [{ env = \"ACME\" }]\n";
        fs::write(&path, config).unwrap();
        Config::load(&path, &environment()).map_err(|found| found.to_string())
    };

    let config = load(PRESET).unwrap_or_else(|found| panic!("{found}"));
    let source = &config.sources["hr"];
    assert_eq!(
        (source.preset.name.as_str(), source.scheme.header.as_str()),
        ("own", "X-Hub-Signature-256")
    );

    for (from, to, place, label) in [
        ("origin", "orgin", "own.toml:3:1", "did you mean `origin`?"),
        (
            "\"hired\"",
            "\"hird\"",
            "own.toml:7:",
            "is not a kind of event",
        ),
        (
            "\"github\"",
            "\"githib\"",
            "own.toml",
            "`githib` is not a signature style",
        ),
    ] {
        let found = load(&PRESET.replace(from, to)).unwrap_err();
        assert!(found.contains(place) && found.contains(label), "{found}");
    }
}

#[test]
fn a_mapping_takes_a_rule_of_the_profile_out_and_sets_the_whole_attribute() {
    let out = load("mapping = { title = false, 'emails.work' = false }", &[]).unwrap();
    let keys: Vec<_> = out.mapping.keys().map(String::as_str).collect();
    assert!(
        !keys.contains(&"title") && !keys.contains(&"emails.work"),
        "{keys:?}"
    );
    assert_eq!(
        out.r#match,
        ["externalId", "userName"],
        "a key without a rule is left out"
    );

    let whole = r#"mapping = { emails = '[{"value": worker.work_email, "primary": true}]' }"#;
    let whole = load(whole, &[]).unwrap();
    let keys: Vec<_> = whole.mapping.keys().map(String::as_str).collect();
    assert!(
        keys.contains(&"emails") && !keys.contains(&"emails.work"),
        "{keys:?}"
    );

    let found = messages(&with("", "mapping = { titel = false }"));
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with("9:titel: the profile generic maps no `titel`")
            && found[0].ends_with("did you mean `title`?"),
        "{found:?}"
    );
    let twice =
        "mapping = { name = '{\"formatted\": worker.title}', 'name.givenName' = 'worker.id' }";
    let found = messages(&with("", twice));
    assert!(
        found.len() == 1 && found[0].contains("is mapped already"),
        "two own rules still overlap: {found:?}"
    );
}

#[test]
fn a_key_of_the_connection_below_its_mapping_is_a_mistake() {
    for key in [
        "when = 'worker.id'",
        "mode = \"apply\"",
        "protect = [\"a\"]",
    ] {
        let lines = format!("[connections.app.mapping]\ntitle = 'worker.title'\n{key}");
        let found = messages(&with("", &lines));
        assert!(
            found.len() == 1
                && found[0]
                    .contains("is a key of [connections.app], not of [connections.app.mapping]")
                && found[0].starts_with("11:"),
            "{key}: {found:?}"
        );
    }

    let header = "[connections.app.dialect.headers]\nX-A = \"1\"\nmode = \"apply\"";
    let found = messages(&with("", header));
    assert!(
        found.len() == 1 && found[0].contains("is a key of [connections.app]"),
        "{found:?}"
    );

    let table = "[connections.app.tables.sites]\nL1 = \"Berlin\"\nwhen = \"worker.id\"";
    let found = messages(&with("", table));
    assert!(
        found.len() == 1 && found[0].contains("`when` is read as a key"),
        "{found:?}"
    );
}

#[test]
fn an_unknown_core_attribute_is_a_mistake_with_a_suggestion() {
    let cases = [
        (
            "dispalyName = 'worker.title'",
            "dispalyName",
            "did you mean `displayName`?",
        ),
        (
            "'name.giveName' = 'worker.title'",
            "'name.giveName'",
            "did you mean `name.givenName`?",
        ),
        (
            "'enterprise.deparment' = 'worker.id'",
            "'enterprise.deparment'",
            "enterprise.department",
        ),
        (
            "badge = 'worker.id'",
            "badge",
            "belongs to `attributes` of its dialect",
        ),
    ];
    for (rule, span, label) in cases {
        let found = messages(&with("", &format!("mapping = {{ {rule} }}")));
        assert!(
            found.len() == 1
                && found[0].starts_with(&format!("9:{span}: "))
                && found[0].contains(label),
            "{rule}: {found:?}"
        );
    }

    let declared = "mapping = { badge = 'worker.id' }\ndialect = { attributes = { badge = {} } }";
    assert_eq!(messages(&with("", declared)), [""; 0]);
}
