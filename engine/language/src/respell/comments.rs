//! The comments of a file, and what they stand beside.

use std::collections::BTreeMap;

use granit_parser::{Event, Parser};

use super::yaml_text::is_hidden;
use crate::block::{Body, Item};
use crate::expression::{Expr, ExprKind};

/// A comment without its sign, and where it stands.
#[derive(Debug)]
pub(super) struct Comment {
    at: usize,
    text: String,
}

/// Comments by the offset of what they belong to.
#[derive(Debug, Default)]
pub(super) struct Comments {
    before: BTreeMap<usize, Vec<String>>,
    beside: BTreeMap<usize, String>,
    at_end: Vec<String>,
}

impl Comments {
    /// Finds out what each comment belongs to: the item that begins last on its line, or else the next item.
    pub(super) fn new(text: &str, comments: Vec<Comment>, body: &Body) -> Self {
        let mut starts = Vec::new();
        body_starts(body, &mut starts);
        starts.sort_unstable();
        starts.dedup();
        let mut found = Comments::default();
        for comment in comments {
            let line = text[..comment.at].rfind('\n').map_or(0, |end| end + 1);
            let next = starts.partition_point(|start| *start < comment.at);
            let last = next.checked_sub(1).map(|index| starts[index]);
            match (last.filter(|start| *start >= line), starts.get(next)) {
                (Some(start), _) if !found.beside.contains_key(&start) => {
                    found.beside.insert(start, comment.text);
                }
                (_, Some(start)) => found.before.entry(*start).or_default().push(comment.text),
                (_, None) => found.at_end.push(comment.text),
            }
        }
        found
    }

    /// Takes the comments that stand before what begins at an offset.
    pub(super) fn before(&mut self, start: u32) -> Vec<String> {
        self.before.remove(&(start as usize)).unwrap_or_default()
    }

    /// Takes the comment that stands beside what begins at an offset.
    pub(super) fn beside(&mut self, start: u32) -> Option<String> {
        self.beside.remove(&(start as usize))
    }

    /// Takes all comments within a range, for an expression that is written as one text.
    pub(super) fn within(&mut self, start: u32, end: u32) -> Vec<String> {
        let range = start as usize..end as usize;
        let mut taken = Vec::new();
        let before: Vec<usize> = self
            .before
            .range(range.clone())
            .map(|(at, _)| *at)
            .collect();
        for at in before {
            taken.extend(self.before.remove(&at).unwrap_or_default());
        }
        let beside: Vec<usize> = self.beside.range(range).map(|(at, _)| *at).collect();
        for at in beside {
            taken.extend(self.beside.remove(&at));
        }
        taken
    }

    /// Whether a comment belongs to something inside a range.
    pub(super) fn any_within(&self, start: u32, end: u32) -> bool {
        let range = start as usize + 1..(end as usize).max(start as usize + 1);
        self.before.range(range.clone()).next().is_some()
            || self.beside.range(range).next().is_some()
    }

    /// What is left, as lines for the end of the file.
    pub(super) fn rest(self) -> String {
        let before = self.before.into_values().flatten();
        let left = before.chain(self.beside.into_values()).chain(self.at_end);
        let lines: Vec<String> = left.map(|text| line(&text)).collect();
        if lines.is_empty() {
            return String::new();
        }
        format!("\n{}", lines.concat())
    }
}

/// A comment on a line of its own.
pub(super) fn line(text: &str) -> String {
    format!("{}\n", sign(text))
}

/// A comment with its sign.
pub(super) fn sign(text: &str) -> String {
    // What YAML does not let stand in a file is shown as left out.
    let shown = |c: char| match c {
        c if c != '\t' && is_hidden(c) => '\u{fffd}',
        c => c,
    };
    let text: String = text.chars().map(shown).collect();
    format!("#{text}").trim_end().to_owned()
}

fn body_starts(body: &Body, starts: &mut Vec<usize>) {
    for item in &body.items {
        match item {
            Item::Attribute(attribute) => {
                starts.push(attribute.name.span.start as usize);
                expression_starts(&attribute.value, starts);
            }
            Item::Block(block) => {
                starts.push(block.head.start as usize);
                body_starts(&block.body, starts);
            }
        }
    }
}

/// Items of maps and elements of lists stand on lines of their own in both spellings.
fn expression_starts(expr: &Expr, starts: &mut Vec<usize>) {
    if let ExprKind::Tuple(elements) = &expr.kind {
        for element in elements {
            starts.push(element.span.start as usize);
            expression_starts(element, starts);
        }
    } else if let ExprKind::Object(items) = &expr.kind {
        for item in items {
            starts.push(item.key.span.start as usize);
            expression_starts(&item.value, starts);
        }
    }
}

/// The comments of HCL text that is known to be valid.
pub(super) fn of_hcl(text: &str) -> Vec<Comment> {
    let found = crate::format::comments(text).into_iter();
    let mut comments = Vec::new();
    for (at, written) in found {
        if let Some(inside) = written.strip_prefix("/*") {
            let inside = inside.strip_suffix("*/").unwrap_or(inside);
            for line in inside.lines() {
                let text = line.trim().trim_start_matches('*').trim();
                if !text.is_empty() {
                    comments.push(Comment {
                        at,
                        text: format!(" {text}"),
                    });
                }
            }
        } else {
            let text = written.strip_prefix("//").or(written.strip_prefix('#'));
            comments.push(Comment {
                at,
                text: text.unwrap_or(written).to_owned(),
            });
        }
    }
    comments
}

/// The comments of YAML text that is known to be valid.
pub(super) fn of_yaml(text: &str) -> Vec<Comment> {
    let mut comments: Vec<Comment> = Vec::new();
    for (event, span) in Parser::new_from_str(text).map_while(Result::ok) {
        if let (Event::Comment(text, _), Some(range)) = (event, span.byte_range()) {
            comments.push(Comment {
                at: range.start,
                text: text.into_owned(),
            });
        }
    }
    comments.sort_by_key(|comment| comment.at);
    comments
}
