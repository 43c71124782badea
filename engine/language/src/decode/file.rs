//! One file: bytes to text, text to blocks, blocks to definitions.

use std::sync::Arc;

use strata_model::source::SourceFile;
use strata_model::{Diagnostic, FileId, Mode, Name};

use crate::block::{Attribute, Block, Body, Item};
use crate::codes;
use crate::definition::{
    Arguments, CheckBlock, ImportBlock, InstanceBlock, InstanceKind, LayerBlock, MovedBlock,
    OutputBlock, PackageBlock, PackageKey, ProjectBlock, ProviderBlock, RemovedBlock,
    ResourceBlock, VariableBlock,
};
use crate::expression::{Expr, Spanned};
use crate::place::Place;
use crate::{hcl, suggest};

use super::blocks;
use super::fields::{Fields, Out, check_labels};
use super::table::{self, BlockSpec, BodySpec, Home};
use super::{InputFile, PackageKind};

/// The largest file that is read, in bytes.
const MAX_FILE_BYTES: usize = 16 * 1024 * 1024;

/// How many diagnostics one file may give; more would bury the first.
const MAX_DIAGNOSTICS: usize = 1_000;

/// What a file says.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) source: SourceFile,
    pub(super) id: FileId,
    pub(super) blocks: FileBlocks,
    /// Set for a `defaults.strata.*` file.
    pub(super) defaults: Option<Defaults>,
    /// Whether a block of it, or all of it, could not be read.
    pub(super) incomplete: bool,
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// What a `defaults.strata.*` file says.
#[derive(Debug, Default)]
pub(super) struct Defaults {
    pub(super) inputs: Option<Expr>,
    pub(super) gitops: Option<Arguments>,
    pub(super) layers: Vec<LayerBlock>,
}

/// The blocks of a file, by kind, in the order written.
#[derive(Debug, Default)]
pub(super) struct FileBlocks {
    pub(super) projects: Vec<ProjectBlock>,
    pub(super) packages: Vec<PackageBlock>,
    pub(super) variables: Vec<(Name, VariableBlock)>,
    pub(super) locals: Vec<(Spanned<Name>, Expr)>,
    pub(super) providers: Vec<ProviderBlock>,
    pub(super) resources: Vec<ResourceBlock>,
    pub(super) instances: Vec<InstanceBlock>,
    pub(super) layers: Vec<LayerBlock>,
    pub(super) outputs: Vec<(Name, OutputBlock)>,
    pub(super) checks: Vec<(Name, CheckBlock)>,
    pub(super) moved: Vec<MovedBlock>,
    pub(super) imports: Vec<ImportBlock>,
    pub(super) removed: Vec<RemovedBlock>,
}

/// How a file is spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// HCL.
    Hcl,
    /// YAML, and JSON, which is YAML.
    Yaml,
}

impl Spelling {
    /// The spelling that the extension of a file's name says.
    pub fn of(path: &str) -> Option<Spelling> {
        let extension = path.rsplit_once('.').map(|(_, extension)| extension);
        match extension {
            Some("hcl") => Some(Spelling::Hcl),
            Some("yaml" | "yml" | "json") => Some(Spelling::Yaml),
            _ => None,
        }
    }
}

/// The text of a file; a byte order mark is dropped.
pub(super) fn text_of(
    file: &InputFile,
    id: FileId,
) -> Result<Arc<str>, (Arc<str>, Box<Diagnostic>)> {
    let place = Place::At {
        file: id,
        offset: 0,
    };
    if file.bytes.len() > MAX_FILE_BYTES {
        let detail = format!(
            "The file has {} bytes; files of up to 16 MiB are read.",
            file.bytes.len()
        );
        let diagnostic = codes::SIZE.error(detail).at(place.span(0..0));
        return Err(("".into(), Box::new(diagnostic)));
    }
    let bytes = file
        .bytes
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(&file.bytes);
    let skipped = file.bytes.len() - bytes.len();
    match std::str::from_utf8(bytes) {
        Err(error) => {
            let at = error.valid_up_to();
            let detail = format!(
                "The file is not UTF-8: the byte at offset {} is none of it.",
                at + skipped
            );
            let diagnostic = codes::ENCODING.error(detail).at(place.span(at..at));
            Err((String::from_utf8_lossy(bytes).into(), Box::new(diagnostic)))
        }
        Ok(text) => match text.find('\0') {
            Some(at) => {
                let detail = format!("The file holds a NUL character at offset {}.", at + skipped);
                let diagnostic = codes::ENCODING.error(detail).at(place.span(at..at + 1));
                Err((text.into(), Box::new(diagnostic)))
            }
            None => Ok(text.into()),
        },
    }
}

/// Reads and decodes a file of a package.
pub(super) fn decode_file(
    file: &InputFile,
    id: FileId,
    (key, kind): (&PackageKey, PackageKind),
) -> Decoded {
    let mut out = Vec::new();
    let text = text_of(file, id).unwrap_or_else(|(text, diagnostic)| {
        out.push(*diagnostic);
        text
    });
    let is_defaults = is_defaults(&file.path);
    let spec = if is_defaults {
        &table::DEFAULTS
    } else {
        &table::FILE
    };
    let body = if out.is_empty() {
        read(&file.path, &text, (id, spec), &mut out)
    } else {
        None
    };
    let mut decoded = Decoded {
        source: SourceFile::new(file.path.clone(), text),
        id,
        blocks: FileBlocks::default(),
        defaults: None,
        incomplete: body.is_none(),
        diagnostics: Vec::new(),
    };
    if is_defaults {
        decoded.defaults = Some(
            body.map(|body| defaults(body, id, &mut out))
                .unwrap_or_default(),
        );
    } else if let Some(body) = body {
        let mut decoder = Decoder {
            key,
            kind,
            blocks: &mut decoded.blocks,
            out: &mut out,
            incomplete: false,
        };
        decoder.body(body);
        decoded.incomplete = decoder.incomplete;
    }
    out.truncate(MAX_DIAGNOSTICS);
    decoded.diagnostics = out;
    decoded
}

fn read(
    path: &str,
    text: &str,
    (id, spec): (FileId, &'static BodySpec),
    out: &mut Out,
) -> Option<Body> {
    let place = Place::At {
        file: id,
        offset: 0,
    };
    let (body, diagnostics) = match Spelling::of(path) {
        Some(Spelling::Hcl) => hcl::read(text, place),
        Some(Spelling::Yaml) => crate::yaml::read(text, place, spec),
        None => {
            let detail = "Definitions are in files called *.strata.hcl or *.strata.yaml.";
            (
                None,
                vec![codes::INVALID_VALUE.error(detail).at(place.span(0..0))],
            )
        }
    };
    out.extend(diagnostics);
    body
}

fn is_defaults(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.starts_with("defaults.strata.")
}

fn defaults(body: Body, id: FileId, out: &mut Out) -> Defaults {
    let place = Place::At {
        file: id,
        offset: 0,
    };
    let span = place.span(0..0);
    let whole = Block {
        keyword: Spanned {
            value: "defaults".into(),
            span,
        },
        labels: Vec::new(),
        body,
        head: span,
    };
    let spec = &table::DEFAULTS;
    let mut fields = Fields::sort(whole, spec, out);
    Defaults {
        inputs: fields.expression("inputs"),
        gitops: blocks::gitops(&mut fields, spec, out),
        layers: blocks::layers(&mut fields, spec, out),
    }
}

struct Decoder<'a> {
    key: &'a PackageKey,
    kind: PackageKind,
    blocks: &'a mut FileBlocks,
    out: &'a mut Out,
    /// Whether a block was left out.
    incomplete: bool,
}

impl Decoder<'_> {
    fn body(&mut self, body: Body) {
        for item in body.items {
            match item {
                Item::Attribute(attribute) => self.attribute(&attribute),
                Item::Block(block) => self.block(block),
            }
        }
    }

    fn attribute(&mut self, attribute: &Attribute) {
        self.incomplete = true;
        let name = &attribute.name.value;
        let diagnostic = if table::FILE.block(name).is_some() {
            codes::BLOCK_FORM
                .error(format!("'{name}' is a block, not an attribute."))
                .hint(format!("Write {name} {{ … }} without =."))
        } else {
            self.unknown(name)
        };
        self.out.push(diagnostic.at(attribute.name.span));
    }

    fn unknown(&self, name: &str) -> Diagnostic {
        let mut diagnostic = codes::UNKNOWN_NAME.error(format!("There is no block '{name}'."));
        let hint = match name {
            "module" => Some(
                "What modules are elsewhere, stacks are here: stack \"NAME\" { source = … }."
                    .to_owned(),
            ),
            "terraform" => {
                Some("What belongs to the whole project stands in a project block.".to_owned())
            }
            _ => suggest::hint(name, table::FILE.names()),
        };
        diagnostic.hints.extend(hint);
        diagnostic
    }

    fn block(&mut self, block: Block) {
        let Some(spec) = table::FILE.block(&block.keyword.value) else {
            let diagnostic = self.unknown(&block.keyword.value).at(block.keyword.span);
            self.out.push(diagnostic);
            self.incomplete = true;
            return;
        };
        if self.at_home(&block, spec) && check_labels(&block, spec, self.out) {
            self.decode(block, spec);
        } else {
            self.incomplete = true;
        }
    }

    fn at_home(&mut self, block: &Block, spec: &BlockSpec) -> bool {
        let detail = match (spec.home, self.kind) {
            (Home::Project, PackageKind::Stack) => "stands in projects, not in stack packages",
            (Home::Package, PackageKind::Project) => "stands in stack packages, not in projects",
            (Home::Anywhere, _)
            | (Home::Project, PackageKind::Project)
            | (Home::Package, PackageKind::Stack) => return true,
        };
        let detail = format!("'{}' {detail}.", spec.keyword);
        self.out
            .push(codes::MISPLACED_BLOCK.error(detail).at(block.head));
        false
    }

    fn decode(&mut self, block: Block, spec: &'static BlockSpec) {
        let out = &mut *self.out;
        let into = &mut *self.blocks;
        match spec.keyword {
            "project" => into.projects.push(blocks::project(block, spec, out)),
            "package" => into.packages.push(blocks::package(block, spec, out)),
            "variable" => into.variables.push(blocks::variable(block, spec, out)),
            "locals" => into.locals.extend(blocks::locals(block, spec, out)),
            "provider" => into.providers.push(blocks::provider(block, spec, out)),
            "cluster" => {
                let from = (self.key, out);
                let instance = blocks::instance(block, InstanceKind::Cluster, spec, from);
                into.instances.push(instance);
            }
            "stack" => {
                let from = (self.key, out);
                let instance = blocks::instance(block, InstanceKind::Stack, spec, from);
                into.instances.push(instance);
            }
            "resource" => into
                .resources
                .push(blocks::resource(block, Mode::Managed, spec, out)),
            "data" => into
                .resources
                .push(blocks::resource(block, Mode::Data, spec, out)),
            "layer" => into.layers.push(blocks::layer(block, spec.body, out)),
            "output" => into.outputs.push(blocks::output(block, spec, out)),
            "check" => into.checks.push(blocks::check(block, spec, out)),
            "moved" => into.moved.extend(blocks::moved(block, spec, out)),
            "import" => into.imports.extend(blocks::import(block, spec, out)),
            "removed" => into.removed.extend(blocks::removed(block, spec, out)),
            // A test goes through the table and finds every keyword here.
            keyword => {
                let detail = format!("'{keyword}' is not decoded. This is a bug in Strata.");
                out.push(codes::UNKNOWN_NAME.error(detail).at(block.head));
            }
        }
    }
}
