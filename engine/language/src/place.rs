//! Where a piece of text stands in its file.

use std::ops::Range;

use strata_model::{FileId, Span};

/// Turns offsets in a piece of text into places in a file.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place<'a> {
    /// The text stands in the file as it is, from an offset on.
    At {
        /// The file.
        file: FileId,
        /// Offset of the text's first byte.
        offset: usize,
    },
    /// The text stands in the file line by line, each line from an offset of its own on.
    Lines {
        /// The file.
        file: FileId,
        /// Where the lines stand, in order; the first begins at the text's first byte.
        lines: &'a [LineStart],
        /// How many bytes of the lines come before the text.
        skipped: usize,
    },
    /// The text was made of what stands at the span, byte by byte no longer the same: all of it is shown there.
    Within(Span),
}

/// Where a line, or a part of one, stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LineStart {
    /// Its offset in the text.
    pub(crate) inside: usize,
    /// Its offset in the file.
    pub(crate) at: usize,
}

impl<'a> Place<'a> {
    /// The place of a range of the text.
    pub(crate) fn span(self, range: Range<usize>) -> Span {
        match self {
            Place::At { file, offset } => Span::new(file, range.start + offset..range.end + offset),
            Place::Lines {
                file,
                lines,
                skipped,
            } => {
                let start = in_file(lines, range.start.saturating_add(skipped));
                // The end of a range belongs to the line of its last byte.
                let last = range.end.max(range.start + 1) - 1;
                let end = in_file(lines, last.saturating_add(skipped)) + 1;
                let empty = range.is_empty();
                Span::new(file, start..if empty { start } else { end.max(start) })
            }
            Place::Within(span) => span,
        }
    }

    /// The place of the text that begins at an offset of this one.
    pub(crate) fn from(self, start: usize) -> Place<'a> {
        match self {
            Place::At { file, offset } => Place::At {
                file,
                offset: offset + start,
            },
            Place::Lines {
                file,
                lines,
                skipped,
            } => Place::Lines {
                file,
                lines,
                skipped: skipped + start,
            },
            Place::Within(span) => Place::Within(span),
        }
    }
}

fn in_file(lines: &[LineStart], inside: usize) -> usize {
    let after = lines.partition_point(|line| line.inside <= inside);
    match lines.get(after.saturating_sub(1)) {
        Some(line) => line.at + inside.saturating_sub(line.inside),
        None => inside,
    }
}
