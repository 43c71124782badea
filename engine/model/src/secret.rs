//! The state's key and keyed fingerprints of secrets.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The key of a state, 256 bits. It has no `Debug`, `Display` or `Serialize` that shows it and is wiped when dropped.
#[derive(Clone)]
pub struct SecretKey(Zeroizing<[u8; 32]>);

impl SecretKey {
    /// Takes the key's bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        SecretKey(Zeroizing::new(bytes))
    }

    /// Reads 64 hexadecimal digits of either case, white space around them ignored.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let mut bytes = Zeroizing::new([0; 32]);
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).ok()?;
        }
        Some(SecretKey(bytes))
    }

    /// The 64 hexadecimal digits, for the key file only.
    pub fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// A key of its own for one purpose, which tells nothing about this one.
    pub fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(blake3::derive_key(
            &format!("strata 2026 {purpose}"),
            self.0.as_slice(),
        ))
    }

    /// The fingerprint of a secret: equal secrets have equal ones under one key, and without the key nothing about
    /// the secret can be found out, not even by guessing.
    pub fn fingerprint(&self, secret: &[u8]) -> Fingerprint {
        let key = self.derive("fingerprint");
        let hash = blake3::keyed_hash(&key, secret);
        Fingerprint(hash.to_hex()[..32].to_owned())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(***)")
    }
}

/// What is kept of an input secret: 128 bits of a keyed hash, as 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_depend_on_the_key() {
        let first = SecretKey::from_bytes([1; 32]);
        let second = SecretKey::from_bytes([2; 32]);
        assert_eq!(first.fingerprint(b"x"), first.fingerprint(b"x"));
        assert_ne!(first.fingerprint(b"x"), second.fingerprint(b"x"));
        assert_ne!(first.fingerprint(b"x"), first.fingerprint(b"y"));
        assert_eq!(
            SecretKey::parse(&first.to_hex()).unwrap().fingerprint(b"x"),
            first.fingerprint(b"x")
        );
        assert!(SecretKey::parse("12").is_none());
    }
}
