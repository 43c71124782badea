//! YAML: text to the neutral tree.

mod lower;
mod scalar;
mod tree;

use strata_model::Diagnostic;

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
