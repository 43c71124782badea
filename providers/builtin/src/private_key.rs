//! `strata_private_key`: an asymmetric key pair.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use md5::Md5;
use sha2::{Digest, Sha256};
use strata_model::provider::{ArgumentFault, ProviderError};
use strata_model::schema::{Adoption, Attribute, AttributeType, ResourceSchema, Schema};
use strata_model::{IdSource, Value};

use crate::keys::{Algorithm, Curve, Key};
use crate::resource::{BuiltinType, fault, hex_digit, invalid};

const ALGORITHMS: [&str; 3] = ["ECDSA", "ED25519", "RSA"];

/// An asymmetric key pair, kept encrypted in the state.
#[derive(Debug)]
pub(crate) struct PrivateKey;

impl BuiltinType for PrivateKey {
    fn schema(&self) -> ResourceSchema {
        let text = |description| Attribute::computed(AttributeType::String, description);
        let secret = |description| text(description).sensitive();
        let schema = Schema::new([
            (
                "algorithm",
                Attribute::required(AttributeType::String, "`ED25519`, `ECDSA` or `RSA`.")
                    .replaces(),
            ),
            (
                "ecdsa_curve",
                Attribute::optional(
                    AttributeType::String,
                    "Curve of an ECDSA key: `P256`, `P384` or `P521`.",
                )
                .default_value("P256")
                .replaces(),
            ),
            (
                "rsa_bits",
                Attribute::optional(
                    AttributeType::Number,
                    "Size of an RSA key, from 2048 to 8192 bits.",
                )
                .default_value(2048)
                .replaces(),
            ),
            (
                "id",
                text("SHA-256 of the public key, in hexadecimal digits."),
            ),
            (
                "private_key_openssh",
                secret("The private key as OpenSSH keeps it."),
            ),
            (
                "private_key_pem",
                secret(
                    "The private key in PEM: PKCS#1 for RSA, SEC 1 for ECDSA, PKCS#8 for ED25519.",
                ),
            ),
            (
                "private_key_pem_pkcs8",
                secret("The private key in PEM, in PKCS#8."),
            ),
            (
                "public_key_fingerprint_md5",
                text("MD5 fingerprint of the public key, as OpenSSH shows it."),
            ),
            (
                "public_key_fingerprint_sha256",
                text("SHA-256 fingerprint of the public key, as OpenSSH shows it."),
            ),
            (
                "public_key_openssh",
                text("The public key as a line of `authorized_keys`."),
            ),
            ("public_key_pem", text("The public key in PEM.")),
        ]);
        ResourceSchema::managed(
            "strata_private_key",
            Adoption::Natural,
            schema,
            "An asymmetric key pair, kept encrypted in the state.",
        )
    }

    fn validate(&self, config: &Value) -> Vec<ArgumentFault> {
        match algorithm(config) {
            Ok(_) => Vec::new(),
            Err((argument, message)) => vec![fault(argument, message)],
        }
    }

    fn generate(
        &self,
        planned: &Value,
        ids: &dyn IdSource,
    ) -> Result<Vec<(&'static str, Value)>, ProviderError> {
        let algorithm =
            algorithm(planned).map_err(|(argument, text)| invalid(format!("{argument} {text}")))?;
        let algorithm =
            algorithm.ok_or_else(|| ProviderError::bug("a key is made of unknown arguments"))?;
        let key = Key::generate(algorithm, ids);
        let public = key.ssh_public();
        let secret = |text: &str| Value::from(text).into_secret();
        Ok(vec![
            ("id", hexadecimal(&Sha256::digest(&public), "").into()),
            ("private_key_openssh", secret(&key.private_openssh(ids))),
            ("private_key_pem", secret(&key.private_pem())),
            ("private_key_pem_pkcs8", secret(&key.private_pem_pkcs8())),
            (
                "public_key_fingerprint_md5",
                hexadecimal(&Md5::digest(&public), ":").into(),
            ),
            (
                "public_key_fingerprint_sha256",
                format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(&public))).into(),
            ),
            ("public_key_openssh", key.public_openssh().into()),
            ("public_key_pem", key.public_pem().into()),
        ])
    }

    fn import(&self, _id: &str) -> Result<Vec<(&'static str, Value)>, ProviderError> {
        Err(invalid(
            "a private key cannot be imported: its id does not hold it",
        ))
    }
}

/// What the arguments ask for; `None` where that is not known yet. An argument that is wrong comes back with what is
/// wrong with it.
fn algorithm(arguments: &Value) -> Result<Option<Algorithm>, (&'static str, String)> {
    let text = |name| arguments.get(name).and_then(Value::as_str);
    let curve = text("ecdsa_curve").unwrap_or("P256");
    let curve = Curve::NAMES
        .iter()
        .find(|(name, _)| *name == curve)
        .ok_or_else(|| {
            (
                "ecdsa_curve",
                format!("must be P256, P384 or P521, not '{curve}'."),
            )
        })?;
    let bits = arguments.get("rsa_bits").and_then(Value::as_number);
    let bits = match bits {
        None => Some(2048),
        Some(number) => number
            .as_i64()
            .and_then(|bits| u32::try_from(bits).ok())
            .filter(|bits| (2048..=8192).contains(bits) && bits % 64 == 0),
    };
    let bits = bits.ok_or((
        "rsa_bits",
        "must be from 2048 to 8192, and a multiple of 64.".to_owned(),
    ))?;
    match text("algorithm") {
        None => Ok(None),
        Some("ED25519") => Ok(Some(Algorithm::Ed25519)),
        Some("ECDSA") => Ok(Some(Algorithm::Ecdsa(curve.1))),
        Some("RSA") => Ok(Some(Algorithm::Rsa(bits))),
        Some(other) => Err((
            "algorithm",
            format!("must be one of {}, not '{other}'.", ALGORITHMS.join(", ")),
        )),
    }
}

fn hexadecimal(bytes: &[u8], between: &str) -> String {
    let pairs = bytes.iter().map(|byte| {
        let digits = [hex_digit(byte >> 4), hex_digit(byte & 0x0f)];
        digits.iter().collect::<String>()
    });
    pairs.collect::<Vec<_>>().join(between)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::tests::Bench;

    async fn made(algorithm: &'static str, curve: &'static str) -> Value {
        let given = [
            ("algorithm", algorithm.into()),
            ("ecdsa_curve", curve.into()),
        ];
        let made = Bench::new("strata_private_key").settle(&given).await;
        let secrets: Vec<String> = made
            .secret_paths()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            secrets,
            [
                "private_key_openssh",
                "private_key_pem",
                "private_key_pem_pkcs8"
            ]
        );
        made
    }

    /// The texts behind the digests were read by `openssl` and `ssh-keygen`, which found the same public key and the
    /// same fingerprints in all of them, and held the keys to be sound.
    #[tokio::test]
    async fn keys_of_known_bits_are_known() {
        for (algorithm, curve, fingerprint, digest) in [
            (
                "ED25519",
                "P256",
                "SHA256:lbmsoA0yIEcEiVDRnMWuzm+nV+3ZEEpVIURqFoeSspg",
                "27ef255844a91e1e15d2783e29e91001df85039311a7038afa156105154ce8d2",
            ),
            (
                "ECDSA",
                "P256",
                "SHA256:Pnjk6Rp/207/nRFV1BYTYOVuYAbN3g0951glKgFDdzI",
                "0d41eb0e370f0932e34d22cea16b305938bb8bc3b5f6d22a21e94e6a2c1eb095",
            ),
            (
                "ECDSA",
                "P384",
                "SHA256:fAFajQsQrQwzpG2qsxFagmp6iMa4DZu3nka+1F13KcQ",
                "d55a5d572d6ecae3f78ac6de1902b8dd851d62445bcdda8209e0e2ced3f60bf1",
            ),
            (
                "ECDSA",
                "P521",
                "SHA256:wkBPNjUcJzR2aP8KoHKTYdYpIFAlI2U5nVFtxejLfpk",
                "198e52bacf8726ccfd92797f5262afa5c0b34a50bed20b2e3ea75050ae5423d9",
            ),
            (
                "RSA",
                "P256",
                "SHA256:fpeYNokh036IKk6blUT0gqPhngLZHOjC2YU6YzblgvU",
                "e8fe354e5c23bc0101bca0673dcea503e9967856de6b296e3b6807f83372b800",
            ),
        ] {
            let made = made(algorithm, curve).await;
            let text = |name| made.get(name).and_then(Value::as_str).unwrap();
            assert_eq!(
                text("public_key_fingerprint_sha256"),
                fingerprint,
                "{algorithm} {curve}"
            );
            let forms = [
                "private_key_pem",
                "private_key_pem_pkcs8",
                "private_key_openssh",
                "public_key_pem",
            ];
            let forms = Sha256::digest(forms.map(text).concat());
            assert_eq!(hexadecimal(&forms, ""), digest, "{algorithm} {curve}");
        }
    }

    #[tokio::test]
    async fn a_key_is_written_as_others_read_it() {
        let made = made("ED25519", "P256").await;
        let text = |name| made.get(name).and_then(Value::as_str).unwrap();
        assert_eq!(
            text("private_key_pem"),
            "-----BEGIN PRIVATE KEY-----\n\
             MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n\
             -----END PRIVATE KEY-----\n"
        );
        assert_eq!(
            text("public_key_openssh"),
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4\n"
        );
    }

    #[test]
    fn wrong_arguments_are_named() {
        let bench = Bench::new("strata_private_key");
        let check = |given: &[(&'static str, Value)], expected: &str| {
            let faults = PrivateKey.validate(&bench.config(given));
            let paths: Vec<String> = faults.iter().map(|fault| fault.path.to_string()).collect();
            assert_eq!(paths.join(" "), expected, "{given:?}");
        };
        check(
            &[("algorithm", "RSA".into()), ("rsa_bits", 4096.into())],
            "",
        );
        check(&[("algorithm", "DSA".into())], "algorithm");
        check(
            &[("algorithm", "RSA".into()), ("rsa_bits", 1024.into())],
            "rsa_bits",
        );
        check(
            &[
                ("algorithm", "ECDSA".into()),
                ("ecdsa_curve", "P224".into()),
            ],
            "ecdsa_curve",
        );
    }
}
