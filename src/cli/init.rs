//! `hirewire init`: writes a commented config, an env file with a fresh webhook secret, and advice.
//!
//! It overwrites nothing. The written config passes `hirewire check --offline`, and its connection
//! has mode `observe`.

use std::{
    fs::{OpenOptions, Permissions},
    io::Write as _,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::{Args, builder::PossibleValuesParser};

use super::{Exit, init_text, print};
use hirewire_core::{
    scim::Profile,
    source::{KeyForm, Preset, Scheme},
};

/// Write a commented hirewire.toml, and hirewire.env with a fresh webhook secret. Overwrites
/// nothing.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hirewire init
  hirewire init --preset greenhouse --profile workplace
  hirewire init --preset bamboohr --dir /etc/hirewire")]
pub(super) struct Init {
    /// The preset of the HR system.
    #[arg(
        long,
        value_name = "P",
        default_value = "canonical",
        value_parser = PossibleValuesParser::new(Preset::names())
    )]
    preset: String,
    /// The profile of the SCIM application.
    #[arg(
        long,
        value_name = "Q",
        default_value = "generic",
        value_parser = PossibleValuesParser::new(Profile::names())
    )]
    profile: String,
    /// The folder for both files.
    #[arg(long, value_name = "D", default_value = ".")]
    dir: PathBuf,
}

impl Init {
    pub(super) fn run(self) -> Result<(), Exit> {
        let preset =
            Preset::named(&self.preset).ok_or_else(|| Exit::usage(anyhow!("no such preset")))?;
        let profile =
            Profile::named(&self.profile).ok_or_else(|| Exit::usage(anyhow!("no such profile")))?;
        let scheme = preset
            .scheme()
            .map_err(|error| Exit::failed(error.into()))?;
        let zone = jiff::tz::TimeZone::system()
            .iana_name()
            .unwrap_or("Etc/UTC")
            .to_owned();
        let text = init_text::InitText {
            preset: &preset,
            profile: &profile,
            secret: &fresh_secret(&scheme),
            zone: &zone,
        };

        let (config, env) = (
            self.dir.join("hirewire.toml"),
            self.dir.join("hirewire.env"),
        );
        for path in [&config, &env] {
            if path.exists() {
                return Err(Exit::usage(anyhow!(
                    "{} exists, and nothing was written: choose another folder with --dir",
                    path.display()
                )));
            }
        }

        std::fs::create_dir_all(&self.dir)
            .with_context(|| format!("{} cannot be created", self.dir.display()))
            .map_err(Exit::failed)?;
        write(&env, &text.env(), 0o600)?;
        write(&config, &text.config(), 0o644)?;

        print(format_args!("wrote {}", config.display()))?;
        print(format_args!(
            "wrote {}   (readable by you only: it holds the secrets)",
            env.display()
        ))?;
        print(text.advice(&config))
    }
}

fn write(path: &Path, text: &str, mode: u32) -> Result<(), Exit> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path);
    file.and_then(|mut file| {
        // The mask of the process would take the config from the user who runs the service.
        file.set_permissions(Permissions::from_mode(mode))?;
        file.write_all(text.as_bytes())
    })
    .with_context(|| format!("{} cannot be written", path.display()))
    .map_err(Exit::failed)
}

/// 256 random bits, in the form that the scheme's first kind of signature needs.
pub(super) fn fresh_secret(scheme: &Scheme) -> String {
    let bytes = crate::telemetry::random_bits();
    let base64 = STANDARD.encode(bytes);

    match scheme.signatures.first().map(|kind| kind.key) {
        Some(KeyForm::Whsec) => format!("whsec_{base64}"),
        Some(KeyForm::Base64) => base64,
        Some(KeyForm::Text | KeyForm::Hex | KeyForm::Whpk) | None => {
            hirewire_core::source::Encoding::Hex.encode(&bytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::{
        config::{Config, Environment},
        worker::Mode,
    };

    fn init(preset: &str, profile: &str, dir: &Path) -> Result<(), Exit> {
        Init {
            preset: preset.to_owned(),
            profile: profile.to_owned(),
            dir: dir.to_owned(),
        }
        .run()
    }

    #[test]
    fn init_writes_a_valid_config_for_every_preset_and_profile() {
        for preset in Preset::names() {
            for profile in Profile::names() {
                let folder = tempfile::tempdir().unwrap();
                init(preset, profile, folder.path()).unwrap();
                let path = folder.path().join("hirewire.toml");
                let config = Config::load(&path, &Environment::default().offline());
                let config = config.unwrap_or_else(|found| panic!("{preset} {profile}\n{found}"));
                let source = config.sources.values().next().unwrap();
                let connection = config.connections.values().next().unwrap();
                assert_eq!(
                    (source.preset.name.as_str(), connection.mode),
                    (preset, Mode::Observe)
                );
                assert_eq!(connection.document().profile.name, profile);
                let now = crate::telemetry::now();
                let secret = &source.secrets().unwrap()[0];
                assert!(
                    source.scheme.sign(b"{}", secret, now, "evt-1").is_ok(),
                    "{preset}: the secret has the right form"
                );
                let mode = folder
                    .path()
                    .join("hirewire.env")
                    .metadata()
                    .unwrap()
                    .permissions()
                    .mode();
                assert_eq!(mode & 0o777, 0o600);
            }
        }
    }

    #[test]
    fn init_overwrites_nothing_and_each_secret_is_fresh() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hirewire.env");
        init("canonical", "generic", folder.path()).unwrap();
        let first = std::fs::read_to_string(&path).unwrap();

        assert_eq!(
            init("canonical", "generic", folder.path())
                .err()
                .map(|exit| exit.code()),
            Some(2)
        );
        std::fs::remove_file(folder.path().join("hirewire.toml")).unwrap();
        assert!(
            init("canonical", "generic", folder.path()).is_err(),
            "the env file alone stops it"
        );
        assert_eq!(std::fs::read_to_string(&path).unwrap(), first);
        let other = tempfile::tempdir().unwrap();
        init("canonical", "generic", other.path()).unwrap();
        assert_ne!(
            std::fs::read_to_string(other.path().join("hirewire.env")).unwrap(),
            first
        );
    }
}
