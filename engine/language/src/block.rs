//! The neutral tree that both spellings lead to, before it is known what the blocks mean.

use std::sync::Arc;

use strata_model::{Name, Span};

use crate::expression::{Expr, Spanned};

/// What stands between the braces of a block, or in a file.
#[derive(Debug, Default)]
pub(crate) struct Body {
    /// Attributes and blocks in the order written.
    pub(crate) items: Vec<Item>,
    /// Attributes that are written but cannot be read; what is wrong with them is reported.
    pub(crate) broken: Vec<Name>,
}

/// One thing of a body.
#[derive(Debug)]
pub(crate) enum Item {
    /// `name = value`
    Attribute(Attribute),
    /// `keyword "label" { … }`
    Block(Block),
}

/// `name = value`
#[derive(Debug)]
pub(crate) struct Attribute {
    pub(crate) name: Spanned<Name>,
    pub(crate) value: Expr,
}

/// `keyword "label" { … }`
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) keyword: Spanned<Name>,
    pub(crate) labels: Vec<Spanned<Arc<str>>>,
    pub(crate) body: Body,
    /// The head: keyword and labels.
    pub(crate) head: Span,
}
