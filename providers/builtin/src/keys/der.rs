//! The few forms of DER that keys are written in.

use zeroize::Zeroizing;

/// Encoded bytes, which may hold a private key.
pub(super) type Der = Zeroizing<Vec<u8>>;

/// The algorithm of RSA keys, with its absent parameters.
pub(super) const RSA: &[u8] = &[
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
];
/// The algorithm of Ed25519 keys.
pub(super) const ED25519: &[u8] = &[0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70];
/// The object identifier of keys on elliptic curves.
pub(super) const EC: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];

fn tagged(tag: u8, content: &[u8]) -> Der {
    let mut out = Zeroizing::new(Vec::with_capacity(content.len() + 6));
    out.push(tag);
    let length = content.len();
    if length < 0x80 {
        out.push(length as u8);
    } else {
        let bytes = length.to_be_bytes();
        let skip = bytes.iter().take_while(|byte| **byte == 0).count();
        out.push(0x80 | (bytes.len() - skip) as u8);
        out.extend_from_slice(&bytes[skip..]);
    }
    out.extend_from_slice(content);
    out
}

pub(super) fn sequence(parts: &[&[u8]]) -> Der {
    tagged(0x30, &Zeroizing::new(parts.concat()))
}

/// An unsigned integer from its big-endian bytes.
pub(super) fn integer(bytes: &[u8]) -> Der {
    tagged(0x02, &unsigned(bytes))
}

pub(super) fn octets(bytes: &[u8]) -> Der {
    tagged(0x04, bytes)
}

/// A bit string of whole bytes.
pub(super) fn bits(bytes: &[u8]) -> Der {
    tagged(0x03, &Zeroizing::new([&[0], bytes].concat()))
}

/// What stands in a context of its own, such as `[0]`.
pub(super) fn context(number: u8, content: &[u8]) -> Der {
    tagged(0xa0 | number, content)
}

/// A private key with its algorithm, PKCS#8.
pub(super) fn private_key_info(algorithm: &[u8], key: &[u8]) -> Der {
    sequence(&[&integer(&[0]), algorithm, &octets(key)])
}

/// A public key with its algorithm.
pub(super) fn public_key_info(algorithm: &[u8], key: &[u8]) -> Der {
    sequence(&[algorithm, &bits(key)])
}

/// Big-endian bytes without zeros in front, and with one where the first bit would say "negative".
pub(super) fn unsigned(bytes: &[u8]) -> Der {
    let skip = bytes.iter().take_while(|byte| **byte == 0).count();
    let rest = &bytes[skip..];
    let mut out = Zeroizing::new(Vec::with_capacity(rest.len() + 1));
    if rest.first().is_none_or(|byte| *byte >= 0x80) {
        out.push(0);
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_never_negative() {
        for (bytes, expected) in [
            (&[0][..], &[2, 1, 0][..]),
            (&[0, 0, 1][..], &[2, 1, 1][..]),
            (&[0x80][..], &[2, 2, 0, 0x80][..]),
            (&[][..], &[2, 1, 0][..]),
        ] {
            assert_eq!(integer(bytes).as_slice(), expected);
        }
    }

    #[test]
    fn long_contents_say_their_length() {
        assert_eq!(octets(&[7; 127])[..2], [4, 127]);
        assert_eq!(octets(&[7; 128])[..3], [4, 0x81, 128]);
        assert_eq!(octets(&[7; 300])[..4], [4, 0x82, 1, 44]);
    }
}
