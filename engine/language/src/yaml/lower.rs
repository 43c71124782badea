//! The tree of a YAML file to the neutral tree. The table of blocks says which keys are blocks.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use strata_model::{Diagnostic, Name, Span, Value};

use crate::block::{Attribute, Block, Body, Item};
use crate::codes;
use crate::decode::table::{BlockSpec, BodySpec, Form, YamlForm};
use crate::expression::{Expr, ExprKind, ObjectItem, Spanned};
use crate::place::Place;

use super::scalar;
use super::tree::{Key, Node, NodeKind, Scalar};

/// Lowers the nodes of one text.
pub(super) struct Lowering<'a> {
    pub(super) text: &'a str,
    pub(super) place: Place<'a>,
    pub(super) out: &'a mut Vec<Diagnostic>,
}

type Labels = Vec<Spanned<Arc<str>>>;

impl<'t> Lowering<'_> {
    /// The body that a map is.
    pub(super) fn body(&mut self, node: Node<'t>, spec: &'static BodySpec) -> Body {
        let mut body = Body::default();
        let pairs = match node.kind {
            NodeKind::Mapping(pairs) => pairs,
            NodeKind::Scalar(scalar) if is_nothing(&scalar) => return body,
            NodeKind::Scalar(_) | NodeKind::Sequence(_) => {
                let detail = "A map stands here: keys with values, each on a line of its own.";
                self.error(codes::BLOCK_FORM, detail, node.range);
                return body;
            }
        };
        body.items.reserve(pairs.len());
        for (key, value) in pairs {
            match spec.block(&key.text) {
                Some(block) => self.block(block, &key, value, &mut body),
                None => {
                    let form = spec
                        .attribute(&key.text)
                        .map_or(Form::Expression, |attribute| attribute.form);
                    let name = self.name(key);
                    match self.value(value, form) {
                        Some(value) => body.items.push(Item::Attribute(Attribute { name, value })),
                        None => body.broken.push(name.value),
                    }
                }
            }
        }
        body
    }

    fn name(&self, key: Key<'t>) -> Spanned<Name> {
        Spanned {
            span: self.span(key.range),
            value: arc(key.text),
        }
    }

    fn span(&self, range: Range<usize>) -> Span {
        self.place.span(range)
    }

    fn block(&mut self, spec: &'static BlockSpec, key: &Key<'t>, node: Node<'t>, into: &mut Body) {
        let keyword = Spanned {
            value: Arc::from(spec.keyword),
            span: self.span(key.range.clone()),
        };
        self.labelled(spec, (&keyword, Vec::new()), node, into);
    }

    /// Goes down through the maps that labels are.
    fn labelled(
        &mut self,
        spec: &'static BlockSpec,
        (keyword, labels): (&Spanned<Name>, Labels),
        node: Node<'t>,
        into: &mut Body,
    ) {
        let Some(wanted) = spec.labels.get(labels.len()) else {
            self.bodies(spec, (keyword, labels), node, into);
            return;
        };
        let range = node.range.clone();
        match node.kind {
            NodeKind::Mapping(pairs) => {
                for (key, value) in pairs {
                    let mut labels = labels.clone();
                    labels.push(self.name(key));
                    self.labelled(spec, (keyword, labels), value, into);
                }
            }
            NodeKind::Scalar(scalar) if is_nothing(&scalar) => {}
            NodeKind::Scalar(_) | NodeKind::Sequence(_) => {
                let detail = format!("'{}' holds a map of its {}s.", spec.keyword, wanted);
                self.error(codes::BLOCK_FORM, &detail, range);
            }
        }
    }

    fn bodies(
        &mut self,
        spec: &'static BlockSpec,
        (keyword, labels): (&Spanned<Name>, Labels),
        node: Node<'t>,
        into: &mut Body,
    ) {
        let head = labels.last().map_or(keyword.span, |label| label.span);
        let range = node.range.clone();
        let nodes = match (spec.yaml, node.kind) {
            (YamlForm::Map | YamlForm::MapOrList, kind @ NodeKind::Mapping(_)) => {
                return self.one(
                    spec,
                    (keyword.clone(), labels),
                    (head, Node { kind, ..node }),
                    into,
                );
            }
            (_, NodeKind::Scalar(scalar)) if is_nothing(&scalar) && spec.yaml != YamlForm::List => {
                let empty = Node {
                    kind: NodeKind::Mapping(Vec::new()),
                    ..node
                };
                return self.one(spec, (keyword.clone(), labels), (head, empty), into);
            }
            (YamlForm::List | YamlForm::MapOrList, NodeKind::Sequence(nodes)) => nodes,
            (form, _) => {
                let detail = match form {
                    YamlForm::Map => format!("'{}' holds a map.", spec.keyword),
                    YamlForm::List => format!(
                        "'{}' holds a list of maps, one for each block.",
                        spec.keyword
                    ),
                    YamlForm::MapOrList => {
                        format!("'{}' holds a map, or a list of maps.", spec.keyword)
                    }
                };
                self.error(codes::BLOCK_FORM, &detail, range);
                return;
            }
        };
        for node in nodes {
            let head = self.span(node.range.start..node.range.start + 1);
            self.one(spec, (keyword.clone(), labels.clone()), (head, node), into);
        }
    }

    fn one(
        &mut self,
        spec: &'static BlockSpec,
        (keyword, labels): (Spanned<Name>, Labels),
        (head, node): (Span, Node<'t>),
        into: &mut Body,
    ) {
        let body = self.body(node, spec.body);
        into.items.push(Item::Block(Block {
            keyword,
            labels,
            body,
            head,
        }));
    }

    /// The expression that a node is; `None` where it cannot be read, which is reported. A list or map is read
    /// without the parts that cannot be.
    fn value(&mut self, node: Node<'t>, form: Form) -> Option<Expr> {
        let span = self.span(node.range.clone());
        let kind = match node.kind {
            NodeKind::Scalar(scalar) => return self.scalar(&scalar, node.range, form),
            NodeKind::Sequence(nodes) => {
                let elements = nodes.into_iter().filter_map(|node| self.value(node, form));
                ExprKind::Tuple(elements.collect())
            }
            NodeKind::Mapping(pairs) => {
                let items = pairs.into_iter().filter_map(|(key, node)| {
                    let key = Expr {
                        span: self.span(key.range),
                        kind: ExprKind::Literal(Value::string(arc(key.text))),
                    };
                    self.value(node, form)
                        .map(|value| ObjectItem { key, value })
                });
                ExprKind::Object(items.collect())
            }
        };
        Some(Expr { kind, span })
    }

    fn scalar(&mut self, scalar: &Scalar<'t>, range: Range<usize>, form: Form) -> Option<Expr> {
        let at = (self.place, range);
        let result = if form.is_reference() {
            scalar::reference(scalar, self.text, at)
        } else {
            scalar::expression(scalar, self.text, at)
        };
        result.map_err(|diagnostic| self.out.push(*diagnostic)).ok()
    }

    fn error(&mut self, code: codes::CodeEntry, detail: &str, range: Range<usize>) {
        let diagnostic = code.error(detail).at(self.span(range));
        self.out.push(diagnostic);
    }
}

fn is_nothing(scalar: &Scalar<'_>) -> bool {
    matches!(
        scalar::plain_value(scalar),
        Some(ExprKind::Literal(value)) if value.is_null()
    )
}

fn arc(text: Cow<'_, str>) -> Arc<str> {
    match text {
        Cow::Borrowed(text) => Arc::from(text),
        Cow::Owned(text) => Arc::from(text),
    }
}
