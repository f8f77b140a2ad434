//! The conformance tests of a store on SQLite: each in a file of its own.

use crate::store_conformance::harness::StoreHarness;

async fn begin() -> StoreHarness {
    let folder = tempfile::tempdir().expect("a folder");
    StoreHarness {
        url: format!("sqlite://{}/store.db", folder.path().display()),
        keeper: Box::new(folder),
    }
}

crate::store_conformance_tests!(begin);
