//! Function calls.

use strata_model::{Diagnostics, Kind, Name, Span, Type, Value};

use super::{Env, Run, failed, renderer};
use crate::codes;
use crate::convert::{convert, unmarked};
use crate::expression::{Expr, Spanned};
use crate::functions::{self, Body, Call, Fault, Function, LazyCall, Parameter};
use crate::suggest;

/// An evaluated argument and its place.
type Argument = (Value, Span);

impl Run<'_> {
    pub(super) fn call(
        &self,
        (name, arguments, expand): (&Spanned<Name>, &[Expr], bool),
        span: Span,
        env: Env<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Value {
        let Some(function) = functions::find(&name.value) else {
            unknown_function(name, diagnostics);
            return failed();
        };
        if let Some(renderer) = renderer(env)
            && let Some(reason) = functions::refused_in_template(function.name, renderer)
        {
            diagnostics.push(codes::INVALID_CALL.error(reason).at(name.span));
            return failed();
        }
        if let Body::Lazy(body) = function.body {
            let call = LazyCall {
                function,
                arguments,
                env,
                span,
            };
            if expand || !self.arity(function, arguments.len(), span, diagnostics) {
                if expand {
                    let detail =
                        format!("{}() takes no argument followed by `...`.", function.name);
                    diagnostics.push(codes::INVALID_CALL.error(detail).at(span));
                }
                return failed();
            }
            return body(self, &call, diagnostics);
        }
        let Some(given) = self.arguments_of(function, (arguments, expand), env, diagnostics) else {
            return failed();
        };
        if given.unknown {
            return failed().with_secret(given.secret);
        }
        if !self.arity(function, given.values.len(), span, diagnostics) {
            return failed();
        }
        self.apply(function, given, span, diagnostics)
    }

    /// Evaluates the arguments; the last one is taken apart where `...` follows it.
    fn arguments_of(
        &self,
        function: &Function,
        (arguments, expand): (&[Expr], bool),
        env: Env<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Given> {
        let mut given = Given {
            values: Vec::with_capacity(arguments.len()),
            unknown: false,
            secret: false,
        };
        for (index, argument) in arguments.iter().enumerate() {
            let last = index + 1 == arguments.len();
            if expand && last {
                let value = self.eval(argument, env, diagnostics);
                expand_into(&mut given, &value, argument.span, diagnostics)?;
                continue;
            }
            let value = match function.parameter(index) {
                Some(parameter) => self.eval_for(argument, parameter.kind.ty(), env, diagnostics),
                None => self.eval(argument, env, diagnostics),
            };
            given.values.push((value, argument.span));
        }
        Some(given)
    }

    fn arity(
        &self,
        function: &Function,
        count: usize,
        span: Span,
        diagnostics: &mut Diagnostics,
    ) -> bool {
        let least = function.parameters.len();
        let fits = count == least || (count > least && function.variadic.is_some());
        if !fits {
            let names: Vec<&str> = function
                .parameters
                .iter()
                .map(|parameter| parameter.name)
                .collect();
            let more = match &function.variadic {
                Some(parameter) => format!("{least} or more ({}...)", {
                    let mut all = names.clone();
                    all.push(parameter.name);
                    all.join(", ")
                }),
                None => format!("{least} ({})", names.join(", ")),
            };
            let detail = format!("{}() takes {more} and is given {count}.", function.name);
            diagnostics.push(codes::INVALID_CALL.error(detail).at(span));
        }
        fits
    }

    fn apply(
        &self,
        function: &'static Function,
        given: Given,
        span: Span,
        diagnostics: &mut Diagnostics,
    ) -> Value {
        let mut call = Call {
            run: self,
            arguments: Vec::with_capacity(given.values.len()),
            secret: given.secret,
        };
        let mut undecided = false;
        let mut any = false;
        let spans: Vec<Span> = given.values.iter().map(|(_, span)| *span).collect();
        for (index, (value, _)) in given.values.into_iter().enumerate() {
            let Some(parameter) = function.parameter(index) else {
                continue;
            };
            // Looking for marks and unknowns goes through the whole value.
            let prepared = match parameter.marks {
                true => Ok(()),
                false => self.meter.weigh(&value),
            };
            let prepared = prepared.and_then(|()| self.meter.reshape(&value, parameter.kind.ty()));
            if let Err(exceeded) = prepared {
                let fault = Fault::Budget(exceeded);
                return self.report(function, fault, (span, &spans), diagnostics);
            }
            match prepare(parameter, value, &mut call.secret) {
                Ok(value) => {
                    undecided |= value.is_unknown() && !parameter.unknown;
                    undecided |= matches!(function.body, Body::Deep(_))
                        && !parameter.unknown
                        && value.has_unknown();
                    any |= value.is_unknown()
                        && value.ty() == Type::Any
                        && !parameter.unknown
                        && parameter.kind == functions::ParameterKind::Any;
                    call.arguments.push(value);
                }
                Err(reason) => {
                    let fault = Fault::Argument(index, reason);
                    return self.report(function, fault, (span, &spans), diagnostics);
                }
            }
        }
        let secret = call.secret;
        let result = if undecided {
            (function.returns)(&call).map(|ty| {
                // What depends on the type of something of no type yet is itself of no type yet.
                let ty = if any && !functions::is_fixed(&ty) {
                    Type::Any
                } else {
                    ty
                };
                Value::unknown(ty)
            })
        } else {
            match function.body {
                Body::Deep(body) | Body::Shallow(body) => body(&call),
                Body::Lazy(_) => Ok(failed()),
            }
        };
        let result = result.and_then(|value| {
            self.meter.weigh(&value)?;
            Ok(value)
        });
        match result {
            Ok(value) => {
                let secret = secret || value.is_secret();
                value.with_secret(secret && !function.reveals)
            }
            Err(fault) => self
                .report(function, fault, (span, &spans), diagnostics)
                .with_secret(secret),
        }
    }

    /// Reports why a call failed.
    pub(crate) fn report(
        &self,
        function: &Function,
        fault: Fault,
        (span, spans): (Span, &[Span]),
        diagnostics: &mut Diagnostics,
    ) -> Value {
        let (entry, detail, span) = match fault {
            Fault::Argument(index, reason) => {
                let name = function
                    .parameter(index)
                    .map_or("", |parameter| parameter.name);
                let detail = format!("{}(): argument \"{name}\": {reason}.", function.name);
                let span = spans.get(index).copied().unwrap_or(span);
                (codes::INVALID_CALL, detail, span)
            }
            Fault::Call(reason) => {
                let detail = format!("{}(): {reason}.", function.name);
                (codes::INVALID_CALL, detail, span)
            }
            Fault::File(index, reason) => {
                let span = spans.get(index).copied().unwrap_or(span);
                (codes::FILE, format!("{}(): {reason}.", function.name), span)
            }
            Fault::Leaves(index, reason) => {
                let span = spans.get(index).copied().unwrap_or(span);
                (
                    codes::PATH_LEAVES,
                    format!("{}(): {reason}.", function.name),
                    span,
                )
            }
            Fault::Budget(exceeded) => {
                diagnostics.push(exceeded.diagnostic().at(span));
                return failed();
            }
        };
        diagnostics.push(entry.error(detail).at(span));
        failed()
    }
}

/// Arguments as they are given.
struct Given {
    values: Vec<Argument>,
    /// Whether it is not even known how many there are.
    unknown: bool,
    secret: bool,
}

fn expand_into(
    given: &mut Given,
    value: &Value,
    span: Span,
    diagnostics: &mut Diagnostics,
) -> Option<()> {
    given.secret |= value.is_secret();
    match value.kind() {
        Kind::List(_, elements) | Kind::Set(_, elements) | Kind::Tuple(elements) => {
            given
                .values
                .extend(elements.iter().map(|element| (element.clone(), span)));
            Some(())
        }
        Kind::Unknown(Type::Any | Type::List(_) | Type::Set(_) | Type::Tuple(_)) => {
            given.unknown = true;
            Some(())
        }
        Kind::Null(_)
        | Kind::Unknown(_)
        | Kind::Bool(_)
        | Kind::Number(_)
        | Kind::String(_)
        | Kind::Map(..)
        | Kind::Object(_) => {
            let detail = format!(
                "`...` takes a list, set or tuple apart, and this value is {}.",
                if value.is_null() {
                    "null".to_owned()
                } else {
                    super::one_of(&value.ty())
                }
            );
            diagnostics.push(codes::INVALID_CALL.error(detail).at(span));
            None
        }
    }
}

/// Converts an argument to its parameter's type and takes the marks off where the function does not look at them.
fn prepare(parameter: &Parameter, value: Value, secret: &mut bool) -> Result<Value, String> {
    let value = if parameter.kind == functions::ParameterKind::Any {
        value
    } else {
        convert(&value, parameter.kind.ty()).map_err(|error| error.to_string())?
    };
    if value.is_null() && !parameter.null {
        return Err("must not be null".to_owned());
    }
    if parameter.marks {
        return Ok(value);
    }
    let (value, marked) = unmarked(&value);
    *secret |= marked;
    Ok(value)
}

fn unknown_function(name: &Spanned<Name>, diagnostics: &mut Diagnostics) {
    let detail = format!("There is no function \"{}\".", name.value);
    let diagnostic = codes::UNKNOWN_NAME.error(detail).at(name.span);
    let names = functions::table().iter().map(|function| function.name);
    diagnostics.push(match functions::alternative(&name.value) {
        Some(hint) => diagnostic.hint(hint),
        None => match suggest::nearest(&name.value, names) {
            Some(nearest) => diagnostic.hint(format!("Did you mean \"{nearest}\"?")),
            None => diagnostic,
        },
    });
}
