//! The one table of the language's diagnostic codes.
//!
//! Ranges: `E01xx` the text cannot be read, `E02xx` what it says does not hold together, `E03xx` sources and paths.
//! Numbers are stable: one that is given is never given to another fault.

use strata_model::{Code, Diagnostic};

/// A code with its fixed words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeEntry {
    /// The code.
    pub code: Code,
    /// The summary that every diagnostic of this code carries.
    pub summary: &'static str,
}

impl CodeEntry {
    /// An error of this code.
    pub fn error(&self, detail: impl Into<String>) -> Diagnostic {
        Diagnostic::error(self.code, self.summary, shortened(detail.into()))
    }

    /// A warning of this code.
    pub fn warning(&self, detail: impl Into<String>) -> Diagnostic {
        Diagnostic::warning(self.code, self.summary, shortened(detail.into()))
    }
}

/// Bytes of a message from which its middle is left out: it may quote a value of any size.
const LONG: usize = 4096;

/// The message as people can read it: of a very long one the beginning, and the end, where the reason tends to be.
fn shortened(detail: String) -> String {
    if detail.len() <= LONG {
        return detail;
    }
    let start = detail.floor_char_boundary(LONG * 3 / 4);
    let end = detail.ceil_char_boundary(detail.len() - LONG / 4);
    format!("{} … {}", &detail[..start], &detail[end..])
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $summary:literal;)*) => {
        $(
            $(#[$doc])*
            pub const $name: CodeEntry = CodeEntry { code: Code($code), summary: $summary };
        )*

        /// All codes, in order.
        pub const ALL: &[CodeEntry] = &[$($name),*];
    };
}

codes! {
    /// Aliases add more nodes to a file than allowed, or an anchor holds itself.
    ALIAS_LIMIT = "E0101", "Alias expansion limit";
    /// A key or block is written twice in one file.
    DUPLICATE_KEY = "E0102", "Duplicate key";
    /// A value of one type stands where another is wanted.
    WRONG_TYPE = "E0103", "Wrong type of value";
    /// The file is not UTF-8, or holds characters that text may not hold.
    ENCODING = "E0104", "Invalid encoding";
    /// The nesting or a chain of operators is too deep.
    NESTING = "E0105", "Nesting too deep";
    /// A YAML tag that is not of the core schema.
    TAG = "E0106", "Tag not allowed";
    /// A file, or what it makes, is too large.
    SIZE = "E0107", "Over limit";
    /// Evaluation takes too many steps or too much memory.
    BUDGET = "E0108", "Evaluation budget exceeded";
    /// The text is not HCL.
    HCL_SYNTAX = "E0109", "Invalid HCL syntax";
    /// The text is not YAML.
    YAML_SYNTAX = "E0110", "Invalid YAML syntax";
    /// A YAML file of several documents.
    DOCUMENTS = "E0111", "Several documents in a file";
    /// `<<` in YAML.
    MERGE_KEY = "E0112", "Merge key not allowed";
    /// A YAML key that is a collection, null, or nothing at all.
    KEY = "E0113", "Key not allowed";
    /// Tabs as indentation in YAML.
    TAB = "E0114", "Tab as indentation";
    /// A template that cannot be read.
    TEMPLATE = "E0115", "Invalid template";
    /// An alias without an anchor.
    UNKNOWN_ALIAS = "E0116", "Unknown alias";
    /// Definitions depend on each other in a circle.
    CYCLE = "E0201", "Cycle";
    /// A name that nothing bears: a reference, block, argument or function.
    UNKNOWN_NAME = "E0202", "Unknown name";
    /// A value outside what is allowed.
    INVALID_VALUE = "E0203", "Invalid value";
    /// A required argument is missing.
    MISSING_ARGUMENT = "E0204", "Missing argument";
    /// A block has too many or too few labels.
    LABELS = "E0205", "Wrong labels";
    /// A text that may not be a name.
    INVALID_NAME = "E0206", "Invalid name";
    /// A text that is no address or reference.
    INVALID_REFERENCE = "E0207", "Invalid reference";
    /// A type expression that names no type.
    INVALID_TYPE = "E0208", "Invalid type constraint";
    /// An expression where only plain text or a plain value may stand.
    NOT_LITERAL = "E0209", "Plain value required";
    /// A block where an attribute belongs, or the other way round.
    BLOCK_FORM = "E0210", "Wrong form of block";
    /// A block that may not stand here.
    MISPLACED_BLOCK = "E0211", "Misplaced block";
    /// The same thing is defined in two places.
    DUPLICATE_DEFINITION = "E0212", "Duplicate definition";
    /// Arguments that exclude each other.
    CONFLICT = "E0213", "Conflicting arguments";
    /// A null where a value is needed.
    NULL_VALUE = "E0221", "Null where a value is needed";
    /// A key, index or attribute that the value does not have.
    INVALID_INDEX = "E0222", "Invalid index";
    /// An operand or a part of a template of the wrong type.
    INVALID_OPERAND = "E0223", "Invalid operand";
    /// A function that cannot work with its arguments.
    INVALID_CALL = "E0224", "Invalid function call";
    /// A secret where it would be seen.
    SECRET_EXPOSED = "E0225", "Secret not allowed here";
    /// An argument that only the provider sets.
    READ_ONLY = "E0226", "Argument not settable";
    /// Two items of a collection with one key.
    DUPLICATE_ITEM = "E0227", "Duplicate item";
    /// A `{ from, key }` that is no reference to a secret.
    SECRET_REFERENCE = "E0228", "Invalid secret reference";
    /// A file that a function cannot read.
    FILE = "E0229", "File not readable";
    /// A path that leaves the project, the package or the repository.
    PATH_LEAVES = "E0301", "Path leaves the repository";
    /// A source that is of no allowed kind.
    SOURCE = "E0305", "Source not allowed";
    /// An attribute that the type of the object does not have; a warning.
    UNUSED_ATTRIBUTE = "W0256", "Attribute not used";
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn codes_ascend_and_are_given_once() {
        for pair in ALL.windows(2) {
            assert!(
                pair[0].code < pair[1].code,
                "{} before {}",
                pair[0].code,
                pair[1].code
            );
        }
    }

    #[test]
    fn summaries_are_fixed_words() {
        for entry in ALL {
            assert!(!entry.summary.ends_with('.'), "{}", entry.code);
            assert!(
                entry.summary.starts_with(char::is_uppercase),
                "{}",
                entry.code
            );
        }
    }
}
