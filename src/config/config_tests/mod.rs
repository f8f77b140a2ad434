//! Whole configs: the document of the manual reads, and each mistake is found where it is.

mod dialects;
mod documents;
mod mistakes;
mod protection;
mod reading;

use super::{connections::Limits, *};

const WHSEC: &str = "whsec_YWxsIG9mIHRoZXNlIGxldHRlcnMgYXJlIGZyZXNoIGFuZCBsb25n";

/// Every key of this version.
const EVERY_KEY: &str = r#"
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
secrets = [
  { env = "ACME" },
  { env = "ACME", id = "next", not_before = 2026-12-01T00:00:00Z, not_after = "2027-01-01T00:00:00Z" },
]
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
        ("TEXT", "a long text of random letters"),
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

/// The smallest config, with one more line in its source and in its connection.
fn with(source_line: &str, connection_line: &str) -> String {
    format!(
        "[sources.acme]\npreset = \"canonical\"\nsecrets = [{{ env = \"ACME\" }}]\n{source_line}\n\
         time_zone = \"UTC\"\n\
         [connections.app]\nbase_url = \"https://scim.example.com\"\n\
         token = {{ env = \"TOKEN\" }}\n{connection_line}\n"
    )
}

/// The diagnostics, each as `line:text at the caret: title: label`.
fn messages(text: &str) -> Vec<String> {
    messages_in(text, &environment())
}

fn messages_in(text: &str, environment: &Environment) -> Vec<String> {
    let found = match Config::parse(text, "hirewire.toml", environment) {
        Ok(config) => config.warnings,
        Err(found) => found,
    };
    let line = |diagnostic: &Diagnostic| {
        let span = match &diagnostic.span {
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
        format!("{span}: {}: {}", diagnostic.title, diagnostic.label)
    };

    found.all().iter().map(line).collect()
}
