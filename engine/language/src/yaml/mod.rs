//! YAML: text to the neutral tree.

mod lower;
mod scalar;
mod tree;

use granit_parser::{Event, Parser, ScalarStyle};
use strata_model::{Diagnostic, Diagnostics};

use crate::block::Body;
use crate::decode::table::BodySpec;
use crate::place::Place;

use self::lower::Lowering;

/// Reads a file that holds what the table says. After a syntax error there is no body; all else that is wrong is
/// found.
pub(crate) fn read(
    text: &str,
    place: Place<'_>,
    spec: &'static BodySpec,
) -> (Option<Body>, Vec<Diagnostic>) {
    let mut out = Vec::new();
    let root = match tree::read(text, place, &mut out) {
        Ok(root) => root,
        Err(diagnostic) => {
            out.push(*diagnostic);
            return (None, out);
        }
    };
    let mut lowering = Lowering {
        text,
        place,
        out: &mut out,
    };
    let body = root.map_or_else(Body::default, |root| lowering.body(root, spec));
    (Some(body), out)
}

/// What a text says apart from its layout: nodes, anchors and tags in order, and the comments.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Meaning {
    events: Vec<String>,
    comments: Vec<String>,
}

/// Reads what a text says, so that it can be compared with another.
pub(crate) fn meaning(text: &str, place: Place<'_>) -> Result<Meaning, Diagnostics> {
    tree::read(text, place, &mut Vec::new())
        .map_err(|diagnostic| Diagnostics::from(*diagnostic))?;
    let mut meaning = Meaning {
        events: Vec::new(),
        comments: Vec::new(),
    };
    // What has been read once does not fail the second time.
    for (event, _) in Parser::new_from_str(text).map_while(Result::ok) {
        if let Event::Comment(comment, _) = &event {
            meaning.comments.push(comment.trim().to_owned());
        } else if let Event::Scalar(text, style, anchor, tag) = &event {
            let plain = *style == ScalarStyle::Plain;
            meaning
                .events
                .push(format!("{text:?} {plain} {anchor} {tag:?}"));
        } else if let Event::SequenceStart(_, anchor, tag) = &event {
            meaning.events.push(format!("[ {anchor} {tag:?}"));
        } else if let Event::MappingStart(_, anchor, tag) = &event {
            meaning.events.push(format!("{{ {anchor} {tag:?}"));
        } else if !matches!(event, Event::DocumentStart(..)) {
            meaning.events.push(format!("{event:?}"));
        }
    }
    Ok(meaning)
}

/// Whether a plain scalar is a number.
pub(crate) fn is_number(text: &str) -> bool {
    scalar::is_number(text)
}

/// What a valid text says, as JSON; templates stay text.
#[cfg(test)]
pub(crate) fn to_json(text: &str) -> serde_json::Value {
    let place = Place::At {
        file: strata_model::FileId(0),
        offset: 0,
    };
    let mut out = Vec::new();
    let root = tree::read(text, place, &mut out).unwrap();
    assert!(out.is_empty(), "{out:#?}");
    root.map_or(serde_json::Value::Null, |root| node_to_json(&root.kind))
}

#[cfg(test)]
fn node_to_json(kind: &tree::NodeKind<'_>) -> serde_json::Value {
    use crate::expression::ExprKind;
    match kind {
        tree::NodeKind::Scalar(found) => match scalar::plain_value(found) {
            Some(ExprKind::Literal(value)) => value.to_json(),
            Some(ExprKind::WrittenNumber(number)) => number.parse::<f64>().unwrap().into(),
            Some(_) | None => found.text.as_ref().into(),
        },
        tree::NodeKind::Sequence(nodes) => {
            nodes.iter().map(|node| node_to_json(&node.kind)).collect()
        }
        tree::NodeKind::Mapping(pairs) => pairs
            .iter()
            .map(|(key, node)| (key.text.to_string(), node_to_json(&node.kind)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}
