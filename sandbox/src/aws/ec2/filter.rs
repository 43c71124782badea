//! The filters of Describe calls.

use crate::aws::error::AwsError;
use crate::aws::params::Params;
use crate::faults::wildcard;
use crate::world::Tags;

/// The filters of one call: an object must pass all of them, by any of each one's values.
#[derive(Debug, Clone, Default)]
pub(super) struct Filters(Vec<(String, Vec<String>)>);

impl Filters {
    /// Takes the filters of a call whose own names are `known`; those for tags are known everywhere.
    pub(super) fn take(p: &mut Params, known: &[&str]) -> Result<Self, AwsError> {
        let mut filters = Vec::new();
        for mut group in p.groups("Filter") {
            let name = group.req("Name")?;
            let values = group.list("Value");
            group.finish()?;
            let of_tags = name == "tag-key" || name.starts_with("tag:");
            if !of_tags && !known.contains(&name.as_str()) {
                return Err(invalid(&format!("The filter '{name}' is invalid")));
            }
            if values.is_empty() {
                return Err(invalid(&format!(
                    "The filter '{name}' requires at least one value"
                )));
            }
            filters.push((name, values));
        }
        Ok(Self(filters))
    }

    /// Tells whether an object passes; `values_of` gives what the object has for a filter's name.
    pub(super) fn pass(&self, tags: &Tags, values_of: impl Fn(&str) -> Vec<String>) -> bool {
        self.0.iter().all(|(name, patterns)| {
            let has = match name.strip_prefix("tag:") {
                Some(key) => tags.get(key).cloned().into_iter().collect(),
                None if name == "tag-key" => tags.keys().cloned().collect(),
                None => values_of(name),
            };
            has.iter()
                .any(|value| patterns.iter().any(|pattern| wildcard(pattern, value)))
        })
    }
}

fn invalid(text: &str) -> AwsError {
    AwsError::new("InvalidParameterValue", text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::service::Dialect;

    fn check(form: &str, expected: bool) {
        let mut p = Params::parse(form.as_bytes(), Dialect::Ec2);
        let filters = Filters::take(&mut p, &["vpc-id", "state"]).unwrap();
        let tags = Tags::from([
            ("a".to_owned(), "1".to_owned()),
            ("b".to_owned(), "2".to_owned()),
        ]);
        let passes = filters.pass(&tags, |name| match name {
            "vpc-id" => vec!["vpc-1".to_owned()],
            _ => Vec::new(),
        });
        assert_eq!(passes, expected, "{form}");
    }

    #[test]
    fn all_filters_any_value() {
        check("", true);
        check(
            "Filter.1.Name=vpc-id&Filter.1.Value.1=x&Filter.1.Value.2=vpc-1",
            true,
        );
        check("Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-*", true);
        check(
            "Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-1&Filter.2.Name=state&Filter.2.Value.1=x",
            false,
        );
        check("Filter.1.Name=tag:a&Filter.1.Value.1=1", true);
        check("Filter.1.Name=tag:a&Filter.1.Value.1=2", false);
        check("Filter.1.Name=tag-key&Filter.1.Value.1=b", true);
    }

    #[test]
    fn unknown_filters_are_refused() {
        let mut p = Params::parse(b"Filter.1.Name=nonsense&Filter.1.Value.1=x", Dialect::Ec2);
        assert!(Filters::take(&mut p, &["vpc-id"]).is_err());
    }
}
