//! The texts that `init` writes: config, env file, advice.

use std::path::Path;

use hirewire_core::{scim::Profile, source::Preset};

/// What the texts are made of.
pub(super) struct Init<'a> {
    pub preset: &'a Preset,
    pub profile: &'a Profile,
    pub secret: &'a str,
    pub zone: &'a str,
}

const CONFIG: &str = r#"# Hirewire. Every key: docs/config.md. `hirewire check` tells all that is wrong with this file.
# Secrets are named here, never written: { env = "NAME" } or { file = "PATH" }. Variables are read from the environment,
# or from hirewire.env beside this file.

# instance = "default"              # in the names of queues; several instances may share a broker
# data_dir = "hirewire-data"        # the embedded queue and SQLite; relative to this file

[intake]                            # what the HR system reaches: POST /hooks/NAME
listen = "127.0.0.1:8080"
# public_url = "https://hooks.acme.example"   # how it is reached from outside, behind your reverse proxy

[ops]                               # API and metrics; never on the internet
listen = "127.0.0.1:8081"

# [queue]                           # left out: embedded, nothing to install
# url = { env = "HIREWIRE_AMQP_URL" }         # RabbitMQ: amqps://user:password@host/vhost
# [store]                           # left out: SQLite in data_dir
# url = { env = "HIREWIRE_DATABASE_URL" }     # postgres://user:password@host/database

[sources.{source}]                  # {preset_title}
preset = "{preset}"
secrets = [{ env = "{secret_name}" }]         # two of them while you rotate
time_zone = "{zone}"          # of dates without one
# enabled = false                   # answers 503: the HR system tries again later

[connections.{connection}]          # {profile_title}
profile = "{profile}"
base_url = "{base_url}"
token = { env = "{token_name}" }
mode = "observe"                    # plans only, sends nothing; "apply" when `hirewire preview` shows what you want
# when = 'worker.type == "employee"'          # who gets an account; left out: everybody
# protect = ["admin@acme.example"]  # user names that are never deactivated
# lifecycle = { create = "start - 7d", activate = "start", deactivate = "end", leave = "keep" }
# limits = { rate = "25/s", concurrency = 4, timeout = "30s", propagation_delay = "60s" }

# Where a value comes from, on top of the profile's default mapping:
# [connections.{connection}.mapping]
# title = "worker.title"
# userType = { value = "Employee" }
# "enterprise.department" = "worker.department.name"

# Who is in which group:
# [[connections.{connection}.groups]]
# name = "Engineering"
# when = 'worker.department.name == "Engineering"'

# Who may use the API over TCP (without a token: only this machine, by the socket in data_dir):
# [[ops.tokens]]
# name = "ada"
# role = "operator"                 # viewer | operator | admin
# hash = { env = "ADA_TOKEN_HASH" } # hex SHA-256 of 32 random bytes: openssl rand -hex 32
"#;

const ENV: &str = "\
# Secrets of hirewire.toml. Not for version control. Read by hirewire itself where the environment does not have them,
# by systemd (EnvironmentFile=) and by containers (--env-file).

# What {preset_title} signs with: fresh and random. Where the HR system makes its own, put that here.
{secret_name}={secret}

# The access token of {profile_title}.
{token_name}={token}
";

impl Init<'_> {
    /// The config.
    pub(super) fn config(&self) -> String {
        self.filled(CONFIG)
    }

    /// The env file.
    pub(super) fn env(&self) -> String {
        self.filled(ENV)
    }

    /// What to do next; `exists` says which commands there are.
    pub(super) fn advice(&self, config: &Path, exists: impl Fn(&str) -> bool) -> String {
        let source = self.source();
        let option = if config == Path::new("./hirewire.toml") {
            String::new()
        } else {
            format!(" --config {}", config.display())
        };
        let steps = [
            (
                "check",
                format!("hirewire check{option}"),
                "what is still missing, and whether everything is reachable",
            ),
            (
                "sandbox",
                "hirewire sandbox --token try-me".to_owned(),
                "a SCIM application to try it with",
            ),
            ("run", format!("hirewire run{option}"), "the service"),
            (
                "send",
                format!("hirewire send {source} --sample hired{option}"),
                "a hook, as the HR system would send it",
            ),
        ];
        let steps = steps.iter().filter(|(command, _, _)| {
            exists(command) && (*command != "sandbox" || self.profile.name == "generic")
        });
        let steps: Vec<String> = steps
            .map(|(_, line, why)| format!("\n  {line:<44} # {why}"))
            .collect();
        let steps = steps.concat();
        format!(
            "\nwebhook URL  http://127.0.0.1:8080/hooks/{source}\n             (from outside: https://<your host>/hooks/{source}; \
             write it into intake.public_url)\nsecret       {} in hirewire.env\n\n{}\n\nNext{steps}",
            self.secret_name(),
            self.preset.setup.trim()
        )
    }

    fn source(&self) -> &str {
        if self.preset.is_canonical() {
            "hr"
        } else {
            &self.preset.name
        }
    }

    fn connection(&self) -> &str {
        if self.profile.name == "generic" {
            "app"
        } else {
            &self.profile.name
        }
    }

    fn secret_name(&self) -> String {
        format!("{}_WEBHOOK_SECRET", self.source().to_ascii_uppercase())
    }

    fn filled(&self, text: &str) -> String {
        // The generic dialect is tried out against the sandbox first.
        let (base_url, token) = match self.profile.name.as_str() {
            "generic" => ("http://127.0.0.1:8090/scim/v2", "try-me"),
            "workplace" => ("https://scim.workplace.com/", ""),
            _ => ("https://scim.example.com/scim/v2", ""),
        };
        let token_name = format!("{}_TOKEN", self.connection().to_ascii_uppercase());
        text.replace("{source}", self.source())
            .replace("{connection}", self.connection())
            .replace("{preset_title}", &self.preset.title)
            .replace("{preset}", &self.preset.name)
            .replace("{profile_title}", &self.profile.title)
            .replace("{profile}", &self.profile.name)
            .replace("{secret_name}", &self.secret_name())
            .replace("{secret}", self.secret)
            .replace("{token_name}", &token_name)
            .replace("{token}", token)
            .replace("{base_url}", base_url)
            .replace("{zone}", self.zone)
    }
}
