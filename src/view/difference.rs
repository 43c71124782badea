//! The difference between two values as a tree, before it becomes text.

use std::collections::BTreeSet;
use std::sync::Arc;

use strata_model::value::Kind;
use strata_model::{AttributePath, Members, PathStep, Value};

use super::style::Symbol;

/// Above this many pairs of elements, lists are compared position by position.
const ALIGNMENT_LIMIT: usize = 1_000_000;

/// What becomes of one value.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Create, update, delete or none.
    pub symbol: Symbol,
    /// What is shown.
    pub body: Body,
    /// Whether this change replaces the object.
    pub forces_replacement: bool,
}

/// What is shown of a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// A value on one line; a side that is absent or null is `None`.
    Scalar {
        /// Before.
        before: Option<String>,
        /// After.
        after: Option<String>,
    },
    /// Known after apply, with what was there before.
    Unknown(Option<Box<Node>>),
    /// Hidden.
    Sensitive,
    /// Text of several lines, line by line.
    Text(Vec<(Symbol, String)>),
    /// Text that holds JSON, compared by its meaning.
    Json(Box<Node>),
    /// Named attributes.
    Object(Vec<(Arc<str>, Node)>),
    /// Text keys to elements.
    Map(Vec<(Arc<str>, Node)>),
    /// Elements in order.
    Sequence(Vec<Node>),
}

impl Node {
    /// Whether nothing changes.
    pub fn is_unchanged(&self) -> bool {
        self.symbol == Symbol::None
    }
}

/// Compares two values; `null` counts as absent. `replace` are the paths that force a replacement.
pub fn compare(before: Option<&Value>, after: Option<&Value>, replace: &[AttributePath]) -> Node {
    Comparison { replace }.node(before, after, &AttributePath::root())
}

struct Comparison<'a> {
    replace: &'a [AttributePath],
}

fn present(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| !value.is_null())
}

fn symbol(before: Option<&Value>, after: Option<&Value>) -> Symbol {
    match (before, after) {
        (None, None) => Symbol::None,
        (None, Some(_)) => Symbol::Create,
        (Some(_), None) => Symbol::Delete,
        (Some(before), Some(after)) if before == after => Symbol::None,
        (Some(_), Some(_)) => Symbol::Update,
    }
}

impl Comparison<'_> {
    fn node(&self, before: Option<&Value>, after: Option<&Value>, path: &AttributePath) -> Node {
        let (before, after) = (present(before), present(after));
        Node {
            symbol: symbol(before, after),
            body: self.body(before, after, path),
            forces_replacement: self.replace.contains(path),
        }
    }

    fn body(&self, before: Option<&Value>, after: Option<&Value>, path: &AttributePath) -> Body {
        if before.is_some_and(Value::is_secret) || after.is_some_and(Value::is_secret) {
            return Body::Sensitive;
        }
        if after.is_some_and(Value::is_unknown) {
            let before = before.filter(|before| !before.is_unknown());
            return Body::Unknown(
                before.map(|before| Box::new(self.node(Some(before), None, path))),
            );
        }
        let sides: Vec<&Value> = [before, after].into_iter().flatten().collect();
        if !sides.is_empty() && sides.iter().all(|value| is_named(value)) {
            return self.members(before, after, path);
        }
        if !sides.is_empty() && sides.iter().all(|value| value.elements().is_some()) {
            return Body::Sequence(self.elements(before, after, path));
        }
        self.text(before, after, path)
            .unwrap_or_else(|| Body::Scalar {
                before: before.map(one_line),
                after: after.map(one_line),
            })
    }

    fn members(&self, before: Option<&Value>, after: Option<&Value>, path: &AttributePath) -> Body {
        let object = [before, after]
            .into_iter()
            .flatten()
            .all(|value| matches!(value.kind(), Kind::Object(_)));
        let empty = Members::new();
        let before = before.and_then(Value::members).unwrap_or(&empty);
        let after = after.and_then(Value::members).unwrap_or(&empty);
        let names: BTreeSet<&Arc<str>> = before.keys().chain(after.keys()).collect();
        let entries = names.into_iter().map(|name| {
            let step = if object {
                PathStep::Attribute(name.clone())
            } else {
                PathStep::Key(name.clone())
            };
            (
                name.clone(),
                self.node(before.get(name), after.get(name), &path.join(step)),
            )
        });
        if object {
            // An attribute that is null on both sides is as good as not there.
            Body::Object(entries.filter(|(_, node)| !is_absent(node)).collect())
        } else {
            Body::Map(entries.collect())
        }
    }

    fn elements(
        &self,
        before: Option<&Value>,
        after: Option<&Value>,
        path: &AttributePath,
    ) -> Vec<Node> {
        let is_set = after
            .or(before)
            .is_some_and(|value| matches!(value.kind(), Kind::Set(..)));
        let before = before.and_then(Value::elements).unwrap_or_default();
        let after = after.and_then(Value::elements).unwrap_or_default();
        let one = |before: Option<&Value>, after: Option<&Value>, index: usize| {
            let path = if is_set {
                path.clone()
            } else {
                path.join(PathStep::Index(index))
            };
            let mut node = self.node(before, after, &path);
            node.forces_replacement &= !is_set;
            node
        };
        let mut nodes = Vec::new();
        for pairing in align(before, after, is_set) {
            nodes.push(match pairing {
                Pairing::Both(old, new) => one(Some(&before[old]), Some(&after[new]), new),
                Pairing::Before(old) => one(Some(&before[old]), None, old),
                Pairing::After(new) => one(None, Some(&after[new]), new),
            });
        }
        nodes
    }

    /// JSON by meaning and long text by lines, where both sides are such texts.
    fn text(
        &self,
        before: Option<&Value>,
        after: Option<&Value>,
        path: &AttributePath,
    ) -> Option<Body> {
        let texts: Vec<&str> = [before, after]
            .into_iter()
            .flatten()
            .map(Value::as_str)
            .collect::<Option<_>>()?;
        if texts.is_empty() {
            return None;
        }
        let parse = |value: Option<&Value>| value.map(|value| json_collection(value.as_str()?));
        match (parse(before), parse(after)) {
            (None, Some(Some(after))) => return Some(self.json(None, Some(&after), path)),
            (Some(Some(before)), None) => return Some(self.json(Some(&before), None, path)),
            (Some(Some(before)), Some(Some(after))) => {
                return Some(self.json(Some(&before), Some(&after), path));
            }
            _ => {}
        }
        if !texts.iter().any(|text| text.contains('\n')) {
            return None;
        }
        let lines = |value: Option<&Value>| -> Vec<String> {
            value
                .and_then(Value::as_str)
                .unwrap_or_default()
                .lines()
                .map(str::to_owned)
                .collect()
        };
        Some(Body::Text(compare_lines(&lines(before), &lines(after))))
    }

    fn json(&self, before: Option<&Value>, after: Option<&Value>, path: &AttributePath) -> Body {
        let mut inner = self.node(before, after, path);
        inner.forces_replacement = false;
        Body::Json(Box::new(inner))
    }
}

fn is_absent(node: &Node) -> bool {
    matches!(
        node.body,
        Body::Scalar {
            before: None,
            after: None
        }
    )
}

fn is_named(value: &Value) -> bool {
    value.members().is_some()
}

/// The object or array that a text holds as JSON.
fn json_collection(text: &str) -> Option<Value> {
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let json: serde_json::Value = serde_json::from_str(text).ok()?;
    let empty = json.as_object().is_some_and(serde_json::Map::is_empty)
        || json.as_array().is_some_and(Vec::is_empty);
    if empty { None } else { Value::from_json(&json) }
}

/// A value on one line, as the language writes it. Secrets and unknowns are named, not shown.
pub fn one_line(value: &Value) -> String {
    if value.is_secret() {
        return "(sensitive value)".to_owned();
    }
    let join = |parts: Vec<String>| parts.join(", ");
    match value.kind() {
        Kind::Null(_) => "null".to_owned(),
        Kind::Unknown(_) => "(known after apply)".to_owned(),
        Kind::Bool(value) => value.to_string(),
        Kind::Number(number) => number.to_string(),
        Kind::String(text) => quoted(text),
        Kind::List(_, elements) | Kind::Set(_, elements) | Kind::Tuple(elements) => {
            format!("[{}]", join(elements.iter().map(one_line).collect()))
        }
        Kind::Map(_, members) if members.is_empty() => "{}".to_owned(),
        Kind::Object(members) if members.is_empty() => "{}".to_owned(),
        Kind::Map(_, members) => {
            let parts = members
                .iter()
                .map(|(key, value)| format!("{} = {}", quoted(key), one_line(value)));
            format!("{{ {} }}", join(parts.collect()))
        }
        Kind::Object(members) => {
            let parts = members
                .iter()
                .map(|(name, value)| format!("{} = {}", attribute_name(name), one_line(value)));
            format!("{{ {} }}", join(parts.collect()))
        }
    }
}

/// The name of an attribute as an object expression may hold it.
pub fn attribute_name(name: &str) -> String {
    if strata_model::address::is_name(name) {
        name.to_owned()
    } else {
        quoted(name)
    }
}

/// Text in quotes, escaped as the language does it, and with control characters made visible.
pub fn quoted(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    super::style::escape(&json)
        .replace("${", "$${")
        .replace("%{", "%%{")
}

enum Pairing {
    Both(usize, usize),
    Before(usize),
    After(usize),
}

/// Finds which elements belong together: equal ones by their longest common order, then changed ones by place.
fn align(before: &[Value], after: &[Value], is_set: bool) -> Vec<Pairing> {
    if is_set {
        return align_set(before, after);
    }
    if before.len() * after.len() > ALIGNMENT_LIMIT {
        return (0..before.len().max(after.len()))
            .map(|index| match (index < before.len(), index < after.len()) {
                (true, true) => Pairing::Both(index, index),
                (true, false) => Pairing::Before(index),
                (false, _) => Pairing::After(index),
            })
            .collect();
    }
    let mut pairings = Vec::new();
    let mut run: (Vec<usize>, Vec<usize>) = Default::default();
    for step in longest_common(before, after) {
        match step {
            Pairing::Before(index) => run.0.push(index),
            Pairing::After(index) => run.1.push(index),
            Pairing::Both(old, new) => {
                pair_run(&mut pairings, std::mem::take(&mut run), (before, after));
                pairings.push(Pairing::Both(old, new));
            }
        }
    }
    pair_run(&mut pairings, run, (before, after));
    pairings
}

fn align_set(before: &[Value], after: &[Value]) -> Vec<Pairing> {
    let mut pairings: Vec<Pairing> = Vec::new();
    for (index, element) in before.iter().enumerate() {
        pairings.push(
            match after
                .iter()
                .position(|other| other == element && !other.is_unknown())
            {
                Some(new) => Pairing::Both(index, new),
                None => Pairing::Before(index),
            },
        );
    }
    let added = after
        .iter()
        .enumerate()
        .filter(|(_, element)| element.is_unknown() || !before.contains(element));
    pairings.extend(added.map(|(index, _)| Pairing::After(index)));
    pairings
}

/// Between two equal elements, removed and added collections of one kind are shown as changed.
fn pair_run(
    pairings: &mut Vec<Pairing>,
    (old, new): (Vec<usize>, Vec<usize>),
    (before, after): (&[Value], &[Value]),
) {
    let nested = |value: &Value| value.members().is_some() || value.elements().is_some();
    let paired = old
        .iter()
        .zip(&new)
        .take_while(|(old, new)| nested(&before[**old]) && nested(&after[**new]))
        .count();
    pairings.extend(
        old.iter()
            .zip(&new)
            .take(paired)
            .map(|(old, new)| Pairing::Both(*old, *new)),
    );
    pairings.extend(old[paired..].iter().map(|index| Pairing::Before(*index)));
    pairings.extend(new[paired..].iter().map(|index| Pairing::After(*index)));
}

/// The longest common subsequence, with what stands between its elements.
fn longest_common<T: PartialEq>(before: &[T], after: &[T]) -> Vec<Pairing> {
    let width = after.len() + 1;
    let mut lengths = vec![0_u32; (before.len() + 1) * width];
    for old in (0..before.len()).rev() {
        for new in (0..after.len()).rev() {
            lengths[old * width + new] = if before[old] == after[new] {
                lengths[(old + 1) * width + new + 1] + 1
            } else {
                lengths[(old + 1) * width + new].max(lengths[old * width + new + 1])
            };
        }
    }
    let (mut old, mut new, mut pairings) = (0, 0, Vec::new());
    while old < before.len() || new < after.len() {
        if old < before.len() && new < after.len() && before[old] == after[new] {
            pairings.push(Pairing::Both(old, new));
            (old, new) = (old + 1, new + 1);
        } else if new == after.len()
            || (old < before.len()
                && lengths[(old + 1) * width + new] >= lengths[old * width + new + 1])
        {
            pairings.push(Pairing::Before(old));
            old += 1;
        } else {
            pairings.push(Pairing::After(new));
            new += 1;
        }
    }
    pairings
}

/// Compares texts line by line.
fn compare_lines(before: &[String], after: &[String]) -> Vec<(Symbol, String)> {
    if before.len() * after.len() > ALIGNMENT_LIMIT {
        let old = before.iter().map(|line| (Symbol::Delete, line.clone()));
        return old
            .chain(after.iter().map(|line| (Symbol::Create, line.clone())))
            .collect();
    }
    longest_common(before, after)
        .into_iter()
        .map(|step| match step {
            Pairing::Both(old, _) => (Symbol::None, before[old].clone()),
            Pairing::Before(old) => (Symbol::Delete, before[old].clone()),
            Pairing::After(new) => (Symbol::Create, after[new].clone()),
        })
        .collect()
}

/// How many unchanged lines stand around a change of a text.
const LINES_AROUND: usize = 3;

/// The difference of two texts as `diff -u` writes it.
pub fn unified(name: &str, before: &str, after: &str) -> String {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let compared = compare_lines(&lines(before), &lines(after));
    let near = |index: usize| {
        let from = index.saturating_sub(LINES_AROUND);
        let to = compared.len().min(index + LINES_AROUND + 1);
        compared[from..to]
            .iter()
            .any(|(symbol, _)| *symbol != Symbol::None)
    };
    let mut text = format!("--- old/{name}\n+++ new/{name}\n");
    let (mut old, mut new, mut index) = (1, 1, 0);
    while index < compared.len() {
        if !near(index) {
            (old, new, index) = (old + 1, new + 1, index + 1);
            continue;
        }
        let end = (index..compared.len())
            .find(|at| !near(*at))
            .unwrap_or(compared.len());
        let hunk = &compared[index..end];
        let count = |without: Symbol| hunk.iter().filter(|(symbol, _)| *symbol != without).count();
        let (removed, added) = (count(Symbol::Create), count(Symbol::Delete));
        text.push_str(&format!("@@ -{old},{removed} +{new},{added} @@\n"));
        for (symbol, line) in hunk {
            let mark = match symbol {
                Symbol::Create => '+',
                Symbol::Delete => '-',
                Symbol::Update
                | Symbol::DeleteThenCreate
                | Symbol::CreateThenDelete
                | Symbol::Read
                | Symbol::Forget
                | Symbol::None => ' ',
            };
            text.push_str(&format!("{mark}{line}\n"));
        }
        (old, new, index) = (old + removed, new + added, end);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_differ_as_diff_writes_it() {
        let before = "a\nb\nc\nd\ne\nf\n";
        let after = "a\nb\nc\nd\nE\nf\n";
        let expected = "--- old/x\n+++ new/x\n@@ -2,5 +2,5 @@\n b\n c\n d\n-e\n+E\n f\n";
        assert_eq!(unified("x", before, after), expected);
    }
}
