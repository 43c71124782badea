//! The pattern syntax that authors know, in the spelling of the regex crate.
//!
//! The two differ in what classes such as `\d` hold (ASCII only), in `\Q…\E`, in what is special between brackets, and
//! in what braces, `\<` and flags mean.

/// A repetition says no higher number than this.
const MOST_REPEATED: u32 = 1000;

/// Rewrites a pattern.
///
/// # Errors
///
/// What the regex crate would take, and what is no pattern to authors.
pub(super) fn pattern(text: &str) -> Result<String, &'static str> {
    let mut out = String::with_capacity(text.len() + 16);
    let mut chars = text.chars().peekable();
    let mut class = Class::Outside;
    // Whether what stands before is repeated.
    let mut repeated = false;
    while let Some(character) = chars.next() {
        let was_repeated = std::mem::replace(&mut repeated, false);
        match (character, class) {
            ('\\', _) => match chars.next() {
                Some('Q') if class == Class::Outside => literal(&mut chars, &mut out),
                Some(escaped) => {
                    escape(escaped, class, (&mut chars, &mut out));
                    if class == Class::Start {
                        class = Class::Inside;
                    }
                }
                None => out.push('\\'),
            },
            ('(', Class::Outside) => {
                out.push('(');
                if chars.next_if_eq(&'?').is_some() {
                    group(&mut chars, &mut out)?;
                }
            }
            ('*' | '+' | '?' | '{', Class::Outside) => {
                repeated = repetition(character, &mut chars, &mut out)?;
                if repeated && was_repeated {
                    return Err("invalid nested repetition operator");
                }
            }
            ('[', Class::Outside) => {
                out.push('[');
                if chars.next_if_eq(&'^').is_some() {
                    out.push('^');
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
            (other, Class::Start | Class::Inside) => {
                class = Class::Inside;
                member(other, &mut chars, &mut out);
            }
            (other, Class::Outside) => out.push(other),
        }
    }
    Ok(out)
}

/// A character between brackets.
fn member(character: char, chars: &mut Chars<'_>, out: &mut String) {
    match character {
        '[' if chars.peek() == Some(&':') => posix(chars, out),
        '[' => out.push_str("\\["),
        '&' | '~' => {
            out.push('\\');
            out.push(character);
        }
        '-' if chars.peek() == Some(&'-') => out.push_str("\\-"),
        other => out.push(other),
    }
}

/// What follows `(?`: a name, flags, or nothing that there is.
fn group(chars: &mut Chars<'_>, out: &mut String) -> Result<(), &'static str> {
    out.push('?');
    while let Some(flag) = chars.next_if(|next| next.is_ascii_alphabetic() || *next == '-') {
        if matches!(flag, 'x' | 'u' | 'R') {
            return Err("the flags of a group are i, m, s and U");
        }
        out.push(flag);
    }
    // A name is no pattern.
    if chars.peek() == Some(&'<') {
        for character in chars.by_ref() {
            out.push(character);
            if character == '>' {
                break;
            }
        }
    }
    Ok(())
}

/// `*`, `+`, `?` and `{n,m}`, with the `?` behind; `false` for a `{` that is itself.
fn repetition(sign: char, chars: &mut Chars<'_>, out: &mut String) -> Result<bool, &'static str> {
    if sign == '{' {
        // Longer than any that is allowed, and no longer: what follows may be the whole pattern.
        let ahead = chars.clone().take(16);
        let rest: String = ahead.take_while(|next| *next != '}').collect();
        let (least, most) = rest.split_once(',').unwrap_or((&rest, &rest));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let closes = chars.clone().nth(rest.len()) == Some('}');
        if !(closes && is_number(least) && (most.is_empty() || is_number(most))) {
            out.push_str("\\{");
            return Ok(false);
        }
        let count = |text: &str| text.parse::<u32>().unwrap_or(u32::MAX);
        if count(least) > MOST_REPEATED || (!most.is_empty() && count(most) > MOST_REPEATED) {
            return Err("invalid repeat count: at most 1000");
        }
        out.push('{');
        out.push_str(&rest);
        out.push('}');
        chars.nth(rest.len());
    } else {
        out.push(sign);
    }
    if chars.next_if_eq(&'?').is_some() {
        out.push('?');
    }
    Ok(true)
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

fn escape(escaped: char, class: Class, (chars, out): (&mut Chars<'_>, &mut String)) {
    if escaped.is_digit(8) && octal(escaped, chars, out) {
        return;
    }
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
        'x' | 'p' | 'P' => return number_or_class(escaped, chars, out),
        '<' => "<",
        '>' => ">",
        _ => {
            out.push('\\');
            out.push(escaped);
            return;
        }
    };
    out.push_str(ascii);
}

/// `\x{…}` and `\p{…}`: the braces are not those of a repetition.
fn number_or_class(escaped: char, chars: &mut Chars<'_>, out: &mut String) {
    out.push('\\');
    out.push(escaped);
    if chars.peek() == Some(&'{') {
        for character in chars.by_ref() {
            out.push(character);
            if character == '}' {
                break;
            }
        }
    }
}

/// A character by its number in octal; `false` where it is none, but a reference to a group.
fn octal(first: char, chars: &mut Chars<'_>, out: &mut String) -> bool {
    let follows = chars.peek().is_some_and(|next| next.is_digit(8));
    if first != '0' && !follows {
        return false;
    }
    let mut number = first.to_digit(8).unwrap_or_default();
    for _ in 0..2 {
        let next = chars.next_if(|next| next.is_digit(8));
        match next.and_then(|next| next.to_digit(8)) {
            Some(digit) => number = number * 8 + digit,
            None => break,
        }
    }
    out.push_str(&format!("\\x{{{number:x}}}"));
    true
}

#[cfg(test)]
mod tests {
    use super::pattern;

    #[test]
    fn classes_are_ascii_and_brackets_plain() {
        let check =
            |text: &str, expected: &str| assert_eq!(pattern(text).unwrap(), expected, "{text}");
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

    #[test]
    fn braces_that_repeat_nothing_are_themselves() {
        let check = |text: &str, expected: Result<&str, &str>| {
            assert_eq!(pattern(text), expected.map(str::to_owned), "{text}");
        };
        check("a{2}b{2,}?c{2,3}", Ok("a{2}b{2,}?c{2,3}"));
        check("{", Ok(r"\{"));
        check("a{,2}", Ok(r"a\{,2}"));
        check("{[^}]*}", Ok(r"\{[^}]*}"));
        check("a{x}*", Ok(r"a\{x}*"));
        check(r"\${(\w+)}", Ok(r"\$\{([0-9A-Za-z_]+)}"));
        check("a{1001}", Err("invalid repeat count: at most 1000"));
        check("a**", Err("invalid nested repetition operator"));
        check("a*?+", Err("invalid nested repetition operator"));
        check("a+{2}", Err("invalid nested repetition operator"));
        check("(a*)*", Ok("(a*)*"));
        check("(?i:a)?", Ok("(?i:a)?"));
        check("(?P<n>a)(?<m>b)(?:c)", Ok("(?P<n>a)(?<m>b)(?:c)"));
        check("(?x)a b", Err("the flags of a group are i, m, s and U"));
        check(r"\<a\>", Ok("<a>"));
        check(
            r"\x{1F600}\p{Greek}[\P{L}]{2}",
            Ok(r"\x{1F600}\p{Greek}[\P{L}]{2}"),
        );
        check(r"\101\0\1", Ok(r"\x{41}\x{0}\1"));
    }
}
