//! Reads the FILE argument of a command; `-` is stdin.

use std::{
    io::{self, Read as _},
    path::Path,
};

use anyhow::Context as _;

use super::Exit;

/// The bytes of a file, or of stdin for `-`.
pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, Exit> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin().read_to_end(&mut bytes).map(|_| ())
    } else {
        std::fs::read(path).map(|content| bytes = content)
    };
    read.with_context(|| format!("{} cannot be read", path.display()))
        .map_err(Exit::usage)?;
    Ok(bytes)
}
