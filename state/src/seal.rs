//! Sealing: secrets leave a record's JSON and are stored as ciphertext that is bound to its cell.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use strata_model::store::StoreError;
use strata_model::wire::{Encoded, erase, place_mut};
use strata_model::{AttributePath, Fingerprint, IdSource, Json, Lineage, SecretKey};
use zeroize::Zeroizing;

const NONCE_BYTES: usize = 24;

/// Which record a secret belongs to. A ciphertext opens in its own cell only.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell<'a> {
    pub(crate) table: &'static str,
    pub(crate) key: &'a str,
}

/// A value as its record keeps it: an [`Encoded`] with the secrets taken out.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SealedValue<'a> {
    json: Json,
    #[serde(default, skip_serializing_if = "<[AttributePath]>::is_empty")]
    unknown: Cow<'a, [AttributePath]>,
    #[serde(default, skip_serializing_if = "<[AttributePath]>::is_empty")]
    secret: Cow<'a, [AttributePath]>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    fingerprints: Cow<'a, BTreeMap<AttributePath, Fingerprint>>,
    /// In the order in which they were taken out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    sealed: Vec<(AttributePath, String)>,
}

impl SealedValue<'_> {
    /// Whether anything was taken out.
    pub(crate) fn has_sealed(&self) -> bool {
        !self.sealed.is_empty()
    }

    /// The value, for one of which nothing was taken out.
    pub(crate) fn into_encoded(self) -> Encoded {
        Encoded {
            json: self.json,
            unknown: self.unknown.into_owned(),
            secret: self.secret.into_owned(),
            fingerprints: self.fingerprints.into_owned(),
        }
    }
}

/// Seals and opens with the state key.
pub(crate) struct Sealer {
    cipher: XChaCha20Poly1305,
    lineage: String,
    ids: Arc<dyn IdSource>,
}

impl Sealer {
    pub(crate) fn new(key: &SecretKey, lineage: Lineage, ids: Arc<dyn IdSource>) -> Self {
        let key = key.derive("state seal");
        Sealer {
            cipher: XChaCha20Poly1305::new((&*key).into()),
            lineage: lineage.to_string(),
            ids,
        }
    }

    /// Takes the secrets out of a value; `whole` takes all of it.
    pub(crate) fn seal<'a>(
        &self,
        cell: Cell<'_>,
        value: &'a Encoded,
        whole: bool,
    ) -> Result<SealedValue<'a>, StoreError> {
        let mut sealed = Vec::new();
        let root = whole.then(AttributePath::root);
        let untouched = root.is_none() && value.secret.is_empty();
        let mut json = match untouched {
            true => serde_json::Value::Null,
            false => value.json.value(),
        };
        for path in root.iter().chain(&value.secret) {
            let Some(place) = place_mut(&mut json, path) else {
                continue;
            };
            let clear = Zeroizing::new(place.to_string());
            sealed.push((path.clone(), self.encrypt(cell, path, clear.as_bytes())?));
            erase(&mut json, path);
        }
        let json = match untouched {
            true => value.json.clone(),
            false => json.into(),
        };
        Ok(SealedValue {
            json,
            unknown: Cow::Borrowed(&value.unknown),
            secret: Cow::Borrowed(&value.secret),
            fingerprints: Cow::Borrowed(&value.fingerprints),
            sealed,
        })
    }

    /// Puts the secrets back.
    pub(crate) fn open(
        &self,
        cell: Cell<'_>,
        mut value: SealedValue<'_>,
    ) -> Result<Encoded, StoreError> {
        let sealed = std::mem::take(&mut value.sealed);
        let mut encoded = value.into_encoded();
        let mut json = encoded.json.value();
        for (path, text) in sealed.iter().rev() {
            let wrong = || StoreError::WrongKey(format!("{} {}", cell.table, cell.key));
            let clear = self.decrypt(cell, path, text).ok_or_else(wrong)?;
            let secret = serde_json::from_slice(&clear).map_err(|_| wrong())?;
            *place_mut(&mut json, path).ok_or_else(wrong)? = secret;
        }
        encoded.json = json.into();
        Ok(encoded)
    }

    fn encrypt(
        &self,
        cell: Cell<'_>,
        path: &AttributePath,
        clear: &[u8],
    ) -> Result<String, StoreError> {
        let mut nonce = [0; NONCE_BYTES];
        self.ids.fill(&mut nonce);
        let aad = self.bound_to(cell, path);
        let payload = Payload {
            msg: clear,
            aad: &aad,
        };
        let cipher = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| StoreError::Inconsistent {
                table: cell.table,
                key: cell.key.to_owned(),
                detail: format!("the secret at '{path}' is too large to be sealed"),
            })?;
        Ok(STANDARD_NO_PAD.encode([nonce.as_slice(), &cipher].concat()))
    }

    fn decrypt(
        &self,
        cell: Cell<'_>,
        path: &AttributePath,
        text: &str,
    ) -> Option<Zeroizing<Vec<u8>>> {
        let bytes = STANDARD_NO_PAD.decode(text).ok()?;
        let (nonce, cipher) = bytes.split_at_checked(NONCE_BYTES)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().ok()?;
        let aad = self.bound_to(cell, path);
        let payload = Payload {
            msg: cipher,
            aad: &aad,
        };
        let clear = self.cipher.decrypt(&XNonce::from(nonce), payload).ok()?;
        Some(Zeroizing::new(clear))
    }

    fn bound_to(&self, cell: Cell<'_>, path: &AttributePath) -> Vec<u8> {
        let path = path.to_string();
        let mut bytes = Vec::new();
        for part in [self.lineage.as_str(), cell.table, cell.key, &path] {
            bytes.extend((part.len() as u64).to_le_bytes());
            bytes.extend(part.as_bytes());
        }
        bytes
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::CountingIds;

    fn sealer(key: u8) -> Sealer {
        Sealer::new(
            &SecretKey::from_bytes([key; 32]),
            Lineage::from_bits([9; 16]),
            Arc::new(CountingIds::default()),
        )
    }

    fn cell(key: &str) -> Cell<'_> {
        Cell {
            table: "resources",
            key,
        }
    }

    fn check(value: &Encoded, whole: bool) {
        let sealed = sealer(1).seal(cell("a.b"), value, whole).unwrap();
        let text = serde_json::to_string(&sealed).unwrap();
        assert!(!text.contains("hunter2"), "{text}");
        let read = |text: &str| serde_json::from_str::<SealedValue<'_>>(text).unwrap();
        assert_eq!(&sealer(1).open(cell("a.b"), read(&text)).unwrap(), value);
        for (sealer, key) in [(sealer(2), "a.b"), (sealer(1), "a.c")] {
            let result = sealer.open(cell(key), read(&text));
            assert!(matches!(result, Err(StoreError::WrongKey(_))), "{result:?}");
        }
    }

    #[test]
    fn secrets_leave_and_return() {
        let path = |text| AttributePath::parse(text).unwrap();
        check(
            &Encoded {
                json: json!({"pw": "hunter2", "list": [{"k": "hunter2"}], "open": 1.5}).into(),
                secret: vec![path("pw"), path("list[0].k"), path("nowhere.to.be")],
                ..Encoded::default()
            },
            false,
        );
        check(
            &Encoded {
                json: json!({"any": {"$type": ["object", {"pw": "string"}], "$value": {"pw": "hunter2"}}}).into(),
                secret: vec![path("any.pw")],
                ..Encoded::default()
            },
            false,
        );
        check(
            &Encoded {
                json: json!({"$type": "string", "$value": "hunter2"}).into(),
                secret: vec![path("")],
                ..Encoded::default()
            },
            true,
        );
        // An inner secret that is named before the one around it comes back as well.
        check(
            &Encoded {
                json: json!({"a": {"b": "hunter2", "c": "hunter2"}}).into(),
                secret: vec![path("a.b"), path("a")],
                ..Encoded::default()
            },
            false,
        );
    }
}
