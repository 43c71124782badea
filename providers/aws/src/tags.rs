//! Tags: what users see of them, what a create call carries, and what an update changes.

use std::collections::{BTreeMap, BTreeSet};

use strata_model::provider::{TAG_LINEAGE, TAG_OP};
use strata_model::schema::{Attribute, AttributeType};
use strata_model::{Lineage, OpId};

use crate::checks::Checks;
use crate::error::Failure;

/// Tags by key.
pub(crate) type Tags = BTreeMap<String, String>;

/// The most tags that an object can have, without those of Strata.
const MOST: usize = 48;

/// Parts of keys by which controllers and AWS services mark objects; ignored unless declared.
const CONTROLLERS: &[&str] = &[
    "eks:",
    "kubernetes.io/",
    "k8s.io/",
    "k8s.aws/",
    "karpenter.sh/",
    "elasticbeanstalk:",
];

/// The argument `tags`.
pub(crate) fn argument() -> (&'static str, Attribute) {
    (
        "tags",
        Attribute::optional(
            AttributeType::string_map(),
            "Tags of the object. They win over the provider's `default_tags`.",
        ),
    )
}

/// The attribute `tags_all`.
pub(crate) fn all() -> (&'static str, Attribute) {
    (
        "tags_all",
        Attribute::computed(
            AttributeType::string_map(),
            "`tags` together with the provider's `default_tags`.",
        ),
    )
}

/// Checks a map of tags.
pub(crate) fn check(checks: &mut Checks<'_>, path: &str) {
    checks.keys(path, |key| {
        if key.is_empty() || key.chars().count() > 128 {
            Some("has a key that is not 1 to 128 characters long.".to_owned())
        } else if key.starts_with("aws:") || key.starts_with("strata:") {
            Some(format!("has the key '{key}', whose beginning is reserved."))
        } else {
            None
        }
    });
    let Some(members) = checks.known(path).and_then(|tags| tags.members()) else {
        return;
    };
    if members.len() > MOST {
        checks.fault(
            path,
            format!("has {} tags; {MOST} are possible.", members.len()),
        );
    }
    for (key, value) in members {
        if value.is_null() {
            checks.fault(path, format!("has no value for the key '{key}'."));
        }
        if value
            .as_str()
            .is_some_and(|text| text.chars().count() > 256)
        {
            checks.fault(
                path,
                format!("has a value of more than 256 characters for the key '{key}'."),
            );
        }
    }
}

/// Whether a key is one that only Strata writes.
fn is_own(key: &str) -> bool {
    key.starts_with("strata:")
}

/// The tags that an object should have, without those of Strata: the defaults under its own.
pub(crate) fn wanted(defaults: &Tags, tags: Option<&Tags>) -> Tags {
    let mut wanted = defaults.clone();
    wanted.extend(
        tags.into_iter()
            .flatten()
            .map(|(k, v)| (k.clone(), v.clone())),
    );
    wanted
}

/// The tags of a create call.
pub(crate) fn for_create(wanted: Tags, lineage: Lineage, op: OpId) -> Tags {
    let mut tags = wanted;
    tags.insert(TAG_LINEAGE.to_owned(), lineage.to_string());
    tags.insert(TAG_OP.to_owned(), op.to_string());
    tags
}

/// The op that an object's tags name.
pub(crate) fn op_of(tags: &Tags) -> Option<OpId> {
    OpId::parse(tags.get(TAG_OP)?)
}

/// The lineage that an object's tags name.
pub(crate) fn lineage_of(tags: &Tags) -> Option<&str> {
    tags.get(TAG_LINEAGE).map(String::as_str)
}

/// What users see of an object's tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) tags: Tags,
    pub(crate) tags_all: Tags,
}

/// What users see of the tags of an object whose definition may be recorded, with or without tags of its own.
pub(crate) fn seen_of(live: Tags, defaults: &Tags, recorded: Option<Option<&Tags>>) -> Seen {
    let none = Tags::new();
    seen(live, defaults, recorded.map(|tags| tags.unwrap_or(&none)))
}

/// Splits an object's tags: Strata's and AWS's own are hidden, those of controllers where nobody declared them.
/// `recorded` are the tags of the definition, as far as they are recorded; without a record, as in an import, it is not
/// known what is declared, and those of controllers are seen.
pub(crate) fn seen(live: Tags, defaults: &Tags, recorded: Option<&Tags>) -> Seen {
    let is_declared = |key: &str| recorded.is_some_and(|tags| tags.contains_key(key));
    let tags_all: Tags = live
        .into_iter()
        .filter(|(key, _)| {
            let hidden = if recorded.is_some() {
                is_foreign(key)
            } else {
                is_reserved(key)
            };
            is_declared(key) || defaults.contains_key(key) || !hidden
        })
        .collect();
    let tags = tags_all
        .iter()
        .filter(|(key, value)| is_declared(key) || !is_default(defaults, key, value, recorded))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    Seen { tags, tags_all }
}

/// Whether a key is one that no definition can have.
fn is_reserved(key: &str) -> bool {
    is_own(key) || key.starts_with("aws:")
}

fn is_foreign(key: &str) -> bool {
    is_reserved(key) || CONTROLLERS.iter().any(|part| key.contains(part))
}

/// Whether a tag comes from the defaults. Of an object without a record only an equal value says so.
fn is_default(defaults: &Tags, key: &str, value: &str, recorded: Option<&Tags>) -> bool {
    defaults
        .get(key)
        .is_some_and(|default| recorded.is_some() || default == value)
}

/// What an object's tags should become.
#[derive(Debug, Clone, Default)]
pub(crate) struct Goal {
    /// The tags that it should have, without those of Strata that it has already.
    pub(crate) tags: Tags,
    /// The keys that its definition or the defaults had until now. Such a tag goes with them, also one of a kind that
    /// controllers write.
    pub(crate) declared: BTreeSet<String>,
}

/// The calls that bring an object's tags to what is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) set: Tags,
    pub(crate) remove: Vec<String>,
}

impl Difference {
    /// From the tags on the object to those wanted. What is hidden from users is left alone.
    pub(crate) fn between(live: &Tags, goal: &Goal) -> Self {
        let wanted = &goal.tags;
        let is_hidden =
            |key: &str| is_reserved(key) || is_foreign(key) && !goal.declared.contains(key);
        let set = wanted
            .iter()
            .filter(|(key, value)| live.get(*key) != Some(value))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let remove = live
            .keys()
            .filter(|key| !wanted.contains_key(*key) && !is_hidden(key))
            .cloned()
            .collect();
        Difference { set, remove }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.set.is_empty() && self.remove.is_empty()
    }
}

/// Brings an object's tags to what is wanted, by the calls of its service. Says whether one was made.
pub(crate) async fn converge<S, R>(
    difference: Difference,
    set: impl FnOnce(Tags) -> S,
    remove: impl FnOnce(Vec<String>) -> R,
) -> Result<bool, Failure>
where
    S: Future<Output = Result<(), Failure>>,
    R: Future<Output = Result<(), Failure>>,
{
    let is_needed = !difference.is_empty();
    if !difference.set.is_empty() {
        set(difference.set).await?;
    }
    if !difference.remove.is_empty() {
        remove(difference.remove).await?;
    }
    Ok(is_needed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(list: &[(&str, &str)]) -> Tags {
        list.iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn users_see_their_own_tags() {
        let live = tags(&[
            ("Name", "a"),
            ("team", "x"),
            ("strata:op", "1"),
            ("aws:eks:cluster-name", "c"),
            ("kubernetes.io/cluster/c", "owned"),
            ("kubernetes.io/role/elb", "1"),
        ]);
        let recorded = tags(&[("Name", "a"), ("kubernetes.io/role/elb", "1")]);
        let seen = seen(live, &tags(&[("team", "x")]), Some(&recorded));
        assert_eq!(seen.tags, recorded);
        assert_eq!(
            seen.tags_all,
            tags(&[
                ("Name", "a"),
                ("kubernetes.io/role/elb", "1"),
                ("team", "x")
            ])
        );
    }

    #[test]
    fn an_import_sees_what_controllers_look_for() {
        let live = tags(&[
            ("kubernetes.io/role/elb", "1"),
            ("aws:x", "1"),
            ("strata:op", "1"),
        ]);
        let seen = seen(live, &Tags::new(), None);
        assert_eq!(seen.tags, tags(&[("kubernetes.io/role/elb", "1")]));
    }

    #[test]
    fn a_changed_default_is_not_a_tag_of_the_definition() {
        let live = tags(&[("team", "changed"), ("hand", "1")]);
        let defaults = tags(&[("team", "x")]);
        let refreshed = seen(live.clone(), &defaults, Some(&Tags::new()));
        assert_eq!(refreshed.tags, tags(&[("hand", "1")]));
        assert_eq!(refreshed.tags_all, live);
        assert_eq!(seen(live.clone(), &defaults, None).tags, live);
    }

    #[test]
    fn an_update_leaves_hidden_tags_alone() {
        let live = tags(&[
            ("strata:op", "1"),
            ("eks:x", "1"),
            ("old", "1"),
            ("same", "1"),
            ("new", "0"),
        ]);
        let goal = |tags: Tags, declared: &[&str]| Goal {
            tags,
            declared: declared.iter().map(|key| (*key).to_owned()).collect(),
        };
        let difference =
            Difference::between(&live, &goal(tags(&[("same", "1"), ("new", "1")]), &[]));
        assert_eq!(difference.set, tags(&[("new", "1")]));
        assert_eq!(difference.remove, ["old"]);
        let all = wanted(
            &tags(&[("old", "1"), ("new", "0")]),
            Some(&tags(&[("same", "1")])),
        );
        assert!(Difference::between(&live, &goal(all.clone(), &[])).is_empty());
        // What was declared goes, whoever else writes such keys; what is reserved stays in any case.
        let difference = Difference::between(&live, &goal(all, &["eks:x", "strata:op"]));
        assert_eq!(difference.remove, ["eks:x"]);
    }
}
