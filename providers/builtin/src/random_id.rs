//! `strata_random_id`: random bytes in several spellings.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use strata_model::provider::{ArgumentFault, ProviderError};
use strata_model::schema::{Adoption, Attribute, AttributeType, ResourceSchema, Schema};
use strata_model::{IdSource, Value};

use crate::resource::{BuiltinType, fault, hex_digit, invalid, keepers};

/// The most bytes of an id.
const MOST_BYTES: i64 = 1024;

/// Random bytes, for names that must not collide. They are not secret.
#[derive(Debug)]
pub(crate) struct RandomId;

impl BuiltinType for RandomId {
    fn schema(&self) -> ResourceSchema {
        let text = |description| Attribute::computed(AttributeType::String, description);
        let schema = Schema::new([
            (
                "byte_length",
                Attribute::required(
                    AttributeType::Number,
                    "Number of random bytes, from 1 to 1024.",
                )
                .replaces(),
            ),
            keepers(),
            (
                "prefix",
                Attribute::optional(
                    AttributeType::String,
                    "Text in front of every spelling but `id`.",
                )
                .replaces(),
            ),
            ("id", text("The bytes in URL-safe base64.")),
            ("b64_std", text("The bytes in base64.")),
            ("b64_url", text("The bytes in URL-safe base64.")),
            ("dec", text("The bytes as one decimal number.")),
            ("hex", text("The bytes in hexadecimal digits.")),
        ]);
        ResourceSchema::managed(
            "strata_random_id",
            Adoption::Natural,
            schema,
            "Random bytes, for names that must not collide. They are not secret.",
        )
    }

    fn validate(&self, config: &Value) -> Vec<ArgumentFault> {
        let length = config.get("byte_length").and_then(Value::as_number);
        match length {
            Some(number)
                if !number
                    .as_i64()
                    .is_some_and(|n| (1..=MOST_BYTES).contains(&n)) =>
            {
                let message =
                    format!("must be a whole number from 1 to {MOST_BYTES}, not {number}.");
                vec![fault("byte_length", message)]
            }
            Some(_) | None => Vec::new(),
        }
    }

    fn generate(
        &self,
        planned: &Value,
        ids: &dyn IdSource,
    ) -> Result<Vec<(&'static str, Value)>, ProviderError> {
        let length = planned.get("byte_length").and_then(Value::as_i64);
        let length = length.filter(|length| (1..=MOST_BYTES).contains(length));
        let length =
            length.ok_or_else(|| invalid(format!("byte_length must be from 1 to {MOST_BYTES}")))?;
        let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
        ids.fill(&mut bytes);
        let prefix = planned
            .get("prefix")
            .and_then(Value::as_str)
            .unwrap_or_default();
        Ok(spellings(prefix, &bytes))
    }

    /// The id is `b64_url`, or `prefix,b64_url`.
    fn import(&self, id: &str) -> Result<Vec<(&'static str, Value)>, ProviderError> {
        let (prefix, text) = match id.rsplit_once(',') {
            Some((prefix, text)) => (prefix, text),
            None => ("", id),
        };
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .ok()
            .filter(|bytes| !bytes.is_empty())
            .ok_or_else(|| invalid("the id to import must be URL-safe base64, with an optional prefix and a comma before it"))?;
        let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        let mut attributes = spellings(prefix, &bytes);
        attributes.push(("byte_length", length.into()));
        if !prefix.is_empty() {
            attributes.push(("prefix", prefix.into()));
        }
        Ok(attributes)
    }
}

fn spellings(prefix: &str, bytes: &[u8]) -> Vec<(&'static str, Value)> {
    let url = URL_SAFE_NO_PAD.encode(bytes);
    let with_prefix = |text: &str| Value::from(format!("{prefix}{text}"));
    vec![
        ("b64_std", with_prefix(&STANDARD.encode(bytes))),
        ("b64_url", with_prefix(&url)),
        ("dec", with_prefix(&decimal(bytes))),
        ("hex", with_prefix(&hexadecimal(bytes))),
        ("id", url.into()),
    ]
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
    digits.map(hex_digit).collect()
}

/// Big-endian bytes as a decimal number, by long multiplication of its digits.
fn decimal(bytes: &[u8]) -> String {
    let mut digits = vec![0_u32];
    for byte in bytes {
        let mut carry = u32::from(*byte);
        for digit in &mut digits {
            let next = *digit * 256 + carry;
            *digit = next % 10;
            carry = next / 10;
        }
        while carry > 0 {
            digits.push(carry % 10);
            carry /= 10;
        }
    }
    digits
        .iter()
        .rev()
        .filter_map(|digit| char::from_digit(*digit, 10))
        .collect()
}

#[cfg(test)]
mod tests {
    use strata_model::provider::Observation;

    use super::*;
    use crate::provider::tests::Bench;

    #[test]
    fn numbers_are_decimal() {
        for (bytes, expected) in [
            (&[0][..], "0"),
            (&[255, 255][..], "65535"),
            (&[1, 0, 0, 0, 0, 0, 0, 0, 0][..], "18446744073709551616"),
        ] {
            assert_eq!(decimal(bytes), expected);
        }
    }

    #[tokio::test]
    async fn all_spellings_name_the_same_bytes() {
        let bench = Bench::new("strata_random_id");
        let made = bench
            .settle(&[("byte_length", 4.into()), ("prefix", "x-".into())])
            .await;
        let text = |name| made.get(name).and_then(Value::as_str).unwrap();
        assert_eq!(text("hex"), "x-00010203");
        assert_eq!(text("dec"), "x-66051");
        assert_eq!(text("b64_std"), "x-AAECAw==");
        assert_eq!(text("b64_url"), "x-AAECAw");
        assert_eq!(text("id"), "AAECAw");
        let Observation::Present(imported) = bench.import("x-,AAECAw").await else {
            panic!("the id is one");
        };
        assert_eq!(imported.attributes, made);
    }

    #[tokio::test]
    async fn keepers_replace() {
        let bench = Bench::new("strata_random_id");
        let keep = |text: &str| {
            let members = [("a".into(), text.into())].into();
            ("keepers", Value::map(strata_model::Type::String, members))
        };
        let made = bench.settle(&[("byte_length", 4.into()), keep("1")]).await;
        let config = bench.config(&[("byte_length", 4.into()), keep("2")]);
        assert_eq!(
            bench.plan(Some(&made), &config).replace[0].to_string(),
            "keepers"
        );
    }
}
