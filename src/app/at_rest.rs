//! Files that only their owner may read: the data directory holds events, and the socket gives the
//! role admin.

use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::Path,
};

use anyhow::Context as _;
use rustix::{fs::Mode, process::umask};

/// The mode bits of everybody but the owner.
const OTHERS: u32 = 0o077;

/// The names with which the files of a data directory begin.
const OWN_FILES: [&str; 4] = ["lock", "queue.db", "hirewire.db", "ops.sock"];

/// Keeps every file that this process creates from other users. For a process of its own only: the
/// mask belongs to the whole process.
pub(crate) fn keep_files_private() {
    umask(Mode::RWXG | Mode::RWXO);
}

/// Creates the data directory with mode 0700. One that exists, and that others may enter, gets that
/// mode if it holds nothing but Hirewire's files; else a warning says so.
pub(crate) fn prepare_data_dir(folder: &Path) -> anyhow::Result<()> {
    if !folder.exists() {
        return DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .with_context(|| format!("the data directory {} cannot be created", folder.display()));
    }

    if let Err(error) = tighten(folder) {
        tracing::warn!(
            data_dir = %folder.display(),
            %error,
            "other users may read the data directory: chmod -R go-rwx"
        );
    }
    Ok(())
}

fn tighten(folder: &Path) -> io::Result<()> {
    let is_own = |name: &str| OWN_FILES.iter().any(|own| name.starts_with(own));
    let mut is_shared = false;

    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if is_own(&entry.file_name().to_string_lossy()) {
            restrict(&entry.path(), 0o600)?;
        } else {
            is_shared = true;
        }
    }

    let mode = fs::metadata(folder)?.permissions().mode();
    if is_shared && mode & OTHERS != 0 {
        let problem = "it holds files that are not Hirewire's, so its mode stays";
        return Err(io::Error::other(problem));
    }
    restrict(folder, 0o700)
}

fn restrict(path: &Path, mode: u32) -> io::Result<()> {
    if fs::symlink_metadata(path)?.permissions().mode() & OTHERS == 0 {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_new_data_directory_belongs_to_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("a/data");
        prepare_data_dir(&data).unwrap();
        assert_eq!(mode(&data), 0o700);
    }

    #[test]
    fn an_older_data_directory_is_closed_with_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
        let queue = data.join("queue.db-wal");
        fs::write(&queue, "x").unwrap();
        fs::set_permissions(&queue, Permissions::from_mode(0o644)).unwrap();

        prepare_data_dir(&data).unwrap();
        assert_eq!((mode(&data), mode(&queue)), (0o700, 0o600));
    }

    #[test]
    fn a_folder_with_other_files_keeps_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        fs::write(folder.path().join("something"), "x").unwrap();

        prepare_data_dir(folder.path()).unwrap();
        assert_eq!(mode(folder.path()), 0o755);
    }
}
