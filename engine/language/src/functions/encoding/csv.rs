//! CSV, strictly by RFC 4180: quotes stand around whole fields only.

use std::collections::BTreeMap;
use std::sync::Arc;

use strata_model::{Kind, Type, Value};

use super::super::{Call, Fault, argument};

/// The rows as objects, by the names in the first row.
pub(super) fn decode(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let text = call.text(0);
    call.bytes(text.len())?;
    let mut reader = Reader {
        rest: text,
        line: 1,
    };
    let Some(header) = reader.row(call)? else {
        return argument(0, "missing header line");
    };
    let header: Vec<Arc<str>> = header.into_iter().map(Arc::from).collect();
    let mut attributes = BTreeMap::new();
    for name in &header {
        if attributes.insert(name.clone(), Type::String).is_some() {
            return argument(0, format!("duplicate column name {}", call.quote(name)));
        }
    }
    let mut rows = Vec::new();
    loop {
        let line = reader.line;
        let Some(row) = reader.row(call)? else {
            break;
        };
        if row.len() != header.len() {
            let reason = format!("CSV parse error on line {line}: wrong number of fields");
            return argument(0, reason);
        }
        call.room(1)?;
        let members = attributes_of(&header, row, call)?;
        rows.push(members);
    }
    Ok(Value::list(Type::Object(Arc::new(attributes)), rows))
}

fn attributes_of(
    header: &[Arc<str>],
    row: Vec<String>,
    call: &Call<'_, '_>,
) -> Result<Value, Fault> {
    call.members(row.len())?;
    let mut members = BTreeMap::new();
    for (name, field) in header.iter().zip(row) {
        members.insert(name.clone(), call.string(field)?);
    }
    Ok(Kind::Object(Arc::new(members.into())).into())
}

struct Reader<'t> {
    rest: &'t str,
    line: usize,
}

impl Reader<'_> {
    /// The next row; empty lines are none.
    fn row(&mut self, call: &Call<'_, '_>) -> Result<Option<Vec<String>>, Fault> {
        while self.line_end() {}
        if self.rest.is_empty() {
            return Ok(None);
        }
        let mut fields = Vec::new();
        loop {
            call.room(1)?;
            let field = if self.rest.starts_with('"') {
                self.quoted()?
            } else {
                self.bare()?
            };
            fields.push(field);
            if let Some(rest) = self.rest.strip_prefix(',') {
                self.rest = rest;
                continue;
            }
            self.line_end();
            return Ok(Some(fields));
        }
    }

    /// Takes a line end, where there is one.
    fn line_end(&mut self) -> bool {
        let rest = self
            .rest
            .strip_prefix("\r\n")
            .or_else(|| self.rest.strip_prefix('\n'));
        match rest {
            Some(rest) => {
                self.rest = rest;
                self.line += 1;
                true
            }
            None => false,
        }
    }

    fn error<T>(&self, reason: &str) -> Result<T, Fault> {
        argument(
            0,
            format!("CSV parse error on line {}: {reason}", self.line),
        )
    }

    fn bare(&mut self) -> Result<String, Fault> {
        let end = self.rest.find([',', '\n']).unwrap_or(self.rest.len());
        let mut field = &self.rest[..end];
        if field.contains('"') {
            return self.error("bare \" in non-quoted field");
        }
        if self.rest[end..].starts_with('\n') || end == self.rest.len() {
            field = field.strip_suffix('\r').unwrap_or(field);
        }
        let field = field.to_owned();
        self.rest = &self.rest[end..];
        Ok(field)
    }

    fn quoted(&mut self) -> Result<String, Fault> {
        let mut field = String::new();
        let mut rest = &self.rest[1..];
        loop {
            let Some(end) = rest.find('"') else {
                return self.error("extraneous or missing \" in quoted-field");
            };
            field.push_str(&rest[..end]);
            rest = &rest[end + 1..];
            match rest.strip_prefix('"') {
                Some(behind) => {
                    field.push('"');
                    rest = behind;
                }
                None => break,
            }
        }
        self.line += field.matches('\n').count();
        self.rest = rest;
        let ends = rest.is_empty() || rest.starts_with([',', '\n']) || rest.starts_with("\r\n");
        if !ends {
            return self.error("extraneous or missing \" in quoted-field");
        }
        Ok(field.replace("\r\n", "\n"))
    }
}
