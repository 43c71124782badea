//! Asymmetric keys: made from random bits, and written in the forms that other programs read.

mod der;
mod elliptic;
mod rsa;
mod ssh;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use strata_model::IdSource;
use zeroize::Zeroizing;

pub(crate) use elliptic::Curve;

/// A key pair.
pub(crate) enum Key {
    Ed25519(elliptic::Ed25519),
    Ecdsa(elliptic::Ecdsa),
    Rsa(Box<rsa::Rsa>),
}

/// What to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Ed25519,
    Ecdsa(Curve),
    /// With so many bits in the modulus.
    Rsa(u32),
}

impl Key {
    /// Makes a key of random bits.
    pub(crate) fn generate(algorithm: Algorithm, ids: &dyn IdSource) -> Key {
        match algorithm {
            Algorithm::Ed25519 => Key::Ed25519(elliptic::Ed25519::generate(ids)),
            Algorithm::Ecdsa(curve) => Key::Ecdsa(elliptic::Ecdsa::generate(curve, ids)),
            Algorithm::Rsa(bits) => Key::Rsa(Box::new(rsa::Rsa::generate(bits, ids))),
        }
    }

    /// The private key in the form that is usual for its algorithm: PKCS#1, SEC 1, or PKCS#8.
    pub(crate) fn private_pem(&self) -> Zeroizing<String> {
        match self {
            Key::Ed25519(key) => pem("PRIVATE KEY", &key.pkcs8(), 64),
            Key::Ecdsa(key) => pem("EC PRIVATE KEY", &key.sec1(), 64),
            Key::Rsa(key) => pem("RSA PRIVATE KEY", &key.pkcs1(), 64),
        }
    }

    /// The private key in PKCS#8.
    pub(crate) fn private_pem_pkcs8(&self) -> Zeroizing<String> {
        let der = match self {
            Key::Ed25519(key) => key.pkcs8(),
            Key::Ecdsa(key) => key.pkcs8(),
            Key::Rsa(key) => key.pkcs8(),
        };
        pem("PRIVATE KEY", &der, 64)
    }

    /// The private key as OpenSSH keeps it.
    pub(crate) fn private_openssh(&self, ids: &dyn IdSource) -> Zeroizing<String> {
        let mut check = [0; 4];
        ids.fill(&mut check);
        let bytes = ssh::private_key(&self.ssh_public(), &self.ssh_private(), check);
        pem("OPENSSH PRIVATE KEY", &bytes, 70)
    }

    /// The public key as a SubjectPublicKeyInfo.
    pub(crate) fn public_pem(&self) -> String {
        let der = match self {
            Key::Ed25519(key) => key.spki(),
            Key::Ecdsa(key) => key.spki(),
            Key::Rsa(key) => key.spki(),
        };
        pem("PUBLIC KEY", &der, 64).to_string()
    }

    /// The public key as a line of `authorized_keys`.
    pub(crate) fn public_openssh(&self) -> String {
        format!(
            "{} {}\n",
            self.ssh_name(),
            STANDARD.encode(self.ssh_public())
        )
    }

    fn ssh_name(&self) -> String {
        match self {
            Key::Ed25519(_) => "ssh-ed25519".to_owned(),
            Key::Ecdsa(key) => format!("ecdsa-sha2-{}", key.curve.ssh_name()),
            Key::Rsa(_) => "ssh-rsa".to_owned(),
        }
    }

    /// The public key in SSH's wire format.
    pub(crate) fn ssh_public(&self) -> Vec<u8> {
        let name = self.ssh_name();
        match self {
            Key::Ed25519(key) => ssh::Writer::new().text(&name).bytes(&key.public()),
            Key::Ecdsa(key) => ssh::Writer::new()
                .text(&name)
                .text(key.curve.ssh_name())
                .bytes(&key.public),
            Key::Rsa(key) => ssh::Writer::new()
                .text(&name)
                .integer(&key.exponent)
                .integer(&key.modulus),
        }
        .finish()
        .to_vec()
    }

    fn ssh_private(&self) -> Zeroizing<Vec<u8>> {
        let name = self.ssh_name();
        match self {
            Key::Ed25519(key) => {
                let both = Zeroizing::new([key.seed(), key.public()].concat());
                ssh::Writer::new()
                    .text(&name)
                    .bytes(&key.public())
                    .bytes(&both)
            }
            Key::Ecdsa(key) => ssh::Writer::new()
                .text(&name)
                .text(key.curve.ssh_name())
                .bytes(&key.public)
                .integer(&key.scalar),
            Key::Rsa(key) => ssh::Writer::new()
                .text(&name)
                .integer(&key.modulus)
                .integer(&key.exponent)
                .integer(&key.private_exponent)
                .integer(&key.coefficient)
                .integer(&key.primes[0])
                .integer(&key.primes[1]),
        }
        .finish()
    }
}

/// Text armour around bytes.
fn pem(label: &str, bytes: &[u8], width: usize) -> Zeroizing<String> {
    let body = Zeroizing::new(STANDARD.encode(bytes));
    let mut text = Zeroizing::new(format!("-----BEGIN {label}-----\n"));
    for start in (0..body.len()).step_by(width) {
        text.push_str(&body[start..body.len().min(start + width)]);
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}
