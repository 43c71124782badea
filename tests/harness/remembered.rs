//! What a state remembers, read beside the program by the store itself: nothing is written and no lock is taken.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use strata_model::id::Timestamp;
use strata_model::state::StateSnapshot;
use strata_model::store::{StateStore, StoreError};
use strata_model::{Clock, IdSource, SecretKey};
use strata_state::{Access, OpenOptions, SqliteStore};

/// The key of all states of these tests.
pub(crate) const STATE_KEY: &str =
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// Reads a state whole; every checksum in it is verified.
pub(crate) fn remembered(state: &Path) -> Result<StateSnapshot, StoreError> {
    let options = OpenOptions {
        key: SecretKey::parse(STATE_KEY).expect("the key has 64 digits"),
        access: Access::Read,
        expected: None,
        ids: std::sync::Arc::new(Nothing),
        clock: std::sync::Arc::new(Nothing),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime can be made");
    runtime.block_on(async {
        let store = SqliteStore::open(state, options).await?;
        store.snapshot().await
    })
}

/// No time and no chance: a reader needs neither.
#[derive(Debug)]
struct Nothing;

#[async_trait]
impl Clock for Nothing {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

impl IdSource for Nothing {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}
