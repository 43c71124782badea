//! Names of files in a repository that somebody else controls.

use unicode_normalization::UnicodeNormalization;

/// The longest name that common file systems take, in bytes.
const LONGEST: usize = 255;

/// Checks the name of a tree entry: it must mean the same thing on every system, and nothing to Git itself.
///
/// # Errors
///
/// Says what is wrong with the name.
pub(crate) fn check(name: &[u8]) -> Result<&str, &'static str> {
    let name = str::from_utf8(name).map_err(|_| "it is not UTF-8")?;
    if name.is_empty() || name == "." || name == ".." {
        return Err("it is no name");
    }
    if name.len() > LONGEST {
        return Err("it is longer than 255 bytes");
    }
    if name.contains(['/', '\\']) {
        return Err("it contains a path separator");
    }
    if name.chars().any(char::is_control) {
        return Err("it contains a control character");
    }
    if name.chars().any(is_invisible) {
        return Err("it contains an invisible character or one that changes the direction of text");
    }
    if name.ends_with(['.', ' ']) {
        return Err("it ends with a period or a space");
    }
    if is_git_directory(name) {
        return Err("it is a spelling of .git");
    }
    if is_device(name) {
        return Err("it names a device on Windows");
    }
    Ok(name)
}

/// What two names that differ have in common when a file system takes them for the same.
pub(crate) fn folded(name: &str) -> String {
    name.nfc()
        .collect::<String>()
        .to_lowercase()
        .nfc()
        .collect()
}

/// Zero-width characters, which some file systems ignore, and those that turn the direction of text around.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
    )
}

/// `.git` and what Windows takes for it: any case, `git~1`, and an alternate stream of it.
fn is_git_directory(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let stem = lower.split(':').next().unwrap_or_default();
    let stem = stem.trim_end_matches(['.', ' ']);
    let short = stem
        .strip_prefix("git~")
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()));
    stem == ".git" || short
}

fn is_device(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let stem = upper
        .split(['.', ':'])
        .next()
        .unwrap_or_default()
        .trim_end();
    let numbered = stem
        .strip_prefix("COM")
        .or_else(|| stem.strip_prefix("LPT"))
        .is_some_and(|rest| matches!(rest, "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9"));
    numbered || matches!(stem, "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_are_refused() {
        let hostile: [&[u8]; 31] = [
            b"",
            b".",
            b"..",
            b"a/b",
            b"a\\b",
            b"a\0b",
            b"a\nb",
            b"a\rb",
            b"a\x1bb",
            b"a\x7fb",
            "a\u{85}b".as_bytes(),
            b"\xff\xfe",
            b".git",
            b".GIT",
            b".Git ",
            b".git.",
            b"git~1",
            b"GIT~12",
            b".git::$INDEX_ALLOCATION",
            ".g\u{200c}it".as_bytes(),
            "a\u{202e}txt.exe".as_bytes(),
            "\u{feff}a".as_bytes(),
            b"a.",
            b"a ",
            b"CON",
            b"con.yaml",
            b"aux",
            b"Com1.txt",
            b"LPT9",
            b"nul:",
            &[b'a'; 256],
        ];
        for name in hostile {
            assert!(check(name).is_err(), "{}", String::from_utf8_lossy(name));
        }
    }

    #[test]
    fn ordinary_names_are_taken() {
        for name in [
            "a",
            ".github",
            ".gitignore",
            ".gitmodules",
            "git~",
            "git~x",
            "...a",
            "a b",
            "ä.yaml",
            "日本",
            "console",
            "com10",
            "auxiliary.tf",
            "-rf",
            "${x}",
            "a:b",
        ] {
            assert_eq!(check(name.as_bytes()), Ok(name));
        }
    }

    #[test]
    fn names_that_file_systems_confuse_fold_together() {
        for (one, other) in [
            ("A.yaml", "a.yaml"),
            ("\u{e9}", "e\u{301}"),
            ("É", "e\u{301}"),
        ] {
            assert_eq!(folded(one), folded(other));
        }
        assert_ne!(folded("a"), folded("b"));
    }
}
