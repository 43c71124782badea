//! Expressions, with the place of every part. Both spellings lead to these.

use std::sync::Arc;

use strata_model::{Mode, Name, Span, Value};

/// An expression and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
}

impl Expr {
    /// The value of a literal; `None` for all else, a number that is not written canonically too.
    pub fn literal(&self) -> Option<&Value> {
        match &self.kind {
            ExprKind::Literal(value) => Some(value),
            ExprKind::WrittenNumber(_)
            | ExprKind::Template(_)
            | ExprKind::Tuple(_)
            | ExprKind::Object(_)
            | ExprKind::Variable(_)
            | ExprKind::Attribute(..)
            | ExprKind::Index(..)
            | ExprKind::Splat { .. }
            | ExprKind::SplatElement
            | ExprKind::Unary(..)
            | ExprKind::Binary(..)
            | ExprKind::Conditional { .. }
            | ExprKind::Call { .. }
            | ExprKind::For(_) => None,
        }
    }
}

/// The kinds of expressions.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// `null`, `true`, `12`, `"text"`.
    Literal(Value),
    /// A number that is not written canonically (`1.10`, `012`, `1e3`, 30 digits): its text where text is wanted, an
    /// error with the two readings elsewhere.
    WrittenNumber(Arc<str>),
    /// Text with parts to fill in. A template of a single interpolation keeps that value's type.
    Template(Vec<TemplatePart>),
    /// `[a, b]`, and a sequence in YAML.
    Tuple(Vec<Expr>),
    /// `{ a = b }`, and a mapping in YAML.
    Object(Vec<ObjectItem>),
    /// A name that begins a traversal: `var`, `aws_vpc`, or a name bound by `for`.
    Variable(Name),
    /// `base.name`.
    Attribute(Box<Expr>, Spanned<Name>),
    /// `base[index]`; `base.0` too.
    Index(Box<Expr>, Box<Expr>),
    /// `base[*].rest` or `base.*.rest`: `each` is evaluated with the element in place of [`ExprKind::SplatElement`].
    Splat {
        /// What is gone through.
        base: Box<Expr>,
        /// What is taken of each element.
        each: Box<Expr>,
    },
    /// The element that a splat has come to.
    SplatElement,
    /// `-x`, `!x`.
    Unary(UnaryOperator, Box<Expr>),
    /// `a + b`.
    Binary(BinaryOperator, Box<Expr>, Box<Expr>),
    /// `condition ? then : otherwise`.
    Conditional {
        /// What is tested.
        condition: Box<Expr>,
        /// The value if true.
        then: Box<Expr>,
        /// The value if false.
        otherwise: Box<Expr>,
    },
    /// A function call.
    Call {
        /// The function's name.
        name: Spanned<Name>,
        /// The arguments.
        arguments: Vec<Expr>,
        /// Whether the last argument is followed by `...`.
        expand: bool,
    },
    /// `[for …]` or `{for …}`.
    For(Box<ForExpr>),
}

/// Something with a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The thing.
    pub value: T,
    /// Its place.
    pub span: Span,
}

/// One item of an object expression.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectItem {
    /// The key; a bare name or quoted text is a literal, `(expr)` is any expression. In YAML always a literal.
    pub key: Expr,
    /// The value.
    pub value: Expr,
}

/// A part of a template.
#[derive(Debug, Clone, PartialEq)]
pub enum TemplatePart {
    /// Text as it is, escapes resolved and stripping by `~` done.
    Text(Arc<str>),
    /// `${expr}`.
    Interpolation(Expr),
    /// `%{if c}…%{else}…%{endif}`.
    If {
        /// What is tested.
        condition: Expr,
        /// The parts if true.
        then: Vec<TemplatePart>,
        /// The parts if false.
        otherwise: Vec<TemplatePart>,
    },
    /// `%{for k, v in c}…%{endfor}`.
    For {
        /// The name of the key or index.
        key: Option<Name>,
        /// The name of the element.
        value: Name,
        /// What is gone through.
        collection: Expr,
        /// The parts for each element.
        body: Vec<TemplatePart>,
    },
}

/// A `for` expression.
#[derive(Debug, Clone, PartialEq)]
pub struct ForExpr {
    /// The name of the key or index.
    pub key: Option<Name>,
    /// The name of the element.
    pub value: Name,
    /// What is gone through.
    pub collection: Expr,
    /// The key of each item of an object; `None` makes a tuple.
    pub result_key: Option<Expr>,
    /// The value of each item.
    pub result: Expr,
    /// `if …`.
    pub condition: Option<Expr>,
    /// `...`: values of equal keys are gathered into tuples.
    pub group: bool,
}

/// Operators with one operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnaryOperator {
    /// `-`
    Negate,
    /// `!`
    Not,
}

/// Operators with two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryOperator {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Modulo,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `&&`
    And,
    /// `||`
    Or,
}

impl BinaryOperator {
    /// How it is written.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            BinaryOperator::Add => "+",
            BinaryOperator::Subtract => "-",
            BinaryOperator::Multiply => "*",
            BinaryOperator::Divide => "/",
            BinaryOperator::Modulo => "%",
            BinaryOperator::Equal => "==",
            BinaryOperator::NotEqual => "!=",
            BinaryOperator::Less => "<",
            BinaryOperator::LessOrEqual => "<=",
            BinaryOperator::Greater => ">",
            BinaryOperator::GreaterOrEqual => ">=",
            BinaryOperator::And => "&&",
            BinaryOperator::Or => "||",
        }
    }
}

/// What the head of a traversal names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    /// `var.NAME`
    Variable(Name),
    /// `local.NAME`
    Local(Name),
    /// `each.key`
    EachKey,
    /// `each.value`
    EachValue,
    /// `count.index`
    CountIndex,
    /// `self`
    SelfObject,
    /// `path.root` and `path.module`
    Path(Name),
    /// `project.name`
    ProjectName,
    /// `TYPE.NAME` and `data.TYPE.NAME`
    Resource {
        /// Managed or data.
        mode: Mode,
        /// The resource type.
        resource_type: Name,
        /// The block's name.
        name: Name,
    },
    /// `stack.NAME`
    Stack(Name),
    /// `cluster.NAME`
    Cluster(Name),
    /// `layer.NAME`
    Layer(Name),
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Reference::Variable(name) => write!(f, "var.{name}"),
            Reference::Local(name) => write!(f, "local.{name}"),
            Reference::EachKey => f.write_str("each.key"),
            Reference::EachValue => f.write_str("each.value"),
            Reference::CountIndex => f.write_str("count.index"),
            Reference::SelfObject => f.write_str("self"),
            Reference::Path(name) => write!(f, "path.{name}"),
            Reference::ProjectName => f.write_str("project.name"),
            Reference::Resource {
                mode: Mode::Managed,
                resource_type,
                name,
            } => write!(f, "{resource_type}.{name}"),
            Reference::Resource {
                mode: Mode::Data,
                resource_type,
                name,
            } => write!(f, "data.{resource_type}.{name}"),
            Reference::Stack(name) => write!(f, "stack.{name}"),
            Reference::Cluster(name) => write!(f, "cluster.{name}"),
            Reference::Layer(name) => write!(f, "layer.{name}"),
        }
    }
}
