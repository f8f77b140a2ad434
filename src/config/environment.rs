//! What surrounds a config: the variables it may name, and how strictly it is read.
//!
//! The one place that reads the process's environment. Variables also come from the env file beside the config
//! (`hirewire.env` for `hirewire.toml`), where the process has none of that name.

use std::{collections::BTreeMap, fs, io, path::Path};

use secrecy::{ExposeSecret as _, SecretString};

/// Prefix of variables that stand for a plain key: `HIREWIRE__INTAKE__LISTEN`.
pub(super) const OVERRIDE: &str = "HIREWIRE__";

/// Variables and strictness.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: BTreeMap<String, SecretString>,
    offline: bool,
    literal_secrets: bool,
}

impl Environment {
    /// The process's variables.
    pub fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?.into()))
        };
        Self {
            variables: std::env::vars_os().filter_map(text).collect(),
            ..Self::default()
        }
    }

    /// These variables and no others.
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

    /// The same; secrets that are not there are a warning, for a machine that does not run the service.
    #[must_use]
    pub fn offline(self) -> Self {
        Self {
            offline: true,
            ..self
        }
    }

    /// The same; a secret may stand in the config as text. For the demo and for tests.
    #[must_use]
    pub fn with_literal_secrets(self) -> Self {
        Self {
            literal_secrets: true,
            ..self
        }
    }

    /// Adds the variables of an env file, if it is there, that are not set.
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

    /// Whether output may be in colour (<https://no-color.org>).
    pub fn wants_colour(&self) -> bool {
        self.get("NO_COLOR")
            .is_none_or(|value| value.expose_secret().is_empty())
    }

    pub(super) fn get(&self, name: &str) -> Option<&SecretString> {
        self.variables.get(name)
    }

    /// The variable that stands for that key, with its text.
    pub(super) fn instead_of(&self, path: &str, key: &str) -> Option<(String, String)> {
        let name = variable(path, key);
        let value = self.variables.get(&name)?.expose_secret().to_owned();
        Some((name, value))
    }

    /// Every variable that stands for a key.
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

/// `NAME=value` lines, as `EnvironmentFile=` of systemd and `--env-file` of container engines read them.
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
    fn a_key_has_a_variable_of_its_name() {
        assert_eq!(variable("", "instance"), "HIREWIRE__INSTANCE");
        assert_eq!(
            variable("sources.acme-hr", "time_zone"),
            "HIREWIRE__SOURCES__ACME_HR__TIME_ZONE"
        );
        let environment =
            Environment::of([("HIREWIRE__INTAKE__LISTEN", "x"), ("HIREWIRE_CONFIG", "y")]);
        assert_eq!(
            environment.instead_of("intake", "listen"),
            Some(("HIREWIRE__INTAKE__LISTEN".to_owned(), "x".to_owned()))
        );
        assert_eq!(
            environment.overrides().collect::<Vec<_>>(),
            ["HIREWIRE__INTAKE__LISTEN"]
        );
    }

    #[test]
    fn an_env_file_fills_in_what_is_not_set() {
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
