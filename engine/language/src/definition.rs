//! Definitions: what the blocks of a project or package say, in one model for both spellings.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use strata_model::{Mode, Name, Span, Type, Value};

use crate::expression::{Expr, Reference, Spanned};

/// Names a package of a run: the empty text is the project itself, `aws-eks` a built-in stack, `./stacks/web` a path
/// relative to the project's root, and anything with `://` a Git source.
pub type PackageKey = Arc<str>;

/// The key in a block whose source is not valid, which is an error of its own; no package bears it.
pub const NO_PACKAGE: &str = "?";

/// All definitions of a run.
#[derive(Debug, Clone, Default)]
pub struct Definitions {
    /// The packages by key; the project is the one with the empty key.
    pub packages: BTreeMap<PackageKey, Package>,
}

impl Definitions {
    /// The project itself.
    pub fn project(&self) -> Option<&Package> {
        self.packages.get("")
    }
}

/// The blocks of one directory: a project or a stack package.
#[derive(Debug, Clone, Default)]
pub struct Package {
    /// Its key.
    pub key: PackageKey,
    /// Whether something of it could not be read: a name that nothing here declares may be declared there.
    pub incomplete: bool,
    /// The `project` block; only in a project.
    pub project: Option<ProjectBlock>,
    /// The `package` block; only in a stack package.
    pub package: Option<PackageBlock>,
    /// `variable` blocks by name.
    pub variables: BTreeMap<Name, VariableBlock>,
    /// All entries of `locals` blocks.
    pub locals: BTreeMap<Name, Expr>,
    /// `provider` blocks.
    pub providers: Vec<ProviderBlock>,
    /// `resource` and `data` blocks.
    pub resources: BTreeMap<ResourceId, ResourceBlock>,
    /// `stack` and `cluster` blocks.
    pub instances: BTreeMap<(InstanceKind, Name), InstanceBlock>,
    /// `layer` blocks that stand alone.
    pub layers: BTreeMap<Name, LayerBlock>,
    /// `output` blocks.
    pub outputs: BTreeMap<Name, OutputBlock>,
    /// `check` blocks.
    pub checks: BTreeMap<Name, CheckBlock>,
    /// `moved` blocks.
    pub moved: Vec<MovedBlock>,
    /// `import` blocks.
    pub imports: Vec<ImportBlock>,
    /// `removed` blocks.
    pub removed: Vec<RemovedBlock>,
}

/// Tells resource blocks of a package apart. They sort by mode, type and name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ResourceId {
    /// Managed or data.
    pub mode: Mode,
    /// The resource type.
    pub resource_type: Name,
    /// The block's name.
    pub name: Name,
}

impl Ord for ResourceId {
    fn cmp(&self, other: &Self) -> Ordering {
        let types = || match Arc::ptr_eq(&self.resource_type, &other.resource_type) {
            // Blocks of one type often share its name.
            true => Ordering::Equal,
            false => self.resource_type.cmp(&other.resource_type),
        };
        let modes = self.mode.cmp(&other.mode);
        modes
            .then_with(types)
            .then_with(|| self.name.cmp(&other.name))
    }
}

impl PartialOrd for ResourceId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// `project { … }`
#[derive(Debug, Clone)]
pub struct ProjectBlock {
    /// The project's name.
    pub name: Option<Spanned<Name>>,
    /// The versions of Strata that may run it, such as `>= 0.1`.
    pub required_version: Option<Spanned<Arc<str>>>,
    /// Where the state is, as text.
    pub state: Option<Spanned<Arc<str>>>,
    /// Globs of sub-directories whose files belong to the project; `None` means `clusters/**`.
    pub include: Option<Vec<Spanned<Arc<str>>>>,
    /// The block's place.
    pub span: Span,
}

/// `package { … }`
#[derive(Debug, Clone)]
pub struct PackageBlock {
    /// The package's name.
    pub name: Option<Spanned<Name>>,
    /// For readers.
    pub description: Option<Arc<str>>,
    /// The package's version.
    pub version: Option<Arc<str>>,
    /// The versions of Strata that may run it.
    pub required_version: Option<Spanned<Arc<str>>>,
    /// The block's place.
    pub span: Span,
}

/// A type constraint: a type whose objects may have optional attributes.
#[derive(Debug, Clone, PartialEq)]
pub enum TypeConstraint {
    /// `any`
    Any,
    /// `bool`
    Bool,
    /// `number`
    Number,
    /// `string`
    String,
    /// `list(…)`
    List(Box<TypeConstraint>),
    /// `set(…)`
    Set(Box<TypeConstraint>),
    /// `map(…)`
    Map(Box<TypeConstraint>),
    /// `tuple([…])`
    Tuple(Vec<TypeConstraint>),
    /// `object({…})`
    Object(BTreeMap<Name, ObjectAttribute>),
}

/// An attribute of an object constraint.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectAttribute {
    /// Its constraint.
    pub ty: TypeConstraint,
    /// Whether it may be left out: `optional(…)`.
    pub optional: bool,
    /// What takes its place then; `null` without one.
    pub default: Option<Value>,
}

impl TypeConstraint {
    /// The type of values that conform.
    pub fn ty(&self) -> Type {
        match self {
            TypeConstraint::Any => Type::Any,
            TypeConstraint::Bool => Type::Bool,
            TypeConstraint::Number => Type::Number,
            TypeConstraint::String => Type::String,
            TypeConstraint::List(element) => Type::list(element.ty()),
            TypeConstraint::Set(element) => Type::set(element.ty()),
            TypeConstraint::Map(element) => Type::map(element.ty()),
            TypeConstraint::Tuple(elements) => {
                Type::tuple(elements.iter().map(TypeConstraint::ty).collect())
            }
            TypeConstraint::Object(attributes) => Type::object(
                attributes
                    .iter()
                    .map(|(name, attribute)| (name.clone(), attribute.ty.ty())),
            ),
        }
    }
}

impl fmt::Display for TypeConstraint {
    /// Writes the type expression that means this constraint, on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TypeConstraint::Any => f.write_str("any"),
            TypeConstraint::Bool => f.write_str("bool"),
            TypeConstraint::Number => f.write_str("number"),
            TypeConstraint::String => f.write_str("string"),
            TypeConstraint::List(element) => write!(f, "list({element})"),
            TypeConstraint::Set(element) => write!(f, "set({element})"),
            TypeConstraint::Map(element) => write!(f, "map({element})"),
            TypeConstraint::Tuple(elements) => {
                let elements: Vec<String> = elements.iter().map(ToString::to_string).collect();
                write!(f, "tuple([{}])", elements.join(", "))
            }
            TypeConstraint::Object(attributes) if attributes.is_empty() => {
                f.write_str("object({})")
            }
            TypeConstraint::Object(attributes) => {
                let attributes: Vec<String> = attributes
                    .iter()
                    .map(|(name, attribute)| format!("{name} = {attribute}"))
                    .collect();
                write!(f, "object({{ {} }})", attributes.join(", "))
            }
        }
    }
}

impl fmt::Display for ObjectAttribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.default, self.optional) {
            // JSON is an expression of the language once nothing in its texts is filled in.
            (Some(default), _) => {
                let default = default.to_json().to_string();
                let default = default.replace("${", "$${").replace("%{", "%%{");
                write!(f, "optional({}, {default})", self.ty)
            }
            (None, true) => write!(f, "optional({})", self.ty),
            (None, false) => write!(f, "{}", self.ty),
        }
    }
}

/// `variable "NAME" { … }`
#[derive(Debug, Clone)]
pub struct VariableBlock {
    /// The constraint; `any` where none is given.
    pub ty: TypeConstraint,
    /// The default: an expression without references.
    pub default: Option<Expr>,
    /// For readers.
    pub description: Option<Arc<str>>,
    /// Whether its value is secret.
    pub sensitive: bool,
    /// Whether `null` is a value; where it is not, `null` means the default.
    pub nullable: bool,
    /// Conditions on the value, which may refer to `var.NAME` and everything else in scope.
    pub validations: Vec<Condition>,
    /// The place of the block's head.
    pub span: Span,
}

/// `validation`, `precondition`, `postcondition`, `assert`
#[derive(Debug, Clone)]
pub struct Condition {
    /// What must be true.
    pub condition: Expr,
    /// What is said when it is not.
    pub error_message: Expr,
    /// The block's place.
    pub span: Span,
}

/// `provider "NAME" { … }`
#[derive(Debug, Clone)]
pub struct ProviderBlock {
    /// The provider's name.
    pub name: Name,
    /// The alias by which resources ask for it; `None` is the default configuration.
    pub alias: Option<Name>,
    /// The configuration.
    pub arguments: Arguments,
    /// The place of the block's head.
    pub span: Span,
}

/// Attributes of a block, in the order written. Schema checks happen at evaluation.
#[derive(Debug, Clone, Default)]
pub struct Arguments(pub Vec<Argument>);

/// One attribute.
#[derive(Debug, Clone)]
pub struct Argument {
    /// Its name and place.
    pub name: Spanned<Name>,
    /// Its value.
    pub value: Expr,
}

impl Arguments {
    /// The argument of a name.
    pub fn get(&self, name: &str) -> Option<&Argument> {
        self.0
            .iter()
            .find(|argument| argument.name.value.as_ref() == name)
    }
}

/// A reference that stands as an address, in `depends_on` and its like.
#[derive(Debug, Clone, PartialEq)]
pub struct AddressReference {
    /// What is named.
    pub reference: Reference,
    /// What follows it: a key, attributes. Literal keys only.
    pub rest: Expr,
    /// Where it stands.
    pub span: Span,
}

/// Which provider configuration a block uses: `aws` or `aws.ALIAS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderReference {
    /// The provider's name.
    pub name: Name,
    /// The alias.
    pub alias: Option<Name>,
    /// Where it stands.
    pub span: Span,
}

/// Meta-arguments that resources, stacks and clusters share.
#[derive(Debug, Clone, Default)]
pub struct Meta {
    /// `count`
    pub count: Option<Expr>,
    /// `for_each`
    pub for_each: Option<Expr>,
    /// `depends_on`
    pub depends_on: Vec<AddressReference>,
    /// `lifecycle`
    pub lifecycle: Lifecycle,
    /// `timeouts`, in the order written: `create`, `update`, `delete`.
    pub timeouts: Arguments,
}

/// What a block without meta-arguments says.
static NO_META: Meta = Meta {
    count: None,
    for_each: None,
    depends_on: Vec::new(),
    lifecycle: Lifecycle {
        prevent_destroy: None,
        create_before_destroy: None,
        ignore_changes: IgnoreChanges::None,
        replace_triggered_by: Vec::new(),
        preconditions: Vec::new(),
        postconditions: Vec::new(),
    },
    timeouts: Arguments(Vec::new()),
};

impl Meta {
    /// Whether nothing is said.
    fn is_empty(&self) -> bool {
        let Meta {
            count,
            for_each,
            depends_on,
            lifecycle,
            timeouts,
        } = self;
        let Lifecycle {
            prevent_destroy,
            create_before_destroy,
            ignore_changes,
            replace_triggered_by,
            preconditions,
            postconditions,
        } = lifecycle;
        [count, for_each, prevent_destroy]
            .iter()
            .all(|expr| expr.is_none())
            && create_before_destroy.is_none()
            && *ignore_changes == IgnoreChanges::None
            && depends_on.is_empty()
            && replace_triggered_by.is_empty()
            && preconditions.is_empty()
            && postconditions.is_empty()
            && timeouts.0.is_empty()
    }
}

/// The meta-arguments of a resource: most have none, and take no room for them.
#[derive(Debug, Clone, Default)]
pub struct SparseMeta(Option<Box<Meta>>);

impl From<Meta> for SparseMeta {
    fn from(meta: Meta) -> Self {
        SparseMeta((!meta.is_empty()).then(|| Box::new(meta)))
    }
}

impl std::ops::Deref for SparseMeta {
    type Target = Meta;

    fn deref(&self) -> &Meta {
        self.0.as_deref().unwrap_or(&NO_META)
    }
}

/// `lifecycle { … }`
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    /// `prevent_destroy`, an expression.
    pub prevent_destroy: Option<Expr>,
    /// `create_before_destroy`
    pub create_before_destroy: Option<bool>,
    /// `ignore_changes`
    pub ignore_changes: IgnoreChanges,
    /// `replace_triggered_by`
    pub replace_triggered_by: Vec<AddressReference>,
    /// `precondition`
    pub preconditions: Vec<Condition>,
    /// `postcondition`
    pub postconditions: Vec<Condition>,
}

/// `ignore_changes`
#[derive(Debug, Clone, Default, PartialEq)]
pub enum IgnoreChanges {
    /// Nothing is ignored.
    #[default]
    None,
    /// `all`
    All,
    /// Attribute paths, with their places.
    Paths(Vec<Spanned<strata_model::AttributePath>>),
}

/// `resource "TYPE" "NAME" { … }` and `data`
#[derive(Debug, Clone)]
pub struct ResourceBlock {
    /// Which block.
    pub id: ResourceId,
    /// The type's arguments.
    pub arguments: Arguments,
    /// `provider`
    pub provider: Option<ProviderReference>,
    /// The other meta-arguments.
    pub meta: SparseMeta,
    /// The place of the block's head.
    pub span: Span,
}

/// What instantiates a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InstanceKind {
    /// `cluster`
    Cluster,
    /// `stack`
    Stack,
}

/// `stack "NAME" { … }` and `cluster "NAME" { … }`
#[derive(Debug, Clone)]
pub struct InstanceBlock {
    /// Stack or cluster.
    pub kind: InstanceKind,
    /// The block's label.
    pub name: Name,
    /// `source` of a stack, `stack` of a cluster, as written.
    pub source: Spanned<Arc<str>>,
    /// The package that the source leads to, in the run's [`Definitions`]; a path is resolved against the package
    /// that says it.
    pub package: PackageKey,
    /// `version`
    pub version: Option<Spanned<Arc<str>>>,
    /// `inputs`, lowest precedence first: `defaults` files from the root to the leaf, then the block's own. They are
    /// merged deeply by value.
    pub inputs: Vec<Expr>,
    /// `providers`: the package's provider name (or `name.alias`) to the configuration here.
    pub providers: Vec<(Spanned<Arc<str>>, ProviderReference)>,
    /// Meta-arguments.
    pub meta: Meta,
    /// `gitops`, lowest precedence first; empty where there is none.
    pub gitops: Vec<Arguments>,
    /// `layer` blocks of a cluster.
    pub layers: Vec<LayerBlock>,
    /// The place of the block's head.
    pub span: Span,
}

/// `layer "NAME" { … }`
#[derive(Debug, Clone)]
pub struct LayerBlock {
    /// The layer's name.
    pub name: Name,
    /// `cluster`, of a layer that stands alone.
    pub cluster: Option<AddressReference>,
    /// `provider`, of a layer that stands alone.
    pub provider: Option<ProviderReference>,
    /// Its other arguments.
    pub arguments: Arguments,
    /// Other layers and resources that come first.
    pub depends_on: Vec<AddressReference>,
    /// What its objects are declared by: a block of the type [`LAYER_TYPE`](strata_model::layer::LAYER_TYPE) that has
    /// the layer's name, and says nothing.
    pub objects: ResourceBlock,
    /// The place of the block's head.
    pub span: Span,
}

impl LayerBlock {
    /// The place of an argument's value, or of the block's head.
    pub fn place_of(&self, name: &str) -> Span {
        let argument = self.arguments.get(name);
        argument.map_or(self.span, |argument| argument.value.span)
    }
}

/// `output "NAME" { … }`
#[derive(Debug, Clone)]
pub struct OutputBlock {
    /// The value.
    pub value: Expr,
    /// For readers.
    pub description: Option<Arc<str>>,
    /// Whether it is hidden.
    pub sensitive: bool,
    /// Conditions checked before the output is taken.
    pub preconditions: Vec<Condition>,
    /// What must be done first.
    pub depends_on: Vec<AddressReference>,
    /// The place of the block's head.
    pub span: Span,
}

/// `check "NAME" { … }`
#[derive(Debug, Clone)]
pub struct CheckBlock {
    /// The assertions.
    pub assertions: Vec<Condition>,
    /// The place of the block's head.
    pub span: Span,
}

/// An address as written in `moved`, `import` and `removed`, with its text; it may name a block, an instance, or a
/// whole stack or cluster.
#[derive(Debug, Clone, PartialEq)]
pub enum TargetAddress {
    /// A resource block or instance.
    Resource(strata_model::Address),
    /// A stack or cluster, block or instance.
    Scope(strata_model::Scope),
}

/// `moved { from, to }`
#[derive(Debug, Clone)]
pub struct MovedBlock {
    /// The old address, relative to the package.
    pub from: Spanned<TargetAddress>,
    /// The new one.
    pub to: Spanned<TargetAddress>,
    /// The block's place.
    pub span: Span,
}

/// `import { to, id }`
#[derive(Debug, Clone)]
pub struct ImportBlock {
    /// The address that takes the object; with `for_each` its key is `to_key`.
    pub to: Spanned<strata_model::Address>,
    /// An expression for the instance key of `to`, such as `each.key`.
    pub to_key: Option<Expr>,
    /// The object's id.
    pub id: Expr,
    /// One import for each.
    pub for_each: Option<Expr>,
    /// The block's place.
    pub span: Span,
}

/// `removed { from, lifecycle { destroy } }`
#[derive(Debug, Clone)]
pub struct RemovedBlock {
    /// What is no longer declared.
    pub from: Spanned<TargetAddress>,
    /// Whether its objects are destroyed, not only forgotten.
    pub destroy: bool,
    /// The block's place.
    pub span: Span,
}
