//! Reads the whole file: root keys, `[intake]`, `[ops]`, `[queue]`, `[store]`, sources,
//! connections.
//!
//! A key that cannot be read is reported and gets its default here: the config is refused anyway.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use secrecy::ExposeSecret as _;
use url::{Host, Url};

use super::{
    Config, ConfigFolder, Diagnostics, IntakeConfig, OpsConfig, OpsTokenConfig, QueueConfig,
    SecretSource, SourceConfig, StoreConfig,
    address::{AcceptedUrls, address},
    connections,
    diagnostics::SourceSpan,
    section::Section,
    source_secrets::Exposure,
    sources,
};
use crate::http::TrustedProxies;

const AMQP: AcceptedUrls = AcceptedUrls {
    schemes: &["amqp", "amqps"],
    form: "\"amqps://host/vhost\" or { env = \"NAME\" }",
};
const DATABASE: AcceptedUrls = AcceptedUrls {
    schemes: &["postgres", "postgresql", "sqlite"],
    form: "\"postgres://host/database\", \"sqlite://path\" or { env = \"NAME\" }",
};

/// Reads all tables. `None`: queue or store cannot be used, and the reason is reported.
pub(super) fn config(root: Section<'_>, folder: &ConfigFolder) -> Option<Config> {
    let instance = instance(&root);
    let data_dir = root
        .text("data_dir")
        .map_or_else(|| PathBuf::from("hirewire-data"), |text| text.value.into());
    let data_dir = folder.path().join(data_dir);

    let intake = intake(&root);
    let ops = ops(&root, folder);
    check_listeners(&root, &intake, &ops);
    let queue = queue(&root, folder);
    let store = store(&root, folder, &data_dir);
    for key in ["guard", "retention", "journal"] {
        root.refuse(key);
    }

    let sources = all_sources(&root, folder, exposure(&intake));
    let mut connections = BTreeMap::new();
    for (name, section) in root.named_sections("connections") {
        let connection = connections::connection(&name, &section, &sources, folder);
        section.finish();
        connections.extend(connection.map(|connection| (name, connection)));
    }
    root.finish();

    Some(Config {
        instance,
        data_dir,
        intake,
        ops,
        queue: queue?,
        store: store?,
        sources: sources
            .into_iter()
            .filter_map(|(name, source)| Some((name, source?)))
            .collect(),
        connections,
        warnings: Diagnostics::default(),
    })
}

fn instance(root: &Section<'_>) -> String {
    const EXPECTED: &str = "1 to 32 lower-case letters, digits, - or _";
    let valid = |text: &str| {
        let fits = text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'));
        (fits && (1..=32).contains(&text.len())).then(|| text.to_owned())
    };

    root.parsed("instance", EXPECTED, valid)
        .map_or_else(|| "default".to_owned(), |instance| instance.value)
}

fn listen(section: &Section<'_>, port: u16) -> SocketAddr {
    const EXPECTED: &str =
        "an address and a port, such as \"127.0.0.1:8080\"; port 0 takes a free port";
    let given = section.parsed("listen", EXPECTED, |text| text.parse().ok());
    given.map_or_else(
        || SocketAddr::from(([127, 0, 0, 1], port)),
        |listen| listen.value,
    )
}

fn intake(root: &Section<'_>) -> IntakeConfig {
    let intake = root.section_or_empty("intake");
    let listen = listen(&intake, 8080);
    let public_url = intake.parsed(
        "public_url",
        "the base URL that HR systems use, such as \"https://hooks.acme.example\"",
        |text| {
            Url::parse(text)
                .ok()
                .filter(|url| matches!(url.scheme(), "http" | "https") && url.query().is_none())
        },
    );

    let trusted_proxies = trusted_proxies(&intake);
    intake.finish();

    IntakeConfig {
        listen,
        public_url: public_url.map(|url| url.value),
        trusted_proxies,
    }
}

fn trusted_proxies(intake: &Section<'_>) -> TrustedProxies {
    let texts = intake.texts("trusted_proxies").unwrap_or_default();
    let networks = texts.into_iter().filter_map(|text| {
        let network = TrustedProxies::parse_network(&text.value);
        if network.is_none() {
            intake.reader.mistake(
                text.span,
                format!("`trusted_proxies` cannot have {:?}", text.value),
                "expected an address or a network, such as \"10.0.0.7\" or \"10.0.0.0/8\"",
            );
        }
        network
    });
    TrustedProxies::new(networks)
}

fn ops(root: &Section<'_>, folder: &ConfigFolder) -> OpsConfig {
    let ops = root.section_or_empty("ops");
    let listen = listen(&ops, 8081);

    let mut tokens: Vec<OpsTokenConfig> = Vec::new();
    for section in ops.sections("tokens") {
        let span = section.key_span("name");
        let Some(token) = token(section, folder) else {
            continue;
        };
        if tokens.iter().any(|other| other.name == token.name) {
            ops.reader.mistake(
                span,
                format!("two tokens have the name {:?}", token.name),
                "expected a name of its own for each token",
            );
        }
        tokens.push(token);
    }

    for key in ["console", "tls"] {
        ops.refuse(key);
    }
    ops.finish();
    OpsConfig { listen, tokens }
}

/// Reports two listeners that cannot both be bound.
fn check_listeners(root: &Section<'_>, intake: &IntakeConfig, ops: &OpsConfig) {
    let (one, other) = (intake.listen, ops.listen);
    let overlap =
        one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    if one.port() == 0 || one.port() != other.port() || !overlap {
        return;
    }

    let given = ["ops", "intake"]
        .into_iter()
        .filter_map(|key| root.section(key))
        .find(|section| section.is_given("listen"));
    let span = given.map_or(SourceSpan::File, |section| section.key_span("listen"));
    root.reader.mistake(
        span,
        format!("[intake] and [ops] listen on one port: {one} and {other}"),
        "expected two ports; keep the one of [ops] away from the internet",
    );
}

fn token(section: Section<'_>, folder: &ConfigFolder) -> Option<OpsTokenConfig> {
    section.require("name", "the name of the token's owner");
    section.require("role", "viewer, operator or admin");
    section.require("hash", super::secret::SECRET);

    let name = section.parsed("name", "a name", |text| {
        (!text.trim().is_empty()).then(|| text.to_owned())
    });
    let role = section.choice("role");
    let hash = hash(&section, folder);
    section.finish();

    Some(OpsTokenConfig {
        name: name?.value,
        role: role?,
        hash: hash?,
    })
}

/// The hash of 256 random bits is not a secret: the file may hold it.
fn hash(section: &Section<'_>, folder: &ConfigFolder) -> Option<SecretSource> {
    const EXPECTED: &str = "expected the SHA-256 of the token: 64 hexadecimal digits";
    let value = section.value("hash")?;
    let source = match value.get_ref().as_str() {
        Some(text) => SecretSource::Literal(text.into()),
        None => section.secret("hash", folder.path())?,
    };

    let is_sha256 = |text: &str| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    if source
        .read()
        .is_ok_and(|text| !is_sha256(text.expose_secret()))
    {
        // The value may be the token itself: do not show it.
        section.reader.mistake(
            SourceSpan::Secret(value.span()),
            "`hash` is not a hash",
            EXPECTED,
        );
        return None;
    }
    Some(source)
}

fn queue(root: &Section<'_>, folder: &ConfigFolder) -> Option<QueueConfig> {
    let Some(queue) = root.section("queue") else {
        return root
            .value("queue")
            .is_none()
            .then_some(QueueConfig::Embedded);
    };
    let address = address(&queue, folder.path(), &AMQP);
    queue.finish();
    address.map(QueueConfig::Rabbit)
}

fn store(
    root: &Section<'_>,
    folder: &ConfigFolder,
    data_dir: &std::path::Path,
) -> Option<StoreConfig> {
    let Some(store) = root.section("store") else {
        return root
            .value("store")
            .is_none()
            .then(|| StoreConfig::Sqlite(data_dir.join("hirewire.db")));
    };
    let address = address(&store, folder.path(), &DATABASE);
    store.finish();

    address.map(StoreConfig::Url)
}

/// An intake on all addresses of a container is local too, if its public URL says so.
fn exposure(intake: &IntakeConfig) -> Exposure {
    let public_host = intake.public_url.as_ref().and_then(Url::host);
    let is_local = match public_host {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => intake.listen.ip().is_loopback(),
    };
    if is_local {
        Exposure::Loopback
    } else {
        Exposure::Network
    }
}

/// All sources by name. A source with mistakes is `None`, so that a connection can still name it.
fn all_sources(
    root: &Section<'_>,
    folder: &ConfigFolder,
    exposure: Exposure,
) -> Vec<(String, Option<SourceConfig>)> {
    let mut sources: Vec<(String, Option<SourceConfig>)> = Vec::new();

    for (name, section) in root.named_sections("sources") {
        let source = sources::source(&name, &section, folder, exposure);
        let same_id = source.as_ref().and_then(|source| {
            sources
                .iter()
                .find(|(_, other)| other.as_ref().is_some_and(|other| other.id == source.id))
        });
        if let Some((other, _)) = same_id {
            let title = format!("[sources.{name}] and [sources.{other}] have the same id");
            section.reader.mistake(
                section.key_span("id"),
                title,
                "expected an id of its own for each source: it is part of every alias",
            );
        }
        section.finish();
        sources.push((name, source));
    }
    sources
}
