//! Patterns of paths: `*`, `?`, `[…]` and `{a,b}` within a part, `**` for any parts.

/// More alternatives than this make no pattern.
const ALTERNATIVES: usize = 256;

/// A pattern, its alternatives written out.
pub(super) struct Pattern(Vec<Vec<Part>>);

enum Part {
    /// `**`
    Any,
    /// One name.
    Name(Vec<Token>),
}

enum Token {
    Text(char),
    /// `?`
    One,
    /// `*`
    Some,
    /// `[…]`
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Pattern {
    /// Reads a pattern; `None` where brackets or braces do not match.
    pub(super) fn parse(text: &str) -> Option<Pattern> {
        let mut done = Vec::new();
        let mut open = vec![text.to_owned()];
        while let Some(text) = open.pop() {
            if done.len() + open.len() > ALTERNATIVES {
                return None;
            }
            match alternatives(&text)? {
                Some(all) => open.extend(all),
                None => done.push(parts(&text)?),
            }
        }
        Some(Pattern(done))
    }

    pub(super) fn matches(&self, path: &str) -> bool {
        let names: Vec<&str> = path.split('/').collect();
        self.0.iter().any(|parts| path_matches(parts, &names))
    }

    /// The steps that matching a path takes at most.
    pub(super) fn cost(&self, path: &str) -> usize {
        let tokens: usize = self
            .0
            .iter()
            .flatten()
            .map(|part| match part {
                Part::Any => 1,
                Part::Name(tokens) => tokens.len() + 1,
            })
            .sum();
        tokens.saturating_mul(path.len()) / 64 + 1
    }
}

/// The texts with the first `{a,b}` replaced by each of its alternatives; `Some(None)` without one.
#[expect(
    clippy::option_option,
    reason = "outer: readable at all; inner: whether there is one"
)]
fn alternatives(text: &str) -> Option<Option<Vec<String>>> {
    let Some(start) = text.find('{') else {
        return Some(None);
    };
    let mut depth = 0_usize;
    let mut cuts = vec![start];
    for (at, character) in text.char_indices().skip_while(|(at, _)| *at < start) {
        match character {
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    cuts.push(at);
                    break;
                }
            }
            ',' if depth == 1 => cuts.push(at),
            _ => {}
        }
    }
    if depth > 0 {
        return None;
    }
    let end = *cuts.last()?;
    let all = cuts
        .windows(2)
        .map(|cut| {
            format!(
                "{}{}{}",
                &text[..start],
                &text[cut[0] + 1..cut[1]],
                &text[end + 1..]
            )
        })
        .collect();
    Some(Some(all))
}

fn parts(text: &str) -> Option<Vec<Part>> {
    text.split('/')
        .map(|part| {
            if part == "**" {
                return Some(Part::Any);
            }
            tokens(part).map(Part::Name)
        })
        .collect()
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut chars = text.chars();
    while let Some(character) = chars.next() {
        tokens.push(match character {
            '*' => Token::Some,
            '?' => Token::One,
            '[' => class(&mut chars)?,
            '\\' => Token::Text(chars.next()?),
            other => Token::Text(other),
        });
    }
    Some(tokens)
}

fn class(chars: &mut std::str::Chars<'_>) -> Option<Token> {
    let mut ranges = Vec::new();
    let mut negated = false;
    let mut first = true;
    loop {
        let character = chars.next()?;
        match character {
            '^' if first => negated = true,
            ']' if !ranges.is_empty() => return Some(Token::Class { negated, ranges }),
            from => {
                let mut ahead = chars.clone();
                let to = match (ahead.next(), ahead.next()) {
                    (Some('-'), Some(to)) if to != ']' => {
                        *chars = ahead;
                        to
                    }
                    _ => from,
                };
                ranges.push((from, to));
            }
        }
        first = false;
    }
}

/// Matches with one place to come back to: the last `**`.
fn path_matches(parts: &[Part], names: &[&str]) -> bool {
    let (mut part, mut name) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while name < names.len() {
        match parts.get(part) {
            Some(Part::Any) => {
                back = Some((part, name));
                part += 1;
            }
            Some(Part::Name(tokens)) if name_matches(tokens, names[name]) => {
                part += 1;
                name += 1;
            }
            Some(Part::Name(_)) | None => match back {
                Some((any, at)) => {
                    back = Some((any, at + 1));
                    part = any + 1;
                    name = at + 1;
                }
                None => return false,
            },
        }
    }
    parts[part..].iter().all(|part| matches!(part, Part::Any))
}

/// Matches with one place to come back to: the last `*`.
fn name_matches(tokens: &[Token], name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    let (mut token, mut at) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while at < name.len() {
        let fits = match tokens.get(token) {
            Some(Token::Some) => {
                back = Some((token, at));
                token += 1;
                continue;
            }
            Some(Token::Text(text)) => *text == name[at],
            Some(Token::One) => true,
            Some(Token::Class { negated, ranges }) => {
                let within = |(from, to): &(char, char)| (*from..=*to).contains(&name[at]);
                ranges.iter().any(within) != *negated
            }
            None => false,
        };
        if fits {
            token += 1;
            at += 1;
            continue;
        }
        match back {
            Some((star, from)) => {
                back = Some((star, from + 1));
                token = star + 1;
                at = from + 1;
            }
            None => return false,
        }
    }
    tokens[token..]
        .iter()
        .all(|token| matches!(token, Token::Some))
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn patterns_match_paths() {
        let check = |pattern: &str, path: &str, expected: bool| {
            let found = Pattern::parse(pattern).is_some_and(|pattern| pattern.matches(path));
            assert_eq!(found, expected, "{pattern} {path}");
        };
        check("*.txt", "a.txt", true);
        check("*.txt", "b/a.txt", false);
        check("**", "b/a.txt", true);
        check("**/*.txt", "a.txt", true);
        check("**/*.txt", "b/c/a.txt", true);
        check("b/**/a.txt", "b/a.txt", true);
        check("b/**/a.txt", "c/a.txt", false);
        check("{a,b}.txt", "b.txt", true);
        check("{a,{b,c}d}", "cd", true);
        check("[a-c]?", "bx", true);
        check("[^a-c]?", "bx", false);
        check("a[", "a[", false);
        check("{a", "a", false);
        check("*a*a*a*a*a*b", &"a".repeat(200), false);
    }
}
