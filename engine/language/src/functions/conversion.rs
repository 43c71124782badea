//! Functions of types, marks and failure.

use strata_model::{Diagnostics, Type, Value};

use super::{Body, Call, Fault, Function, LazyCall, Parameter, ParameterKind, returns, variadic};
use crate::codes;
use crate::convert::{convert, convertible, friendly};
use crate::evaluate::Run;

const VALUE: Parameter = Parameter::new("value", ParameterKind::Any).nullable();

const CONVERTED: Parameter = Parameter::new("v", ParameterKind::Any)
    .nullable()
    .unknowns()
    .marked();

const fn to(name: &'static str, description: &'static str, body: Body) -> Function {
    Function {
        name,
        description,
        parameters: &[CONVERTED],
        variadic: variadic!(),
        returns: returns::any,
        body,
        reveals: false,
    }
}

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "can",
        description: "Whether an expression can be evaluated without an error.",
        parameters: &[Parameter::new("expression", ParameterKind::Any)],
        variadic: None,
        returns: returns::boolean,
        body: Body::Lazy(can),
        reveals: false,
    },
    Function {
        name: "issensitive",
        description: "Whether a value is secret.",
        parameters: &[VALUE.unknowns().marked()],
        variadic: None,
        returns: returns::boolean,
        body: Body::Shallow(issensitive),
        reveals: true,
    },
    Function {
        name: "nonsensitive",
        description: "The value without its secret mark.",
        parameters: &[VALUE.unknowns().marked()],
        variadic: None,
        returns: returns::any,
        body: Body::Shallow(nonsensitive),
        reveals: true,
    },
    Function {
        name: "sensitive",
        description: "The value, marked secret.",
        parameters: &[VALUE.unknowns().marked()],
        variadic: None,
        returns: returns::any,
        body: Body::Shallow(sensitive),
        reveals: false,
    },
    to("tobool", "The value as a bool.", Body::Shallow(tobool)),
    to("tolist", "The value as a list.", Body::Shallow(tolist)),
    to("tomap", "The value as a map.", Body::Shallow(tomap)),
    to(
        "tonumber",
        "The value as a number.",
        Body::Shallow(tonumber),
    ),
    to("toset", "The value as a set.", Body::Shallow(toset)),
    to("tostring", "The value as text.", Body::Shallow(tostring)),
    Function {
        name: "try",
        description: "The value of the first expression that can be evaluated without an error.",
        parameters: &[],
        variadic: Some(Parameter::new("expressions", ParameterKind::Any)),
        returns: returns::any,
        body: Body::Lazy(try_each),
        reveals: false,
    },
    Function {
        name: "type",
        description: "The type of a value, as text in the language's own spelling.",
        parameters: &[VALUE.unknowns().marked()],
        variadic: None,
        returns: returns::string,
        body: Body::Shallow(type_of),
        reveals: true,
    },
];

fn can(run: &Run<'_>, call: &LazyCall<'_>, diagnostics: &mut Diagnostics) -> Value {
    let mut found = Diagnostics::new();
    let value = run.eval(&call.arguments[0], call.env, &mut found);
    if run.meter.exceeded().is_some() {
        diagnostics.extend(found);
        return Value::unknown(Type::Bool);
    }
    let result = if found.has_errors() {
        Value::from(false)
    } else if value.has_unknown() {
        Value::unknown(Type::Bool)
    } else {
        Value::from(true)
    };
    result.with_secret(value.has_secret())
}

fn try_each(run: &Run<'_>, call: &LazyCall<'_>, diagnostics: &mut Diagnostics) -> Value {
    let mut reasons = Vec::new();
    for argument in call.arguments {
        let mut found = Diagnostics::new();
        let value = run.eval(argument, call.env, &mut found);
        if run.meter.exceeded().is_some() {
            diagnostics.extend(found);
            return value;
        }
        if !found.has_errors() {
            // What is not known yet may fail later, and then another expression's value would be taken.
            return if value.has_unknown() {
                Value::unknown(Type::Any).with_secret(value.has_secret())
            } else {
                value
            };
        }
        reasons.extend(found.into_iter().map(|fault| fault.detail));
    }
    if call.arguments.is_empty() {
        reasons.push("at least one argument is required".to_owned());
    }
    let mut diagnostic = codes::INVALID_CALL
        .error("try(): none of the expressions can be evaluated.")
        .at(call.span);
    for reason in reasons {
        diagnostic = diagnostic.hint(reason);
    }
    diagnostics.push(diagnostic);
    Value::unknown(Type::Any)
}

fn sensitive(call: &Call<'_, '_>) -> Result<Value, Fault> {
    Ok(call.value(0).clone().into_secret())
}

fn nonsensitive(call: &Call<'_, '_>) -> Result<Value, Fault> {
    Ok(call.value(0).clone().with_secret(false))
}

fn issensitive(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let value = call.value(0);
    Ok(if value.is_secret() {
        Value::from(true)
    } else if value.is_unknown() {
        Value::unknown(Type::Bool)
    } else {
        Value::from(false)
    })
}

fn type_of(call: &Call<'_, '_>) -> Result<Value, Fault> {
    call.run.meter.weigh(call.value(0))?;
    call.string(call.value(0).ty().to_string())
}

fn converted(call: &Call<'_, '_>, want: &Type) -> Result<Value, Fault> {
    let value = call.value(0);
    call.run.meter.reshape(value, want)?;
    let ty = value.ty();
    let given = || friendly(&ty);
    if !convertible(&ty, want, true) {
        return super::argument(
            0,
            format!("cannot convert {} to {}", given(), friendly(want)),
        );
    }
    convert(value, want).map_err(|_| {
        let secret = value.is_secret();
        let shown = value.as_str().filter(|_| !secret);
        let what = shown.map_or_else(given, super::quoted);
        let reason = match want {
            Type::Bool => format!(
                "cannot convert {what} to bool; only the strings \"true\" or \"false\" are allowed"
            ),
            Type::Number => format!(
                "cannot convert {what} to number; it must be a decimal number that is in range"
            ),
            Type::Any
            | Type::String
            | Type::List(_)
            | Type::Set(_)
            | Type::Map(_)
            | Type::Tuple(_)
            | Type::Object(_) => format!("cannot convert {} to {}", given(), friendly(want)),
        };
        Fault::Argument(0, reason)
    })
}

fn tobool(call: &Call<'_, '_>) -> Result<Value, Fault> {
    converted(call, &Type::Bool)
}

fn tonumber(call: &Call<'_, '_>) -> Result<Value, Fault> {
    converted(call, &Type::Number)
}

fn tostring(call: &Call<'_, '_>) -> Result<Value, Fault> {
    converted(call, &Type::String)
}

fn tolist(call: &Call<'_, '_>) -> Result<Value, Fault> {
    converted(call, ParameterKind::List.ty())
}

fn toset(call: &Call<'_, '_>) -> Result<Value, Fault> {
    converted(call, ParameterKind::Set.ty())
}

fn tomap(call: &Call<'_, '_>) -> Result<Value, Fault> {
    converted(call, &Type::map(Type::Any))
}
