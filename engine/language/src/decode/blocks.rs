//! Blocks to definitions.

use std::sync::Arc;

use strata_model::layer::LAYER_TYPE;
use strata_model::{Mode, Name, Span, Value};

use crate::block::Block;
use crate::codes;
use crate::definition::{
    Arguments, CheckBlock, Condition, ImportBlock, InstanceBlock, InstanceKind, LayerBlock,
    Lifecycle, Meta, MovedBlock, NO_PACKAGE, OutputBlock, PackageBlock, PackageKey, ProjectBlock,
    ProviderBlock, RemovedBlock, ResourceBlock, ResourceId, SparseMeta, TargetAddress,
    TypeConstraint, VariableBlock,
};
use crate::expression::{Expr, ExprKind, Spanned};

use super::constraint::constraint;
use super::fields::{Fields, Out, check_name, plain_text};
use super::reference;
use super::source::package_key;
use super::table::{BlockSpec, BodySpec};

fn label(block: &Block, index: usize) -> Name {
    block
        .labels
        .get(index)
        .map(|label| label.value.clone())
        .unwrap_or_default()
}

/// An expression for what is missing; the error is reported where it was found missing.
fn nothing(span: Span) -> Expr {
    Expr {
        kind: ExprKind::Literal(Value::null()),
        span,
    }
}

pub(super) fn project(block: Block, spec: &BlockSpec, out: &mut Out) -> ProjectBlock {
    let mut fields = Fields::sort(block, spec.body, out);
    ProjectBlock {
        name: fields.name("name", out),
        required_version: fields.text("required_version", out),
        state: fields.text("state", out),
        include: fields.expression("include").map(|list| texts(list, out)),
        span: fields.head(),
    }
}

fn texts(list: Expr, out: &mut Out) -> Vec<Spanned<Arc<str>>> {
    let ExprKind::Tuple(elements) = list.kind else {
        out.push(
            codes::NOT_LITERAL
                .error("A list of plain texts stands here.")
                .at(list.span),
        );
        return Vec::new();
    };
    let mut found = Vec::with_capacity(elements.len());
    for element in elements {
        let span = element.span;
        match plain_text(&element) {
            Some(value) => found.push(Spanned { value, span }),
            None => out.push(
                codes::NOT_LITERAL
                    .error("Plain text stands here, not an expression.")
                    .at(span),
            ),
        }
    }
    found
}

pub(super) fn package(block: Block, spec: &BlockSpec, out: &mut Out) -> PackageBlock {
    let mut fields = Fields::sort(block, spec.body, out);
    PackageBlock {
        name: fields.name("name", out),
        description: fields.text("description", out).map(|text| text.value),
        version: fields.text("version", out).map(|text| text.value),
        required_version: fields.text("required_version", out),
        span: fields.head(),
    }
}

pub(super) fn variable(block: Block, spec: &BlockSpec, out: &mut Out) -> (Name, VariableBlock) {
    let name = label(&block, 0);
    let mut fields = Fields::sort(block, spec.body, out);
    let ty = fields.expression("type");
    let default = fields.expression("default");
    let variable = VariableBlock {
        ty: ty.map_or(TypeConstraint::Any, |ty| constraint(&ty, out)),
        default,
        description: fields.text("description", out).map(|text| text.value),
        sensitive: fields.switch("sensitive", out).unwrap_or(false),
        nullable: fields.switch("nullable", out).unwrap_or(true),
        validations: conditions(&mut fields, "validation", spec, out),
        span: fields.head(),
    };
    (name, variable)
}

fn conditions(
    fields: &mut Fields,
    keyword: &str,
    spec: &BlockSpec,
    out: &mut Out,
) -> Vec<Condition> {
    let Some(spec) = spec.body.block(keyword) else {
        return Vec::new();
    };
    let blocks = fields.blocks(keyword);
    blocks
        .into_iter()
        .map(|block| condition(block, spec, out))
        .collect()
}

fn condition(block: Block, spec: &BlockSpec, out: &mut Out) -> Condition {
    let mut fields = Fields::sort(block, spec.body, out);
    let span = fields.head();
    let mut take = |name| fields.expression(name).unwrap_or_else(|| nothing(span));
    Condition {
        condition: take("condition"),
        error_message: take("error_message"),
        span,
    }
}

pub(super) fn locals(block: Block, spec: &BlockSpec, out: &mut Out) -> Vec<(Spanned<Name>, Expr)> {
    let arguments = Fields::sort(block, spec.body, out).arguments();
    let mut entries = Vec::new();
    for argument in arguments.0 {
        // In HCL nothing else can stand there; in YAML any text can, and no expression could name it.
        if check_name(&argument.name.value, argument.name.span, out) {
            entries.push((argument.name, argument.value));
        }
    }
    entries
}

pub(super) fn provider(block: Block, spec: &BlockSpec, out: &mut Out) -> ProviderBlock {
    let name = label(&block, 0);
    let mut fields = Fields::sort(block, spec.body, out);
    ProviderBlock {
        name,
        alias: fields.name("alias", out).map(|alias| alias.value),
        span: fields.head(),
        arguments: fields.arguments(),
    }
}

pub(super) fn resource(block: Block, mode: Mode, spec: &BlockSpec, out: &mut Out) -> ResourceBlock {
    let id = ResourceId {
        mode,
        resource_type: label(&block, 0),
        name: label(&block, 1),
    };
    let mut fields = Fields::sort(block, spec.body, out);
    let meta = meta(&mut fields, spec, out);
    let provider = fields.expression("provider");
    ResourceBlock {
        id,
        provider: provider.and_then(|value| reference::provider(&value, out)),
        meta: meta.into(),
        span: fields.head(),
        arguments: fields.arguments(),
    }
}

fn meta(fields: &mut Fields, spec: &BlockSpec, out: &mut Out) -> Meta {
    let count = fields.take("count");
    let for_each = fields.take("for_each");
    if let (Some(count), Some(for_each)) = (&count, &for_each) {
        let (first, second) = if count.name.span < for_each.name.span {
            (count, for_each)
        } else {
            (for_each, count)
        };
        out.push(
            codes::CONFLICT
                .error("A block has count or for_each, not both.")
                .at(second.name.span)
                .label(first.name.span, "the other stands here"),
        );
    }
    Meta {
        count: count.map(|attribute| attribute.value),
        for_each: for_each.map(|attribute| attribute.value),
        depends_on: depends_on(fields, out),
        lifecycle: lifecycle(fields, spec, out),
        timeouts: timeouts(fields, spec, out),
    }
}

fn depends_on(fields: &mut Fields, out: &mut Out) -> Vec<crate::definition::AddressReference> {
    let list = fields.expression("depends_on");
    list.map(|list| reference::addresses(list, out))
        .unwrap_or_default()
}

fn lifecycle(fields: &mut Fields, spec: &BlockSpec, out: &mut Out) -> Lifecycle {
    let block = fields.blocks("lifecycle").pop();
    let (Some(block), Some(spec)) = (block, spec.body.block("lifecycle")) else {
        return Lifecycle::default();
    };
    let mut fields = Fields::sort(block, spec.body, out);
    let ignored = fields.expression("ignore_changes");
    let triggers = fields.expression("replace_triggered_by");
    Lifecycle {
        prevent_destroy: fields.expression("prevent_destroy"),
        create_before_destroy: fields.switch("create_before_destroy", out),
        ignore_changes: ignored
            .map(|value| reference::ignore_changes(value, out))
            .unwrap_or_default(),
        replace_triggered_by: triggers
            .map(|value| reference::addresses(value, out))
            .unwrap_or_default(),
        preconditions: conditions(&mut fields, "precondition", spec, out),
        postconditions: conditions(&mut fields, "postcondition", spec, out),
    }
}

fn timeouts(fields: &mut Fields, spec: &BlockSpec, out: &mut Out) -> Arguments {
    let block = fields.blocks("timeouts").pop();
    match (block, spec.body.block("timeouts")) {
        (Some(block), Some(spec)) => Fields::sort(block, spec.body, out).arguments(),
        _ => Arguments::default(),
    }
}

/// A stack or cluster, said by a block of the package `from`.
pub(super) fn instance(
    block: Block,
    kind: InstanceKind,
    spec: &BlockSpec,
    (from, out): (&PackageKey, &mut Out),
) -> InstanceBlock {
    let name = label(&block, 0);
    let mut fields = Fields::sort(block, spec.body, out);
    let source = match kind {
        InstanceKind::Cluster => fields.text("stack", out),
        InstanceKind::Stack => fields.text("source", out),
    };
    let package = source.as_ref().and_then(|source| {
        package_key(from, &source.value, source.span)
            .map_err(|diagnostic| out.push(*diagnostic))
            .ok()
    });
    let providers = fields.expression("providers");
    let head = fields.head();
    InstanceBlock {
        kind,
        name,
        source: source.unwrap_or(Spanned {
            value: "".into(),
            span: head,
        }),
        package: package.unwrap_or_else(|| NO_PACKAGE.into()),
        version: fields.text("version", out),
        inputs: fields.expression("inputs").into_iter().collect(),
        providers: providers
            .map(|value| reference::providers(value, out))
            .unwrap_or_default(),
        meta: meta(&mut fields, spec, out),
        gitops: gitops(&mut fields, spec.body, out).into_iter().collect(),
        layers: layers(&mut fields, spec.body, out),
        span: head,
    }
}

pub(super) fn gitops(fields: &mut Fields, spec: &BodySpec, out: &mut Out) -> Option<Arguments> {
    let block = fields.blocks("gitops").pop()?;
    Some(Fields::sort(block, spec.block("gitops")?.body, out).arguments())
}

pub(super) fn layers(fields: &mut Fields, spec: &BodySpec, out: &mut Out) -> Vec<LayerBlock> {
    let Some(spec) = spec.block("layer") else {
        return Vec::new();
    };
    let mut found: Vec<LayerBlock> = Vec::new();
    for block in fields.blocks("layer") {
        let layer = layer(block, spec.body, out);
        stands_alone(&layer, out);
        match found.iter().find(|other| other.name == layer.name) {
            Some(first) => out.push(
                codes::DUPLICATE_KEY
                    .error(format!("The layer '{}' is written twice.", layer.name))
                    .at(layer.span)
                    .label(first.span, "first written here"),
            ),
            None => found.push(layer),
        }
    }
    found
}

pub(super) fn layer(block: Block, spec: &'static BodySpec, out: &mut Out) -> LayerBlock {
    let name = label(&block, 0);
    let mut fields = Fields::sort(block, spec, out);
    let depends_on = fields.expression("depends_on");
    let cluster = fields.expression("cluster");
    let provider = fields.expression("provider");
    let span = fields.head();
    LayerBlock {
        depends_on: depends_on
            .map(|value| reference::layer_addresses(value, out))
            .unwrap_or_default(),
        cluster: cluster.and_then(|value| reference::address_reference(value, out)),
        provider: provider.and_then(|value| reference::provider(&value, out)),
        objects: ResourceBlock {
            id: ResourceId {
                mode: Mode::Managed,
                resource_type: LAYER_TYPE.into(),
                name: name.clone(),
            },
            arguments: Arguments::default(),
            provider: None,
            meta: SparseMeta::default(),
            span,
        },
        span,
        name,
        arguments: fields.arguments(),
    }
}

/// Says what only a layer that stands alone may have: one of a cluster is applied to that cluster.
fn stands_alone(layer: &LayerBlock, out: &mut Out) {
    let cluster = layer.cluster.as_ref().map(|found| ("cluster", found.span));
    let provider = layer
        .provider
        .as_ref()
        .map(|found| ("provider", found.span));
    for (name, span) in cluster.into_iter().chain(provider) {
        let detail =
            format!("A layer of a cluster has no '{name}': it is applied to that cluster.");
        out.push(codes::UNKNOWN_NAME.error(detail).at(span));
    }
}

pub(super) fn output(block: Block, spec: &BlockSpec, out: &mut Out) -> (Name, OutputBlock) {
    let name = label(&block, 0);
    let mut fields = Fields::sort(block, spec.body, out);
    let output = OutputBlock {
        value: fields
            .expression("value")
            .unwrap_or_else(|| nothing(fields.head())),
        description: fields.text("description", out).map(|text| text.value),
        sensitive: fields.switch("sensitive", out).unwrap_or(false),
        preconditions: conditions(&mut fields, "precondition", spec, out),
        depends_on: depends_on(&mut fields, out),
        span: fields.head(),
    };
    (name, output)
}

pub(super) fn check(block: Block, spec: &BlockSpec, out: &mut Out) -> (Name, CheckBlock) {
    let name = label(&block, 0);
    let mut fields = Fields::sort(block, spec.body, out);
    let check = CheckBlock {
        assertions: conditions(&mut fields, "assert", spec, out),
        span: fields.head(),
    };
    (name, check)
}

/// An address that names one thing, without a key that is computed.
fn address(fields: &mut Fields, name: &str, out: &mut Out) -> Option<Spanned<TargetAddress>> {
    let target = reference::target(fields.expression(name)?, out)?;
    if let Some(key) = target.key {
        let detail = "A key in this address is plain text or a plain number.";
        out.push(codes::NOT_LITERAL.error(detail).at(key.span));
    }
    Some(target.address)
}

pub(super) fn moved(block: Block, spec: &BlockSpec, out: &mut Out) -> Option<MovedBlock> {
    let mut fields = Fields::sort(block, spec.body, out);
    let from = address(&mut fields, "from", out);
    let to = address(&mut fields, "to", out);
    let (from, to) = (from?, to?);
    let same_kind = matches!(
        (&from.value, &to.value),
        (TargetAddress::Resource(_), TargetAddress::Resource(_))
            | (TargetAddress::Scope(_), TargetAddress::Scope(_))
    );
    if !same_kind {
        let detail = "A resource moves to a resource, a stack or cluster to a stack or cluster.";
        out.push(
            codes::INVALID_REFERENCE
                .error(detail)
                .at(to.span)
                .label(from.span, "moved from here"),
        );
        return None;
    }
    Some(MovedBlock {
        from,
        to,
        span: fields.head(),
    })
}

pub(super) fn import(block: Block, spec: &BlockSpec, out: &mut Out) -> Option<ImportBlock> {
    let mut fields = Fields::sort(block, spec.body, out);
    let to = fields
        .expression("to")
        .and_then(|to| reference::target(to, out));
    let id = fields.expression("id");
    let for_each = fields.expression("for_each");
    let (to, id) = (to?, id?);
    let TargetAddress::Resource(address) = to.address.value else {
        let detail = "An import names a resource, not a stack or cluster.";
        out.push(codes::INVALID_REFERENCE.error(detail).at(to.address.span));
        return None;
    };
    if let (Some(key), None) = (&to.key, &for_each) {
        let detail = "A key that is computed belongs to an import with for_each.";
        out.push(codes::NOT_LITERAL.error(detail).at(key.span));
    }
    Some(ImportBlock {
        to: Spanned {
            value: address,
            span: to.address.span,
        },
        to_key: to.key,
        id,
        for_each,
        span: fields.head(),
    })
}

pub(super) fn removed(block: Block, spec: &BlockSpec, out: &mut Out) -> Option<RemovedBlock> {
    let mut fields = Fields::sort(block, spec.body, out);
    let from = address(&mut fields, "from", out);
    let lifecycle = fields.blocks("lifecycle").pop();
    let destroy = match (lifecycle, spec.body.block("lifecycle")) {
        (Some(block), Some(spec)) => Fields::sort(block, spec.body, out).switch("destroy", out),
        _ => None,
    };
    Some(RemovedBlock {
        from: from?,
        destroy: destroy.unwrap_or(true),
        span: fields.head(),
    })
}
