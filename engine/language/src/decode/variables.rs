//! Files that give variables their values.

use std::collections::BTreeMap;

use strata_model::source::SourceFile;
use strata_model::{Diagnostics, FileId, Name, SourceMap};

use crate::block::Item;
use crate::codes;
use crate::expression::Expr;
use crate::hcl;
use crate::place::Place;

use super::fields::{Out, check_name};
use super::file::{Spelling, text_of};
use super::table::{BodySpec, Rest};
use super::{InputFile, with_deep_stack};

static VARIABLES: BodySpec = BodySpec {
    attributes: &[],
    blocks: &[],
    rest: Rest::Arguments("The value of a variable."),
};

/// Decodes a file of variables, `*.auto.vars.{hcl,yaml}` or one named on the command line: names with their values.
/// The extension (`hcl`, `yaml`, `yml`, `json`) says how it is spelled. JSON is read as YAML: its texts are templates.
pub fn variables_file(
    file: &InputFile,
    sources: &mut SourceMap,
) -> (BTreeMap<Name, Expr>, Diagnostics) {
    let id = FileId(u32::try_from(sources.files().count()).unwrap_or(u32::MAX));
    let (source, values, out) = with_deep_stack(|| decode(file, id));
    sources.add(source);
    (values, out.into_iter().collect())
}

fn decode(file: &InputFile, id: FileId) -> (SourceFile, BTreeMap<Name, Expr>, Out) {
    let place = Place::At {
        file: id,
        offset: 0,
    };
    let mut values = BTreeMap::new();
    let text = match text_of(file, id) {
        Ok(text) => text,
        Err((text, diagnostic)) => {
            return (
                SourceFile::new(file.path.clone(), text),
                values,
                vec![*diagnostic],
            );
        }
    };
    let (body, mut out) = match Spelling::of(&file.path) {
        Some(Spelling::Hcl) => hcl::read(&text, place),
        Some(Spelling::Yaml) => crate::yaml::read(&text, place, &VARIABLES),
        None => {
            let detail = "A file of variables ends in .hcl, .yaml or .json.";
            (
                None,
                vec![codes::INVALID_VALUE.error(detail).at(place.span(0..0))],
            )
        }
    };
    for item in body.map(|body| body.items).unwrap_or_default() {
        match item {
            Item::Attribute(attribute) => {
                if check_name(&attribute.name.value, attribute.name.span, &mut out) {
                    values.insert(attribute.name.value, attribute.value);
                }
            }
            Item::Block(block) => {
                let detail = "A file of variables holds names with values, no blocks.";
                out.push(codes::BLOCK_FORM.error(detail).at(block.head));
            }
        }
    }
    (SourceFile::new(file.path.clone(), text), values, out)
}
