//! The environment variables that a config can name, and how strictly the config is read.
//!
//! Only this file reads the environment of the process. Variables that the process does not have
//! come from the env file beside the config (`hirewire.env` for `hirewire.toml`).

use std::{collections::BTreeMap, fs, io, path::Path};

use secrecy::{ExposeSecret as _, SecretString};

/// The prefix of a variable that overrides a key: `HIREWIRE__INTAKE__LISTEN`.
pub(super) const OVERRIDE: &str = "HIREWIRE__";

/// The variables for one config, and how to treat its secrets.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: BTreeMap<String, SecretString>,
    offline: bool,
    literal_secrets: bool,
}

impl Environment {
    /// The variables of this process.
    pub fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?.into()))
        };
        Self {
            variables: std::env::vars_os().filter_map(text).collect(),
            ..Self::default()
        }
    }

    /// The given variables, and none of the process.
    pub fn of<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        Self {
            variables,
            ..Self::default()
        }
    }

    /// Turns a missing secret into a warning, for a machine that does not run the service.
    #[must_use]
    pub(crate) fn offline(self) -> Self {
        Self {
            offline: true,
            ..self
        }
    }

    /// Accepts a secret as text in the config. For tests and benches.
    #[must_use]
    pub fn with_literal_secrets(self) -> Self {
        Self {
            literal_secrets: true,
            ..self
        }
    }

    /// Adds the variables of an env file that are not set yet. A missing file adds none.
    pub(super) fn add_file(&mut self, path: &Path) -> io::Result<()> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        for (name, value) in lines(&text) {
            self.variables
                .entry(name.to_owned())
                .or_insert_with(|| value.into());
        }
        Ok(())
    }

    /// False if `NO_COLOR` is set (<https://no-color.org>).
    pub(crate) fn wants_colour(&self) -> bool {
        self.get("NO_COLOR")
            .is_none_or(|value| value.expose_secret().is_empty())
    }

    /// The variables that name a proxy, which other programs use and Hirewire does not.
    pub(crate) fn proxy_variables(&self) -> Vec<&str> {
        const NAMES: [&str; 3] = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
        let names_proxy = |name: &&str| NAMES.iter().any(|known| known.eq_ignore_ascii_case(name));
        let has_value = |name: &&str| {
            self.get(name)
                .is_some_and(|value| !value.expose_secret().is_empty())
        };
        self.variables
            .keys()
            .map(String::as_str)
            .filter(names_proxy)
            .filter(has_value)
            .collect()
    }

    pub(super) fn get(&self, name: &str) -> Option<&SecretString> {
        self.variables.get(name)
    }

    /// Name and text of the variable that overrides this key.
    pub(super) fn override_of(&self, path: &str, key: &str) -> Option<(String, String)> {
        let name = variable(path, key);
        let value = self.variables.get(&name)?.expose_secret().to_owned();
        Some((name, value))
    }

    /// Every variable with the prefix of an override.
    pub(super) fn overrides(&self) -> impl Iterator<Item = &str> {
        self.variables
            .keys()
            .map(String::as_str)
            .filter(|name| name.starts_with(OVERRIDE))
    }

    pub(super) fn is_offline(&self) -> bool {
        self.offline
    }

    pub(super) fn takes_literal_secrets(&self) -> bool {
        self.literal_secrets
    }
}

/// `intake`, `listen` -> `HIREWIRE__INTAKE__LISTEN`.
fn variable(path: &str, key: &str) -> String {
    let keys = path.split('.').filter(|key| !key.is_empty()).chain([key]);
    let words: Vec<String> = keys
        .map(|key| key.replace('-', "_").to_ascii_uppercase())
        .collect();
    format!("{OVERRIDE}{}", words.join("__"))
}

/// `NAME=value` lines, as `EnvironmentFile=` of systemd and `--env-file` of container engines read
/// them.
fn lines(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let (name, value) = line.split_once('=')?;
            let value = value.trim();
            let unquoted = ['"', '\''].into_iter().find_map(|quote| {
                value
                    .strip_prefix(quote)
                    .and_then(|rest| rest.strip_suffix(quote))
            });
            Some((name.trim(), unquoted.unwrap_or(value)))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_overrides_the_key_that_it_names() {
        assert_eq!(variable("", "instance"), "HIREWIRE__INSTANCE");

        assert_eq!(
            variable("sources.acme-hr", "time_zone"),
            "HIREWIRE__SOURCES__ACME_HR__TIME_ZONE"
        );
        let environment =
            Environment::of([("HIREWIRE__INTAKE__LISTEN", "x"), ("HIREWIRE_CONFIG", "y")]);
        assert_eq!(
            environment.override_of("intake", "listen"),
            Some(("HIREWIRE__INTAKE__LISTEN".to_owned(), "x".to_owned()))
        );
        assert_eq!(
            environment.overrides().collect::<Vec<_>>(),
            ["HIREWIRE__INTAKE__LISTEN"]
        );
    }

    #[test]
    fn an_env_file_adds_only_variables_that_are_not_set() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hirewire.env");
        let mut environment = Environment::of([("A", "set")]);
        environment.add_file(&path).unwrap();
        fs::write(
            &path,
            "# a comment\nA=file\nB = 'b=c'\nC=\"x\"\nnonsense\n\nD=\n",
        )
        .unwrap();
        environment.add_file(&path).unwrap();
        let value = |name| {
            environment
                .get(name)
                .map(|value| value.expose_secret().to_owned())
        };

        assert_eq!(value("A").as_deref(), Some("set"));
        assert_eq!(value("B").as_deref(), Some("b=c"));
        assert_eq!(value("C").as_deref(), Some("x"));
        assert_eq!(value("D").as_deref(), Some(""));
        assert_eq!(value("nonsense"), None);
    }
}
