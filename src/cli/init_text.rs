//! The texts of `hirewire init`: config, env file, advice.

use std::path::Path;

use hirewire_core::{scim::Profile, source::Preset};

/// The values that fill the texts.
pub(super) struct InitText<'a> {
    pub(super) preset: &'a Preset,
    pub(super) profile: &'a Profile,
    pub(super) secret: &'a str,
    /// An IANA time zone.
    pub(super) zone: &'a str,
}

const CONFIG: &str = r#"# The config of Hirewire. docs/config.md explains every key.
# `hirewire check` reports every mistake.
#
# Secrets are named here and stored elsewhere: { env = "NAME" } or { file = "PATH" }. Hirewire reads
# variables from the environment, or from hirewire.env beside this file.

# instance = "default"              # part of the names of queues; instances can share a broker
# data_dir = "hirewire-data"        # for the embedded queue and SQLite; relative to this file

[intake]                            # HR systems post hooks here: POST /hooks/NAME
listen = "127.0.0.1:8080"
# public_url = "https://hooks.acme.example"   # the base URL outside, behind your reverse proxy

[ops]                               # API, health and metrics: keep it away from the internet
listen = "127.0.0.1:8081"

# [queue]                           # left out: an embedded queue, nothing to install
# url = { env = "HIREWIRE_AMQP_URL" }         # RabbitMQ: amqps://user:password@host/vhost
# [store]                           # left out: SQLite in data_dir
# url = { env = "HIREWIRE_DATABASE_URL" }     # PostgreSQL: postgres://user:password@host/database

[sources.{source}]                  # {preset_title}
preset = "{preset}"
secrets = [{ env = "{secret_name}" }]         # two of them during a rotation
time_zone = "{zone}"          # for dates that come without a zone
# enabled = false                   # answers 503: the HR system tries again later

[connections.{connection}]          # {profile_title}
profile = "{profile}"
base_url = "{base_url}"
token = { env = "{token_name}" }
mode = "observe"                    # sends nothing; "apply" once `hirewire preview` looks right
# when = 'worker.type == "employee"'          # the people who get an account; left out: all
# protect = ["admin@acme.example"]  # user names that are never deactivated
# lifecycle = { create = "start - 7d", activate = "start", deactivate = "end", leave = "keep" }
# limits = { rate = "25/s", concurrency = 4, timeout = "30s", propagation_delay = "60s" }

# Attributes, on top of the profile's mapping:
# [connections.{connection}.mapping]
# title = "worker.title"
# userType = { value = "Employee" }
# "enterprise.department" = "worker.department.name"

# Groups and their members:
# [[connections.{connection}.groups]]
# name = "Engineering"
# when = 'worker.department.name == "Engineering"'

# Access to the API over TCP. Without a token, the API is on the socket in data_dir only.
# [[ops.tokens]]
# name = "ada"
# role = "operator"                 # viewer | operator | admin
# hash = { env = "ADA_TOKEN_HASH" } # the SHA-256 of a random token, in hex: see docs/config.md
"#;

const ENV: &str = "\
# The secrets of hirewire.toml. Keep this file out of version control. Hirewire reads it for
# variables that the environment does not have. systemd (EnvironmentFile=) and containers
# (--env-file) can read it too.

# Signs the hooks of {preset_title}. It is fresh and random.
# If the HR system creates the secret, put that one here.
{secret_name}={secret}

# The access token of {profile_title}.
{token_name}={token}
";

impl InitText<'_> {
    pub(super) fn config(&self) -> String {
        self.filled(CONFIG)
    }

    pub(super) fn env(&self) -> String {
        self.filled(ENV)
    }

    /// The webhook URL, the steps at the HR system, and the next commands.
    pub(super) fn advice(&self, config: &Path) -> String {
        let source = self.source();
        let option = if config == Path::new("./hirewire.toml") {
            String::new()
        } else {
            format!(" --config {}", config.display())
        };

        let mut steps = Vec::new();
        if self.profile.name == "generic" {
            let sandbox = "hirewire sandbox --token try-me".to_owned();
            steps.push((
                sandbox,
                "a SCIM application to try it with; in a terminal of its own",
            ));
        }
        steps.push((
            format!("hirewire check{option}"),
            "what is missing, and which dependency does not answer",
        ));
        steps.push((
            format!("hirewire run{option}"),
            "the service, in a terminal of its own",
        ));
        steps.push((
            format!("hirewire send {source} --sample hired{option}"),
            "a hook, as the HR system would send it",
        ));

        let steps: Vec<String> = steps
            .iter()
            .map(|(line, purpose)| format!("\n  {line:<44} # {purpose}"))
            .collect();
        format!(
            "\nwebhook URL  http://127.0.0.1:8080/hooks/{source}\n             \
             (from outside: https://<your host>/hooks/{source}; set intake.public_url to \
             https://<your host>)\nsecret       {} in hirewire.env\n\n{}\n\nNext{}",
            self.secret_name(),
            self.preset.setup.trim(),
            steps.concat()
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
        // A first try of the generic profile uses the sandbox.
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
