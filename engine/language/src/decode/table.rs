//! The table of blocks: what may stand where. Decoding, the lowering of YAML, suggestions and the JSON Schema all read
//! it, so that they cannot disagree.

/// What may stand between the braces of a block, or in a file.
#[derive(Debug)]
pub struct BodySpec {
    /// The attributes by name.
    pub attributes: &'static [AttributeSpec],
    /// The blocks by keyword.
    pub blocks: &'static [BlockSpec],
    /// What becomes of other names.
    pub rest: Rest,
}

impl BodySpec {
    /// The attribute of a name.
    pub fn attribute(&self, name: &str) -> Option<&'static AttributeSpec> {
        self.attributes.iter().find(|spec| spec.name == name)
    }

    /// The block of a keyword.
    pub fn block(&self, keyword: &str) -> Option<&'static BlockSpec> {
        self.blocks.iter().find(|spec| spec.keyword == keyword)
    }

    /// All names that have a meaning here.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        let attributes = self.attributes.iter().map(|spec| spec.name);
        attributes.chain(self.blocks.iter().map(|spec| spec.keyword))
    }
}

/// What becomes of names that the table does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// They are errors.
    Refused,
    /// They are attributes that mean something to someone else; the text says to whom.
    Arguments(&'static str),
}

/// An attribute.
#[derive(Debug)]
pub struct AttributeSpec {
    /// Its name.
    pub name: &'static str,
    /// What its value may be.
    pub form: Form,
    /// Whether it must be there.
    pub required: bool,
    /// What it means, for readers.
    pub doc: &'static str,
}

/// What the value of an attribute may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Any expression.
    Expression,
    /// An expression that gives a map.
    Map,
    /// Plain text without anything to fill in.
    Text,
    /// A list of plain texts.
    Texts,
    /// A name.
    Name,
    /// `true` or `false`, not computed.
    Switch,
    /// A type expression.
    Type,
    /// An address.
    Address,
    /// A list of addresses.
    Addresses,
    /// A provider, with an alias or without.
    Provider,
    /// A map of providers to providers.
    Providers,
    /// A list of attribute paths, or `all`.
    Paths,
}

impl Form {
    /// Whether YAML writes the value as plain text that is an expression, not a template.
    pub fn is_reference(self) -> bool {
        match self {
            Form::Type
            | Form::Address
            | Form::Addresses
            | Form::Provider
            | Form::Providers
            | Form::Paths => true,
            Form::Expression | Form::Map | Form::Text | Form::Texts | Form::Name | Form::Switch => {
                false
            }
        }
    }
}

/// A block.
#[derive(Debug)]
pub struct BlockSpec {
    /// Its keyword.
    pub keyword: &'static str,
    /// What its labels are, in order.
    pub labels: &'static [&'static str],
    /// Whether it may be written more than once (with the same labels only where `yaml` is a list).
    pub repeats: bool,
    /// How YAML writes what stands below keyword and labels.
    pub yaml: YamlForm,
    /// Where it may stand.
    pub home: Home,
    /// What it may hold.
    pub body: &'static BodySpec,
    /// What it means, for readers.
    pub doc: &'static str,
}

/// How YAML writes a block's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum YamlForm {
    /// A map.
    Map,
    /// A list of maps, one for each block.
    List,
    /// A map, or a list of maps where there are several.
    MapOrList,
}

/// Where a block may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Home {
    /// In projects and stack packages.
    Anywhere,
    /// In projects only.
    Project,
    /// In stack packages only.
    Package,
}

const fn attribute(name: &'static str, form: Form, doc: &'static str) -> AttributeSpec {
    AttributeSpec {
        name,
        form,
        required: false,
        doc,
    }
}

const fn required(name: &'static str, form: Form, doc: &'static str) -> AttributeSpec {
    AttributeSpec {
        name,
        form,
        required: true,
        doc,
    }
}

const fn once(
    keyword: &'static str,
    labels: &'static [&'static str],
    body: &'static BodySpec,
    doc: &'static str,
) -> BlockSpec {
    BlockSpec {
        keyword,
        labels,
        repeats: false,
        yaml: YamlForm::Map,
        home: Home::Anywhere,
        body,
        doc,
    }
}

const fn many(
    keyword: &'static str,
    labels: &'static [&'static str],
    body: &'static BodySpec,
    doc: &'static str,
) -> BlockSpec {
    BlockSpec {
        repeats: true,
        yaml: if labels.is_empty() {
            YamlForm::List
        } else {
            YamlForm::Map
        },
        ..once(keyword, labels, body, doc)
    }
}

const fn at_home(home: Home, spec: BlockSpec) -> BlockSpec {
    BlockSpec { home, ..spec }
}

const fn in_yaml(yaml: YamlForm, spec: BlockSpec) -> BlockSpec {
    BlockSpec { yaml, ..spec }
}

const NO_BLOCKS: &[BlockSpec] = &[];

/// What a file of a project or package holds.
pub static FILE: BodySpec = BodySpec {
    attributes: &[],
    blocks: &[
        at_home(
            Home::Project,
            once(
                "project",
                &[],
                &PROJECT,
                "Says what the project is and where its state is kept.",
            ),
        ),
        at_home(
            Home::Package,
            once("package", &[], &PACKAGE, "Says what the stack package is."),
        ),
        many(
            "variable",
            &["name"],
            &VARIABLE,
            "An input of the project or package.",
        ),
        in_yaml(
            YamlForm::Map,
            many(
                "locals",
                &[],
                &LOCALS,
                "Names for expressions, used as local.NAME.",
            ),
        ),
        in_yaml(
            YamlForm::MapOrList,
            many(
                "provider",
                &["provider"],
                &PROVIDER,
                "How a provider is reached.",
            ),
        ),
        at_home(
            Home::Project,
            many(
                "cluster",
                &["name"],
                &CLUSTER,
                "A Kubernetes cluster: a stack with what runs on it.",
            ),
        ),
        many(
            "stack",
            &["name"],
            &STACK,
            "One instance of a stack package.",
        ),
        many(
            "resource",
            &["type", "name"],
            &RESOURCE,
            "Something that Strata creates, changes and destroys.",
        ),
        many(
            "data",
            &["type", "name"],
            &RESOURCE,
            "Something that Strata only reads.",
        ),
        many(
            "layer",
            &["name"],
            &LAYER,
            "Kubernetes objects that are applied together.",
        ),
        many(
            "output",
            &["name"],
            &OUTPUT,
            "A value that the project or package gives.",
        ),
        many(
            "check",
            &["name"],
            &CHECK,
            "Conditions that are reported but stop nothing.",
        ),
        many(
            "moved",
            &[],
            &MOVED,
            "Says that what had one address has another now.",
        ),
        many(
            "import",
            &[],
            &IMPORT,
            "Takes an existing object into the state.",
        ),
        many(
            "removed",
            &[],
            &REMOVED,
            "Says that something is no longer declared.",
        ),
    ],
    rest: Rest::Refused,
};

/// What a `defaults.strata.*` file holds.
pub static DEFAULTS: BodySpec = BodySpec {
    attributes: &[attribute(
        "inputs",
        Form::Map,
        "Inputs of every cluster in this directory and below.",
    )],
    blocks: &[
        once(
            "gitops",
            &[],
            &GITOPS,
            "The GitOps set-up of every cluster in this directory and below.",
        ),
        many(
            "layer",
            &["name"],
            &LAYER,
            "A layer of every cluster in this directory and below.",
        ),
    ],
    rest: Rest::Refused,
};

static PROJECT: BodySpec = BodySpec {
    attributes: &[
        attribute("name", Form::Name, "The project's name."),
        attribute(
            "required_version",
            Form::Text,
            "The versions of Strata that may run it, such as \">= 0.1\".",
        ),
        attribute("state", Form::Text, "Where the state is kept."),
        attribute(
            "include",
            Form::Texts,
            "Globs of sub-directories whose files belong to the project; by default clusters/**.",
        ),
    ],
    blocks: NO_BLOCKS,
    rest: Rest::Refused,
};

static PACKAGE: BodySpec = BodySpec {
    attributes: &[
        attribute("name", Form::Name, "The package's name."),
        attribute(
            "description",
            Form::Text,
            "What the package makes, for readers.",
        ),
        attribute("version", Form::Text, "The package's version."),
        attribute(
            "required_version",
            Form::Text,
            "The versions of Strata that may run it, such as \">= 0.1\".",
        ),
    ],
    blocks: NO_BLOCKS,
    rest: Rest::Refused,
};

static VARIABLE: BodySpec = BodySpec {
    attributes: &[
        attribute(
            "type",
            Form::Type,
            "What values it takes: string, number, bool, any, list(…), set(…), map(…), tuple([…]), object({…}).",
        ),
        attribute(
            "default",
            Form::Expression,
            "The value where none is given; without one a value is required.",
        ),
        attribute("description", Form::Text, "What it is for, for readers."),
        attribute("sensitive", Form::Switch, "Whether the value is secret."),
        attribute(
            "nullable",
            Form::Switch,
            "Whether null is a value; if not, null means the default.",
        ),
    ],
    blocks: &[many(
        "validation",
        &[],
        &CONDITION,
        "A condition that the value must meet.",
    )],
    rest: Rest::Refused,
};

static CONDITION: BodySpec = BodySpec {
    attributes: &[
        required("condition", Form::Expression, "What must be true."),
        required(
            "error_message",
            Form::Expression,
            "What is said when it is not.",
        ),
    ],
    blocks: NO_BLOCKS,
    rest: Rest::Refused,
};

static LOCALS: BodySpec = BodySpec {
    attributes: &[],
    blocks: NO_BLOCKS,
    rest: Rest::Arguments("A name and its value."),
};

static PROVIDER: BodySpec = BodySpec {
    attributes: &[attribute(
        "alias",
        Form::Name,
        "The name by which blocks ask for this configuration: provider = PROVIDER.ALIAS.",
    )],
    blocks: NO_BLOCKS,
    rest: Rest::Arguments("The provider's configuration."),
};

const COUNT: AttributeSpec = attribute(
    "count",
    Form::Expression,
    "How many instances there are, with keys [0], [1] and so on.",
);
const FOR_EACH: AttributeSpec = attribute(
    "for_each",
    Form::Expression,
    "A map or set of texts: one instance for each, with the key in brackets.",
);
const DEPENDS_ON: AttributeSpec = attribute(
    "depends_on",
    Form::Addresses,
    "What must be done first, where no reference says so.",
);
const LIFECYCLE_BLOCK: BlockSpec = once("lifecycle", &[], &LIFECYCLE, "How changes are made.");
const TIMEOUTS_BLOCK: BlockSpec = once(
    "timeouts",
    &[],
    &TIMEOUTS,
    "How long each operation may take.",
);

static CLUSTER: BodySpec = BodySpec {
    attributes: &[
        required(
            "stack",
            Form::Text,
            "The stack package: the name of a built-in one, a path that begins with ./ or ../, or a Git URL.",
        ),
        attribute(
            "version",
            Form::Text,
            "Which versions of the package may be used.",
        ),
        attribute("inputs", Form::Map, "Values for the package's variables."),
        attribute(
            "providers",
            Form::Providers,
            "Which provider configurations the package gets.",
        ),
        COUNT,
        FOR_EACH,
        DEPENDS_ON,
    ],
    blocks: &[
        once(
            "gitops",
            &[],
            &GITOPS,
            "A GitOps controller on the cluster, and the repository that it follows.",
        ),
        many(
            "layer",
            &["name"],
            &LAYER,
            "Kubernetes objects on the cluster.",
        ),
        LIFECYCLE_BLOCK,
        TIMEOUTS_BLOCK,
    ],
    rest: Rest::Refused,
};

static STACK: BodySpec = BodySpec {
    attributes: &[
        required(
            "source",
            Form::Text,
            "The stack package: the name of a built-in one, a path that begins with ./ or ../, or a Git URL.",
        ),
        attribute(
            "version",
            Form::Text,
            "Which versions of the package may be used.",
        ),
        attribute("inputs", Form::Map, "Values for the package's variables."),
        attribute(
            "providers",
            Form::Providers,
            "Which provider configurations the package gets.",
        ),
        COUNT,
        FOR_EACH,
        DEPENDS_ON,
    ],
    blocks: &[LIFECYCLE_BLOCK, TIMEOUTS_BLOCK],
    rest: Rest::Refused,
};

static RESOURCE: BodySpec = BodySpec {
    attributes: &[
        COUNT,
        FOR_EACH,
        DEPENDS_ON,
        attribute(
            "provider",
            Form::Provider,
            "Which configuration of the provider is used: PROVIDER or PROVIDER.ALIAS.",
        ),
    ],
    blocks: &[LIFECYCLE_BLOCK, TIMEOUTS_BLOCK],
    rest: Rest::Arguments("An argument of the resource type."),
};

static LIFECYCLE: BodySpec = BodySpec {
    attributes: &[
        attribute(
            "prevent_destroy",
            Form::Expression,
            "Whether a plan that destroys it is refused.",
        ),
        attribute(
            "create_before_destroy",
            Form::Switch,
            "Whether a replacement is made before the old object goes.",
        ),
        attribute(
            "ignore_changes",
            Form::Paths,
            "Arguments whose later changes are left alone, or all.",
        ),
        attribute(
            "replace_triggered_by",
            Form::Addresses,
            "What replaces this, too, when it changes.",
        ),
    ],
    blocks: &[
        many(
            "precondition",
            &[],
            &CONDITION,
            "A condition that must hold before anything is done.",
        ),
        many(
            "postcondition",
            &[],
            &CONDITION,
            "A condition that must hold afterwards.",
        ),
    ],
    rest: Rest::Refused,
};

static TIMEOUTS: BodySpec = BodySpec {
    attributes: &[
        attribute("create", Form::Expression, "For creating, such as \"30m\"."),
        attribute("read", Form::Expression, "For reading, such as \"5m\"."),
        attribute("update", Form::Expression, "For changing, such as \"30m\"."),
        attribute(
            "delete",
            Form::Expression,
            "For destroying, such as \"30m\".",
        ),
    ],
    blocks: NO_BLOCKS,
    rest: Rest::Refused,
};

static GITOPS: BodySpec = BodySpec {
    attributes: &[
        attribute(
            "controller",
            Form::Expression,
            "Which controller: flux or argocd.",
        ),
        attribute("version", Form::Expression, "The controller's version."),
        attribute("url", Form::Expression, "The repository's URL."),
        attribute("branch", Form::Expression, "The branch that is followed."),
        attribute("path", Form::Expression, "The directory in the repository."),
        attribute(
            "interval",
            Form::Expression,
            "How often the controller looks for changes.",
        ),
        attribute(
            "components",
            Form::Expression,
            "Which parts of the controller are installed.",
        ),
        attribute("namespace", Form::Expression, "The controller's namespace."),
        attribute(
            "registry",
            Form::Expression,
            "Where the controller's images come from.",
        ),
        attribute(
            "patches",
            Form::Expression,
            "Changes to the controller's objects.",
        ),
        attribute(
            "auth",
            Form::Expression,
            "How the controller signs in at the repository.",
        ),
        attribute("push", Form::Expression, "How Strata signs in to push."),
        attribute(
            "write",
            Form::Expression,
            "What Strata writes to the repository.",
        ),
        attribute(
            "known_hosts",
            Form::Expression,
            "The host keys that are trusted.",
        ),
        attribute(
            "decryption",
            Form::Expression,
            "How encrypted manifests are decrypted.",
        ),
    ],
    blocks: NO_BLOCKS,
    rest: Rest::Refused,
};

static LAYER: BodySpec = BodySpec {
    attributes: &[
        attribute(
            "cluster",
            Form::Address,
            "The cluster, where the layer stands alone.",
        ),
        attribute(
            "provider",
            Form::Provider,
            "The connection, where the layer stands alone and no cluster is named.",
        ),
        attribute("path", Form::Expression, "A directory of manifests."),
        attribute(
            "kustomize",
            Form::Expression,
            "A directory with a kustomization.",
        ),
        attribute(
            "helm",
            Form::Expression,
            "A chart: chart, version, repository, values, release, hooks.",
        ),
        attribute(
            "template",
            Form::Expression,
            "Whether texts in the manifests are templates.",
        ),
        attribute(
            "namespace",
            Form::Expression,
            "The namespace of objects that name none.",
        ),
        attribute(
            "create_namespace",
            Form::Expression,
            "Whether that namespace is created.",
        ),
        attribute(
            "deliver",
            Form::Expression,
            "Whether Strata applies the objects, or commits them for the GitOps controller.",
        ),
        attribute(
            "prune",
            Form::Expression,
            "Whether objects that are no longer there are deleted.",
        ),
        attribute(
            "wait",
            Form::Expression,
            "Whether Strata waits until the objects are ready.",
        ),
        attribute("timeout", Form::Expression, "How long it waits."),
        attribute(
            "conflicts",
            Form::Expression,
            "What happens to fields that someone else manages.",
        ),
        attribute(
            "health",
            Form::Expression,
            "When objects of further kinds count as ready.",
        ),
        DEPENDS_ON,
    ],
    blocks: NO_BLOCKS,
    rest: Rest::Refused,
};

static OUTPUT: BodySpec = BodySpec {
    attributes: &[
        required("value", Form::Expression, "The value."),
        attribute("description", Form::Text, "What it is, for readers."),
        attribute("sensitive", Form::Switch, "Whether the value is hidden."),
        DEPENDS_ON,
    ],
    blocks: &[many(
        "precondition",
        &[],
        &CONDITION,
        "A condition that must hold before the value is given.",
    )],
    rest: Rest::Refused,
};

static CHECK: BodySpec = BodySpec {
    attributes: &[],
    blocks: &[many(
        "assert",
        &[],
        &CONDITION,
        "A condition that should hold.",
    )],
    rest: Rest::Refused,
};

static MOVED: BodySpec = BodySpec {
    attributes: &[
        required("from", Form::Address, "The old address."),
        required("to", Form::Address, "The new address."),
    ],
    blocks: NO_BLOCKS,
    rest: Rest::Refused,
};

static IMPORT: BodySpec = BodySpec {
    attributes: &[
        required("to", Form::Address, "The address that takes the object."),
        required("id", Form::Expression, "The object's id at its provider."),
        FOR_EACH,
    ],
    blocks: NO_BLOCKS,
    rest: Rest::Refused,
};

static REMOVED: BodySpec = BodySpec {
    attributes: &[required(
        "from",
        Form::Address,
        "What is no longer declared.",
    )],
    blocks: &[once(
        "lifecycle",
        &[],
        &REMOVED_LIFECYCLE,
        "What becomes of the objects.",
    )],
    rest: Rest::Refused,
};

static REMOVED_LIFECYCLE: BodySpec = BodySpec {
    attributes: &[attribute(
        "destroy",
        Form::Switch,
        "Whether the objects are destroyed, not only forgotten.",
    )],
    blocks: NO_BLOCKS,
    rest: Rest::Refused,
};
