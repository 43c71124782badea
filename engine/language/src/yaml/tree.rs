//! Parse events to a tree with places, within the limits of the language.

use std::collections::BTreeMap;
use std::ops::Range;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, StructureStyle, Tag};
use strata_model::Diagnostic;

use crate::codes;
use crate::hcl::{MAX_NODES, duplicate_key};
use crate::place::Place;

/// How many collections may nest.
const MAX_DEPTH: usize = 64;

/// How many nodes aliases may add to a file.
const MAX_ALIAS_NODES: usize = 100_000;

/// How many nodes anchors may hold in a file; one inside another counts twice.
const MAX_ANCHORED_NODES: usize = 1_000_000;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node<'t> {
    pub(super) kind: NodeKind<'t>,
    pub(super) range: Range<usize>,
    /// How many nodes it has, itself among them.
    pub(super) size: usize,
}

/// What a node is.
#[derive(Debug, Clone)]
pub(super) enum NodeKind<'t> {
    /// Text in some style.
    Scalar(Scalar<'t>),
    /// A list.
    Sequence(Vec<Node<'t>>),
    /// A map, in the order written.
    Mapping(Vec<(Key<'t>, Node<'t>)>),
}

/// A scalar as it is written.
#[derive(Debug, Clone)]
pub(super) struct Scalar<'t> {
    pub(super) text: std::borrow::Cow<'t, str>,
    pub(super) style: ScalarStyle,
    /// The type that a tag says.
    pub(super) tag: Option<CoreTag>,
}

/// The tags of the core schema that scalars may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CoreTag {
    Text,
    Null,
    Bool,
    Int,
    Float,
}

/// A key of a map.
#[derive(Debug, Clone)]
pub(super) struct Key<'t> {
    pub(super) text: std::borrow::Cow<'t, str>,
    pub(super) range: Range<usize>,
}

/// A collection that is not complete yet.
struct Open<'t> {
    kind: OpenKind<'t>,
    start: usize,
    anchor: usize,
    size: usize,
    block: bool,
}

enum OpenKind<'t> {
    Sequence(Vec<Node<'t>>),
    Mapping {
        pairs: Vec<(Key<'t>, Node<'t>)>,
        key: Option<Key<'t>>,
    },
}

/// Reads a file; `None` where it holds nothing.
pub(super) fn read<'t>(
    text: &'t str,
    place: Place<'_>,
    out: &mut Vec<Diagnostic>,
) -> Result<Option<Node<'t>>, Box<Diagnostic>> {
    let mut builder = Builder {
        text,
        place,
        out,
        has_tabs: text.contains('\t'),
        stack: Vec::new(),
        anchors: BTreeMap::new(),
        alias_nodes: 0,
        anchored_nodes: 0,
        nodes: 0,
        documents: 0,
        root: None,
    };
    let options = granit_parser::options! {
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
        emit_comments: false,
    };
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| Box::new(builder.syntax(&error)))?;
        let range = span.byte_range().unwrap_or_default();
        builder.event(event, range)?;
    }
    Ok(builder.root)
}

struct Builder<'t, 'a> {
    text: &'t str,
    place: Place<'a>,
    out: &'a mut Vec<Diagnostic>,
    has_tabs: bool,
    stack: Vec<Open<'t>>,
    anchors: BTreeMap<usize, Node<'t>>,
    alias_nodes: usize,
    anchored_nodes: usize,
    nodes: usize,
    documents: usize,
    root: Option<Node<'t>>,
}

impl<'t> Builder<'t, '_> {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the parser may learn events that say nothing here"
    )]
    fn event(&mut self, event: Event<'t>, range: Range<usize>) -> Result<(), Box<Diagnostic>> {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    let detail =
                        "A file holds one document; put each further one into a file of its own.";
                    return Err(self.error(codes::DOCUMENTS, detail, range));
                }
            }
            Event::Alias(anchor) => {
                let node = self.aliased(anchor, range)?;
                self.add(node, 0)?;
            }
            Event::Scalar(text, style, anchor, tag) => {
                let tag = self.scalar_tag(tag.as_deref(), &range)?;
                let node = Node {
                    kind: NodeKind::Scalar(Scalar { text, style, tag }),
                    range,
                    size: 1,
                };
                self.add(node, anchor)?;
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.collection_tag(tag.as_deref(), "seq", &range)?;
                let kind = OpenKind::Sequence(Vec::new());
                self.open(kind, style, (anchor, range))?;
            }
            Event::MappingStart(style, anchor, tag) => {
                self.collection_tag(tag.as_deref(), "map", &range)?;
                let kind = OpenKind::Mapping {
                    pairs: Vec::new(),
                    key: None,
                };
                self.open(kind, style, (anchor, range))?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(range)?,
            // The stream's ends and comments say nothing here.
            _ => {}
        }
        Ok(())
    }

    fn open(
        &mut self,
        kind: OpenKind<'t>,
        style: StructureStyle,
        (anchor, range): (usize, Range<usize>),
    ) -> Result<(), Box<Diagnostic>> {
        if self.stack.len() >= MAX_DEPTH {
            let detail =
                format!("Nesting deeper than {MAX_DEPTH} levels of lists and maps is not read.");
            return Err(self.error(codes::NESTING, &detail, range));
        }
        self.refuse_as_key(&range)?;
        self.stack.push(Open {
            kind,
            start: range.start,
            anchor,
            size: 1,
            block: style == StructureStyle::Block,
        });
        Ok(())
    }

    /// Refuses a collection where a key is due.
    fn refuse_as_key(&self, range: &Range<usize>) -> Result<(), Box<Diagnostic>> {
        match self.stack.last() {
            Some(Open {
                kind: OpenKind::Mapping { key: None, .. },
                ..
            }) => {
                let detail = "A key is text, not a list or map.";
                Err(self.error(codes::KEY, detail, range.clone()))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn close(&mut self, range: Range<usize>) -> Result<(), Box<Diagnostic>> {
        let Some(open) = self.stack.pop() else {
            return Ok(());
        };
        let kind = match open.kind {
            OpenKind::Sequence(elements) => NodeKind::Sequence(elements),
            OpenKind::Mapping { mut pairs, .. } => {
                self.drop_duplicates(&mut pairs);
                NodeKind::Mapping(pairs)
            }
        };
        let end = match &kind {
            NodeKind::Sequence(elements) if range.is_empty() => {
                elements.last().map(|node| node.range.end)
            }
            NodeKind::Mapping(pairs) if range.is_empty() => {
                pairs.last().map(|(_, node)| node.range.end)
            }
            NodeKind::Scalar(_) | NodeKind::Sequence(_) | NodeKind::Mapping(_) => None,
        };
        let node = Node {
            kind,
            range: open.start..end.unwrap_or(range.end).max(open.start),
            size: open.size,
        };
        self.add(node, open.anchor)
    }

    /// Puts a complete node where it belongs.
    fn add(&mut self, node: Node<'t>, anchor: usize) -> Result<(), Box<Diagnostic>> {
        if anchor > 0 {
            self.anchored_nodes = self.anchored_nodes.saturating_add(node.size);
            if self.anchored_nodes > MAX_ANCHORED_NODES {
                let detail = format!(
                    "Anchors may hold {MAX_ANCHORED_NODES} nodes in a file; these hold more."
                );
                return Err(self.error(codes::ALIAS_LIMIT, &detail, node.range));
            }
            self.anchors.insert(anchor, node.clone());
        }
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            let detail = format!("A file may hold {MAX_NODES} values; this one holds more.");
            return Err(self.error(codes::SIZE, &detail, node.range));
        }
        let expects_key = matches!(
            self.stack.last(),
            Some(Open {
                kind: OpenKind::Mapping { key: None, .. },
                ..
            })
        );
        if expects_key {
            let found = self.key(node)?;
            if let Some(Open {
                kind: OpenKind::Mapping { key, .. },
                ..
            }) = self.stack.last_mut()
            {
                *key = Some(found);
            }
            return Ok(());
        }
        let Some(parent) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        parent.size = parent.size.saturating_add(node.size);
        match &mut parent.kind {
            OpenKind::Sequence(elements) => elements.push(node),
            OpenKind::Mapping { pairs, key } => pairs.extend(key.take().map(|key| (key, node))),
        }
        Ok(())
    }

    fn key(&self, node: Node<'t>) -> Result<Key<'t>, Box<Diagnostic>> {
        let NodeKind::Scalar(scalar) = node.kind else {
            let detail = "A key is text, not a list or map.";
            return Err(self.error(codes::KEY, detail, node.range));
        };
        let is_plain = scalar.style == ScalarStyle::Plain && scalar.tag.is_none();
        if is_plain && scalar.text == "<<" {
            let detail = "Maps are not merged with <<. Write the keys out, or use merge(…) in an expression.";
            return Err(self.error(codes::MERGE_KEY, detail, node.range));
        }
        if (is_plain && super::scalar::is_null(&scalar.text)) || scalar.tag == Some(CoreTag::Null) {
            let detail = "A key is text, not null; in quotes the word is text.";
            return Err(self.error(codes::KEY, detail, node.range));
        }
        let in_block = self.stack.last().is_some_and(|open| open.block);
        if self.has_tabs && in_block {
            self.refuse_tabs(node.range.start)?;
        }
        Ok(Key {
            text: scalar.text,
            range: node.range,
        })
    }

    /// Refuses a tab in the indentation of the line that holds the offset.
    fn refuse_tabs(&self, at: usize) -> Result<(), Box<Diagnostic>> {
        let line = self.text[..at].rfind('\n').map_or(0, |end| end + 1);
        let before = &self.text[line..at];
        let indentation = &before[..before.len() - before.trim_start_matches([' ', '\t']).len()];
        match indentation.find('\t') {
            Some(tab) => {
                let tab = line + tab;
                Err(self.error(codes::TAB, "Indent with spaces.", tab..tab + 1))
            }
            None => Ok(()),
        }
    }

    fn aliased(&mut self, anchor: usize, range: Range<usize>) -> Result<Node<'t>, Box<Diagnostic>> {
        let Some(target) = self.anchors.get(&anchor) else {
            let detail = "An anchor cannot hold itself.";
            return Err(self.error(codes::ALIAS_LIMIT, detail, range));
        };
        self.alias_nodes = self.alias_nodes.saturating_add(target.size);
        if self.alias_nodes > MAX_ALIAS_NODES {
            let detail =
                format!("Aliases may add {MAX_ALIAS_NODES} nodes to a file; these add more.");
            return Err(self.error(codes::ALIAS_LIMIT, &detail, range));
        }
        Ok(target.clone())
    }

    fn scalar_tag(
        &self,
        tag: Option<&Tag>,
        range: &Range<usize>,
    ) -> Result<Option<CoreTag>, Box<Diagnostic>> {
        let Some(tag) = tag else {
            return Ok(None);
        };
        // `!` alone says that a scalar is text.
        if matches!((tag.handle(), tag.suffix()), ("!", "") | ("", "!")) {
            return Ok(Some(CoreTag::Text));
        }
        match tag.core_suffix() {
            Some("str") => Ok(Some(CoreTag::Text)),
            Some("null") => Ok(Some(CoreTag::Null)),
            Some("bool") => Ok(Some(CoreTag::Bool)),
            Some("int") => Ok(Some(CoreTag::Int)),
            Some("float") => Ok(Some(CoreTag::Float)),
            Some(_) | None => Err(self.tag_error(tag, range)),
        }
    }

    fn collection_tag(
        &self,
        tag: Option<&Tag>,
        wanted: &str,
        range: &Range<usize>,
    ) -> Result<(), Box<Diagnostic>> {
        match tag {
            Some(tag) if tag.core_suffix() != Some(wanted) => Err(self.tag_error(tag, range)),
            Some(_) | None => Ok(()),
        }
    }

    fn tag_error(&self, tag: &Tag, range: &Range<usize>) -> Box<Diagnostic> {
        let spelled = format!("{}{}", tag.original_handle(), tag.suffix());
        let detail = format!(
            "The tag {} is none of !!str, !!int, !!float, !!bool, !!null, !!seq and !!map, or does not fit here.",
            spelled.escape_debug()
        );
        self.error(codes::TAG, &detail, self.tag_range(range))
    }

    /// Where the tag stands that belongs to a node; the parser says only where the node does.
    fn tag_range(&self, node: &Range<usize>) -> Range<usize> {
        let ends = |letter: char| matches!(letter, ' ' | '\t' | '\r' | '\n' | ',' | '[' | '{');
        let before = &self.text[..node.start];
        let Some(sign) = before.rfind('!') else {
            return node.clone();
        };
        let start = before[..sign].rfind(ends).map_or(0, |end| end + 1);
        let length = self.text[start..].find(ends);
        start..length.map_or(self.text.len(), |length| start + length)
    }

    /// Reports keys that are written twice, and keeps the first of each.
    fn drop_duplicates(&mut self, pairs: &mut Vec<(Key<'t>, Node<'t>)>) {
        let mut order: Vec<usize> = (0..pairs.len()).collect();
        order.sort_by(|left, right| pairs[*left].0.text.cmp(&pairs[*right].0.text));
        let mut dropped: Vec<usize> = Vec::new();
        for pair in order.windows(2) {
            let (first, second) = (&pairs[pair[0]].0, &pairs[pair[1]].0);
            if first.text == second.text {
                let places = [first, second].map(|key| self.place.span(key.range.clone()));
                self.out
                    .push(duplicate_key(&first.text, places[0], places[1]));
                dropped.push(pair[1]);
            }
        }
        if !dropped.is_empty() {
            dropped.sort_unstable();
            let mut index = 0;
            pairs.retain(|_| {
                index += 1;
                dropped.binary_search(&(index - 1)).is_err()
            });
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the parser has a kind for every fault of syntax"
    )]
    fn syntax(&self, error: &ScanError) -> Diagnostic {
        let at = error
            .marker()
            .byte_offset()
            .unwrap_or_default()
            .min(self.text.len());
        let end = self.text[at..]
            .chars()
            .next()
            .map_or(at, |c| at + c.len_utf8());
        let span = self.place.span(at..end);
        // The parser notices a tab when it is past it.
        let line = self.text[..at].rfind('\n').map_or(0, |end| end + 1);
        let tab = self.text[line..at].find('\t').map(|tab| line + tab);
        match error.kind() {
            ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabAtBlockScalarStart
            | ErrorKind::InvalidBlockEntryWhitespace
            | ErrorKind::InvalidMappingValueWhitespace => {
                let span = tab.map_or(span, |tab| self.place.span(tab..tab + 1));
                codes::TAB.error("Indent with spaces.").at(span)
            }
            ErrorKind::RecursionLimitExceeded => {
                let detail = format!(
                    "Nesting deeper than {MAX_DEPTH} levels of lists and maps is not read."
                );
                codes::NESTING.error(detail).at(span)
            }
            ErrorKind::UnknownAnchor => {
                let detail = "No anchor of this name stands before the alias.";
                codes::UNKNOWN_ALIAS.error(detail).at(span)
            }
            _ => self.syntax_with_hint(error, at).at(span),
        }
    }

    fn syntax_with_hint(&self, error: &ScanError, at: usize) -> Diagnostic {
        let info = error.info();
        let mut chars = info.chars();
        let sentence: String = chars
            .next()
            .into_iter()
            .flat_map(char::to_uppercase)
            .chain(chars)
            .collect();
        let diagnostic = codes::YAML_SYNTAX.error(format!("{}.", sentence.trim_end_matches('.')));
        let line = self.text[..at].rfind('\n').map_or(0, |end| end + 1);
        let rest = &self.text[line..];
        let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
        if line.contains("${") || line.contains("%{") {
            return diagnostic.hint(
                "Put text with ${…} into quotes where it stands inside [ ] or { }, or holds ': ' or ' #'.",
            );
        }
        diagnostic
    }

    fn error(&self, code: codes::CodeEntry, detail: &str, range: Range<usize>) -> Box<Diagnostic> {
        Box::new(code.error(detail).at(self.place.span(range)))
    }
}
