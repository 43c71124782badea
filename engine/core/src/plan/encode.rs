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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_of_which_a_part_is_unknown_is_not_written() {
        let texts = |members: Vec<(&str, Value)>| {
            let members = members
                .into_iter()
                .map(|(name, value)| (name.into(), value));
            Value::map(Type::String, members.collect()).into_secret()
        };
        let id = ("id", Value::unknown(Type::String));
        let value = Value::object([("data", texts(vec![("password", "hunter2".into()), id]))]);
        let key = SecretKey::from_bytes([7; 32]);
        let encoded = encode(&value, &value.ty(), &key);
        assert!(!serde_json::to_string(&encoded).unwrap().contains("hunter2"));
        let read = encoded.decode(&value.ty()).unwrap();
        let data = read.get("data").unwrap();
        assert!(data.is_unknown() && data.is_secret());
    }
}
