//! Valid configs: the values that are read from them.

use std::{collections::BTreeSet, time::Duration};

use secrecy::ExposeSecret as _;

use super::*;
use crate::{scim_client::Credentials, worker::Mode};
use hirewire_core::{
    event::Authority,
    mapping::{AdoptUpdate, GroupName, OutOfScope, WhenEmpty, WhenWritten},
    source::Scheme,
};

#[test]
fn a_config_with_every_key_is_read() {
    let config = parse(EVERY_KEY).unwrap_or_else(|found| panic!("{found}"));

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
        "postgres://hirewire:p%40ss%2Fword@db.acme.example/hirewire?sslmode=verify-full"
    );
}

#[test]
fn a_source_has_the_signature_of_its_preset_or_its_own() {
    let config = parse(EVERY_KEY).unwrap();
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
fn a_connection_has_its_mode_sources_limits_and_credentials() {
    let config = parse(EVERY_KEY).unwrap();
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
}

#[test]
fn a_connection_publishes_its_rules_on_top_of_the_profile() {
    let config = parse(EVERY_KEY).unwrap();
    let document = config.connections["workplace"].document();

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
fn a_config_gives_each_module_its_settings() {
    let config = parse(EVERY_KEY).unwrap();
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
fn a_connection_needs_only_a_base_url_and_a_token() {
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
    let StoreConfig::Sqlite(store) = &config.store else {
        panic!("{:?}", config.store)
    };
    assert!(store.ends_with("hirewire-data/hirewire.db"));
    assert_eq!(config.hook_url("acme"), "http://127.0.0.1:8080/hooks/acme");
    assert!(
        parse("").is_ok(),
        "a process may have neither sources nor connections"
    );
}

#[test]
fn two_spellings_of_an_attribute_are_one_rule() {
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
    assert_eq!(messages(&twice).len(), 1);
}

#[test]
fn a_variable_overrides_a_scalar_key() {
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

    let found = messages_in(&with("", ""), &environment);
    assert!(
        found[0]
            .starts_with("HIREWIRE__OPS__LISTEN: `listen` cannot be \"here\": expected an address"),
        "{found:?}"
    );
    assert!(
        found[1].starts_with("HIREWIRE__SOURCES__ACME__SECRETS: "),
        "{found:?}"
    );
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn the_env_file_beside_the_config_adds_variables() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my.toml");
    let found = Config::load(&path, &Environment::default())
        .unwrap_err()
        .to_string();

    assert!(
        found.contains("my.toml cannot be read") && found.contains("hirewire init"),
        "{found}"
    );
    fs::write(
        &path,
        with("", "").replace("{ env = \"TOKEN\" }", "{ file = \"token\" }"),
    )
    .unwrap();
    let env_file = folder.path().join("my.env");
    fs::write(&env_file, format!("ACME={WHSEC}\n")).unwrap();
    set_mode(&env_file, 0o644);
    fs::write(folder.path().join("token"), "from a file\n").unwrap();
    let config =
        Config::load(&path, &Environment::default()).unwrap_or_else(|found| panic!("{found}"));
    assert_eq!(config.data_dir, folder.path().join("hirewire-data"));
    let warned = config.warnings.to_string();
    assert!(
        warned.contains("my.env (mode 0644)") && warned.contains("chmod 600"),
        "{warned}"
    );
    set_mode(&env_file, 0o600);
    let config = Config::load(&path, &Environment::default()).unwrap();
    assert!(config.warnings.is_empty(), "{}", config.warnings);
    let Credentials::Token(token) = config.connections["app"].credentials.read().unwrap() else {
        panic!("no token")
    };
    assert_eq!(token.expose_secret(), "from a file");
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
