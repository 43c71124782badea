//! What all services ask of tags.

use serde::Deserialize;

use crate::aws::error::AwsError;
use crate::aws::service::Cx;
use crate::world::{Kind, Object, Tags};

/// How many tags an object has at most.
pub(crate) const MAX_TAGS: usize = 50;

/// What is wrong with a set of tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TagProblem {
    TooMany,
    Reserved(String),
    EmptyKey,
    KeyLength(String),
    ValueLength(String),
    Characters(String),
}

/// How long keys and values may be, and which characters they may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TagRules {
    pub(crate) key_chars: usize,
    pub(crate) value_chars: usize,
    /// Whether only letters, digits, spaces and `_.:/=+-@` are allowed.
    pub(crate) plain: bool,
}

impl TagRules {
    /// As most services have them.
    pub(crate) const USUAL: TagRules = TagRules {
        key_chars: 128,
        value_chars: 256,
        plain: true,
    };

    /// Checks the tags that an object would have.
    pub(crate) fn check(&self, tags: &Tags) -> Result<(), TagProblem> {
        if tags.keys().filter(|key| !key.starts_with("aws:")).count() > MAX_TAGS {
            return Err(TagProblem::TooMany);
        }
        tags.iter()
            .try_for_each(|(key, value)| self.check_one(key, value))
    }

    fn check_one(&self, key: &str, value: &str) -> Result<(), TagProblem> {
        if key.is_empty() {
            return Err(TagProblem::EmptyKey);
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(TagProblem::Reserved(key.to_owned()));
        }
        if key.chars().count() > self.key_chars {
            return Err(TagProblem::KeyLength(key.to_owned()));
        }
        if value.chars().count() > self.value_chars {
            return Err(TagProblem::ValueLength(key.to_owned()));
        }
        if self.plain && !key.chars().chain(value.chars()).all(allowed) {
            return Err(TagProblem::Characters(key.to_owned()));
        }
        Ok(())
    }
}

fn allowed(c: char) -> bool {
    c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c)
}

/// A request that puts tags on what an ARN names.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TagArn<T> {
    pub(crate) resource_arn: String,
    pub(crate) tags: T,
}

/// A request that takes tags off what an ARN names.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct UntagArn {
    pub(crate) resource_arn: String,
    pub(crate) tag_keys: Vec<String>,
}

/// A request for the tags of what an ARN names.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TagsOfArn {
    pub(crate) resource_arn: String,
}

/// The tags of a list in which every key may stand once.
pub(crate) fn of_list(
    list: impl Iterator<Item = (String, String)>,
    duplicate: impl FnOnce() -> AwsError,
) -> Result<Tags, AwsError> {
    let mut tags = Tags::new();
    for (key, value) in list {
        if tags.insert(key, value).is_some() {
            return Err(duplicate());
        }
    }
    Ok(tags)
}

/// The tags of an object after some were added, if `check` allows them.
pub(crate) fn with<T>(
    object: &Object<T>,
    added: Tags,
    check: impl FnOnce(&Tags) -> Result<(), AwsError>,
) -> Result<Tags, AwsError> {
    let mut tags = object.tags.clone();
    tags.extend(added);
    check(&tags)?;
    Ok(tags)
}

/// The tags of an object after some were taken off.
pub(crate) fn without<T>(object: &Object<T>, keys: &[String]) -> Tags {
    let kept = object.tags.iter().filter(|(key, _)| !keys.contains(key));
    kept.map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// Gives an object of the request's region other tags.
pub(crate) fn set<T: Kind>(cx: &mut Cx<'_>, id: &str, tags: Tags) {
    let region = cx.region.clone();
    cx.world
        .update::<T>(&region, id, |object| object.tags = tags);
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: TagRules = TagRules {
        key_chars: 5,
        value_chars: 3,
        plain: true,
    };

    fn check(key: &str, value: &str, expected: Result<(), TagProblem>) {
        let tags = Tags::from([(key.to_owned(), value.to_owned())]);
        assert_eq!(RULES.check(&tags), expected, "{key}={value}");
    }

    #[test]
    fn one_tag() {
        check("a:b", "c/d", Ok(()));
        check("", "v", Err(TagProblem::EmptyKey));
        check("aws:x", "v", Err(TagProblem::Reserved("aws:x".into())));
        check("toolong", "v", Err(TagProblem::KeyLength("toolong".into())));
        check("key", "long", Err(TagProblem::ValueLength("key".into())));
        check("k,", "v", Err(TagProblem::Characters("k,".into())));
    }

    #[test]
    fn number_of_tags() {
        let tags = |n: u32| (0..n).map(|i| (format!("k{i}"), String::new())).collect();
        assert_eq!(RULES.check(&tags(50)), Ok(()));
        assert_eq!(RULES.check(&tags(51)), Err(TagProblem::TooMany));
    }
}
