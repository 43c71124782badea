//! KMS: keys and their names.

pub(crate) mod alias;
pub(crate) mod key;
mod tagging;

use std::time::Duration;

/// How long KMS may not know a new object everywhere, in the cloud's time.
const CONSISTENCY_WINDOW: Duration = Duration::from_secs(60);

/// The id of a key that is named by its id or ARN.
fn key_id(given: &str) -> &str {
    given.rsplit_once(":key/").map_or(given, |(_, id)| id)
}
