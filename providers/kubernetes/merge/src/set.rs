//! Sets of fields.

use std::collections::BTreeMap;

use crate::path::{Path, PathElement};
use crate::schema::{Schema, TypeRef};

/// A set of fields of one object, as a tree. A parent's membership says nothing about its children's.
///
/// Invariant: every node is a member or has a member below it, so that equal sets have equal trees.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldSet {
    nodes: BTreeMap<PathElement, Node>,
}

/// What a set knows of one step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    pub(crate) member: bool,
    pub(crate) children: FieldSet,
}

impl Node {
    fn is_empty(&self) -> bool {
        !self.member && self.children.is_empty()
    }

    /// Whether the field itself is in the set.
    #[must_use]
    pub fn is_member(&self) -> bool {
        self.member
    }

    /// The part of the set below the field.
    #[must_use]
    pub fn children(&self) -> &FieldSet {
        &self.children
    }
}

impl FromIterator<Path> for FieldSet {
    fn from_iter<I: IntoIterator<Item = Path>>(paths: I) -> Self {
        let mut set = Self::default();
        for path in paths {
            set.insert(path.elements());
        }
        set
    }
}

impl FieldSet {
    /// The empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field; its parents are not added. The empty path is not a field and adds nothing.
    pub fn insert(&mut self, path: &[PathElement]) {
        let Some((first, rest)) = path.split_first() else {
            return;
        };
        let node = self.nodes.entry(first.clone()).or_default();
        if rest.is_empty() {
            node.member = true;
        } else {
            node.children.insert(rest);
        }
    }

    /// Adds a node as it is; an empty one is not added.
    pub(crate) fn put(&mut self, element: PathElement, node: Node) {
        if !node.is_empty() {
            self.nodes.insert(element, node);
        }
    }

    /// The node of a step from the root.
    #[must_use]
    pub fn node(&self, element: &PathElement) -> Option<&Node> {
        self.nodes.get(element)
    }

    /// The nodes below the root, in order.
    pub fn nodes(&self) -> impl Iterator<Item = (&PathElement, &Node)> {
        self.nodes.iter()
    }

    /// Whether a field is in the set.
    #[must_use]
    pub fn contains(&self, path: &[PathElement]) -> bool {
        let Some((first, rest)) = path.split_first() else {
            return false;
        };
        self.nodes.get(first).is_some_and(|node| {
            if rest.is_empty() {
                node.member
            } else {
                node.children.contains(rest)
            }
        })
    }

    /// Whether no field is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Every field in the set, parents before children.
    #[must_use]
    pub fn paths(&self) -> Vec<Path> {
        let mut paths = Vec::new();
        self.collect(&mut Vec::new(), &mut paths);
        paths
    }

    fn collect(&self, prefix: &mut Vec<PathElement>, paths: &mut Vec<Path>) {
        for (element, node) in &self.nodes {
            prefix.push(element.clone());
            if node.member {
                paths.push(Path::from(prefix.clone()));
            }
            node.children.collect(prefix, paths);
            prefix.pop();
        }
    }

    /// The fields of either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut union = self.clone();
        for (element, node) in &other.nodes {
            let mine = union.nodes.entry(element.clone()).or_default();
            mine.member |= node.member;
            mine.children = mine.children.union(&node.children);
        }
        union
    }

    /// The fields of both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.filtered(|element, node| {
            let other = other.nodes.get(element)?;
            Some(Node {
                member: node.member && other.member,
                children: node.children.intersection(&other.children),
            })
        })
    }

    /// The fields of this set that are not in the other; a child stays when only its parent is in the other.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.filtered(|element, node| match other.nodes.get(element) {
            None => Some(node.clone()),
            Some(other) => Some(Node {
                member: node.member && !other.member,
                children: node.children.difference(&other.children),
            }),
        })
    }

    /// The fields of this set that are neither in the other nor below one that is.
    #[must_use]
    pub fn recursive_difference(&self, other: &Self) -> Self {
        self.filtered(|element, node| match other.nodes.get(element) {
            None => Some(node.clone()),
            Some(other) if other.member => None,
            Some(other) => Some(Node {
                member: node.member,
                children: node.children.recursive_difference(&other.children),
            }),
        })
    }

    fn filtered(&self, keep: impl Fn(&PathElement, &Node) -> Option<Node>) -> Self {
        let mut kept = Self::default();
        for (element, node) in &self.nodes {
            if let Some(node) = keep(element, node) {
                kept.put(element.clone(), node);
            }
        }
        kept
    }

    /// The set with every field that has a name in the schema and a member below it. Items of lists and keys of free
    /// maps are not named: they come and go with their content.
    #[must_use]
    pub fn with_named_parents(&self, schema: &Schema, type_ref: &TypeRef) -> Self {
        let atom = schema.resolve(type_ref).unwrap_or_default();
        self.filtered(|element, node| {
            let (named, child) = match (element, &atom.map, &atom.list) {
                (PathElement::Field(name), Some(map), _) => match map.field(name) {
                    Some(field) => (true, field.type_ref.clone()),
                    None => (false, map.element.clone().unwrap_or_default()),
                },
                (PathElement::Key(_), _, Some(list)) => (false, list.element.clone()),
                (
                    PathElement::Field(_)
                    | PathElement::Key(_)
                    | PathElement::Value(_)
                    | PathElement::Index(_),
                    _,
                    _,
                ) => (false, TypeRef::default()),
            };
            Some(Node {
                member: node.member || (named && !node.children.is_empty()),
                children: node.children.with_named_parents(schema, &child),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(paths: &[&str]) -> FieldSet {
        paths
            .iter()
            .map(|path| Path::of_fields(&path.split('.').collect::<Vec<_>>()))
            .collect()
    }

    #[test]
    fn a_child_outlives_its_parent_but_not_recursively() {
        let all = set(&["a", "a.b", "a.b.c", "d"]);
        assert_eq!(all.difference(&set(&["a.b"])), set(&["a", "a.b.c", "d"]));
        assert_eq!(all.recursive_difference(&set(&["a.b"])), set(&["a", "d"]));
        assert_eq!(all.recursive_difference(&set(&["a"])), set(&["d"]));
    }

    #[test]
    fn sets_without_fields_are_empty() {
        let all = set(&["a.b.c"]);
        assert!(all.difference(&all).is_empty());
        assert!(all.intersection(&set(&["a.b"])).is_empty());
        assert_eq!(all.intersection(&all), all);
        let mut nothing = FieldSet::new();
        nothing.insert(&[]);
        assert!(nothing.is_empty());
    }

    #[test]
    fn a_union_has_the_fields_of_both() {
        assert_eq!(
            set(&["a.b"]).union(&set(&["a", "c"])),
            set(&["a", "a.b", "c"])
        );
        assert!(set(&["a.b"]).contains(Path::of_fields(&["a", "b"]).elements()));
        assert!(!set(&["a.b"]).contains(Path::of_fields(&["a"]).elements()));
    }
}
