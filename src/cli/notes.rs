//! Notes of `check` and `run` about things that a valid config does not do, so that no operator
//! waits for them in vain.

use super::{Exit, print};
use crate::config::{Config, Environment};

/// Prints each note on a line of its own.
pub(super) fn print_notes(config: &Config, environment: &Environment) -> Result<(), Exit> {
    notes(config, environment)
        .iter()
        .try_for_each(|note| print(format_args!("  note     {note}")))
}

fn notes(config: &Config, environment: &Environment) -> Vec<String> {
    let mut notes = Vec::new();
    if config.sources.is_empty() {
        notes.push("the config has no [sources.NAME]: no hook can arrive".to_owned());
    }
    if config.connections.is_empty() {
        notes.push("the config has no [connections.NAME]: no account is kept".to_owned());
    }

    let variables = environment.proxy_variables();
    let mut connections = config.connections.values();
    let goes_direct = connections.any(|connection| connection.proxy.is_none());
    if goes_direct && !variables.is_empty() {
        notes.push(format!(
            "{} is set and not used: a proxy is `proxy` in [connections.NAME]",
            variables.join(", ")
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notes_of(text: &str, variables: &[(&str, &str)]) -> Vec<String> {
        let environment = Environment::of(variables.iter().copied()).with_literal_secrets();
        let config =
            Config::parse(text, "f", &environment).unwrap_or_else(|found| panic!("{found}"));
        notes(&config, &environment)
    }

    #[test]
    fn a_config_of_nothing_says_so() {
        let notes = notes_of("", &[]);
        assert!(notes[0].contains("no hook can arrive") && notes[1].contains("no account is kept"));
    }

    #[test]
    fn a_proxy_of_the_environment_is_named_unless_each_connection_has_its_own() {
        let app = "[connections.app]\nbase_url = \"https://a.example\"\ntoken = \"t\"\n";
        let proxied = format!("{app}proxy = \"http://proxy.example:3128\"\n");
        let variables = [
            ("HTTPS_PROXY", "http://p:1"),
            ("no_proxy", "x"),
            ("all_proxy", ""),
        ];

        let named = |text: &str| {
            notes_of(text, &variables)
                .iter()
                .any(|note| note.starts_with("HTTPS_PROXY is set and not used"))
        };
        assert!(named(app));
        assert!(!named(&proxied));
    }
}
