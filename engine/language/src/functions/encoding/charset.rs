//! Character encodings by their IANA names.

use encoding_rs::Encoding;

/// A character encoding.
#[derive(Clone, Copy)]
pub(super) enum Charset {
    Utf8,
    Ascii,
    Latin1,
    Utf16 { little: bool, mark: bool },
    Table(&'static Encoding),
}

impl Charset {
    pub(super) fn named(name: &str) -> Option<Charset> {
        Some(match name.to_ascii_lowercase().as_str() {
            "utf-8" | "csutf8" => Charset::Utf8,
            "us-ascii" | "iso-ir-6" | "ansi_x3.4-1968" | "ansi_x3.4-1986" | "iso_646.irv:1991"
            | "iso646-us" | "us" | "ibm367" | "cp367" | "csascii" | "ascii" => Charset::Ascii,
            "iso-8859-1" | "iso_8859-1" | "iso_8859-1:1987" | "iso-ir-100" | "latin1" | "l1"
            | "ibm819" | "cp819" | "csisolatin1" => Charset::Latin1,
            "utf-16" | "csutf16" => Charset::Utf16 {
                little: false,
                mark: true,
            },
            "utf-16be" | "csutf16be" => Charset::Utf16 {
                little: false,
                mark: false,
            },
            "utf-16le" | "csutf16le" => Charset::Utf16 {
                little: true,
                mark: false,
            },
            // Labels of the web that are no names of registered encodings.
            "utf8" | "unicode" | "x-user-defined" | "replacement" | "unicode-1-1-utf-8" => {
                return None;
            }
            other => Charset::Table(Encoding::for_label(other.as_bytes())?),
        })
    }

    /// The bytes of a text; `None` where a character has none.
    pub(super) fn encode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Charset::Utf8 => Some(text.as_bytes().to_vec()),
            Charset::Ascii => text.is_ascii().then(|| text.as_bytes().to_vec()),
            Charset::Latin1 => text
                .chars()
                .map(|character| u8::try_from(u32::from(character)).ok())
                .collect(),
            Charset::Utf16 { little, mark } => {
                let marked = mark.then_some(0xfeff);
                let units = marked.into_iter().chain(text.encode_utf16());
                let bytes = |unit: u16| {
                    if little {
                        unit.to_le_bytes()
                    } else {
                        unit.to_be_bytes()
                    }
                };
                Some(units.flat_map(bytes).collect())
            }
            Charset::Table(encoding) => {
                let (bytes, _, failed) = encoding.encode(text);
                (!failed).then(|| bytes.into_owned())
            }
        }
    }

    /// The text of bytes; `None` where they stand for no character.
    pub(super) fn decode(self, bytes: &[u8]) -> Option<String> {
        let text = match self {
            Charset::Utf8 => {
                let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
                String::from_utf8(bytes.to_vec()).ok()?
            }
            Charset::Ascii => bytes
                .is_ascii()
                .then(|| bytes.iter().map(|byte| char::from(*byte)).collect())?,
            Charset::Latin1 => bytes.iter().map(|byte| char::from(*byte)).collect(),
            Charset::Utf16 { little, mark } => utf16(bytes, little, mark)?,
            Charset::Table(encoding) => {
                let text = encoding.decode_without_bom_handling_and_without_replacement(bytes)?;
                text.into_owned()
            }
        };
        (!text.contains(char::REPLACEMENT_CHARACTER)).then_some(text)
    }
}

fn utf16(bytes: &[u8], little: bool, mark: bool) -> Option<String> {
    let (little, bytes) = match bytes {
        [0xfe, 0xff, rest @ ..] if mark => (false, rest),
        [0xff, 0xfe, rest @ ..] if mark => (true, rest),
        _ => (little, bytes),
    };
    if bytes.len() % 2 == 1 {
        return None;
    }
    let units = bytes.chunks_exact(2).map(|pair| {
        let pair = [pair[0], pair[1]];
        if little {
            u16::from_le_bytes(pair)
        } else {
            u16::from_be_bytes(pair)
        }
    });
    char::decode_utf16(units).collect::<Result<_, _>>().ok()
}
