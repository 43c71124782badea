//! JSON documents as text.

use std::io;

use serde::Serialize;
use serde_json::Value as Json;
use serde_json::ser::{Formatter, Serializer};
use strata_model::Number;

/// Writes numbers as the language does: whole ones in full, none with an exponent.
struct InFull;

impl Formatter for InFull {
    fn write_f64<W: io::Write + ?Sized>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        match Number::from_f64(value) {
            Some(number) => write!(writer, "{number}"),
            None => writer.write_all(b"null"),
        }
    }
}

/// The document on one line.
pub(super) fn line(document: &Json) -> String {
    let mut bytes = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut bytes, InFull);
    match document.serialize(&mut serializer) {
        Ok(()) => String::from_utf8(bytes).unwrap_or_else(|_| document.to_string()),
        Err(_) => document.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_written_in_full() {
        let document = json!({
            "power": 18_446_744_073_709_551_616.0_f64,
            "small": [0.000_000_1, -2.5],
            "least": i64::MIN,
            "greatest": u64::MAX,
            "text": "1e3",
        });
        assert_eq!(
            line(&document),
            r#"{"power":18446744073709551616,"small":[0.0000001,-2.5],"least":-9223372036854775808,"greatest":18446744073709551615,"text":"1e3"}"#
        );
    }
}
