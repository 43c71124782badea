//! The one type that several types have in common.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use strata_model::{Type, Value};

use super::{ConvertError, convert, convertible};

/// More distinct types than this have nothing in common: comparing all pairs must stay cheap.
const DISTINCT_LIMIT: usize = 500;

/// The type to which all of the types convert, as conditionals, `tolist` and `coalesce` need it. `None` where there
/// is none, and for no types at all.
pub fn unify(types: &[Type]) -> Option<Type> {
    unify_by(types, true)
}

/// Converts values to the type they have in common; `None` where there is none.
///
/// # Errors
///
/// A value of a type that could convert, but that does not itself.
pub fn unify_values(values: &[Value]) -> Option<Result<(Type, Vec<Value>), ConvertError>> {
    let types: Vec<Type> = values.iter().map(Value::ty).collect();
    let common = unify(&types)?;
    let converted = values
        .iter()
        .map(|value| convert(value, &common))
        .collect::<Result<Vec<_>, _>>();
    Some(converted.map(|values| (common, values)))
}

pub(super) fn unify_by(types: &[Type], lossy: bool) -> Option<Type> {
    let types = distinct(types);
    match types.as_slice() {
        [] => return None,
        [one] => return Some(one.clone()),
        _ => {}
    }
    let any = types.contains(&Type::Any);
    let counts = Counts::of(&types);
    let total = types.len() - usize::from(any);
    if total > 0 {
        if [
            counts.map,
            counts.list,
            counts.set,
            counts.object,
            counts.tuple,
        ]
        .contains(&total)
            && any
        {
            return Some(Type::Any);
        }
        if let Some(common) = unify_kinds(&types, &counts, lossy) {
            return common;
        }
    }
    if types.len() > DISTINCT_LIMIT {
        return None;
    }
    preferred(&types)
        .into_iter()
        .map(|index| &types[index])
        .find(|want| {
            types
                .iter()
                .all(|ty| ty == *want || convertible(ty, want, lossy))
        })
        .cloned()
}

/// Unification of types of one kind, or of a collection with its structural twin; `None` where neither applies.
fn unify_kinds(types: &[Type], counts: &Counts, lossy: bool) -> Option<Option<Type>> {
    let total = types.len() - counts.any;
    if counts.map == total {
        return Some(unify_by(&elements(types), lossy).map(Type::map));
    }
    if counts.list == total {
        return Some(unify_by(&elements(types), lossy).map(Type::list));
    }
    if counts.set == total {
        return Some(unify_by(&elements(types), lossy).map(Type::set));
    }
    if counts.object == total {
        return Some(unify_objects(types, lossy));
    }
    if counts.tuple == total {
        return Some(unify_tuples(types, lossy));
    }
    if counts.map > 0 && counts.map + counts.object == total {
        let common = unify_with(types, lossy, objects_as_map);
        return common.filter(|ty| matches!(ty, Type::Map(_))).map(Some);
    }
    if counts.list > 0 && counts.list + counts.tuple == total {
        let common = unify_with(types, lossy, tuples_as_list);
        return common.filter(|ty| matches!(ty, Type::List(_))).map(Some);
    }
    (counts.object > 0 && counts.tuple > 0).then_some(None)
}

#[derive(Default)]
struct Counts {
    map: usize,
    list: usize,
    set: usize,
    object: usize,
    tuple: usize,
    any: usize,
}

impl Counts {
    fn of(types: &[Type]) -> Counts {
        let mut counts = Counts::default();
        for ty in types {
            match ty {
                Type::Map(_) => counts.map += 1,
                Type::List(_) => counts.list += 1,
                Type::Set(_) => counts.set += 1,
                Type::Object(_) => counts.object += 1,
                Type::Tuple(_) => counts.tuple += 1,
                Type::Any => counts.any += 1,
                Type::Bool | Type::Number | Type::String => {}
            }
        }
        counts
    }
}

/// The types without repetition, in the order of their first appearance.
fn distinct(types: &[Type]) -> Vec<Type> {
    if let Some((first, rest)) = types.split_first()
        && rest.iter().all(|ty| ty == first)
    {
        return vec![first.clone()];
    }
    let mut seen = BTreeSet::new();
    types
        .iter()
        .filter(|ty| seen.insert(*ty))
        .cloned()
        .collect()
}

fn elements(types: &[Type]) -> Vec<Type> {
    types
        .iter()
        .filter_map(|ty| match ty {
            Type::List(element) | Type::Set(element) | Type::Map(element) => {
                Some(element.as_ref().clone())
            }
            Type::Any
            | Type::Bool
            | Type::Number
            | Type::String
            | Type::Tuple(_)
            | Type::Object(_) => None,
        })
        .collect()
}

type Widen = fn(&[Type], bool) -> Option<Type>;

/// Unifies with the structural types among them widened to one collection type first.
fn unify_with(types: &[Type], lossy: bool, widen: Widen) -> Option<Type> {
    let structural: Vec<Type> = types
        .iter()
        .filter(|ty| matches!(ty, Type::Object(_) | Type::Tuple(_)))
        .cloned()
        .collect();
    let widened = widen(&structural, lossy)?;
    let all: Vec<Type> = types
        .iter()
        .map(|ty| match ty {
            Type::Object(_) | Type::Tuple(_) => widened.clone(),
            other => other.clone(),
        })
        .collect();
    unify_by(&all, lossy)
}

fn objects_as_map(types: &[Type], lossy: bool) -> Option<Type> {
    let members: Vec<Type> = types
        .iter()
        .filter_map(attributes)
        .flat_map(|attributes| attributes.values().cloned())
        .collect();
    convertible_to(types, Type::map(unify_by(&members, lossy)?), lossy)
}

fn tuples_as_list(types: &[Type], lossy: bool) -> Option<Type> {
    let members: Vec<Type> = types
        .iter()
        .filter_map(tuple_elements)
        .flat_map(|elements| elements.iter().cloned())
        .collect();
    convertible_to(types, Type::list(unify_by(&members, lossy)?), lossy)
}

fn convertible_to(types: &[Type], common: Type, lossy: bool) -> Option<Type> {
    types
        .iter()
        .all(|ty| convertible(ty, &common, lossy))
        .then_some(common)
}

fn attributes(ty: &Type) -> Option<&BTreeMap<Arc<str>, Type>> {
    if let Type::Object(attributes) = ty {
        Some(attributes)
    } else {
        None
    }
}

fn tuple_elements(ty: &Type) -> Option<&[Type]> {
    if let Type::Tuple(elements) = ty {
        Some(elements)
    } else {
        None
    }
}

fn unify_objects(types: &[Type], lossy: bool) -> Option<Type> {
    let objects: Vec<_> = types.iter().filter_map(attributes).collect();
    let (first, rest) = objects.split_first()?;
    if rest.iter().any(|other| !first.keys().eq(other.keys())) {
        return objects_as_map(types, lossy);
    }
    let mut common = BTreeMap::new();
    for name in first.keys() {
        let across: Vec<Type> = objects.iter().map(|object| object[name].clone()).collect();
        common.insert(name.clone(), unify_by(&across, lossy)?);
    }
    let common = Type::Object(Arc::new(common));
    convertible_to(types, common, lossy).or_else(|| objects_as_map(types, lossy))
}

fn unify_tuples(types: &[Type], lossy: bool) -> Option<Type> {
    let tuples: Vec<_> = types.iter().filter_map(tuple_elements).collect();
    let (first, rest) = tuples.split_first()?;
    if rest.iter().any(|other| other.len() != first.len()) {
        return tuples_as_list(types, lossy);
    }
    let common = (0..first.len())
        .map(|index| {
            let across: Vec<Type> = tuples.iter().map(|tuple| tuple[index].clone()).collect();
            unify_by(&across, lossy)
        })
        .collect::<Option<Vec<_>>>()?;
    convertible_to(types, Type::tuple(common), lossy).or_else(|| tuples_as_list(types, lossy))
}

/// Which of two types is the wider one.
#[derive(Clone, Copy, PartialEq)]
enum Wider {
    Left,
    Right,
    Neither,
}

impl Wider {
    fn of(left: bool, right: bool) -> Wider {
        match (left, right) {
            (true, false) => Wider::Left,
            (false, true) => Wider::Right,
            (true, true) | (false, false) => Wider::Neither,
        }
    }
}

fn wider(left: &Type, right: &Type) -> Wider {
    match (left, right) {
        (Type::Any, _) | (_, Type::Any) => Wider::of(*left != Type::Any, *right != Type::Any),
        (Type::Bool | Type::Number | Type::String, Type::Bool | Type::Number | Type::String) => {
            Wider::of(*left == Type::String, *right == Type::String)
        }
        (Type::List(left), Type::List(right))
        | (Type::Set(left), Type::Set(right))
        | (Type::Map(left), Type::Map(right)) => wider(left, right),
        (Type::List(_) | Type::Tuple(_), Type::Set(_))
        | (Type::List(_), Type::Tuple(_))
        | (Type::Map(_), Type::Object(_)) => Wider::Left,
        (Type::Set(_), Type::List(_) | Type::Tuple(_))
        | (Type::Tuple(_), Type::List(_))
        | (Type::Object(_), Type::Map(_)) => Wider::Right,
        (Type::Object(left), Type::Object(right)) => {
            if left.keys().eq(right.keys()) {
                wider_of_all(left.values().zip(right.values()))
            } else {
                Wider::Neither
            }
        }
        (Type::Tuple(left), Type::Tuple(right)) => {
            if left.len() == right.len() {
                wider_of_all(left.iter().zip(right.iter()))
            } else {
                Wider::Neither
            }
        }
        _ => Wider::Neither,
    }
}

fn wider_of_all<'a>(pairs: impl Iterator<Item = (&'a Type, &'a Type)>) -> Wider {
    let found: Vec<Wider> = pairs.map(|(left, right)| wider(left, right)).collect();
    Wider::of(found.contains(&Wider::Left), found.contains(&Wider::Right))
}

/// The types' indexes with wider types before narrower ones, otherwise in order.
fn preferred(types: &[Type]) -> Vec<usize> {
    let count = types.len();
    let mut narrower = vec![Vec::new(); count];
    let mut above = vec![0_usize; count];
    for left in 0..count {
        for right in left + 1..count {
            let (wide, narrow) = match wider(&types[left], &types[right]) {
                Wider::Left => (left, right),
                Wider::Right => (right, left),
                Wider::Neither => continue,
            };
            narrower[wide].push(narrow);
            above[narrow] += 1;
        }
    }
    let mut order: Vec<usize> = (0..count).filter(|index| above[*index] == 0).collect();
    let mut at = 0;
    while at < order.len() {
        for narrow in std::mem::take(&mut narrower[order[at]]) {
            above[narrow] -= 1;
            if above[narrow] == 0 {
                order.push(narrow);
            }
        }
        at += 1;
    }
    order
}
