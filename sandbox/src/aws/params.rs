//! The parameters of a query call. Taking one removes it; what is left at the end is unknown to the operation, and refused.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::error::AwsError;
use super::service::Dialect;

/// The parameters of a call, or of one member of a list in it.
#[derive(Debug, Clone)]
pub(crate) struct Params {
    values: BTreeMap<String, String>,
    dialect: Dialect,
    /// What stands before the names here, for messages.
    prefix: String,
}

impl Params {
    /// Reads a form.
    pub(crate) fn parse(form: &[u8], dialect: Dialect) -> Self {
        let values = form_urlencoded::parse(form).into_owned().collect();
        Self {
            values,
            dialect,
            prefix: String::new(),
        }
    }

    /// Removes what a presigned call carries beside its parameters.
    pub(crate) fn forget_signature(&mut self) {
        self.values.retain(|name, _| !name.starts_with("X-Amz-"));
    }

    /// Takes an optional text. An empty one counts.
    pub(crate) fn opt(&mut self, name: &str) -> Option<String> {
        self.values.remove(name)
    }

    /// Whether there is a text that was not taken yet.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Takes a required text.
    pub(crate) fn req(&mut self, name: &str) -> Result<String, AwsError> {
        self.opt(name)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| self.missing(name))
    }

    /// The error for an absent parameter.
    pub(crate) fn missing(&self, name: &str) -> AwsError {
        let full = format!("{}{name}", self.prefix);
        match self.dialect {
            Dialect::Ec2 => AwsError::new(
                "MissingParameter",
                format!("The request must contain the parameter {full}"),
            ),
            Dialect::Iam | Dialect::Sts => AwsError::new(
                "ValidationError",
                format!(
                    "1 validation error detected: Value null at '{}' failed to satisfy constraint: Member must not be null",
                    lower_first(&full)
                ),
            ),
        }
    }

    /// The error for a value that is not allowed.
    pub(crate) fn invalid(&self, name: &str, value: &str, why: &str) -> AwsError {
        let full = lower_first(&format!("{}{name}", self.prefix));
        match self.dialect {
            Dialect::Ec2 => AwsError::new(
                "InvalidParameterValue",
                format!("Value ({value}) for parameter {full} is invalid. {why}"),
            ),
            Dialect::Iam | Dialect::Sts => AwsError::new(
                "ValidationError",
                format!(
                    "1 validation error detected: Value '{value}' at '{full}' failed to satisfy constraint: {why}"
                ),
            ),
        }
    }

    /// Takes an optional flag.
    pub(crate) fn bool(&mut self, name: &str) -> Result<Option<bool>, AwsError> {
        self.parsed(name, "Must be true or false.")
    }

    /// Takes an optional number.
    pub(crate) fn number<T: FromStr>(&mut self, name: &str) -> Result<Option<T>, AwsError> {
        self.parsed(name, "Must be a number.")
    }

    fn parsed<T: FromStr>(&mut self, name: &str, why: &str) -> Result<Option<T>, AwsError> {
        let Some(text) = self.opt(name) else {
            return Ok(None);
        };
        text.parse()
            .map(Some)
            .map_err(|_wrong| self.invalid(name, &text, why))
    }

    /// Takes an optional text that must be one of a few.
    pub(crate) fn one_of(
        &mut self,
        name: &str,
        allowed: &[&str],
    ) -> Result<Option<String>, AwsError> {
        let Some(text) = self.opt(name) else {
            return Ok(None);
        };
        if allowed.contains(&text.as_str()) {
            return Ok(Some(text));
        }
        let why = format!(
            "Member must satisfy enum value set: [{}]",
            allowed.join(", ")
        );
        Err(self.invalid(name, &text, &why))
    }

    /// Takes a list of texts, in the order of their numbers.
    pub(crate) fn list(&mut self, name: &str) -> Vec<String> {
        let prefix = self.list_prefix(name);
        let mut found = BTreeMap::new();
        self.values.retain(|key, value| {
            let number = key
                .strip_prefix(&prefix)
                .and_then(|n| n.parse::<u32>().ok());
            number.is_none_or(|n| {
                found.insert(n, std::mem::take(value));
                false
            })
        });
        found.into_values().collect()
    }

    /// Takes a list of structures, in the order of their numbers.
    pub(crate) fn groups(&mut self, name: &str) -> Vec<Params> {
        let prefix = self.list_prefix(name);
        let mut found: BTreeMap<u32, BTreeMap<String, String>> = BTreeMap::new();
        self.values.retain(|key, value| {
            let rest = key
                .strip_prefix(&prefix)
                .and_then(|rest| rest.split_once('.'));
            let parsed = rest.and_then(|(n, member)| Some((n.parse::<u32>().ok()?, member)));
            parsed.is_none_or(|(n, member)| {
                let group = found.entry(n).or_default();
                group.insert(member.to_owned(), std::mem::take(value));
                false
            })
        });
        let under = |(n, values)| Params {
            values,
            dialect: self.dialect,
            prefix: format!("{}{prefix}{n}.", self.prefix),
        };
        found.into_iter().map(under).collect()
    }

    fn list_prefix(&self, name: &str) -> String {
        match self.dialect {
            Dialect::Ec2 => format!("{name}."),
            Dialect::Iam | Dialect::Sts => format!("{name}.member."),
        }
    }

    /// Refuses what was not taken.
    pub(crate) fn finish(&self) -> Result<(), AwsError> {
        let Some(name) = self.values.keys().next() else {
            return Ok(());
        };
        let text = format!(
            "The parameter {}{name} is not recognized (or the sandbox does not emulate it)",
            self.prefix
        );
        match self.dialect {
            Dialect::Ec2 => Err(AwsError::new("UnknownParameter", text)),
            Dialect::Iam | Dialect::Sts => Err(AwsError::new("ValidationError", text)),
        }
    }

    /// Describes all parameters in one canonical text, by which two calls are compared.
    pub(crate) fn canonical(&self) -> String {
        let pairs = self
            .values
            .iter()
            .filter(|(name, _)| *name != "ClientToken");
        pairs
            .map(|(name, value)| format!("{name}={value:?};"))
            .collect()
    }
}

/// AWS names a member in messages as its code does.
fn lower_first(name: &str) -> String {
    let mut chars = name.chars();
    chars
        .next()
        .map_or_else(String::new, |c| c.to_lowercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(form: &str) -> Params {
        Params::parse(form.as_bytes(), Dialect::Ec2)
    }

    #[test]
    fn lists_are_in_the_order_of_their_numbers() {
        let mut p = params("VpcId.2=b&VpcId.10=c&VpcId.1=a&VpcIds=x");
        assert_eq!(p.list("VpcId"), ["a", "b", "c"]);
        assert!(p.finish().unwrap_err().message.contains("VpcIds"));
    }

    #[test]
    fn groups_nest() {
        let mut p =
            params("Filter.1.Name=vpc-id&Filter.1.Value.1=a&Filter.1.Value.2=b&Filter.2.Name=x");
        let mut groups = p.groups("Filter");
        assert_eq!(groups.len(), 2);
        assert_eq!(groups[0].req("Name").unwrap(), "vpc-id");
        assert_eq!(groups[0].list("Value"), ["a", "b"]);
        assert!(
            groups[1]
                .req("Value")
                .unwrap_err()
                .message
                .ends_with("parameter Filter.2.Value")
        );
        assert!(p.finish().is_ok());
    }

    #[test]
    fn members_of_iam_lists() {
        let form = b"Tags.member.1.Key=a&TagKeys.member.1=k";
        let mut p = Params::parse(form, Dialect::Iam);
        assert_eq!(p.list("TagKeys"), ["k"]);
        assert_eq!(p.groups("Tags")[0].req("Key").unwrap(), "a");
        assert_eq!(p.req("RoleName").unwrap_err().code, "ValidationError");
    }

    #[test]
    fn wrong_values_are_refused() {
        assert_eq!(
            params("N=x").number::<u32>("N").unwrap_err().code,
            "InvalidParameterValue"
        );
        assert!(params("A=c").one_of("A", &["a", "b"]).is_err());
        assert_eq!(
            params("A=a").one_of("A", &["a", "b"]).unwrap().as_deref(),
            Some("a")
        );
    }
}
