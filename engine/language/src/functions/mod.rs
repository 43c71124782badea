//! The functions of the language: Terraform's by name, arguments, results and reasons to fail.
//!
//! A function says of each parameter what it can take (null, unknown, marked values); what it does not take is dealt
//! with before it is called. A secret in an argument makes the result secret; an unknown makes it unknown.

mod collection;
mod conversion;
mod encoding;
mod file;
mod format;
mod hash;
mod json;
mod network;
mod number;
mod regular;
mod render;
mod sequence;
mod set;
mod text;
mod time;
mod yaml;

use std::sync::LazyLock;

use strata_model::{Diagnostics, Number, Span, Type, Value};

use crate::budget::Exceeded;
use crate::convert::normalized;
use crate::evaluate::{Env, Run};
use crate::expression::Expr;

/// A function of the language.
#[derive(Clone, Copy)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub description: &'static str,
    /// The parameters that every call has.
    pub parameters: &'static [Parameter],
    /// What may follow them, any number of times.
    pub variadic: Option<Parameter>,
    /// The type of the result, of an unknown one too.
    pub(crate) returns: fn(&Call<'_, '_>) -> Result<Type, Fault>,
    pub(crate) body: Body,
    /// Whether the result is never secret: only `nonsensitive` and `issensitive`.
    pub(crate) reveals: bool,
}

impl Function {
    /// The parameter of an argument's position.
    pub(crate) fn parameter(&self, index: usize) -> Option<&Parameter> {
        self.parameters.get(index).or(self.variadic.as_ref())
    }
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}()", self.name)
    }
}

/// A parameter of a function.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// Its name, for messages.
    pub name: &'static str,
    /// What arguments are converted to.
    pub kind: ParameterKind,
    /// Whether null may be given.
    pub(crate) null: bool,
    /// Whether the function deals with unknown values itself.
    pub(crate) unknown: bool,
    /// Whether the function deals with secret marks itself.
    pub(crate) marks: bool,
}

impl Parameter {
    const fn new(name: &'static str, kind: ParameterKind) -> Self {
        Parameter {
            name,
            kind,
            null: false,
            unknown: false,
            marks: false,
        }
    }

    const fn nullable(mut self) -> Self {
        self.null = true;
        self
    }

    const fn unknowns(mut self) -> Self {
        self.unknown = true;
        self
    }

    const fn marked(mut self) -> Self {
        self.marks = true;
        self
    }
}

/// What a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterKind {
    /// Any value as it is.
    Any,
    /// `bool`
    Bool,
    /// `number`
    Number,
    /// `string`
    String,
    /// `list(any)`
    List,
    /// `list(bool)`
    Bools,
    /// `list(string)`
    Strings,
    /// `set(any)`
    Set,
    /// `map(list(string))`
    StringLists,
}

static LIST: LazyLock<Type> = LazyLock::new(|| Type::list(Type::Any));
static BOOLS: LazyLock<Type> = LazyLock::new(|| Type::list(Type::Bool));
static STRINGS: LazyLock<Type> = LazyLock::new(|| Type::list(Type::String));
static SET: LazyLock<Type> = LazyLock::new(|| Type::set(Type::Any));
static STRING_LISTS: LazyLock<Type> = LazyLock::new(|| Type::map(Type::list(Type::String)));

impl ParameterKind {
    /// The type that arguments are converted to.
    pub fn ty(self) -> &'static Type {
        match self {
            ParameterKind::Any => &Type::Any,
            ParameterKind::Bool => &Type::Bool,
            ParameterKind::Number => &Type::Number,
            ParameterKind::String => &Type::String,
            ParameterKind::List => &LIST,
            ParameterKind::Bools => &BOOLS,
            ParameterKind::Strings => &STRINGS,
            ParameterKind::Set => &SET,
            ParameterKind::StringLists => &STRING_LISTS,
        }
    }
}

/// How a function is carried out.
#[derive(Clone, Copy)]
pub(crate) enum Body {
    /// With arguments that hold nothing unknown, except where the parameter takes it.
    Deep(fn(&Call<'_, '_>) -> Result<Value, Fault>),
    /// With arguments that are known themselves; unknown elements are the function's business.
    Shallow(fn(&Call<'_, '_>) -> Result<Value, Fault>),
    /// With expressions.
    Lazy(fn(&Run<'_>, &LazyCall<'_>, &mut Diagnostics) -> Value),
}

/// A call whose arguments are evaluated.
pub(crate) struct Call<'c, 'r> {
    pub(crate) run: &'c Run<'r>,
    /// Converted to the parameters' kinds; without marks where the parameter does not take them.
    pub(crate) arguments: Vec<Value>,
    /// Whether a mark was taken off.
    pub(crate) secret: bool,
}

/// A call whose arguments are not evaluated.
pub(crate) struct LazyCall<'e> {
    pub(crate) function: &'static Function,
    pub(crate) arguments: &'e [Expr],
    pub(crate) env: Env<'e>,
    pub(crate) span: Span,
}

/// Why a call fails. Reasons are clauses without a final period; values in them go through [`Call::quote`].
#[derive(Debug)]
pub(crate) enum Fault {
    /// An argument is at fault.
    Argument(usize, String),
    /// The arguments do not go together.
    Call(String),
    /// The file that an argument names cannot be read.
    File(usize, String),
    /// The path that an argument names leaves the project or package.
    Leaves(usize, String),
    /// It would take too much.
    Budget(Exceeded),
}

impl From<Exceeded> for Fault {
    fn from(exceeded: Exceeded) -> Self {
        Fault::Budget(exceeded)
    }
}

fn argument<T>(index: usize, reason: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Argument(index, reason.into()))
}

impl Call<'_, '_> {
    /// An argument; every call has those of the fixed parameters.
    fn value(&self, index: usize) -> &Value {
        &self.arguments[index]
    }

    /// The text of a string argument.
    fn text(&self, index: usize) -> &str {
        self.value(index).as_str().unwrap_or_default()
    }

    /// The number of a number argument.
    fn number(&self, index: usize) -> Number {
        self.value(index).as_number().unwrap_or(Number::Int(0))
    }

    /// A number argument that must be whole.
    fn integer(&self, index: usize) -> Result<i64, Fault> {
        match self.number(index).as_i64() {
            Some(integer) => Ok(integer),
            None => argument(index, "must be a whole number"),
        }
    }

    /// The elements of a list, set or tuple argument.
    fn elements(&self, index: usize) -> &[Value] {
        self.value(index).elements().unwrap_or_default()
    }

    /// Takes room for a text before it is made.
    fn bytes(&self, count: usize) -> Result<(), Fault> {
        self.run.meter.bytes(count as u64).map_err(Fault::from)
    }

    /// Takes steps and room for elements before they are made.
    fn room(&self, count: usize) -> Result<(), Fault> {
        self.run.meter.steps(count as u64)?;
        self.run.meter.elements(count).map_err(Fault::from)
    }

    /// Takes steps and room for the members of a map before they are made.
    fn members(&self, count: usize) -> Result<(), Fault> {
        self.run.meter.members(count).map_err(Fault::from)
    }

    /// Takes steps.
    fn steps(&self, count: usize) -> Result<(), Fault> {
        self.run.meter.steps(count as u64).map_err(Fault::from)
    }

    /// A text as the result.
    fn string(&self, text: String) -> Result<Value, Fault> {
        self.bytes(text.len())?;
        Ok(Value::string(normalized(text)))
    }

    /// A text of an argument for a message; secrets are not shown.
    fn quote(&self, text: &str) -> String {
        if self.secret {
            "(a secret)".to_owned()
        } else {
            quoted(text)
        }
    }
}

/// Characters of a text that a message shows.
const SHOWN: usize = 200;

/// A text between quotes, its beginning when it is long.
fn quoted(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// Result types that do not depend on the arguments.
mod returns {
    use strata_model::Type;

    use super::{Call, Fault};

    pub(super) fn any(_: &Call<'_, '_>) -> Result<Type, Fault> {
        Ok(Type::Any)
    }

    pub(super) fn boolean(_: &Call<'_, '_>) -> Result<Type, Fault> {
        Ok(Type::Bool)
    }

    pub(super) fn number(_: &Call<'_, '_>) -> Result<Type, Fault> {
        Ok(Type::Number)
    }

    pub(super) fn string(_: &Call<'_, '_>) -> Result<Type, Fault> {
        Ok(Type::String)
    }

    pub(super) fn strings(_: &Call<'_, '_>) -> Result<Type, Fault> {
        Ok(Type::list(Type::String))
    }
}

/// Whether the type leaves nothing to be decided by arguments.
pub(crate) fn is_fixed(ty: &Type) -> bool {
    !ty.has_any() && !matches!(ty, Type::Tuple(_) | Type::Object(_))
}

/// Writes a table of functions: name, description, parameters, result type, body.
macro_rules! functions {
    ($($name:literal, $description:literal, [$($parameter:expr),*] $(, ..$variadic:expr)? => $returns:expr, $body:expr;)*) => {
        pub(super) static FUNCTIONS: &[super::Function] = &[$(
            super::Function {
                name: $name,
                description: $description,
                parameters: &[$($parameter),*],
                variadic: $crate::functions::variadic!($($variadic)?),
                returns: $returns,
                body: $body,
                reveals: false,
            },
        )*];
    };
}

macro_rules! variadic {
    () => {
        None
    };
    ($variadic:expr) => {
        Some($variadic)
    };
}

use functions;
use variadic;

static TABLE: LazyLock<Vec<Function>> = LazyLock::new(|| {
    let mut all: Vec<Function> = [
        collection::FUNCTIONS,
        conversion::FUNCTIONS,
        encoding::FUNCTIONS,
        file::FUNCTIONS,
        format::FUNCTIONS,
        hash::FUNCTIONS,
        json::FUNCTIONS,
        network::FUNCTIONS,
        number::FUNCTIONS,
        regular::FUNCTIONS,
        render::FUNCTIONS,
        sequence::FUNCTIONS,
        set::FUNCTIONS,
        text::FUNCTIONS,
        time::FUNCTIONS,
        yaml::FUNCTIONS,
    ]
    .concat();
    all.sort_by_key(|function| function.name);
    all
});

/// All functions by name.
pub fn table() -> &'static [Function] {
    &TABLE
}

/// The function of a name; `core::` may stand before it, as Terraform has it.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    let name = name.strip_prefix("core::").unwrap_or(name);
    let table = table();
    let at = table
        .binary_search_by(|function| function.name.cmp(name))
        .ok()?;
    table.get(at)
}

/// What to use in place of a function of Terraform's that does not exist here.
pub(crate) fn alternative(name: &str) -> Option<&'static str> {
    Some(match name {
        "timestamp" => "Use plantimestamp(), which is the same throughout a plan.",
        "uuid" => "Use a strata_random_id resource, or uuidv5() for one that follows from a name.",
        "bcrypt" => {
            "Use a strata_random_password resource; results that differ in every run cannot be planned."
        }
        "abspath" | "pathexpand" => {
            "Paths are relative to the project or package; there are no others."
        }
        "rsadecrypt" => {
            "Give the secret as { from = \"env\", key = … } or { from = \"file\", key = … }."
        }
        "ephemeralasnull" => "There are no ephemeral values; mark secrets with sensitive().",
        "list" => "Use tolist([…]).",
        "map" => "Use tomap({…}).",
        _ => return None,
    })
}

/// Why a function cannot be called in a template that another function renders.
pub(crate) fn refused_in_template(name: &str, renderer: &str) -> Option<String> {
    if matches!(name, "templatefile" | "templatestring") {
        return Some(format!(
            "{name}() cannot be called in a template that {renderer}() renders."
        ));
    }
    let reads = name.starts_with("file") || matches!(name, "fileset" | "fileexists");
    (reads && renderer == "templatestring").then(|| {
        format!("{name}() cannot be called in a template that templatestring() renders: pass the file's text as a variable.")
    })
}
