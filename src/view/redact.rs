//! The last line of defence for secrets: every byte that leaves the process passes through here.
//!
//! Values are marked secret where they arise, and views do not show marked values. This replaces what slips through all
//! the same, such as a secret that a cloud repeats in an error message.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use strata_model::Value;
use strata_model::value::Kind;
use strata_model::wire::{Encoded, place_mut};

/// Shorter secrets are not looked for: they would be found in everything.
const SHORTEST: usize = 5;

/// Lines of a text of several lines count as secrets of their own from this length on: indented output splits them.
const SHORTEST_LINE: usize = 12;

/// What takes a secret's place.
const MASK: &str = "***";

/// Knows the secrets of a run and takes them out of texts. Clones share what they know.
#[derive(Clone, Default)]
pub struct Redactor(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    needles: BTreeSet<Vec<u8>>,
    /// Rebuilt when needles were added.
    matcher: Option<Arc<AhoCorasick>>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor(***)")
    }
}

impl Redactor {
    /// Adds a secret text.
    pub fn add(&self, secret: &str) {
        let mut needles = BTreeSet::new();
        spellings(secret, &mut needles);
        if secret.contains('\n') {
            let lines = secret
                .lines()
                .map(str::trim)
                .filter(|line| line.len() >= SHORTEST_LINE);
            lines.for_each(|line| spellings(line, &mut needles));
        }
        if needles.is_empty() {
            return;
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known.needles.len();
        known.needles.extend(needles);
        if known.needles.len() != before {
            known.matcher = None;
        }
    }

    /// Adds every text in a value that is marked secret, itself or by what it stands in.
    pub fn add_secrets_of(&self, value: &Value) {
        if value.has_secret() {
            self.add_marked(value, false, &BTreeSet::new());
        }
    }

    /// Adds the secrets of what a data source told. What it tells in public beside them is none.
    pub fn add_secrets_told(&self, object: &Value) {
        if !object.has_secret() {
            return;
        }
        let mut public = BTreeSet::new();
        let members = object.members().into_iter().flatten();
        for (_, member) in members.filter(|(_, member)| !member.has_secret()) {
            member.walk(&mut |_, value| public.extend(value.as_str().map(str::to_owned)));
        }
        self.add_marked(object, false, &public);
    }

    fn add_marked(&self, value: &Value, inside_secret: bool, public: &BTreeSet<String>) {
        let secret = inside_secret || value.is_secret();
        match value.kind() {
            Kind::String(text) if secret && !public.contains(&**text) => self.add(text),
            Kind::Number(number) if secret => self.add(&number.to_string()),
            Kind::Null(_)
            | Kind::Unknown(_)
            | Kind::Bool(_)
            | Kind::Number(_)
            | Kind::String(_) => {}
            Kind::List(_, elements) | Kind::Set(_, elements) | Kind::Tuple(elements) => {
                elements
                    .iter()
                    .for_each(|element| self.add_marked(element, secret, public));
            }
            Kind::Map(_, members) | Kind::Object(members) => {
                members
                    .values()
                    .for_each(|member| self.add_marked(member, secret, public));
            }
        }
    }

    /// Adds what stands at the secret paths of a stored value, and everything below.
    pub fn add_encoded(&self, encoded: &Encoded) {
        if encoded.secret.is_empty() {
            return;
        }
        let mut json = encoded.json.value();
        for path in &encoded.secret {
            if let Some(place) = place_mut(&mut json, path) {
                self.add_json(place);
            }
        }
    }

    /// Adds every text in a JSON value.
    pub fn add_json(&self, json: &serde_json::Value) {
        match json {
            serde_json::Value::String(text) => self.add(text),
            serde_json::Value::Number(number) => self.add(&number.to_string()),
            serde_json::Value::Array(elements) => {
                elements.iter().for_each(|element| self.add_json(element))
            }
            serde_json::Value::Object(members) => {
                members.values().for_each(|member| self.add_json(member))
            }
            serde_json::Value::Null | serde_json::Value::Bool(_) => {}
        }
    }

    /// The text without secrets. A text that comes in pieces must be put together first.
    pub fn redact(&self, text: &str) -> String {
        let Some(matcher) = self.matcher() else {
            return text.to_owned();
        };
        let mut output = String::with_capacity(text.len());
        let mut copied = 0;
        for found in matcher.find_iter(text.as_bytes()) {
            // Needles are whole characters, so a match begins and ends at their borders.
            output.push_str(text.get(copied..found.start()).unwrap_or_default());
            output.push_str(MASK);
            copied = found.end();
        }
        output.push_str(text.get(copied..).unwrap_or_default());
        output
    }

    fn matcher(&self) -> Option<Arc<AhoCorasick>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.needles.is_empty() {
            return None;
        }
        if known.matcher.is_none() {
            let built = AhoCorasick::builder()
                .match_kind(MatchKind::LeftmostLongest)
                .build(&known.needles);
            known.matcher = built.ok().map(Arc::new);
        }
        known.matcher.clone()
    }
}

/// Every way in which a secret may be spelt: raw, JSON-escaped, percent-encoded, hexadecimal and base64.
fn spellings(secret: &str, needles: &mut BTreeSet<Vec<u8>>) {
    if secret.trim().len() < SHORTEST {
        return;
    }
    let json = serde_json::Value::from(secret).to_string();
    let twice = serde_json::Value::from(json[1..json.len() - 1].to_owned()).to_string();
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let percent = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    let form = form_urlencoded::byte_serialize(secret.as_bytes()).collect::<String>();
    let texts = [
        secret.to_owned(),
        json[1..json.len() - 1].to_owned(),
        twice[1..twice.len() - 1].to_owned(),
        hex.to_uppercase(),
        hex,
        percent.to_lowercase(),
        percent,
        form,
    ];
    needles.extend(texts.into_iter().map(String::into_bytes));
    for offset in 0..3 {
        needles.extend(base64_inside(secret.as_bytes(), offset));
    }
}

/// What base64 makes of the secret when it stands `offset` bytes into a group of three: only the characters that
/// depend on nothing but the secret.
fn base64_inside(secret: &[u8], offset: usize) -> Vec<Vec<u8>> {
    let padded: Vec<u8> = std::iter::repeat_n(0, offset)
        .chain(secret.iter().copied())
        .collect();
    let skip = [0, 2, 3][offset];
    let whole = padded.len() * 8 / 6;
    [
        STANDARD_NO_PAD.encode(&padded),
        URL_SAFE_NO_PAD.encode(&padded),
    ]
    .into_iter()
    .filter_map(|text| text.get(skip..whole).map(|part| part.as_bytes().to_vec()))
    .filter(|part| part.len() >= SHORTEST)
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "hunter2/\"ü\"+correct horse";

    fn check(text: &str, expected: &str) {
        let redactor = Redactor::default();
        redactor.add(SECRET);
        redactor.add("-----BEGIN-----\nabcdefghijklmnop\n-----END-----");
        assert_eq!(redactor.redact(text), expected);
    }

    #[test]
    fn every_spelling_is_found() {
        check(&format!("a {SECRET} b"), "a *** b");
        check(
            &serde_json::json!({ "a": SECRET }).to_string(),
            r#"{"a":"***"}"#,
        );
        check(
            &serde_json::json!(serde_json::json!({ "a": SECRET }).to_string()).to_string(),
            r#""{\"a\":\"***\"}""#,
        );
        check(
            &format!("x={}", utf8_percent_encode(SECRET, NON_ALPHANUMERIC)),
            "x=***",
        );
        check("  abcdefghijklmnop", "  ***");
        check("nothing here", "nothing here");
        let hex: String = SECRET.bytes().map(|byte| format!("{byte:02X}")).collect();
        check(&hex, "***");
    }

    #[test]
    fn base64_is_found_at_every_offset() {
        for before in ["", "a", "ab", "abc"] {
            for after in ["", "z", "zz"] {
                let redactor = Redactor::default();
                redactor.add(SECRET);
                let encoded = STANDARD_NO_PAD.encode(format!("{before}{SECRET}{after}"));
                assert!(
                    redactor.redact(&encoded).contains(MASK),
                    "{before:?} {after:?}"
                );
            }
        }
    }

    #[test]
    fn marks_are_followed_inwards() {
        let redactor = Redactor::default();
        let inner = Value::object([("a", Value::from("s3cretvalue"))]).into_secret();
        redactor.add_secrets_of(&Value::object([("x", inner), ("y", "plainvalue".into())]));
        assert_eq!(redactor.redact("s3cretvalue plainvalue"), "*** plainvalue");
    }

    #[test]
    fn what_is_told_in_public_too_is_no_secret() {
        let told = |public: Value| {
            Value::object([
                ("value", Value::from("ami-0123456789").into_secret()),
                ("insecure_value", public),
            ])
        };
        let redactor = Redactor::default();
        redactor.add_secrets_told(&told("ami-0123456789".into()));
        assert_eq!(redactor.redact("ami-0123456789"), "ami-0123456789");
        redactor.add_secrets_told(&told(Value::null()));
        assert_eq!(redactor.redact("ami-0123456789"), "***");
    }
}
