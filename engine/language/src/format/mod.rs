//! `fmt`: files in one layout. Comments, blank lines and the order of everything stay; only white space changes.

mod blocks;
mod hcl;
mod tokens;
mod yaml;

use strata_model::{Diagnostics, FileId};

use crate::codes;
use crate::place::Place;

use self::tokens::{Kind, tokens};

/// Lays a file out; the path's extension (`hcl`, or `yaml` and `yml`) says how it is spelled.
///
/// Formatting what was formatted changes nothing, and what a file says stays the same.
///
/// # Errors
///
/// What is wrong with the syntax of the file. Spans are of file 0: the text must be the first of the caller's source
/// map.
pub fn format(path: &str, text: &str) -> Result<String, Diagnostics> {
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    let place = Place::At {
        file: FileId(0),
        offset: 0,
    };
    let (text, bom) = match text.strip_prefix('\u{feff}') {
        Some(text) => (text, "\u{feff}"),
        None => (text, ""),
    };
    let formatted = match extension {
        "hcl" => hcl::format(text, place)?,
        "yaml" | "yml" => yaml::format(text, place)?,
        _ => {
            let detail = "Files whose names end in .hcl, .yaml or .yml are formatted.";
            let diagnostic = codes::INVALID_VALUE.error(detail);
            return Err(Diagnostics::from(diagnostic.at(place.span(0..0))));
        }
    };
    Ok(format!("{bom}{formatted}"))
}

/// The comments of valid HCL text: where each stands, and its text with its sign.
pub(crate) fn comments(text: &str) -> Vec<(usize, &str)> {
    let is_comment = |kind| matches!(kind, Kind::LineComment | Kind::Comment);
    let found = tokens(text).into_iter();
    let found = found.filter(|token| is_comment(token.kind));
    found.map(|token| (token.at, token.text)).collect()
}

#[cfg(test)]
mod tests;
