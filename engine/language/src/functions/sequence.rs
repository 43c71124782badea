//! Functions of lists and tuples.

use std::collections::BTreeSet;

use strata_model::{Kind, Number, Type, Value};

use super::{Body, Call, Fault, Parameter, ParameterKind, argument, functions, returns};
use crate::convert::{convert, friendly, unify};
use crate::evaluate::{arithmetic, equal::equal};

const fn any(name: &'static str) -> Parameter {
    Parameter::new(name, ParameterKind::Any)
}

const fn list(name: &'static str) -> Parameter {
    Parameter::new(name, ParameterKind::List)
}

const fn strings(name: &'static str) -> Parameter {
    Parameter::new(name, ParameterKind::Strings)
}

const fn number(name: &'static str) -> Parameter {
    Parameter::new(name, ParameterKind::Number)
}

functions! {
    "alltrue", "Whether all elements are true.", [Parameter::new("list", ParameterKind::Bools)]
        => returns::boolean, Body::Shallow(alltrue);
    "anytrue", "Whether any element is true.", [Parameter::new("list", ParameterKind::Bools)]
        => returns::boolean, Body::Shallow(anytrue);
    "chunklist", "The list in pieces of a size.", [list("list").marked(), number("size")]
        => chunks, Body::Shallow(chunklist);
    "coalesce", "The first argument that is neither null nor empty text.", [], ..any("vals").nullable().unknowns()
        => common, Body::Shallow(coalesce);
    "coalescelist", "The first list that is not empty.", [], ..any("vals").nullable().unknowns()
        => returns::any, Body::Shallow(coalescelist);
    "compact", "The list without nulls and empty texts.", [strings("list")]
        => returns::strings, Body::Deep(compact);
    "concat", "All lists in one.", [], ..any("seqs").marked() => joined, Body::Shallow(concat);
    "contains", "Whether a list, set or tuple holds a value.", [any("list"), any("value")]
        => returns::boolean, Body::Shallow(contains);
    "distinct", "The list without repetitions.", [list("list")] => same, Body::Deep(distinct);
    "element", "An element of a list; behind the end it begins again.", [any("list").marked(), number("index")]
        => element_type, Body::Shallow(element);
    "flatten", "The elements of all lists within lists, in one.", [any("list").marked()]
        => returns::any, Body::Shallow(flatten);
    "index", "The position of a value in a list.", [any("list"), any("value")]
        => returns::number, Body::Shallow(index);
    "length", "The number of elements, or of characters as people count them.", [any("value").unknowns().marked()]
        => returns::number, Body::Shallow(length);
    "matchkeys", "The values whose keys are among those searched for.", [list("values"), list("keys"), list("searchset")]
        => same, Body::Deep(matchkeys);
    "one", "The only element, or null of an empty collection.", [any("list")] => only_type, Body::Shallow(one);
    "range", "Numbers from a start to before an end.", [], ..number("params")
        => numbers, Body::Deep(range);
    "reverse", "The list from its end to its beginning.", [any("list").marked()]
        => reverse_type, Body::Shallow(reverse);
    "slice", "The elements from one position to before another.", [any("list").marked(), number("start_index"), number("end_index")]
        => slice_type, Body::Shallow(slice);
    "sort", "The texts in the order of their characters.", [strings("list")] => returns::strings, Body::Deep(sort);
}

/// The type of the first argument.
fn same(call: &Call<'_, '_>) -> Result<Type, Fault> {
    Ok(call.value(0).ty())
}

fn chunks(call: &Call<'_, '_>) -> Result<Type, Fault> {
    Ok(Type::list(call.value(0).ty()))
}

fn numbers(_: &Call<'_, '_>) -> Result<Type, Fault> {
    Ok(Type::list(Type::Number))
}

fn common(call: &Call<'_, '_>) -> Result<Type, Fault> {
    let types: Vec<Type> = call.arguments.iter().map(Value::ty).collect();
    unify(&types).ok_or_else(|| Fault::Call("all arguments must have the same type".to_owned()))
}

fn alltrue(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let mut result = Value::from(true);
    for element in call.elements(0) {
        if element.is_unknown() {
            result = Value::unknown(Type::Bool);
        } else if element.as_bool() != Some(true) {
            return Ok(false.into());
        }
    }
    Ok(result)
}

fn anytrue(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let mut result = Value::from(false);
    for element in call.elements(0) {
        if element.as_bool() == Some(true) {
            return Ok(true.into());
        }
        if element.is_unknown() {
            result = Value::unknown(Type::Bool);
        }
    }
    Ok(result)
}

fn chunklist(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let size = usize::try_from(call.integer(1)?)
        .map_err(|_| Fault::Argument(1, "the size must be positive".to_owned()))?;
    let list = call.value(0);
    let Kind::List(ty, elements) = list.kind() else {
        return argument(0, "a list is required");
    };
    call.room(elements.len())?;
    let pieces = if elements.is_empty() {
        Vec::new()
    } else if size == 0 {
        vec![elements.to_vec()]
    } else {
        elements.chunks(size).map(<[Value]>::to_vec).collect()
    };
    let pieces = pieces
        .into_iter()
        .map(|piece| Value::list(ty.clone(), piece))
        .collect();
    Ok(Value::list(Type::list(ty.clone()), pieces).marked_like(list))
}

fn coalesce(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let ty = common(call)?;
    for (index, value) in call.arguments.iter().enumerate() {
        let value =
            convert(value, &ty).map_err(|error| Fault::Argument(index, error.to_string()))?;
        if value.is_unknown() {
            return Ok(Value::unknown(ty));
        }
        if !value.is_null() && value.as_str() != Some("") {
            return Ok(value);
        }
    }
    Err(Fault::Call(
        "no non-null, non-empty-string arguments".to_owned(),
    ))
}

fn coalescelist(call: &Call<'_, '_>) -> Result<Value, Fault> {
    if call.arguments.is_empty() {
        return Err(Fault::Call("at least one argument is required".to_owned()));
    }
    if call.arguments.iter().any(Value::is_unknown) {
        let known = call
            .arguments
            .iter()
            .take_while(|value| !value.is_unknown());
        let first = known.into_iter().find(|value| is_filled(value));
        return Ok(first.cloned().unwrap_or_else(|| Value::unknown(Type::Any)));
    }
    for (index, value) in call.arguments.iter().enumerate() {
        if !matches!(value.ty(), Type::List(_) | Type::Tuple(_)) {
            return argument(index, "must be a list or tuple");
        }
    }
    call.arguments
        .iter()
        .find(|value| is_filled(value))
        .cloned()
        .ok_or_else(|| Fault::Call("no non-null arguments".to_owned()))
}

fn is_filled(value: &Value) -> bool {
    value
        .elements()
        .is_some_and(|elements| !elements.is_empty())
}

fn compact(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let kept = call
        .elements(0)
        .iter()
        .filter(|element| element.as_str().is_some_and(|text| !text.is_empty()))
        .cloned()
        .collect();
    Ok(Value::list(Type::String, kept))
}

/// The type that lists have in common, where all arguments are lists.
fn common_list(call: &Call<'_, '_>) -> Option<Type> {
    let types: Vec<Type> = call.arguments.iter().map(Value::ty).collect();
    let lists = types.iter().all(|ty| matches!(ty, Type::List(_)));
    if lists { unify(&types) } else { None }
}

fn joined(call: &Call<'_, '_>) -> Result<Type, Fault> {
    if let Some(ty) = common_list(call) {
        return Ok(ty);
    }
    let mut types = Vec::new();
    for (index, value) in call.arguments.iter().enumerate() {
        match value.ty() {
            Type::Tuple(elements) => types.extend(elements.iter().cloned()),
            Type::List(element) => match value.elements() {
                Some(elements) => types.extend(elements.iter().map(|_| element.as_ref().clone())),
                None => return Ok(Type::Any),
            },
            Type::Any if value.is_unknown() => return Ok(Type::Any),
            other => return not_joinable(index, &other),
        }
    }
    Ok(Type::tuple(types))
}

fn not_joinable<T>(index: usize, ty: &Type) -> Result<T, Fault> {
    let reason = format!(
        "all arguments must be lists or tuples; got {}",
        friendly(ty)
    );
    argument(index, reason)
}

fn concat(call: &Call<'_, '_>) -> Result<Value, Fault> {
    if call.arguments.is_empty() {
        return Err(Fault::Call("at least one argument is required".to_owned()));
    }
    let secret = call.arguments.iter().any(Value::is_secret);
    let common = common_list(call);
    let mut all = Vec::new();
    for (index, value) in call.arguments.iter().enumerate() {
        let elements = match value.kind() {
            Kind::List(_, elements) | Kind::Tuple(elements) => elements,
            _ => return not_joinable(index, &value.ty()),
        };
        call.room(elements.len())?;
        match &common {
            Some(Type::List(element)) => {
                for item in elements.iter() {
                    let item = convert(item, element)
                        .map_err(|error| Fault::Argument(index, error.to_string()))?;
                    all.push(item);
                }
            }
            _ => all.extend(elements.iter().cloned()),
        }
    }
    let value = match common {
        Some(Type::List(element)) => Value::list(element.as_ref().clone(), all),
        _ => Value::tuple(all),
    };
    Ok(value.with_secret(secret))
}

fn contains(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let Some(elements) = call.value(0).elements() else {
        return argument(0, "must be a list, tuple or set");
    };
    call.steps(elements.len())?;
    let mut unknown = false;
    for element in elements {
        match equal(element, call.value(1)) {
            Some(true) => return Ok(true.into()),
            Some(false) => {}
            None => unknown = true,
        }
    }
    Ok(if unknown {
        Value::unknown(Type::Bool)
    } else {
        Value::from(false)
    })
}

fn distinct(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let Kind::List(ty, elements) = call.value(0).kind() else {
        return argument(0, "a list is required");
    };
    call.room(elements.len())?;
    let mut seen = BTreeSet::new();
    let kept = elements
        .iter()
        .filter(|element| seen.insert(element.to_json().to_string()))
        .cloned()
        .collect();
    Ok(Value::list(ty.clone(), kept))
}

/// An index that goes round: behind the last element comes the first, before the first the last.
fn round(call: &Call<'_, '_>, count: usize) -> Result<usize, Fault> {
    let index = i128::from(call.integer(1)?);
    if count == 0 {
        return argument(0, "cannot use element function with an empty list");
    }
    usize::try_from(index.rem_euclid(count as i128))
        .map_err(|_| Fault::Argument(1, "the index is out of range".to_owned()))
}

fn element_type(call: &Call<'_, '_>) -> Result<Type, Fault> {
    match call.value(0).ty() {
        Type::List(element) => Ok(element.as_ref().clone()),
        Type::Tuple(_) | Type::Any if call.value(1).is_unknown() => Ok(Type::Any),
        Type::Tuple(types) => Ok(types[round(call, types.len())?].clone()),
        Type::Any => Ok(Type::Any),
        other => argument(0, format!("cannot read elements from {}", friendly(&other))),
    }
}

fn element(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let list = call.value(0);
    match list.kind() {
        Kind::List(_, elements) | Kind::Tuple(elements) => {
            let index = round(call, elements.len())?;
            Ok(elements[index].clone().marked_like(list))
        }
        _ => argument(
            0,
            format!("cannot read elements from {}", friendly(&list.ty())),
        ),
    }
}

fn flatten(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let list = call.value(0);
    if list.elements().is_none() {
        return argument(0, "can only flatten lists, sets and tuples");
    }
    let mut flat = Flat::default();
    flat.add(call, list)?;
    let value = if flat.unknown {
        Value::unknown(Type::Any)
    } else {
        Value::tuple(flat.elements)
    };
    Ok(value.with_secret(flat.secret))
}

#[derive(Default)]
struct Flat {
    elements: Vec<Value>,
    unknown: bool,
    secret: bool,
}

impl Flat {
    fn add(&mut self, call: &Call<'_, '_>, list: &Value) -> Result<(), Fault> {
        self.secret |= list.is_secret();
        for element in list.elements().unwrap_or_default() {
            call.room(1)?;
            match element.kind() {
                Kind::List(..) | Kind::Set(..) | Kind::Tuple(_) => self.add(call, element)?,
                Kind::Unknown(Type::Any | Type::List(_) | Type::Set(_) | Type::Tuple(_)) => {
                    self.unknown = true;
                    self.secret |= element.is_secret();
                }
                Kind::Null(_)
                | Kind::Unknown(_)
                | Kind::Bool(_)
                | Kind::Number(_)
                | Kind::String(_)
                | Kind::Map(..)
                | Kind::Object(_) => self.elements.push(element.clone()),
            }
        }
        Ok(())
    }
}

fn index(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let (Kind::List(_, elements) | Kind::Tuple(elements)) = call.value(0).kind() else {
        return argument(0, "must be a list or tuple");
    };
    if elements.is_empty() {
        return argument(0, "cannot search an empty list");
    }
    call.steps(elements.len())?;
    for (position, element) in elements.iter().enumerate() {
        match equal(element, call.value(1)) {
            Some(true) => return Ok(Value::number(position)),
            Some(false) => {}
            None => return Ok(Value::unknown(Type::Number)),
        }
    }
    Err(Fault::Call("item not found".to_owned()))
}

fn length(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let value = call.value(0);
    let count = match value.kind() {
        Kind::String(text) => {
            call.steps(text.len() / 64)?;
            Some(super::text::clusters(text))
        }
        Kind::List(_, elements) | Kind::Tuple(elements) => Some(elements.len()),
        // Unknown elements may turn out to be equal to others.
        Kind::Set(_, elements) if elements.iter().any(Value::has_unknown) && elements.len() > 1 => {
            None
        }
        Kind::Set(_, elements) => Some(elements.len()),
        Kind::Map(_, members) | Kind::Object(members) => Some(members.len()),
        Kind::Unknown(Type::Tuple(types)) => Some(types.len()),
        Kind::Unknown(Type::Object(attributes)) => Some(attributes.len()),
        Kind::Unknown(Type::Any | Type::String | Type::List(_) | Type::Set(_) | Type::Map(_)) => {
            None
        }
        Kind::Null(_) | Kind::Unknown(_) | Kind::Bool(_) | Kind::Number(_) => {
            return argument(
                0,
                "must be a string, a collection type, or a structural type",
            );
        }
    };
    let result = count.map_or_else(|| Value::unknown(Type::Number), Value::number);
    Ok(result.marked_like(value))
}

fn matchkeys(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let Kind::List(ty, values) = call.value(0).kind() else {
        return argument(0, "a list is required");
    };
    let Some(common) = unify(&[call.value(1).ty(), call.value(2).ty()]) else {
        return Err(Fault::Call(
            "keys and searchset must be of the same type".to_owned(),
        ));
    };
    if values.len() != call.elements(1).len() {
        return Err(Fault::Call(
            "length of keys and values should be equal".to_owned(),
        ));
    }
    let converted = |index: usize| {
        convert(call.value(index), &common)
            .map_err(|error| Fault::Argument(index, error.to_string()))
    };
    let (keys, wanted) = (converted(1)?, converted(2)?);
    let texts = |value: &Value| -> Vec<String> {
        let elements = value.elements().unwrap_or_default();
        elements
            .iter()
            .map(|key| key.to_json().to_string())
            .collect()
    };
    call.room(values.len() + call.elements(2).len())?;
    let wanted: BTreeSet<String> = texts(&wanted).into_iter().collect();
    let found = texts(&keys)
        .iter()
        .zip(values.iter())
        .filter(|(key, _)| wanted.contains(*key))
        .map(|(_, value)| value.clone())
        .collect();
    Ok(Value::list(ty.clone(), found))
}

const ONE: &str = "must be a list, set, or tuple value with either zero or one elements";

fn only_type(call: &Call<'_, '_>) -> Result<Type, Fault> {
    match call.value(0).ty() {
        Type::List(element) | Type::Set(element) => Ok(element.as_ref().clone()),
        Type::Tuple(types) => match types.as_slice() {
            [] => Ok(Type::Any),
            [only] => Ok(only.clone()),
            _ => argument(0, ONE),
        },
        Type::Any => Ok(Type::Any),
        _ => argument(0, ONE),
    }
}

fn one(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let ty = only_type(call)?;
    match call.value(0).elements() {
        Some([]) => Ok(Value::null_of(ty)),
        Some([only]) => Ok(only.clone()),
        Some(_) | None => argument(0, ONE),
    }
}

fn range(call: &Call<'_, '_>) -> Result<Value, Fault> {
    const LIMIT: usize = 1024;
    let zero = Number::Int(0);
    let unit = |down: bool| Number::Int(if down { -1 } else { 1 });
    let given: Vec<Number> = call.arguments.iter().filter_map(Value::as_number).collect();
    let (start, end, step) = match given.as_slice() {
        [end] => (zero, *end, unit(*end < zero)),
        [start, end] => (*start, *end, unit(end < start)),
        [start, end, step] => (*start, *end, *step),
        _ => {
            return Err(Fault::Call(
                "must have one, two, or three arguments".to_owned(),
            ));
        }
    };
    if step == zero && start != end {
        return argument(2, "step must not be zero");
    }
    let down = step < zero;
    if down && end > start {
        return argument(1, "end must be less than start when step is negative");
    }
    if !down && end < start {
        return argument(1, "end must be greater than start when step is positive");
    }
    let mut numbers = Vec::new();
    let mut current = start;
    while if down { current > end } else { current < end } {
        if numbers.len() >= LIMIT {
            let reason = "more than 1024 values were generated; either decrease the difference between start and end or use a smaller step";
            return Err(Fault::Call(reason.to_owned()));
        }
        numbers.push(Value::number(current));
        current = arithmetic::add(current, step)
            .ok_or_else(|| Fault::Call("a number is out of range".to_owned()))?;
    }
    Ok(Value::list(Type::Number, numbers))
}

fn reverse_type(call: &Call<'_, '_>) -> Result<Type, Fault> {
    match call.value(0).ty() {
        Type::Tuple(types) => Ok(Type::tuple(types.iter().rev().cloned().collect())),
        Type::List(element) | Type::Set(element) => Ok(Type::List(element)),
        Type::Any => Ok(Type::Any),
        other => {
            let reason = format!(
                "can only reverse list or tuple values, not {}",
                friendly(&other)
            );
            argument(0, reason)
        }
    }
}

fn reverse(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let list = call.value(0);
    let reversed = |elements: &[Value]| elements.iter().rev().cloned().collect();
    let value = match list.kind() {
        Kind::Tuple(elements) => Value::tuple(reversed(elements)),
        Kind::List(ty, elements) | Kind::Set(ty, elements) => {
            Value::list(ty.clone(), reversed(elements))
        }
        _ => return reverse_type(call).map(Value::unknown),
    };
    Ok(value.marked_like(list))
}

/// The bounds of a slice as far as they are known.
fn bounds(call: &Call<'_, '_>, count: Option<usize>) -> Result<Option<(usize, usize)>, Fault> {
    let bound = |index: usize, name: &str| -> Result<Option<usize>, Fault> {
        if call.value(index).is_unknown() {
            return Ok(None);
        }
        let Ok(position) = usize::try_from(call.integer(index)?) else {
            return argument(index, format!("{name} index must not be less than zero"));
        };
        if count.is_some_and(|count| position > count) {
            let reason = format!("{name} index must not be greater than the length of the list");
            return argument(index, reason);
        }
        Ok(Some(position))
    };
    let (start, end) = (bound(1, "start")?, bound(2, "end")?);
    match (start, end) {
        (Some(start), Some(end)) if start > end => {
            argument(1, "start index must not be greater than end index")
        }
        (Some(start), Some(end)) => Ok(Some((start, end))),
        _ => Ok(None),
    }
}

fn slice_type(call: &Call<'_, '_>) -> Result<Type, Fault> {
    match call.value(0).ty() {
        list @ Type::List(_) => {
            bounds(call, call.value(0).elements().map(<[Value]>::len))?;
            Ok(list)
        }
        Type::Tuple(types) => Ok(match bounds(call, Some(types.len()))? {
            Some((start, end)) => Type::tuple(types[start..end].to_vec()),
            None => Type::Any,
        }),
        Type::Any => Ok(Type::Any),
        Type::Set(_) => argument(
            0,
            "cannot slice a set, because its elements do not have indices; explicitly convert to a list if the ordering of the result is not important",
        ),
        _ => argument(0, "must be a list or tuple value"),
    }
}

fn slice(call: &Call<'_, '_>) -> Result<Value, Fault> {
    slice_type(call)?;
    let list = call.value(0);
    let elements = list.elements().unwrap_or_default();
    let Some((start, end)) = bounds(call, Some(elements.len()))? else {
        return slice_type(call).map(Value::unknown);
    };
    let part = elements[start..end].to_vec();
    let value = match list.kind() {
        Kind::List(ty, _) => Value::list(ty.clone(), part),
        _ => Value::tuple(part),
    };
    Ok(value.marked_like(list))
}

fn sort(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let elements = call.elements(0);
    call.room(elements.len())?;
    if let Some(position) = elements.iter().position(Value::is_null) {
        let reason =
            format!("given list element {position} is null; a null string cannot be sorted");
        return argument(0, reason);
    }
    let mut sorted = elements.to_vec();
    sorted.sort_by(|left, right| left.as_str().cmp(&right.as_str()));
    Ok(Value::list(Type::String, sorted))
}
