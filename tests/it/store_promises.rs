//! The store's promises, kept in `SQLite`.

use crate::store_conformance::harness::Place;

async fn begin() -> Place {
    let folder = tempfile::tempdir().expect("a folder");
    Place {
        url: format!("sqlite://{}/store.db", folder.path().display()),
        keeper: Box::new(folder),
    }
}

crate::store_promises!(begin);
