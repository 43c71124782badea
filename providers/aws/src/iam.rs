//! IAM: roles and the policies on them.

pub(crate) mod policy;
pub(crate) mod role;
pub(crate) mod role_policy_attachment;

use std::time::Duration;

/// How long IAM may not know a new object everywhere, in the cloud's time.
const CONSISTENCY_WINDOW: Duration = Duration::from_secs(60);
