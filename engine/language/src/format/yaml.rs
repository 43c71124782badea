//! The layout of YAML, by a formatter that keeps comments.

use pretty_yaml::config::{FormatOptions, LanguageOptions, LayoutOptions};
use strata_model::{Diagnostic, Diagnostics};

use super::blocks;
use crate::codes;
use crate::place::Place;
use crate::yaml;

/// The width beyond which lists and maps in brackets are spread over lines.
const WIDTH: usize = 120;

/// How often the formatter is run until nothing changes.
const ROUNDS: usize = 4;

/// The most columns of indentation: the formatter keeps a bit for each in a word of 64.
const DEEPEST: usize = 63;

/// Lays valid text out.
pub(super) fn format(text: &str, place: Place<'_>) -> Result<String, Diagnostics> {
    let meaning = yaml::meaning(text, place)?;
    // A carriage return ends a line in YAML, alone or not.
    let mut formatted = text.replace("\r\n", "\n").replace('\r', "\n");
    if !formatted.is_empty() && !formatted.ends_with('\n') {
        formatted.push('\n');
    }
    for _ in 0..ROUNDS {
        let next = once(&formatted).map_err(|detail| fault(&detail, place))?;
        if next == formatted {
            break;
        }
        formatted = next;
    }
    // Whatever the formatter does, a file never comes to say something else.
    let kept = yaml::meaning(&formatted, place).is_ok_and(|after| after == meaning);
    if !kept || once(&formatted).as_deref() != Ok(&formatted) {
        let detail = "This file cannot be laid out without changing what it says; it is left as it is. This is a bug in Strata.";
        return Err(fault(detail, place));
    }
    Ok(formatted)
}

fn once(text: &str) -> Result<String, String> {
    let options = FormatOptions {
        layout: LayoutOptions {
            print_width: WIDTH,
            ..LayoutOptions::default()
        },
        language: LanguageOptions {
            trailing_comma: false,
            ..LanguageOptions::default()
        },
    };
    let short = blocks::without_blocks(text);
    if short.lines().any(is_too_deep) {
        return Err(format!(
            "A line is indented by more than {DEEPEST} columns, which fmt cannot lay out; the file is left as it is."
        ));
    }
    let laid_out = pretty_yaml::format_text(&short, &options).map_err(|error| error.to_string())?;
    Ok(blocks::restored(text, &laid_out))
}

/// Whether a line begins further to the right than the formatter can keep in mind, dashes of lists counted.
fn is_too_deep(line: &str) -> bool {
    let content = line.trim_start_matches([' ', '\t', '-', '?', ':']);
    line.len() - content.len() > DEEPEST
}

fn fault(detail: &str, place: Place<'_>) -> Diagnostics {
    let diagnostic: Diagnostic = codes::YAML_SYNTAX.error(detail);
    Diagnostics::from(diagnostic.at(place.span(0..0)))
}
