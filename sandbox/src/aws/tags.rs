//! What all services ask of tags.

use crate::world::Tags;

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
