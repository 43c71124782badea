//! The pattern syntax that authors know, in the spelling of the regex crate.
//!
//! The two differ in what classes such as `\d` hold (ASCII only), in `\Q…\E`, and in what is special between brackets.

/// Rewrites a pattern.
pub(super) fn pattern(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut chars = text.chars().peekable();
    let mut class = Class::Outside;
    while let Some(character) = chars.next() {
        match (character, class) {
            ('\\', _) => match chars.next() {
                Some('Q') if class == Class::Outside => literal(&mut chars, &mut out),
                Some(escaped) => {
                    escape(escaped, class, &mut out);
                    if class == Class::Start {
                        class = Class::Inside;
                    }
                }
                None => out.push('\\'),
            },
            ('[', Class::Outside) => {
                out.push('[');
                if chars.peek() == Some(&'^') {
                    out.push('^');
                    chars.next();
                }
                class = Class::Start;
            }
            (']', Class::Start) => {
                out.push_str("\\]");
                class = Class::Inside;
            }
            (']', Class::Inside) => {
                out.push(']');
                class = Class::Outside;
            }
            ('[', Class::Start | Class::Inside) => {
                class = Class::Inside;
                if chars.peek() == Some(&':') {
                    posix(&mut chars, &mut out);
                } else {
                    out.push_str("\\[");
                }
            }
            ('&' | '~', Class::Start | Class::Inside) => {
                class = Class::Inside;
                out.push('\\');
                out.push(character);
            }
            ('-', Class::Start | Class::Inside) if chars.peek() == Some(&'-') => {
                class = Class::Inside;
                out.push_str("\\-");
            }
            (other, _) => {
                if class == Class::Start {
                    class = Class::Inside;
                }
                out.push(other);
            }
        }
    }
    out
}

#[derive(Clone, Copy, PartialEq)]
enum Class {
    Outside,
    /// Directly behind the bracket, where `]` is itself.
    Start,
    Inside,
}

type Chars<'c> = std::iter::Peekable<std::str::Chars<'c>>;

/// `\Q…\E`: everything up to the end means itself.
fn literal(chars: &mut Chars<'_>, out: &mut String) {
    let mut text = String::new();
    while let Some(character) = chars.next() {
        if character == '\\' && chars.peek() == Some(&'E') {
            chars.next();
            break;
        }
        text.push(character);
    }
    out.push_str(&regex::escape(&text));
}

/// `[:alpha:]` between brackets.
fn posix(chars: &mut Chars<'_>, out: &mut String) {
    out.push('[');
    for character in chars.by_ref() {
        out.push(character);
        if character == ']' {
            break;
        }
    }
}

fn escape(escaped: char, class: Class, out: &mut String) {
    let inside = class != Class::Outside;
    let ascii = match escaped {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        's' => "[\\t\\n\\f\\r ]",
        'S' => "[^\\t\\n\\f\\r ]",
        'b' if !inside => "(?-u:\\b)",
        'B' if !inside => "(?-u:\\B)",
        _ => {
            out.push('\\');
            out.push(escaped);
            return;
        }
    };
    out.push_str(ascii);
}

#[cfg(test)]
mod tests {
    use super::pattern;

    #[test]
    fn classes_are_ascii_and_brackets_plain() {
        let check = |text: &str, expected: &str| assert_eq!(pattern(text), expected, "{text}");
        check("a+", "a+");
        check(r"\d\b", r"[0-9](?-u:\b)");
        check(r"[\d-]", r"[[0-9]-]");
        check(r"[a[b]", r"[a\[b]");
        check(r"[^\d]a", r"[^[0-9]]a");
        check(r"[]a]", r"[\]a]");
        check(r"[^]a]", r"[^\]a]");
        check(r"[[:alpha:]]", r"[[:alpha:]]");
        check(r"[a&&b]", r"[a\&\&b]");
        check(r"\Qa.b\Ec", r"a\.bc");
        check(r"\.", r"\.");
    }
}
