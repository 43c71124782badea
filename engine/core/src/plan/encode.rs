//! Values as a plan keeps them: no secret in clear.

use strata_model::wire::Encoded;
use strata_model::{SecretKey, Type, Value};

/// Encodes a value; every secret becomes a fingerprint.
pub(crate) fn encode(value: &Value, ty: &Type, key: &SecretKey) -> Encoded {
    let encoded = Encoded::of(value, ty);
    if encoded.secret.is_empty() {
        return encoded;
    }
    let mut encoded = encoded.take_fingerprints(value, key, &|_| true);
    // What stays are secrets that are not wholly known; whatever is known inside them must not be written.
    let kept = encoded.secret.clone();
    encoded.erase(&kept);
    for path in kept {
        if !encoded.unknown.contains(&path) {
            encoded.unknown.push(path);
        }
    }
    encoded
}
