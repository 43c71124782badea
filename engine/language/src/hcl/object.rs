//! Tuples, objects and `for`.

use std::sync::Arc;

use strata_model::{Name, Span, Value};

use crate::expression::{Expr, ExprKind, ForExpr, ObjectItem};

use super::cursor::{Parsed, Parser};
use super::duplicate_key;

impl Parser<'_> {
    pub(super) fn tuple(&mut self) -> Parsed<ExprKind> {
        self.at += 1;
        self.with_lines(true, |parser| {
            parser.skip()?;
            if parser.at_word("for") {
                return parser.for_tuple();
            }
            let mut elements = Vec::new();
            loop {
                parser.skip()?;
                if parser.eat("]") {
                    return Ok(ExprKind::Tuple(elements));
                }
                elements.push(parser.expression()?);
                parser.skip()?;
                if !parser.eat(",") {
                    parser.expect("]", "',' or ']'")?;
                    return Ok(ExprKind::Tuple(elements));
                }
            }
        })
    }

    pub(super) fn object(&mut self) -> Parsed<ExprKind> {
        self.at += 1;
        let start = self.at;
        let is_for = self.with_lines(true, |parser| {
            parser.skip()?;
            Ok(parser.at_word("for"))
        })?;
        if is_for {
            return self.with_lines(true, Self::for_object);
        }
        self.at = start;
        let items = self.with_lines(false, Self::items)?;
        Ok(ExprKind::Object(items))
    }

    fn items(&mut self) -> Parsed<Vec<ObjectItem>> {
        let mut items = Vec::new();
        loop {
            self.with_lines(true, Self::skip)?;
            if self.eat("}") {
                break;
            }
            items.push(self.object_item()?);
            self.skip()?;
            let ends_line =
                matches!(self.peek(), Some(b'\n' | b'\r' | b'#')) || self.starts_with("//");
            if !self.eat(",") && !ends_line {
                self.expect("}", "',', a new line or '}'")?;
                break;
            }
        }
        self.drop_duplicate_items(&mut items);
        Ok(items)
    }

    fn object_item(&mut self) -> Parsed<ObjectItem> {
        let key = match self.bare_key()? {
            Some(key) => key,
            None => self.other_key()?,
        };
        self.skip()?;
        let has_sign = self.eat(":") || (!self.starts_with("==") && self.eat("="));
        if !has_sign {
            return Err(self.expected("'=' and a value"));
        }
        self.skip()?;
        let value = self.expression()?;
        Ok(ObjectItem { key, value })
    }

    /// Reads a key that is a bare word, as nearly all are; `None`, and nothing read, for one that may be more.
    fn bare_key(&mut self) -> Parsed<Option<Expr>> {
        let start = self.at;
        let Some((text, range)) = self.identifier() else {
            return Ok(None);
        };
        self.skip()?;
        let is_alone = match self.text.as_bytes()[self.at..] {
            [b':', b':', ..] | [b'=', b'=', ..] => false,
            [b':' | b'=', ..] => true,
            _ => false,
        };
        self.at = start;
        if !is_alone {
            return Ok(None);
        }
        self.count_node()?;
        self.at = range.end;
        let kind = ExprKind::Literal(Value::string(self.name(text)));
        let span = self.span(range);
        Ok(Some(Expr { kind, span }))
    }

    fn other_key(&mut self) -> Parsed<Expr> {
        let start = self.at;
        let is_computed = self.peek() == Some(b'(');
        let mut key = self.expression()?;
        if !is_computed {
            key.kind = self.plain_key(key.kind, start);
        }
        Ok(key)
    }

    /// The key that a bare word is: its text.
    fn plain_key(&self, kind: ExprKind, start: usize) -> ExprKind {
        let is_word = matches!(&kind, ExprKind::Variable(_) | ExprKind::WrittenNumber(_))
            || matches!(&kind, ExprKind::Literal(value) if value.as_str().is_none());
        if is_word {
            let text = self.text[start..self.at].trim_end();
            return ExprKind::Literal(Value::string(text));
        }
        kind
    }

    /// Reports keys that an object has twice, and keeps the first of each.
    fn drop_duplicate_items(&mut self, items: &mut Vec<ObjectItem>) {
        if items.len() < 2 {
            return;
        }
        let mut keys: Vec<(&str, Span)> = items.iter().filter_map(key_text).collect();
        keys.sort_unstable();
        let pairs = keys.windows(2).filter(|pair| pair[0].0 == pair[1].0);
        let found: Vec<_> = pairs
            .map(|pair| (Arc::<str>::from(pair[0].0), pair[0].1, pair[1].1))
            .collect();
        if found.is_empty() {
            return;
        }
        let mut dropped: Vec<Span> = found.iter().map(|(_, _, second)| *second).collect();
        dropped.sort_unstable();
        items.retain(|item| dropped.binary_search(&item.key.span).is_err());
        for (key, first, second) in found {
            self.report(duplicate_key(&key, first, second));
        }
    }

    fn for_tuple(&mut self) -> Parsed<ExprKind> {
        let (key, value, collection) = self.for_head()?;
        let result = self.expression()?;
        let condition = self.for_condition()?;
        self.expect("]", "'if' or ']'")?;
        Ok(ExprKind::For(Box::new(ForExpr {
            key,
            value,
            collection,
            result_key: None,
            result,
            condition,
            group: false,
        })))
    }

    fn for_object(&mut self) -> Parsed<ExprKind> {
        let (key, value, collection) = self.for_head()?;
        let result_key = self.expression()?;
        self.skip()?;
        self.expect("=>", "'=>'")?;
        self.skip()?;
        let result = self.expression()?;
        self.skip()?;
        let group = self.eat("...");
        let condition = self.for_condition()?;
        self.expect("}", "'if' or '}'")?;
        Ok(ExprKind::For(Box::new(ForExpr {
            key,
            value,
            collection,
            result_key: Some(result_key),
            result,
            condition,
            group,
        })))
    }

    /// Reads `for k, v in collection :`.
    fn for_head(&mut self) -> Parsed<(Option<Name>, Name, Expr)> {
        self.at += "for".len();
        let (key, value) = self.for_names()?;
        let collection = self.expression()?;
        self.skip()?;
        self.expect(":", "':'")?;
        self.skip()?;
        Ok((key, value, collection))
    }

    /// Reads `k, v in`.
    pub(crate) fn for_names(&mut self) -> Parsed<(Option<Name>, Name)> {
        let first = self.for_name()?;
        self.skip()?;
        let second = if self.eat(",") {
            let name = self.for_name()?;
            self.skip()?;
            Some(name)
        } else {
            None
        };
        if !self.at_word("in") {
            return Err(self.expected("'in'"));
        }
        self.at += "in".len();
        self.skip()?;
        Ok(match second {
            Some(second) => (Some(first), second),
            None => (None, first),
        })
    }

    fn for_name(&mut self) -> Parsed<Name> {
        self.skip()?;
        match self.identifier() {
            Some((name, _)) => Ok(Arc::from(name)),
            None => Err(self.expected("a name")),
        }
    }

    fn for_condition(&mut self) -> Parsed<Option<Expr>> {
        self.skip()?;
        if !self.at_word("if") {
            return Ok(None);
        }
        self.at += "if".len();
        self.skip()?;
        let condition = self.expression()?;
        self.skip()?;
        Ok(Some(condition))
    }
}

fn key_text(item: &ObjectItem) -> Option<(&str, Span)> {
    let text = item.key.literal()?.as_str()?;
    Some((text, item.key.span))
}
