//! YAML: text to the neutral tree.

use strata_model::Diagnostic;

use crate::block::Body;
use crate::codes;
use crate::decode::table::BodySpec;
use crate::place::Place;

/// Reads a file. After a syntax error there is no body; all else that is wrong is found.
pub(crate) fn read(
    _text: &str,
    place: Place,
    _spec: &'static BodySpec,
) -> (Option<Body>, Vec<Diagnostic>) {
    let detail = "Files in YAML are not read yet.";
    (None, vec![codes::YAML_SYNTAX.error(detail).at(place.span(0..0))])
}
