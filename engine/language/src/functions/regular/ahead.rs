//! How far behind a match a search looks.
//!
//! A search takes time linear in the text, but a text has many matches, and one search may look at all that follows
//! before it settles for a match close by: `a|.*b` in a text of nothing but `a` takes quadratic time. What it may look
//! at is paid for with each match, so that the steps bound the time.

use regex_syntax::hir::{Hir, HirKind};

/// The bytes behind a match that a search for the pattern may look at; `usize::MAX` where nothing bounds them.
///
/// A match is given up for a longer one that may yet come only where a part of the pattern can be left out or has
/// alternatives, and where that part goes on behind something repeated: `(.*b)?`, not `b*` nor `b|c`.
pub(super) fn of(pattern: &str) -> usize {
    let parsed = regex_syntax::ParserBuilder::new()
        .nest_limit(100)
        .build()
        .parse(pattern);
    parsed.map_or(usize::MAX, |hir| within(&hir))
}

fn within(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => 0,
        HirKind::Capture(capture) => within(&capture.sub),
        HirKind::Concat(parts) => longest(parts.iter().map(within)),
        HirKind::Alternation(branches) => longest(branches.iter().map(unfinished)),
        HirKind::Repetition(repetition) if repetition.min == 0 => unfinished(&repetition.sub),
        HirKind::Repetition(repetition) => within(&repetition.sub),
    }
}

fn longest(lengths: impl Iterator<Item = usize>) -> usize {
    lengths.max().unwrap_or(0)
}

/// How long a part may become before it is known whether it matches.
fn unfinished(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Empty | HirKind::Class(_) | HirKind::Look(_) => 0,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Capture(capture) => unfinished(&capture.sub),
        HirKind::Alternation(branches) => longest(branches.iter().map(unfinished)),
        HirKind::Repetition(repetition) if repetition.min <= 1 => unfinished(&repetition.sub),
        HirKind::Repetition(_) => length(hir),
        HirKind::Concat(parts) => match parts.split_last() {
            // The last part may end anywhere, when it is one that goes on while it matches.
            Some((last, before)) if before.iter().all(|part| length(part) == 0) => unfinished(last),
            Some(_) => length(hir),
            None => 0,
        },
    }
}

fn length(hir: &Hir) -> usize {
    hir.properties().maximum_len().unwrap_or(usize::MAX)
}
