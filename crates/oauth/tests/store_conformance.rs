//! `MemoryStore` keeps the promises that the engine builds on.

use paylent_oauth::{MemoryStore, conformance};

#[tokio::test]
async fn the_memory_store_passes_the_conformance_suite() {
    conformance::suite(MemoryStore::default()).await;
}

#[tokio::test]
async fn the_suite_can_be_run_again_on_a_store_that_is_in_use() {
    let store = MemoryStore::default();
    conformance::suite(store.clone()).await;
    conformance::suite(store).await;
}
