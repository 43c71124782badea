//! Diagnostics as text with a snippet, and as JSON in Terraform's shape.

use serde_json::{Value as Json, json};
use strata_model::{Diagnostic, Severity, SourceMap, Span};

use super::style::{Paint, Style, escape, escape_line};

/// Longer source lines are cut around the place.
const LONGEST_LINE: usize = 160;

/// A diagnostic as text, with an empty line behind it.
pub fn text(diagnostic: &Diagnostic, sources: &SourceMap, style: Style) -> String {
    let (word, paint) = match diagnostic.severity {
        Severity::Error => ("Error", Paint::Red),
        Severity::Warning => ("Warning", Paint::Yellow),
    };
    let bar = style.paint(paint, "│");
    let mut lines = vec![format!(
        "{}: {} {}",
        style.paint(paint, word),
        style.bold(&escape_line(&diagnostic.summary)),
        style.dim(&format!("[{}]", diagnostic.code))
    )];
    lines.push(String::new());
    if let Some(span) = diagnostic.span {
        let about = diagnostic
            .address
            .as_ref()
            .map(|address| format!(", in {}", escape_line(address)));
        let snippet = Snippet {
            sources,
            style,
            paint,
        };
        lines.extend(snippet.lines(span, "on", &about.unwrap_or_default()));
    } else if let Some(address) = &diagnostic.address {
        lines.push(format!("  in {}:", escape_line(address)));
    }
    if lines.len() > 2 {
        lines.push(String::new());
    }
    lines.extend(escape(&diagnostic.detail).lines().map(str::to_owned));
    for label in &diagnostic.labels {
        lines.push(String::new());
        let snippet = Snippet {
            sources,
            style,
            paint: Paint::Cyan,
        };
        lines.extend(snippet.lines(label.span, &format!("{}:", escape_line(&label.text)), ""));
    }
    for hint in &diagnostic.hints {
        lines.push(String::new());
        let mut hint = escape(hint).lines().map(str::to_owned).collect::<Vec<_>>();
        if let Some(first) = hint.first_mut() {
            *first = format!("{}: {first}", style.paint(Paint::Cyan, "Hint"));
        }
        lines.extend(hint);
    }
    let body: Vec<String> = lines
        .iter()
        .map(|line| format!("{bar} {line}").trim_end().to_owned())
        .collect();
    format!(
        "{}\n{}\n{}\n",
        style.paint(paint, "╷"),
        body.join("\n"),
        style.paint(paint, "╵")
    )
}

/// A diagnostic on one line, for `-compact-warnings`.
pub fn compact(diagnostic: &Diagnostic, sources: &SourceMap) -> String {
    let place = diagnostic.span.and_then(|span| sources.position(span));
    let place = place.map(|position| {
        format!(
            " (on {} line {})",
            escape_line(&position.file),
            position.line
        )
    });
    format!(
        "- {} [{}]{}",
        escape_line(&diagnostic.summary),
        diagnostic.code,
        place.unwrap_or_default()
    )
}

struct Snippet<'a> {
    sources: &'a SourceMap,
    style: Style,
    paint: Paint,
}

impl Snippet<'_> {
    /// Where it is, the line, and what of it is meant.
    fn lines(&self, span: Span, lead: &str, about: &str) -> Vec<String> {
        let (Some(position), Some(file)) =
            (self.sources.position(span), self.sources.file(span.file))
        else {
            return Vec::new();
        };
        let place = format!(
            "  {lead} {} line {}{about}:",
            escape_line(&position.file),
            position.line
        );
        let text = file.text();
        let start = (span.start as usize).min(text.len());
        let line_start = text[..floor(text, start)]
            .rfind('\n')
            .map_or(0, |at| at + 1);
        let line_end = text[floor(text, start)..]
            .find('\n')
            .map_or(text.len(), |at| floor(text, start) + at);
        let line = text[line_start..line_end].trim_end_matches('\r');
        let from = floor(line, start.saturating_sub(line_start).min(line.len()));
        let to = floor(
            line,
            (span.end as usize)
                .saturating_sub(line_start)
                .min(line.len()),
        )
        .max(from);
        let (before, marked, after) = (&line[..from], &line[from..to], &line[to..]);
        let (before, after) = cut(before, marked, after);
        let number = format!("  {:>4}: ", position.line);
        let shown = [before.as_str(), marked, after.as_str()]
            .map(|part| escape(part).replace('\t', "    "));
        let mut lines = vec![place];
        lines.push(format!(
            "{number}{}{}{}",
            shown[0],
            self.style.bold(&shown[1]),
            shown[2]
        ));
        let width = shown[1].chars().count().clamp(1, LONGEST_LINE);
        let indent = " ".repeat(number.chars().count() + shown[0].chars().count());
        lines.push(format!(
            "{indent}{}",
            self.style.paint(self.paint, &"^".repeat(width))
        ));
        lines
    }
}

/// The nearest character border at or before a byte offset.
fn floor(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn cut(before: &str, marked: &str, after: &str) -> (String, String) {
    let room = LONGEST_LINE.saturating_sub(marked.chars().count().min(LONGEST_LINE / 2));
    let keep = room / 2;
    let length = before.chars().count();
    let head = if length > keep {
        format!(
            "…{}",
            before.chars().skip(length - keep).collect::<String>()
        )
    } else {
        before.to_owned()
    };
    let tail = if after.chars().count() > keep {
        format!("{}…", after.chars().take(keep).collect::<String>())
    } else {
        after.to_owned()
    };
    (head, tail)
}

/// A diagnostic in Terraform's JSON shape, with code, hints and labels added.
pub fn json(diagnostic: &Diagnostic, sources: &SourceMap) -> Json {
    let mut object = json!({
        "severity": match diagnostic.severity { Severity::Error => "error", Severity::Warning => "warning" },
        "code": diagnostic.code.to_string(),
        "summary": diagnostic.summary,
        "detail": diagnostic.detail,
    });
    if let Some(address) = &diagnostic.address {
        object["address"] = address.as_str().into();
    }
    if let Some(range) = diagnostic.span.and_then(|span| range(span, sources)) {
        object["range"] = range;
    }
    if let Some(snippet) = diagnostic.span.and_then(|span| snippet_json(span, sources)) {
        object["snippet"] = snippet;
    }
    if !diagnostic.hints.is_empty() {
        object["hints"] = diagnostic.hints.iter().map(String::as_str).collect();
    }
    if !diagnostic.labels.is_empty() {
        let labels = diagnostic.labels.iter();
        object["labels"] = labels
            .map(|label| json!({ "text": label.text, "range": range(label.span, sources) }))
            .collect();
    }
    object
}

fn range(span: Span, sources: &SourceMap) -> Option<Json> {
    let (start, end) = (sources.position(span)?, sources.end_position(span)?);
    Some(json!({
        "filename": start.file.as_ref(),
        "start": { "line": start.line, "column": start.column, "byte": span.start },
        "end": { "line": end.line, "column": end.column, "byte": span.end },
    }))
}

fn snippet_json(span: Span, sources: &SourceMap) -> Option<Json> {
    let text = sources.file(span.file)?.text();
    let start = floor(text, span.start as usize);
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    let code = &text[line_start..line_end];
    Some(json!({
        "context": null,
        "code": code,
        "start_line": sources.position(span)?.line,
        "highlight_start_offset": start - line_start,
        "highlight_end_offset": (span.end as usize).saturating_sub(line_start).min(code.len()),
        "values": [],
    }))
}

#[cfg(test)]
mod tests {
    use strata_model::source::SourceFile;
    use strata_model::{Code, FileId};

    use super::*;

    fn sources(text: &str) -> SourceMap {
        let mut sources = SourceMap::default();
        sources.add(SourceFile::new("main.strata.hcl", text));
        sources
    }

    fn check(source: &str, range: std::ops::Range<usize>, expected: &str) {
        let diagnostic = Diagnostic::error(
            Code("E0202"),
            "Unknown reference",
            "There is no 'var.regoin'.",
        )
        .at(Span::new(FileId(0), range))
        .about("aws_vpc.main")
        .hint("Did you mean 'var.region'?");
        assert_eq!(
            text(&diagnostic, &sources(source), Style { colour: false }),
            expected
        );
    }

    #[test]
    fn the_place_is_underlined() {
        check(
            "a = 1\nb = var.regoin + 2\n",
            10..20,
            "╷\n│ Error: Unknown reference [E0202]\n│\n│   on main.strata.hcl line 2, in aws_vpc.main:\n│      2: b = var.regoin + 2\n│             ^^^^^^^^^^\n│\n│ There is no 'var.regoin'.\n│\n│ Hint: Did you mean 'var.region'?\n╵\n",
        );
    }

    #[test]
    fn hostile_text_cannot_break_the_layout() {
        let long = format!("{}é\x1b[31m = 1", "x".repeat(500));
        let span = Span::new(FileId(0), 501..9_999);
        let diagnostic = Diagnostic::error(Code("E1"), "A", "b\x07").at(span);
        let text = text(&diagnostic, &sources(&long), Style { colour: false });
        assert!(!text.contains('\x1b') && !text.contains('\x07'));
        assert!(
            text.lines()
                .all(|line| line.chars().count() < 2 * LONGEST_LINE),
            "{text}"
        );
    }

    #[test]
    fn json_has_ranges() {
        let sources = sources("a = 1\nb = var.x\n");
        let diagnostic = Diagnostic::warning(Code("W1"), "S", "D").at(Span::new(FileId(0), 10..15));
        let json = json(&diagnostic, &sources);
        assert_eq!(
            json["range"]["start"],
            json!({"line": 2, "column": 5, "byte": 10})
        );
        assert_eq!(json["snippet"]["code"], "b = var.x");
        assert_eq!(json["severity"], "warning");
    }
}
