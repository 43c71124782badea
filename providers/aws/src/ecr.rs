//! ECR: repositories.

pub(crate) mod repository;

use std::time::Duration;

/// How long ECR may not know a new object everywhere, in the cloud's time.
const CONSISTENCY_WINDOW: Duration = Duration::from_secs(30);
