//! `required_version`: which versions of Strata may run a project or a stack, in Terraform's notation.

use strata_language::codes;
use strata_language::definition::Package;
use strata_language::expression::Spanned;
use strata_model::Diagnostic;

/// Major, minor and patch.
type Version = [u64; 3];

/// One condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    Equal(Version),
    NotEqual(Version),
    Greater(Version),
    GreaterOrEqual(Version),
    Less(Version),
    LessOrEqual(Version),
    /// From the version on, while all of its parts but the last stay.
    Pessimistic(Version, Version),
}

impl Condition {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = text.find(|c: char| c.is_ascii_digit() || c == 'v')?;
        let (operator, rest) = text.split_at(digits);
        let (version, parts) = version(rest.trim())?;
        Some(match operator.trim() {
            "" | "=" => Condition::Equal(version),
            "!=" => Condition::NotEqual(version),
            ">" => Condition::Greater(version),
            ">=" => Condition::GreaterOrEqual(version),
            "<" => Condition::Less(version),
            "<=" => Condition::LessOrEqual(version),
            "~>" => Condition::Pessimistic(version, next(version, parts)),
            _ => return None,
        })
    }

    fn holds(self, of: Version) -> bool {
        match self {
            Condition::Equal(version) => of == version,
            Condition::NotEqual(version) => of != version,
            Condition::Greater(version) => of > version,
            Condition::GreaterOrEqual(version) => of >= version,
            Condition::Less(version) => of < version,
            Condition::LessOrEqual(version) => of <= version,
            Condition::Pessimistic(version, end) => of >= version && of < end,
        }
    }
}

/// The numbers of a version, and how many of them were written. What follows a `-` or `+` does not count.
fn version(text: &str) -> Option<(Version, usize)> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let numbers = text.split(['-', '+']).next()?;
    let mut version = [0; 3];
    let mut count = 0;
    for part in numbers.split('.') {
        *version.get_mut(count)? = part.parse().ok()?;
        count += 1;
    }
    Some((version, count))
}

/// Where `~>` ends: the last written part but one rises by one.
fn next(version: Version, parts: usize) -> Version {
    match parts {
        3 => [version[0], version[1] + 1, 0],
        2 => [version[0] + 1, 0, 0],
        _ => [u64::MAX; 3],
    }
}

/// Whether a version meets all conditions; `None` for a text that holds none.
fn permits(conditions: &str, of: &str) -> Option<bool> {
    let (of, _) = version(of)?;
    let conditions: Option<Vec<Condition>> = conditions.split(',').map(Condition::parse).collect();
    Some(conditions?.iter().all(|condition| condition.holds(of)))
}

/// What a package says against being run by this version.
pub(super) fn check(package: &Package) -> Option<Diagnostic> {
    let of_project = package.project.as_ref();
    let of_package = package.package.as_ref();
    let required: &Spanned<_> = of_project
        .and_then(|block| block.required_version.as_ref())
        .or_else(|| of_package?.required_version.as_ref())?;
    let own = env!("CARGO_PKG_VERSION");
    let (summary, detail) = match permits(&required.value, own) {
        Some(true) => return None,
        Some(false) => (
            "Unsupported version of Strata",
            format!("This is Strata {own}, and {} is required.", required.value),
        ),
        None => (
            codes::INVALID_VALUE.summary,
            format!(
                "'{}' is no condition on versions, such as \">= 0.1, < 2.0\".",
                required.value.escape_debug()
            ),
        ),
    };
    Some(Diagnostic::error(codes::INVALID_VALUE.code, summary, detail).at(required.span))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_on_versions() {
        let check = |conditions: &str, of: &str, expected: Option<bool>| {
            assert_eq!(permits(conditions, of), expected, "{conditions} {of}");
        };
        check(">= 0.1", "0.1.0", Some(true));
        check(">= 0.1, < 0.2", "0.2.0", Some(false));
        check("~> 0.1", "0.9.3", Some(true));
        check("~> 0.1.2", "0.2.0", Some(false));
        check("~> 0.1.2", "0.1.10", Some(true));
        check("~>1", "7.0.0", Some(true));
        check("= 1.2.3", "1.2.3", Some(true));
        check("v1.2.3", "1.2.3-rc.1", Some(true));
        check("!= 1.2.3", "1.2.3", Some(false));
        check("> 1, <= 2", "2.0.0", Some(true));
        for wrong in ["", "latest", ">= ", "=> 1", "1.2.3.4", "1.x", ">= 1,"] {
            check(wrong, "1.0.0", None);
        }
    }
}
