//! SSH's wire format, and OpenSSH's file of an unencrypted private key.

use zeroize::Zeroizing;

use super::der::unsigned;

/// Writes values one after another.
pub(super) struct Writer(Zeroizing<Vec<u8>>);

impl Writer {
    pub(super) fn new() -> Self {
        Writer(Zeroizing::new(Vec::new()))
    }

    pub(super) fn finish(self) -> Zeroizing<Vec<u8>> {
        self.0
    }

    pub(super) fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Bytes with their length in front.
    pub(super) fn bytes(self, bytes: &[u8]) -> Self {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.raw(&length.to_be_bytes()).raw(bytes)
    }

    pub(super) fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    /// An unsigned integer from its big-endian bytes.
    pub(super) fn integer(self, bytes: &[u8]) -> Self {
        self.bytes(&unsigned(bytes))
    }
}

/// The file's bytes. `check` are any four bytes, by which a reader of an encrypted file would know a wrong password.
pub(super) fn private_key(public: &[u8], private: &[u8], check: [u8; 4]) -> Zeroizing<Vec<u8>> {
    let mut section = Writer::new()
        .raw(&check)
        .raw(&check)
        .raw(private)
        .text("")
        .finish();
    for pad in 1..=8_u8 {
        if section.len().is_multiple_of(8) {
            break;
        }
        section.push(pad);
    }
    Writer::new()
        .raw(b"openssh-key-v1\0")
        .text("none")
        .text("none")
        .text("")
        .raw(&1_u32.to_be_bytes())
        .bytes(public)
        .bytes(&section)
        .finish()
}
