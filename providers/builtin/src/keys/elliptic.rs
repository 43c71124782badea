//! Keys on elliptic curves.

use p256::elliptic_curve::sec1::ToSec1Point as _;
use strata_model::IdSource;
use zeroize::Zeroizing;

use super::der::{self, Der};

/// A key of Ed25519.
pub(crate) struct Ed25519(ed25519_dalek::SigningKey);

impl Ed25519 {
    pub(super) fn generate(ids: &dyn IdSource) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        ids.fill(seed.as_mut_slice());
        Ed25519(ed25519_dalek::SigningKey::from_bytes(&seed))
    }

    pub(super) fn seed(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    pub(super) fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    pub(super) fn pkcs8(&self) -> Der {
        let seed = Zeroizing::new(self.seed());
        der::private_key_info(der::ED25519, &der::octets(seed.as_slice()))
    }

    pub(super) fn spki(&self) -> Der {
        der::public_key_info(der::ED25519, &self.public())
    }
}

/// A curve of ECDSA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    /// All of them, by the names that definitions use.
    pub(crate) const NAMES: [(&'static str, Curve); 3] = [
        ("P256", Curve::P256),
        ("P384", Curve::P384),
        ("P521", Curve::P521),
    ];

    pub(super) fn ssh_name(self) -> &'static str {
        match self {
            Curve::P256 => "nistp256",
            Curve::P384 => "nistp384",
            Curve::P521 => "nistp521",
        }
    }

    /// The object identifier.
    fn oid(self) -> &'static [u8] {
        match self {
            Curve::P256 => &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
            Curve::P384 => &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22],
            Curve::P521 => &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23],
        }
    }

    /// Bytes of a scalar, and the bits of its first byte that can be set.
    fn scalar(self) -> (usize, u8) {
        match self {
            Curve::P256 => (32, 0xff),
            Curve::P384 => (48, 0xff),
            Curve::P521 => (66, 0x01),
        }
    }

    /// The public point of a scalar, uncompressed; `None` where the scalar is zero or too large.
    fn point(self, scalar: &[u8]) -> Option<Vec<u8>> {
        match self {
            Curve::P256 => {
                let key = p256::SecretKey::from_slice(scalar).ok()?;
                Some(key.public_key().to_sec1_point(false).as_bytes().to_vec())
            }
            Curve::P384 => {
                let key = p384::SecretKey::from_slice(scalar).ok()?;
                Some(key.public_key().to_sec1_point(false).as_bytes().to_vec())
            }
            Curve::P521 => {
                let key = p521::SecretKey::from_slice(scalar).ok()?;
                Some(key.public_key().to_sec1_point(false).as_bytes().to_vec())
            }
        }
    }
}

/// A key of ECDSA.
pub(crate) struct Ecdsa {
    pub(super) curve: Curve,
    pub(super) scalar: Zeroizing<Vec<u8>>,
    /// The uncompressed point.
    pub(super) public: Vec<u8>,
}

impl Ecdsa {
    /// Draws scalars until one is in range, which is the first one but for a vanishing chance.
    pub(super) fn generate(curve: Curve, ids: &dyn IdSource) -> Self {
        let (length, first) = curve.scalar();
        loop {
            let mut scalar = Zeroizing::new(vec![0; length]);
            ids.fill(&mut scalar);
            scalar[0] &= first;
            if let Some(public) = curve.point(&scalar) {
                return Ecdsa {
                    curve,
                    scalar,
                    public,
                };
            }
        }
    }

    fn algorithm(&self) -> Der {
        der::sequence(&[der::EC, self.curve.oid()])
    }

    pub(super) fn sec1(&self) -> Der {
        self.private(&der::context(0, self.curve.oid()))
    }

    fn private(&self, parameters: &[u8]) -> Der {
        let public = der::context(1, &der::bits(&self.public));
        der::sequence(&[
            &der::integer(&[1]),
            &der::octets(&self.scalar),
            parameters,
            &public,
        ])
    }

    pub(super) fn pkcs8(&self) -> Der {
        der::private_key_info(&self.algorithm(), &self.private(&[]))
    }

    pub(super) fn spki(&self) -> Der {
        der::public_key_info(&self.algorithm(), &self.public)
    }
}
