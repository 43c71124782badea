//! Bringing a field set up to a schema that has changed since.

use crate::path::PathElement;
use crate::schema::{Chosen, Relationship, Schema, TypeRef};
use crate::set::{FieldSet, Node};
use crate::typed::TypeProblemKind;
use crate::walk::{self, Problems};

/// The set, where lists and maps that have become one piece are owned as such: who owned a part owns all of it now.
pub(crate) fn reconcile(
    schema: &Schema,
    type_ref: &TypeRef,
    set: &FieldSet,
    problems: &mut Problems,
) -> FieldSet {
    let mut walk = Walk {
        schema,
        path: Vec::new(),
        turned: FieldSet::new(),
    };
    let root = Node {
        member: false,
        children: set.clone(),
    };
    walk.node(type_ref, &root, problems);
    set.recursive_difference(&walk.turned).union(&walk.turned)
}

struct Walk<'a> {
    schema: &'a Schema,
    path: Vec<PathElement>,
    /// What has become one piece.
    turned: FieldSet,
}

impl Walk<'_> {
    fn node(&mut self, type_ref: &TypeRef, node: &Node, problems: &mut Problems) {
        let Some(atom) = walk::resolve(self.schema, type_ref, problems) else {
            return;
        };
        let owned_whole = node.member && node.children.is_empty();
        match atom.chosen() {
            None => problems.push(TypeProblemKind::UnknownField),
            Some(Chosen::Scalar(_)) => {}
            Some(Chosen::Map(map)) if map.is_deduced() => {}
            Some(Chosen::Map(map)) => {
                if map.relationship != Relationship::Atomic {
                    for (element, below) in node.children.nodes() {
                        let below_type = match element {
                            PathElement::Field(name) => map.type_of(name),
                            PathElement::Key(_) | PathElement::Value(_) | PathElement::Index(_) => {
                                map.element.clone().unwrap_or_default()
                            }
                        };
                        // A field that the schema no longer has is left as it is.
                        if below_type != TypeRef::default() {
                            self.below(element, &below_type, below, problems);
                        }
                    }
                } else if !owned_whole && !node.children.is_empty() {
                    self.turned.insert(&self.path);
                }
            }
            Some(Chosen::List(list)) => {
                if list.relationship != Relationship::Atomic {
                    for (element, below) in node.children.nodes() {
                        self.below(element, &list.element, below, problems);
                    }
                } else if !owned_whole {
                    self.turned.insert(&self.path);
                }
            }
        }
    }

    fn below(
        &mut self,
        element: &PathElement,
        type_ref: &TypeRef,
        node: &Node,
        problems: &mut Problems,
    ) {
        let mut below = Problems::default();
        self.path.push(element.clone());
        self.node(type_ref, node, &mut below);
        self.path.pop();
        problems.within(element, below);
    }
}
