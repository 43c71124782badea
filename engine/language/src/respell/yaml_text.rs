//! Text as a scalar of YAML.

use std::fmt::Write as _;

/// Text on one line, in quotes where it would be read as something else without.
pub(super) fn inline(text: &str, in_brackets: bool) -> String {
    if is_plain(text, in_brackets) {
        return text.to_owned();
    }
    if !text.contains(is_hidden) && text.contains(['"', '\\']) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if is_hidden(c) => {
                // A String takes everything.
                let _written = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Text of several lines as a literal block: its head (`|`, `|-`) and its lines; `None` where it must be quoted.
pub(super) fn block(text: &str) -> Option<(&'static str, Vec<&str>)> {
    let body = text.trim_end_matches('\n');
    let is_block = body.contains('\n')
        && !body.starts_with([' ', '\t', '\n'])
        && body
            .chars()
            .all(|c| matches!(c, '\n' | '\t') || !is_hidden(c))
        && body
            .lines()
            .all(|line| !line.starts_with('\t') && line == line.trim_end());
    let ends = text.len() - body.len();
    let head = match ends {
        0 => "|-",
        1 => "|",
        _ => "|+",
    };
    let mut lines: Vec<&str> = body.split('\n').collect();
    lines.extend(std::iter::repeat_n("", ends.saturating_sub(1)));
    is_block.then_some((head, lines))
}

/// Whether a character may stand in YAML only as an escape, or would be read as a line break.
pub(super) fn is_hidden(c: char) -> bool {
    let is_mark = matches!(
        c,
        '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}'
    );
    c.is_control() || is_mark
}

fn is_plain(text: &str, in_brackets: bool) -> bool {
    let Some(first) = text.chars().next() else {
        return false;
    };
    let starts = !"-?:,[]{}#&*!|>'\"%@`".contains(first) && !first.is_whitespace();
    let has_signs = text.contains(": ") || text.contains(" #") || text.ends_with([':', ' ']);
    let has_brackets = in_brackets && text.contains([',', '[', ']', '{', '}', ':']);
    let inside = !has_signs && !text.contains(is_hidden) && !has_brackets;
    starts && inside && !looks_like_a_value(text)
}

/// Whether some reader of YAML, ours or an older one, takes the word for something other than text.
fn looks_like_a_value(text: &str) -> bool {
    const WORDS: [&str; 12] = [
        "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n", "<<", "=",
    ];
    let number_like = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '.'))
        && (crate::yaml::is_number(text)
            || text
                .chars()
                .all(|c| c.is_ascii_digit() || "._:-+eExXoO".contains(c)));
    number_like || WORDS.contains(&text.to_ascii_lowercase().as_str()) || text.starts_with("...")
}
