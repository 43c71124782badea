//! The block scalars of YAML, whose white space is text: the formatter does not know that, takes some of it away, and
//! stumbles over some of what may stand there. So it is given others in their place.

use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle};

/// The lines of a block scalar below its `|` or `>`.
struct Block {
    /// From the beginning of the first line to the end of the last one.
    body: Range<usize>,
    /// How far the text is indented.
    indent: usize,
}

/// What stands in place of each text.
const STAND_IN: &str = "x\n";

/// The text with a short word in place of what block scalars hold.
pub(super) fn without_blocks(text: &str) -> String {
    let mut short = String::with_capacity(text.len());
    let mut end = 0;
    for block in &blocks(text) {
        short.push_str(&text[end..block.body.start]);
        short.extend(std::iter::repeat_n(' ', block.indent));
        short.push_str(STAND_IN);
        end = block.body.end;
    }
    short.push_str(&text[end..]);
    short
}

/// A laid out text with the text of every block scalar as it was before, at the indentation that it has now.
pub(super) fn restored(before: &str, laid_out: &str) -> String {
    let (old, new) = (blocks(before), blocks(laid_out));
    if old.len() != new.len() {
        return laid_out.to_owned();
    }
    let mut text = String::with_capacity(laid_out.len());
    let mut end = 0;
    for (old, new) in old.iter().zip(&new) {
        text.push_str(&laid_out[end..new.body.start]);
        for line in before[old.body.clone()].split_inclusive('\n') {
            let content = line.get(old.indent..).unwrap_or_default();
            if content.trim_end_matches('\n').is_empty() {
                text.push('\n');
            } else {
                text.extend(std::iter::repeat_n(' ', new.indent));
                text.push_str(content);
            }
        }
        end = new.body.end;
    }
    text.push_str(&laid_out[end..]);
    text
}

fn blocks(text: &str) -> Vec<Block> {
    let events = Parser::new_from_str(text).map_while(Result::ok);
    let scalars = events.filter_map(|(event, span)| {
        if let Event::Scalar(content, ScalarStyle::Literal | ScalarStyle::Folded, ..) = &event {
            block(text, span.byte_range()?.start, content)
        } else {
            None
        }
    });
    scalars.collect()
}

/// The block scalar whose text begins at an offset, with the text that it means; `None` where that is all blank.
fn block(text: &str, inside: usize, content: &str) -> Option<Block> {
    // The first line that says something stands there as it does in the text, behind the indentation.
    let first = |text: &str| text.split('\n').find(|line| !is_blank(line)).map(spaces);
    let own = first(content)?;
    let (start, keeps_end) = header(text, inside)?;
    let indent = first(&text[start..])?.checked_sub(own)?;
    let mut body = start..start;
    let mut at = start;
    for line in text[start..].split_inclusive('\n') {
        let blank = is_blank(line);
        if !blank && spaces(line) < indent {
            break;
        }
        at += line.len();
        if !blank || spaces(line) > indent || keeps_end {
            body.end = at;
        }
    }
    Some(Block { body, indent })
}

/// The end of the line that has the sign of a block scalar, which is the nearest above its text that is not blank, and
/// whether the lines at the text's end belong to it.
fn header(text: &str, inside: usize) -> Option<(usize, bool)> {
    let line = text[..inside].rfind('\n')? + 1;
    let above = text[..line].trim_end_matches([' ', '\n']);
    let start = above.len() + text[above.len()..].find('\n')? + 1;
    let last = above.rsplit('\n').next()?;
    let signs = last.match_indices(['|', '>']);
    let mut indicators = signs.filter_map(|(at, _)| {
        let behind = &last[at + 1..];
        let rest = behind.trim_start_matches(|sign: char| matches!(sign, '+' | '-' | '0'..='9'));
        let comment = rest.trim_start_matches([' ', '\t']);
        (comment.is_empty() || comment.starts_with('#'))
            .then(|| &behind[..behind.len() - rest.len()])
    });
    Some((start, indicators.next()?.contains('+')))
}

fn is_blank(line: &str) -> bool {
    line.trim_matches([' ', '\n']).is_empty()
}

fn spaces(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}
