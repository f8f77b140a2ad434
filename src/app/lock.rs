//! The resources that one process owns alone: the lock on the data directory, the operators'
//! socket.

use std::{
    fs::{File, OpenOptions, TryLockError},
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
    path::Path,
};

use anyhow::{Context as _, bail};
use tokio::net::UnixListener;

use super::at_rest::prepare_data_dir;
use crate::config::{Config, QueueConfig, StoreConfig};

/// The lock on a data directory. It is released on drop, and by the kernel when the process ends.
#[derive(Debug)]
pub(crate) struct DataLock {
    _file: File,
}

impl DataLock {
    /// Takes the lock if the config has the embedded queue or the `SQLite` store in `data_dir`.
    pub(super) fn take_if_needed(config: &Config) -> anyhow::Result<Option<Self>> {
        let embedded = matches!(config.queue, QueueConfig::Embedded)
            || matches!(config.store, StoreConfig::Sqlite(_));
        embedded.then(|| Self::take(&config.data_dir)).transpose()
    }

    /// Creates the directory if it is missing, and takes its lock.
    pub(crate) fn take(data_dir: &Path) -> anyhow::Result<Self> {
        prepare_data_dir(data_dir)?;
        let path = data_dir.join("lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .with_context(|| format!("{} cannot be opened", path.display()))?;

        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => bail!(
                "another hirewire process uses {}; stop it first, or set another `data_dir` \
                 (the embedded queue and SQLite allow one process)",
                data_dir.display()
            ),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("{} cannot be locked", path.display()))
            }
        }
    }
}

/// Binds the socket with mode 0600. Removes a socket that an ended process left behind.
pub(super) fn bind_socket(path: &Path) -> anyhow::Result<UnixListener> {
    if path.exists() {
        if UnixStream::connect(path).is_ok() {
            bail!(
                "another process serves the operators' socket {}; stop it first, or set another \
                 `data_dir`",
                path.display()
            );
        }
        std::fs::remove_file(path)
            .with_context(|| format!("{} cannot be removed", path.display()))?;
    }

    let listener = UnixListener::bind(path).with_context(|| {
        format!(
            "the operators' socket {} cannot be bound (its path can have about 100 bytes: a \
             shorter `data_dir` may help)",
            path.display()
        )
    })?;
    let owner_only = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(path, owner_only)
        .with_context(|| format!("the mode of {} cannot be set to 0600", path.display()))?;
    Ok(listener)
}
