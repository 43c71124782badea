//! `convert`: a file of one spelling written in the other. What it says stays the same, and so do its comments, where
//! the other spelling has a place for them.

mod comments;
mod to_hcl;
mod to_yaml;
mod yaml_text;

use strata_model::{Diagnostic, Diagnostics, FileId};

use crate::block::Body;
use crate::codes;
use crate::decode::Spelling;
use crate::decode::table::{self, BodySpec, Rest};
use crate::place::Place;
use crate::{format, hcl, yaml};

use self::comments::Comments;

static VARIABLES: BodySpec = BodySpec {
    attributes: &[],
    blocks: &[],
    rest: Rest::Arguments("The value of a variable."),
};

/// Writes a file in the other spelling; the path's name says what the file holds and how it is spelled.
///
/// Comments stay beside what they stood beside. Those inside an expression that YAML writes as one text come before
/// it, and anchors of YAML are written out.
///
/// # Errors
///
/// What is wrong with the file. Spans are of file 0: the text must be the first of the caller's source map.
pub fn respell(path: &str, text: &str, to: Spelling) -> Result<String, Diagnostics> {
    let place = Place::At {
        file: FileId(0),
        offset: 0,
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let spec = contents(path);
    let (body, faults, comments) = match Spelling::of(path) {
        Some(Spelling::Hcl) => {
            let (body, faults) = hcl::read(text, place);
            (body, faults, comments::of_hcl(text))
        }
        Some(Spelling::Yaml) => {
            let (body, faults) = yaml::read(text, place, spec);
            (body, faults, comments::of_yaml(text))
        }
        None => {
            let detail = "Files whose names end in .hcl, .yaml or .yml are converted.";
            let fault = codes::INVALID_VALUE.error(detail).at(place.span(0..0));
            return Err(Diagnostics::from(fault));
        }
    };
    let body = checked(body, faults)?;
    let mut comments = Comments::new(text, comments, &body);
    let written = match to {
        Spelling::Hcl => to_hcl::write(&body, &mut comments),
        Spelling::Yaml => to_yaml::write(&body, spec, &mut comments),
    };
    let written = written + &comments.rest();
    match to {
        Spelling::Hcl => format::format("a.hcl", &written),
        Spelling::Yaml => Ok(written),
    }
}

fn checked(body: Option<Body>, faults: Vec<Diagnostic>) -> Result<Body, Diagnostics> {
    match body {
        Some(body) if faults.is_empty() => Ok(body),
        Some(_) | None => Err(faults.into_iter().collect()),
    }
}

/// What a file of a name holds.
fn contents(path: &str) -> &'static BodySpec {
    let name = path.rsplit('/').next().unwrap_or(path);
    if name.starts_with("defaults.strata.") {
        &table::DEFAULTS
    } else if name.contains(".strata.") {
        &table::FILE
    } else {
        &VARIABLES
    }
}

#[cfg(test)]
mod tests;
