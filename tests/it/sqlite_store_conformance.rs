//! Runs the conformance tests of the store on SQLite. Each test has its own database file.

use crate::store_conformance::harness::StoreHarness;

async fn begin() -> StoreHarness {
    let folder = tempfile::tempdir().expect("a folder");
    StoreHarness {
        url: format!("sqlite://{}/store.db", folder.path().display()),
        keeper: Box::new(folder),
    }
}

crate::store_conformance_tests!(begin);
