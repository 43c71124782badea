//! Where a piece of text stands in its file.

use std::ops::Range;

use strata_model::{FileId, Span};

/// Turns offsets in a piece of text into places in a file.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    /// The text stands in the file as it is, from an offset on.
    At {
        /// The file.
        file: FileId,
        /// Offset of the text's first byte.
        offset: usize,
    },
    /// The text was made of what stands at the span, byte by byte no longer the same: all of it is shown there.
    Within(Span),
}

impl Place {
    /// The place of a range of the text.
    pub(crate) fn span(self, range: Range<usize>) -> Span {
        match self {
            Place::At { file, offset } => Span::new(
                file,
                range.start.wrapping_add(offset)..range.end.wrapping_add(offset),
            ),
            Place::Within(span) => span,
        }
    }

    /// The place of the text that begins at an offset of this one.
    pub(crate) fn from(self, start: usize) -> Place {
        match self {
            Place::At { file, offset } => Place::At {
                file,
                offset: offset.wrapping_add(start),
            },
            Place::Within(span) => Place::Within(span),
        }
    }

    /// The place of the text with one byte put before it. That byte itself has no place.
    pub(crate) fn before(self) -> Place {
        match self {
            // The offset may wrap below zero here; adding an offset of the text wraps back.
            Place::At { file, offset } => Place::At {
                file,
                offset: offset.wrapping_sub(1),
            },
            Place::Within(span) => Place::Within(span),
        }
    }
}
