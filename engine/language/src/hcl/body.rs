//! Attributes and blocks.

use std::collections::BTreeMap;
use std::sync::Arc;

use strata_model::Span;

use crate::block::{Attribute, Block, Body, Item};
use crate::expression::Spanned;

use super::cursor::{Parsed, Parser};
use super::duplicate_key;

impl Parser<'_> {
    /// Reads a whole file.
    pub(super) fn file(&mut self) -> Parsed<Body> {
        self.share_names();
        let body = self.body()?;
        match self.peek() {
            None => Ok(body),
            Some(_) => Err(self.expected("a block or an attribute")),
        }
    }

    /// Reads attributes and blocks up to something that is neither.
    fn body(&mut self) -> Parsed<Body> {
        let mut body = Body::default();
        loop {
            self.with_lines(true, Self::skip)?;
            if !self.item(&mut body)? {
                break;
            }
            self.end_of_line()?;
        }
        self.drop_duplicates(&mut body);
        Ok(body)
    }

    fn end_of_line(&mut self) -> Parsed<()> {
        self.skip()?;
        self.skip_line_comment();
        if self.eat("\n") || self.eat("\r\n") || self.peek().is_none() {
            return Ok(());
        }
        Err(self.expected("a new line"))
    }

    /// Reads an attribute or block; whether there is one.
    fn item(&mut self, body: &mut Body) -> Parsed<bool> {
        let Some((text, range)) = self.identifier() else {
            return Ok(false);
        };
        let name = Spanned {
            value: self.name(text),
            span: self.span(range),
        };
        self.skip()?;
        let item = if self.starts_with("=") && !self.starts_with("==") {
            Item::Attribute(self.attribute(name)?)
        } else {
            Item::Block(self.block(name)?)
        };
        body.items.push(item);
        Ok(true)
    }

    fn attribute(&mut self, name: Spanned<Arc<str>>) -> Parsed<Attribute> {
        self.expect("=", "'='")?;
        self.skip()?;
        let value = self.expression()?;
        Ok(Attribute { name, value })
    }

    fn block(&mut self, keyword: Spanned<Arc<str>>) -> Parsed<Block> {
        let mut labels = Vec::new();
        let mut head = keyword.span;
        while self.peek() != Some(b'{') {
            let mut label = self.label(labels.is_empty())?;
            if labels.is_empty() {
                // A type mostly, of which there are more blocks.
                label.value = self.name(&label.value);
            }
            head = head.to(label.span);
            labels.push(label);
            self.skip()?;
        }
        let start = self.at;
        let body = self.nested(start, Self::block_body)?;
        Ok(Block {
            keyword,
            labels,
            body,
            head,
        })
    }

    fn label(&mut self, first: bool) -> Parsed<Spanned<Arc<str>>> {
        let start = self.at;
        if let Some((text, range)) = self.identifier() {
            return Ok(Spanned {
                value: Arc::from(text),
                span: self.span(range),
            });
        }
        if self.peek() != Some(b'"') {
            let what = if first {
                "'=', '{' or a label in quotes"
            } else {
                "'{' or a label in quotes"
            };
            return Err(self.expected(what));
        }
        let value = self.plain_string()?;
        Ok(Spanned {
            value,
            span: self.span_from(start),
        })
    }

    fn block_body(&mut self) -> Parsed<Body> {
        self.expect("{", "'{'")?;
        self.skip()?;
        let mut body = Body::default();
        let is_open = matches!(self.peek(), Some(b'\n' | b'\r' | b'#')) || self.starts_with("//");
        if is_open {
            body = self.body()?;
            self.expect("}", "an attribute, a block or '}'")?;
            return Ok(body);
        }
        if self.peek() != Some(b'}') {
            self.only_attribute(&mut body)?;
        }
        self.expect("}", "'}'")?;
        Ok(body)
    }

    /// Reads the one attribute that a block on one line may hold.
    fn only_attribute(&mut self, body: &mut Body) -> Parsed<()> {
        let start = self.at;
        if !self.item(body)? {
            return Err(self.expected("an attribute or '}'"));
        }
        self.skip()?;
        let is_attribute = matches!(body.items.last(), Some(Item::Attribute(_)));
        if !is_attribute || self.peek() != Some(b'}') {
            let detail = "A block on one line holds no more than one attribute; write others on lines of their own.";
            return Err(self.error(detail, start..self.at));
        }
        Ok(())
    }

    /// Reports attributes that are set twice, and keeps the first of each.
    fn drop_duplicates(&mut self, body: &mut Body) {
        let is_attribute = |item: &&Item| matches!(item, Item::Attribute(_));
        if body.items.iter().filter(is_attribute).count() < 2 {
            return;
        }
        let mut seen: BTreeMap<Arc<str>, Span> = BTreeMap::new();
        let mut found = Vec::new();
        body.items.retain(|item| {
            let Item::Attribute(attribute) = item else {
                return true;
            };
            let name = &attribute.name;
            match seen.get(&name.value) {
                Some(first) => {
                    found.push(duplicate_key(&name.value, *first, name.span));
                    false
                }
                None => {
                    seen.insert(name.value.clone(), name.span);
                    true
                }
            }
        });
        found
            .into_iter()
            .for_each(|diagnostic| self.report(diagnostic));
    }
}
