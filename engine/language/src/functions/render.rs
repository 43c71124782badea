//! Functions that render templates.

use strata_model::address::is_name;
use strata_model::{
    Diagnostic, Diagnostics, FileId, Kind, Members, Position, SourceMap, Type, Value,
    source::SourceFile,
};

use super::{
    Body, Call, Fault, Function, LazyCall, Parameter, ParameterKind, argument, file, returns,
};
use crate::convert::convert;
use crate::evaluate::{Frame, Run};
use crate::expression::{Expr, ExprKind};
use crate::{codes, parse};

const VARIABLES: Parameter = Parameter::new("vars", ParameterKind::Any).marked();

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "templatefile",
        description: "The text of a template file with variables filled in.",
        parameters: &[Parameter::new("path", ParameterKind::String), VARIABLES],
        variadic: None,
        returns: returns::any,
        body: Body::Shallow(templatefile),
        reveals: false,
    },
    Function {
        name: "templatestring",
        description: "A template that comes from elsewhere, with variables filled in.",
        parameters: &[Parameter::new("template", ParameterKind::String), VARIABLES],
        variadic: None,
        returns: returns::string,
        body: Body::Lazy(templatestring),
        reveals: false,
    },
];

/// The templates' own file: no place in it is a place of the project.
const TEMPLATE: FileId = FileId(u32::MAX);

fn templatefile(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let text = file::text(call)?;
    call.steps(text.len() / 8)?;
    let name = if call.secret {
        "the template"
    } else {
        call.text(0)
    };
    let vars = call.value(1);
    let value = render(call.run, (name, &text), vars, "templatefile")?;
    Ok(value.marked_like(vars))
}

/// Renders a template that sees nothing but the variables.
fn render(
    run: &Run<'_>,
    (name, text): (&str, &str),
    vars: &Value,
    renderer: &'static str,
) -> Result<Value, Fault> {
    let variables = variables(vars)?;
    let fault = |diagnostic: &Diagnostic| Fault::Call(located(name, text, diagnostic));
    let expr = parse::template(text, TEMPLATE, 0).map_err(|diagnostic| fault(&diagnostic))?;
    let frame = Frame::template(variables, renderer);
    let mut found = Diagnostics::new();
    let value = run.eval(&expr, Some(&frame), &mut found);
    if let Some(exceeded) = run.meter.exceeded() {
        return Err(Fault::Budget(exceeded));
    }
    match found.iter().next() {
        Some(diagnostic) => Err(fault(diagnostic)),
        None if value.is_null() => Err(Fault::Call("the template results in null".to_owned())),
        None => Ok(value),
    }
}

fn variables(vars: &Value) -> Result<&Members, Fault> {
    let Some(variables) = vars.members() else {
        return argument(1, "must be a map");
    };
    match variables.keys().find(|name| !is_name(name)) {
        Some(_) if vars.is_secret() => {
            argument(1, "holds a key that cannot be the name of a variable")
        }
        Some(name) => argument(
            1,
            format!("holds the key {name:?}, which cannot be the name of a variable"),
        ),
        None => Ok(variables),
    }
}

/// The fault of a template with its place there.
fn located(name: &str, text: &str, diagnostic: &Diagnostic) -> String {
    let detail = diagnostic.detail.trim_end_matches('.');
    let position = diagnostic
        .span
        .filter(|span| span.file == TEMPLATE)
        .and_then(|mut span| {
            let mut map = SourceMap::default();
            span.file = map.add(SourceFile::new(name, text));
            map.position(span)
        });
    match position {
        Some(Position { file, line, column }) => {
            format!("{file}, line {line}, column {column}: {detail}")
        }
        None => format!("{name}: {detail}"),
    }
}

fn templatestring(run: &Run<'_>, call: &LazyCall<'_>, diagnostics: &mut Diagnostics) -> Value {
    let [template, vars] = call.arguments else {
        return Value::unknown(Type::String);
    };
    if !is_reference(template) {
        let detail = "templatestring(): the template must be a reference to a text that comes from elsewhere.";
        let hint = "A template that stands here needs no function: write it as text with ${…}.";
        diagnostics.push(
            codes::INVALID_CALL
                .error(detail)
                .at(template.span)
                .hint(hint),
        );
        return Value::unknown(Type::String);
    }
    let text = run.eval(template, call.env, diagnostics);
    let vars_value = run.eval(vars, call.env, diagnostics);
    let secret = text.is_secret() || vars_value.is_secret();
    let spans = [template.span, vars.span];
    let value = match rendered(run, &text, &vars_value) {
        Ok(value) => value,
        Err(fault) => run.report(call.function, fault, (call.span, &spans), diagnostics),
    };
    let secret = secret || value.is_secret();
    value.with_secret(secret)
}

fn rendered(run: &Run<'_>, text: &Value, vars: &Value) -> Result<Value, Fault> {
    let template = match text.kind() {
        Kind::String(template) => template,
        Kind::Unknown(Type::Any | Type::String) => return Ok(Value::unknown(Type::String)),
        _ => return argument(0, "invalid template value: a string is required"),
    };
    if vars.is_unknown() {
        return Ok(Value::unknown(Type::String));
    }
    if vars.is_null() {
        return argument(1, "must not be null");
    }
    run.meter.steps(template.len() as u64 / 8)?;
    let value = render(run, ("template", template), vars, "templatestring")?;
    convert(&value, &Type::String)
        .map_err(|error| Fault::Call(format!("invalid template result: {error}")))
}

/// Whether the expression takes something from elsewhere as it is.
fn is_reference(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Variable(_) => true,
        ExprKind::Attribute(base, _) | ExprKind::Index(base, _) | ExprKind::Splat { base, .. } => {
            is_reference(base)
        }
        _ => false,
    }
}
