//! IAM: roles and the policies on them, instance profiles, and issuers of tokens.

pub(crate) mod customer_policy;
pub(crate) mod instance_profile;
pub(crate) mod oidc_provider;
pub(crate) mod policy;
pub(crate) mod role;
pub(crate) mod role_policy_attachment;
pub(crate) mod tagging;

use std::time::Duration;

use crate::checks::Checks;

/// How long IAM may not know a new object everywhere, in the cloud's time.
const CONSISTENCY_WINDOW: Duration = Duration::from_secs(60);

/// Checks the argument `path`.
fn check_path(checks: &mut Checks<'_>) {
    checks.text("path", |path| {
        let fits = path.starts_with('/') && path.ends_with('/') && path.len() <= 512;
        (!fits).then(|| format!("must begin and end with /, not '{path}'."))
    });
}
