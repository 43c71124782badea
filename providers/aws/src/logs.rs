//! CloudWatch Logs: log groups.

pub(crate) mod log_group;

use std::time::Duration;

/// How long Logs may not list a new object, in the cloud's time.
const CONSISTENCY_WINDOW: Duration = Duration::from_secs(30);
