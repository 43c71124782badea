//! What a built-in resource type is.

use std::fmt;

use strata_model::provider::{ArgumentFault, ProviderError, ProviderErrorKind};
use strata_model::schema::{Attribute, AttributeType, Proposal, ResourceSchema};
use strata_model::{AttributePath, IdSource, Value};

/// A resource type whose objects live in the state only.
pub(crate) trait BuiltinType: fmt::Debug + Send + Sync {
    /// Its schema.
    fn schema(&self) -> ResourceSchema;

    /// Checks arguments beyond their types. Unknown values are not judged.
    fn validate(&self, _config: &Value) -> Vec<ArgumentFault> {
        Vec::new()
    }

    /// Adds to what the schema alone says of a change. Pure.
    fn plan(&self, proposal: Proposal) -> Proposal {
        proposal
    }

    /// The computed attributes of a new object, by name.
    ///
    /// # Errors
    ///
    /// When the arguments, now all known, make no object.
    fn generate(
        &self,
        planned: &Value,
        ids: &dyn IdSource,
    ) -> Result<Vec<(&'static str, Value)>, ProviderError>;

    /// The attributes that an update in place sets anew, by name.
    fn update(&self, _planned: &Value) -> Vec<(&'static str, Value)> {
        Vec::new()
    }

    /// The attributes of an object of which only the id is known; those left out are `null`.
    ///
    /// # Errors
    ///
    /// When such objects cannot be imported, or the id is none.
    fn import(&self, id: &str) -> Result<Vec<(&'static str, Value)>, ProviderError>;
}

/// The value with some of its attributes set.
pub(crate) fn with_attributes(object: &Value, set: Vec<(&'static str, Value)>) -> Value {
    set.into_iter().fold(object.clone(), |object, (name, new)| {
        object.with_at(&AttributePath::attribute(name), new)
    })
}

/// The argument `keepers`.
pub(crate) fn keepers() -> (&'static str, Attribute) {
    (
        "keepers",
        Attribute::optional(
            AttributeType::string_map(),
            "Any values; a change of one makes a new object.",
        )
        .replaces(),
    )
}

/// An id in the form of a random (version 4) UUID.
pub(crate) fn uuid(ids: &dyn IdSource) -> String {
    let mut bits = ids.bits();
    bits[6] = (bits[6] & 0x0f) | 0x40;
    bits[8] = (bits[8] & 0x3f) | 0x80;
    let mut text = String::with_capacity(36);
    for (index, byte) in bits.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push(hex_digit(byte >> 4));
        text.push(hex_digit(byte & 0x0f));
    }
    text
}

/// The lower-case digit of a number below 16.
pub(crate) fn hex_digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).unwrap_or('0')
}

/// The error for arguments that make no object.
pub(crate) fn invalid(message: impl Into<String>) -> ProviderError {
    ProviderError::new(ProviderErrorKind::Invalid, message)
}

/// A fault of a top-level argument.
pub(crate) fn fault(argument: &str, message: impl Into<String>) -> ArgumentFault {
    ArgumentFault {
        path: AttributePath::attribute(argument),
        message: message.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::tests::Counting;

    #[test]
    fn uuids_say_their_version() {
        let text = uuid(&Counting::default());
        assert_eq!(text, "00010203-0405-4607-8809-0a0b0c0d0e0f");
    }
}
