//! Variables of the project and inputs of packages.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use strata_language::convert;
use strata_language::definition::VariableBlock;
use strata_language::expression::{Expr, ExprKind};
use strata_model::{Diagnostic, Diagnostics, FileId, Kind, Name, Value};

use super::graph::{InputExpr, input_expr, kind_word};
use super::view::{View, check_condition};
use super::{Known, ScopeIx, World};
use crate::code;

impl World<'_> {
    /// The value of a variable in a package instance.
    pub(crate) fn variable(
        &self,
        scope: ScopeIx,
        name: &Name,
        diagnostics: &mut Diagnostics,
    ) -> Known {
        let path = self.scopes[scope].path;
        let Some(block) = self.graph.paths[path].package.variables.get(name) else {
            return Known {
                value: Value::null(),
                deps: Vec::new(),
            };
        };
        let known = match self.scopes[scope].parent {
            None => Known {
                value: self.root_variable(scope, name, block, diagnostics),
                deps: Vec::new(),
            },
            Some(parent) => self.input(scope, parent, (name, block), diagnostics),
        };
        let value = if block.sensitive {
            known.value.into_secret()
        } else {
            known.value
        };
        self.validate_variable(scope, (name, &value), block, diagnostics);
        Known {
            value,
            deps: known.deps,
        }
    }

    fn root_variable(
        &self,
        scope: ScopeIx,
        name: &Name,
        block: &VariableBlock,
        diagnostics: &mut Diagnostics,
    ) -> Value {
        match self.outside.variables.get(name) {
            Some(value) if !value.is_null() || block.nullable => {
                self.conform(value, block, None, diagnostics)
            }
            _ => self.default_of(scope, name, block, diagnostics),
        }
    }

    fn default_of(
        &self,
        scope: ScopeIx,
        name: &Name,
        block: &VariableBlock,
        diagnostics: &mut Diagnostics,
    ) -> Value {
        match &block.default {
            Some(expr) => {
                let view = View::new(self, scope);
                self.evaluator(&view)
                    .evaluate_as(expr, &block.ty, diagnostics)
            }
            None => {
                if self.is_missing(scope) {
                    diagnostics.push(self.missing(scope, name, block));
                }
                Value::unknown(block.ty.ty())
            }
        }
    }

    /// Whether a variable that has no value here has none at all.
    fn is_missing(&self, scope: ScopeIx) -> bool {
        match self.scopes[scope].parent {
            None => !self.outside.variables_may_miss,
            // Defaults of inputs may stand in a file that could not be read.
            Some(parent) => {
                !self.graph.paths[self.scopes[parent].path]
                    .package
                    .incomplete
            }
        }
    }

    fn missing(&self, scope: ScopeIx, name: &Name, block: &VariableBlock) -> Diagnostic {
        let described = block
            .description
            .as_ref()
            .map_or_else(String::new, |text| format!(" ({text})"));
        match self.graph.paths[self.scopes[scope].path].block {
            Some(caller) => {
                let detail = format!(
                    "{}.{} needs the input {name}{described}.",
                    kind_word(caller.kind),
                    caller.name
                );
                Diagnostic::error(code::MISSING_VALUE, "Missing value", detail)
                    .at(caller.span)
                    .label(block.span, "declared here")
                    .hint(format!("Add {name} to its inputs."))
            }
            None => Diagnostic::error(
                code::MISSING_VALUE,
                "Missing value",
                format!("The variable {name}{described} has no value and no default."),
            )
            .at(block.span)
            .hint(format!(
                "Give it with -var {name}=VALUE, in a -var-file, or as STRATA_VAR_{name}."
            )),
        }
    }

    fn input(
        &self,
        scope: ScopeIx,
        parent: ScopeIx,
        (name, block): (&Name, &VariableBlock),
        diagnostics: &mut Diagnostics,
    ) -> Known {
        let path = self.scopes[scope].path;
        let layers = self.graph.paths[path]
            .block
            .map_or(&[][..], |caller| &caller.inputs[..]);
        let view = View::with_each(self, parent, self.scopes[scope].each.clone());
        let evaluator = self.evaluator(&view);
        let given_at = self.input_expr_of(scope, name);
        let merged = match merged_expr(layers, name) {
            MergedExpr::Absent => None,
            MergedExpr::Expr(expr) => Some(evaluator.evaluate_as(&expr, &block.ty, diagnostics)),
            MergedExpr::ByValue => {
                let values = layers
                    .iter()
                    .filter_map(|layer| layer_value(&evaluator, layer, (name, block), diagnostics));
                values.reduce(merge_deep)
            }
        };
        let value = match merged {
            Some(value)
                if !value.is_null()
                    || (block.nullable && value.is_null() && block.default.is_none()) =>
            {
                self.conform(&value, block, given_at, diagnostics)
            }
            Some(_) | None => self.default_of(scope, name, block, diagnostics),
        };
        Known {
            value,
            deps: view.into_deps(),
        }
    }

    fn conform(
        &self,
        value: &Value,
        block: &VariableBlock,
        given: Option<&Expr>,
        diagnostics: &mut Diagnostics,
    ) -> Value {
        convert::conform(value, &block.ty).unwrap_or_else(|error| {
            let span = given.map_or(block.span, |expr| expr.span);
            let detail = format!("The value does not fit the variable's type: {error}.");
            let diagnostic =
                Diagnostic::error(code::INVALID_VALUE, "Invalid value", detail).at(span);
            diagnostics.push(if given.is_some() {
                diagnostic.label(block.span, "declared here")
            } else {
                diagnostic
            });
            Value::unknown(block.ty.ty())
        })
    }

    fn validate_variable(
        &self,
        scope: ScopeIx,
        (name, value): (&Name, &Value),
        block: &VariableBlock,
        diagnostics: &mut Diagnostics,
    ) {
        if block.validations.is_empty() {
            return;
        }
        let mut view = View::new(self, scope);
        view.override_variable(name.clone(), value.clone());
        let evaluator = self.evaluator(&view);
        for condition in &block.validations {
            check_condition(
                &evaluator,
                condition,
                self.input_span(scope, name),
                diagnostics,
            );
        }
    }

    fn input_span(&self, scope: ScopeIx, name: &str) -> Option<strata_model::Span> {
        self.input_expr_of(scope, name).map(|expr| expr.span)
    }

    /// The expression of highest precedence that gives an input.
    fn input_expr_of(&self, scope: ScopeIx, name: &str) -> Option<&Expr> {
        let caller = self.graph.paths[self.scopes[scope].path].block?;
        caller
            .inputs
            .iter()
            .rev()
            .find_map(|layer| match input_expr(layer, name) {
                InputExpr::Given(expr) => Some(expr),
                InputExpr::Whole => Some(layer),
                InputExpr::Absent => None,
            })
    }

    /// Says which inputs of a package's block the package does not declare.
    pub(crate) fn undeclared_inputs(&self, diagnostics: &mut Diagnostics) {
        for path in &self.graph.paths {
            let Some(block) = path.block.filter(|_| !path.package.incomplete) else {
                continue;
            };
            for layer in &block.inputs {
                let ExprKind::Object(items) = &layer.kind else {
                    continue;
                };
                for item in items {
                    let ExprKind::Literal(key) = &item.key.kind else {
                        continue;
                    };
                    let Some(key) = key
                        .as_str()
                        .filter(|key| !path.package.variables.contains_key(*key))
                    else {
                        continue;
                    };
                    diagnostics.push(undeclared_input(path.package.variables.keys(), key, item));
                }
            }
        }
        let root = self.graph.paths[0].package;
        for name in self.outside.variables.keys().filter(|_| !root.incomplete) {
            let declared = root.variables.contains_key(name);
            if !declared {
                let detail = format!(
                    "A value was given for the variable {name}, which the project does not declare."
                );
                diagnostics.push(Diagnostic::error(
                    code::UNDECLARED_INPUT,
                    "Undeclared input",
                    detail,
                ));
            }
        }
    }
}

impl World<'_> {
    /// Warns of attributes that inputs and defaults give in vain: the types of the variables do not have them.
    pub(crate) fn unused_attributes(&self, diagnostics: &mut Diagnostics) {
        // Many instances of a stack have its defaults in common, and many clusters those of their directory.
        let mut told: BTreeSet<(FileId, u32)> = BTreeSet::new();
        let mut tell = |name: &Name, expr: &Expr, block: &VariableBlock| {
            for found in convert::unused_attributes(name, expr, &block.ty) {
                let place = found.span.map(|span| (span.file, span.start));
                if place.is_none_or(|place| told.insert(place)) {
                    diagnostics.push(found);
                }
            }
        };
        for path in &self.graph.paths {
            let layers = path.block.map_or(&[][..], |block| &block.inputs[..]);
            for (name, block) in &path.package.variables {
                if let Some(default) = &block.default {
                    tell(name, default, block);
                }
                for layer in layers {
                    if let InputExpr::Given(expr) = input_expr(layer, name) {
                        tell(name, expr, block);
                    }
                }
            }
        }
    }
}

fn undeclared_input<'n>(
    known: impl Iterator<Item = &'n Name>,
    key: &str,
    item: &strata_language::expression::ObjectItem,
) -> Diagnostic {
    let diagnostic = Diagnostic::error(
        code::UNDECLARED_INPUT,
        "Undeclared input",
        format!("The package has no input {key}."),
    )
    .at(item.key.span);
    match strata_language::suggest::nearest(key, known.map(AsRef::as_ref)) {
        Some(near) => diagnostic.hint(format!("Did you mean {near}?")),
        None => diagnostic,
    }
}

/// An input's layers merged before evaluation, so that the type applies to the whole.
enum MergedExpr {
    Absent,
    Expr(Expr),
    /// Some layer is not written out, so that its parts are known only by value.
    ByValue,
}

fn merged_expr(layers: &[Expr], name: &str) -> MergedExpr {
    let mut merged: Option<Expr> = None;
    for layer in layers {
        match input_expr(layer, name) {
            InputExpr::Absent => {}
            InputExpr::Whole => return MergedExpr::ByValue,
            InputExpr::Given(expr) => match merged.take() {
                None => merged = Some(expr.clone()),
                Some(below) => match merge_exprs(below, expr) {
                    Some(both) => merged = Some(both),
                    None => return MergedExpr::ByValue,
                },
            },
        }
    }
    merged.map_or(MergedExpr::Absent, MergedExpr::Expr)
}

/// Puts one expression over another: written-out objects are merged; `None` where only the values can tell.
fn merge_exprs(below: Expr, above: &Expr) -> Option<Expr> {
    match (&below.kind, &above.kind) {
        (_, ExprKind::Literal(_) | ExprKind::WrittenNumber(_) | ExprKind::Tuple(_)) => {
            Some(above.clone())
        }
        (ExprKind::Object(lower), ExprKind::Object(upper)) => {
            let mut items = lower.clone();
            for item in upper {
                let ExprKind::Literal(key) = &item.key.kind else {
                    return None;
                };
                let same = items.iter().position(
                    |other| matches!(&other.key.kind, ExprKind::Literal(other) if other == key),
                );
                match same {
                    Some(at) => {
                        let under = items[at].value.clone();
                        items[at] = strata_language::expression::ObjectItem {
                            key: item.key.clone(),
                            value: merge_exprs(under, &item.value)?,
                        };
                    }
                    None => items.push(item.clone()),
                }
            }
            Some(Expr {
                kind: ExprKind::Object(items),
                span: above.span,
            })
        }
        (ExprKind::Literal(_) | ExprKind::WrittenNumber(_) | ExprKind::Tuple(_), _) => {
            Some(above.clone())
        }
        _ => None,
    }
}

fn layer_value(
    evaluator: &strata_language::evaluate::Evaluator<'_>,
    layer: &Expr,
    (name, block): (&Name, &VariableBlock),
    diagnostics: &mut Diagnostics,
) -> Option<Value> {
    match input_expr(layer, name) {
        InputExpr::Absent => None,
        InputExpr::Given(expr) => Some(evaluator.evaluate(expr, diagnostics)),
        InputExpr::Whole => {
            let whole = evaluator.evaluate(layer, diagnostics);
            match whole.get(name) {
                Some(value) => Some(value.clone()),
                None => whole.is_unknown().then(|| Value::unknown(block.ty.ty())),
            }
        }
    }
}

/// Merges two values of an input: maps and objects deeply, everything else is replaced.
fn merge_deep(below: Value, above: Value) -> Value {
    let secret = below.is_secret() || above.is_secret();
    match (below.members(), above.members()) {
        (Some(lower), Some(upper)) => {
            let mut members: BTreeMap<Arc<str>, Value> = lower.clone().into_iter().collect();
            for (name, value) in upper {
                let merged = match members.remove(name) {
                    Some(under) => merge_deep(under, value.clone()),
                    None => value.clone(),
                };
                members.insert(name.clone(), merged);
            }
            Value::from(Kind::Object(Arc::new(members.into()))).with_secret(secret)
        }
        _ => above,
    }
}
