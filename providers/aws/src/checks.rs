//! Checks of arguments beyond their types. Unknown and absent values are not judged.

use strata_model::provider::ArgumentFault;
use strata_model::{AttributePath, PathStep, Value};

use crate::cidr;

/// Collects what is wrong with one resource's arguments.
pub(crate) struct Checks<'a> {
    config: &'a Value,
    faults: Vec<ArgumentFault>,
}

impl<'a> Checks<'a> {
    pub(crate) fn new(config: &'a Value) -> Self {
        Checks {
            config,
            faults: Vec::new(),
        }
    }

    pub(crate) fn finish(self) -> Vec<ArgumentFault> {
        self.faults
    }

    /// All the arguments.
    pub(crate) fn config(&self) -> &'a Value {
        self.config
    }

    /// The argument at a path of attribute names joined by dots, where it is known and given.
    pub(crate) fn known(&self, path: &str) -> Option<&'a Value> {
        known_at(self.config, path)
    }

    /// Adds a fault at a path of attribute names joined by dots.
    pub(crate) fn fault(&mut self, path: &str, message: impl Into<String>) {
        self.fault_at(attribute_path(path), message);
    }

    pub(crate) fn fault_at(&mut self, path: AttributePath, message: impl Into<String>) {
        self.faults.push(ArgumentFault {
            path,
            message: message.into(),
        });
    }

    /// Judges a text.
    pub(crate) fn text(&mut self, path: &str, judge: impl Fn(&str) -> Option<String>) {
        if let Some(message) = self.known(path).and_then(Value::as_str).and_then(judge) {
            self.fault(path, message);
        }
    }

    /// Judges every text of a list or set.
    pub(crate) fn texts(&mut self, path: &str, judge: impl Fn(&str) -> Option<String>) {
        let elements = self
            .known(path)
            .and_then(Value::elements)
            .unwrap_or_default();
        for (index, element) in elements.iter().enumerate() {
            if let Some(message) = element.as_str().and_then(&judge) {
                self.fault_at(attribute_path(path).join(PathStep::Index(index)), message);
            }
        }
    }

    /// Judges every key of a map.
    pub(crate) fn keys(&mut self, path: &str, judge: impl Fn(&str) -> Option<String>) {
        let Some(members) = self.known(path).and_then(Value::members) else {
            return;
        };
        for key in members.keys() {
            if let Some(message) = judge(key) {
                self.fault_at(
                    attribute_path(path).join(PathStep::Key(key.clone())),
                    message,
                );
            }
        }
    }

    /// Wants a whole number between two bounds, both included.
    pub(crate) fn range(&mut self, path: &str, from: i64, to: i64) {
        let Some(number) = self.known(path).and_then(Value::as_number) else {
            return;
        };
        if !number
            .as_i64()
            .is_some_and(|number| (from..=to).contains(&number))
        {
            self.fault(
                path,
                format!("must be a whole number from {from} to {to}, not {number}."),
            );
        }
    }

    /// Wants one of some words.
    pub(crate) fn one_of(&mut self, path: &str, words: &[&str]) {
        self.text(path, |text| {
            (!words.contains(&text))
                .then(|| format!("must be one of {}, not '{text}'.", words.join(", ")))
        });
    }

    /// Judges every object in a list or set by itself; paths inside start at the object.
    pub(crate) fn each(&mut self, path: &str, judge: impl Fn(&mut Checks<'a>)) {
        let elements = self
            .known(path)
            .and_then(Value::elements)
            .unwrap_or_default();
        for (index, element) in elements.iter().enumerate() {
            let mut inner = Checks::new(element);
            judge(&mut inner);
            let place = attribute_path(path).join(PathStep::Index(index));
            for fault in inner.finish() {
                let mut steps = place.steps().to_vec();
                steps.extend_from_slice(fault.path.steps());
                self.fault_at(steps.into(), fault.message);
            }
        }
    }
}

/// The value at a path of attribute names joined by dots, where it is known and not null.
pub(crate) fn known_at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.')
        .try_fold(value, |value, name| value.get(name))
        .filter(|value| !value.is_null() && !value.is_unknown())
}

/// The path of attribute names joined by dots.
pub(crate) fn attribute_path(path: &str) -> AttributePath {
    path.split('.')
        .filter(|name| !name.is_empty())
        .map(|name| PathStep::Attribute(name.into()))
        .collect::<Vec<_>>()
        .into()
}

/// The forms that texts can have to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// `eu-central-1`.
    Region,
    /// `eu-central-1a`.
    Zone,
    /// `arn:aws:iam::123456789012:role/a`.
    Arn,
    /// `1.33`.
    KubernetesVersion,
    /// A CIDR block of IPv4.
    Cidr4,
    /// A CIDR block of IPv6.
    Cidr6,
    /// A CIDR block.
    Cidr,
    /// The name of an IAM role.
    RoleName,
    /// The name of a policy or an instance profile.
    EntityName,
    /// The name of a security group.
    GroupName,
    /// The name of a cluster.
    ClusterName,
    /// The name of a node group.
    NodeGroupName,
    /// JSON that is an object.
    JsonObject,
}

impl Pattern {
    /// What is wrong with a text, as a sentence; `None` when it has the form.
    pub(crate) fn check(self, text: &str) -> Option<String> {
        let fits = match self {
            Pattern::Region => is_region(text),
            Pattern::Zone => is_zone(text),
            Pattern::Arn => text.starts_with("arn:") && text.split(':').count() >= 6,
            Pattern::KubernetesVersion => minor(text).is_some(),
            Pattern::Cidr4 => cidr::parse4(text).is_some(),
            Pattern::Cidr6 => cidr::parse6(text).is_some(),
            Pattern::Cidr => cidr::parse4(text).is_some() || cidr::parse6(text).is_some(),
            Pattern::RoleName => is_word(text, 64, "+=,.@-_"),
            Pattern::EntityName => is_word(text, 128, "+=,.@-_"),
            Pattern::GroupName => {
                is_word(text, 255, " ._-:/()#,@[]+=&;{}!$*") && !text.starts_with("sg-")
            }
            Pattern::ClusterName => is_name(text, 100),
            Pattern::NodeGroupName => is_name(text, 63),
            Pattern::JsonObject => {
                serde_json::from_str::<serde_json::Value>(text).is_ok_and(|json| json.is_object())
            }
        };
        (!fits).then(|| format!("must be {}, not '{text}'.", self.description()))
    }

    fn description(self) -> &'static str {
        match self {
            Pattern::Region => "a region such as eu-central-1",
            Pattern::Zone => "an availability zone such as eu-central-1a",
            Pattern::Arn => "an ARN such as arn:aws:iam::123456789012:role/name",
            Pattern::KubernetesVersion => "a Kubernetes version such as 1.33",
            Pattern::Cidr4 => "an IPv4 CIDR block such as 10.0.0.0/16",
            Pattern::Cidr6 => "an IPv6 CIDR block such as 2001:db8::/56",
            Pattern::Cidr => "a CIDR block such as 10.0.0.0/16",
            Pattern::RoleName => "1 to 64 letters, digits and any of + = , . @ - _",
            Pattern::EntityName => "1 to 128 letters, digits and any of + = , . @ - _",
            Pattern::GroupName => {
                "1 to 255 letters, digits, spaces and any of . _ - : / ( ) # , @ [ ] + = & ; { } ! $ *, and must not begin with sg-"
            }
            Pattern::ClusterName => {
                "1 to 100 letters, digits, - and _, and begin with a letter or digit"
            }
            Pattern::NodeGroupName => {
                "1 to 63 letters, digits, - and _, and begin with a letter or digit"
            }
            Pattern::JsonObject => "a JSON object",
        }
    }
}

/// The minor of a Kubernetes version such as `1.33`.
pub(crate) fn minor(version: &str) -> Option<u32> {
    let minor = version.strip_prefix("1.")?;
    let digits = !minor.is_empty() && minor.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| minor.parse().ok()).flatten()
}

fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let lower = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    match parts.split_last() {
        Some((number, words)) => {
            words.len() >= 2
                && words.iter().all(lower)
                && !number.is_empty()
                && number.bytes().all(|b| b.is_ascii_digit())
        }
        None => false,
    }
}

/// A region and a letter, or the longer name of a local zone.
fn is_zone(text: &str) -> bool {
    let Some(rest) = text.strip_suffix(|c: char| c.is_ascii_lowercase()) else {
        return false;
    };
    let local = rest.split('-').count() > 3;
    is_region(rest) || local && is_region(&rest.split('-').take(3).collect::<Vec<_>>().join("-"))
}

fn is_word(text: &str, longest: usize, others: &str) -> bool {
    (1..=longest).contains(&text.len())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || others.contains(c))
}

fn is_name(text: &str, longest: usize) -> bool {
    is_word(text, longest, "-_") && text.starts_with(|c: char| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: Pattern, good: &[&str], bad: &[&str]) {
        for text in good {
            assert_eq!(pattern.check(text), None, "{pattern:?} {text}");
        }
        for text in bad {
            assert!(pattern.check(text).is_some(), "{pattern:?} {text}");
        }
    }

    #[test]
    fn forms_are_told_apart() {
        check(
            Pattern::Region,
            &["eu-central-1", "us-gov-west-1"],
            &["", "eu", "eu-central", "EU-central-1"],
        );
        check(
            Pattern::Zone,
            &["eu-central-1a", "us-west-2-lax-1a"],
            &["eu-central-1", "a"],
        );
        check(
            Pattern::KubernetesVersion,
            &["1.33"],
            &["1", "1.", "1.33.1", "v1.33", "2.0"],
        );
        check(
            Pattern::Cidr4,
            &["10.0.0.0/16", "0.0.0.0/0"],
            &["10.0.0.0", "10.0.0/8", "10.0.0.0/33", "::/0"],
        );
        check(
            Pattern::Cidr6,
            &["::/0", "2001:db8::/56"],
            &["10.0.0.0/8", "::/129"],
        );
        check(
            Pattern::RoleName,
            &["a", "eks.node_role-1"],
            &["", "a b", "a/b"],
        );
        check(Pattern::ClusterName, &["prod-eu", "1a"], &["-a", "a.b", ""]);
        check(Pattern::JsonObject, &["{}"], &["", "[]", "{"]);
    }

    #[test]
    fn only_known_values_are_judged() {
        let config = Value::object([
            ("a", Value::unknown(strata_model::Type::String)),
            ("b", Value::object([("c", Value::from("x"))])),
        ]);
        let mut checks = Checks::new(&config);
        checks.text("a", |_| Some("never".into()));
        checks.text("b.c", |text| Some(format!("saw {text}")));
        checks.text("none", |_| Some("never".into()));
        let faults = checks.finish();
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].path.to_string(), "b.c");
        assert_eq!(faults[0].message, "saw x");
    }
}
