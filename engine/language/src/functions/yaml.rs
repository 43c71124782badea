//! YAML as a function's argument and result.

mod decode;
mod encode;

use strata_model::Value;

use super::{Body, Call, Fault, Parameter, ParameterKind, functions, returns};

functions! {
    "yamldecode", "The value that a YAML text means.", [Parameter::new("src", ParameterKind::String)]
        => returns::any, Body::Deep(yamldecode);
    "yamlencode", "The value as YAML.", [Parameter::new("value", ParameterKind::Any).nullable()]
        => returns::string, Body::Deep(yamlencode);
}

fn yamlencode(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let text = encode::document(call, call.value(0))?;
    Ok(Value::string(text))
}

fn yamldecode(call: &Call<'_, '_>) -> Result<Value, Fault> {
    decode::document(call, call.text(0))
}
