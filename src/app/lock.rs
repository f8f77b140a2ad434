//! What is ours alone: the lock on the data directory, and the operators' socket.

use std::{
    fs::{File, OpenOptions, TryLockError},
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
    path::Path,
};

use anyhow::{Context as _, bail};
use tokio::net::UnixListener;

/// The lock on a data directory; given back when dropped, or when the process ends however it ends.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
}

impl DataLock {
    /// Takes it, or says who seems to have it.
    pub fn take(data_dir: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(data_dir)
            .with_context(|| format!("{} cannot be made", data_dir.display()))?;
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
                "{} is in use by another hirewire process (the embedded queue and SQLite are one process's alone)",
                data_dir.display()
            ),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("{} cannot be locked", path.display()))
            }
        }
    }
}

/// Binds the socket, readable by its owner only. One that nobody answers on is left over and taken away.
pub(super) fn bind_socket(path: &Path) -> anyhow::Result<UnixListener> {
    if path.exists() {
        if UnixStream::connect(path).is_ok() {
            bail!(
                "{} answers already: the ops role runs in another process here",
                path.display()
            );
        }
        std::fs::remove_file(path)
            .with_context(|| format!("{} cannot be removed", path.display()))?;
    }
    let listener = UnixListener::bind(path).with_context(|| {
        format!(
            "{} cannot be bound (a socket's path may have about 100 bytes: set a shorter `data_dir`)",
            path.display()
        )
    })?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
        .with_context(|| format!("{} cannot be made private", path.display()))?;
    Ok(listener)
}
