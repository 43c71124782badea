//! What a plan does to each object: its steps put together, with values decoded. Text and JSON are made from this.

use std::collections::BTreeMap;
use std::sync::Arc;

use strata_model::plan::{Action, Confidence, DriftRecord, Plan, Reason, Step};
use strata_model::provider::{Provider, Providers};
use strata_model::schema::ResourceSchema;
use strata_model::source::Position;
use strata_model::state::RowKey;
use strata_model::wire::Encoded;
use strata_model::{Address, AttributePath, DeposedId, Type, Value};

use super::style::Symbol;

/// What becomes of one object.
#[derive(Debug)]
pub struct ObjectChange<'a> {
    /// Which object.
    pub key: &'a RowKey,
    /// How it is drawn.
    pub symbol: Symbol,
    /// Why.
    pub reason: Reason,
    /// How sure the plan is.
    pub confidence: Confidence,
    /// Why it is not sure of what is known, and by what that is judged.
    pub doubt: Option<&'a str>,
    /// Attributes that are shown to people only where they say something, with what they say nothing as.
    pub quiet: Vec<(Arc<str>, Option<Value>)>,
    /// The object before.
    pub before: Option<Value>,
    /// The object after.
    pub after: Option<Value>,
    /// The paths that force a replacement.
    pub replace_paths: Vec<AttributePath>,
    /// The labels of the stages, where the change has several.
    pub stages: Vec<&'a str>,
    /// Where the row was before a move.
    pub moved_from: Option<&'a Address>,
    /// The deposed object that takes its place back.
    pub taken_back: Option<DeposedId>,
    /// Whether it gives way to one that takes its place back: until then the state has it without the mark in its key.
    pub gives_way: bool,
    /// Why it is forgotten, and not deleted: it is somebody else's.
    pub left_alone: Option<&'a str>,
    /// The id that is imported.
    pub import_id: Option<&'a str>,
    /// Where it is declared.
    pub source: Option<&'a Position>,
    /// Whether something that holds data goes away.
    pub loses_data: bool,
    /// The provider's name.
    pub provider: Option<&'a str>,
    /// The version of the type's schema.
    pub schema_version: u32,
    /// Whether what only the state knows changes: protection.
    pub protect: bool,
}

/// Puts the steps of each object together: those that lose data first, then by address.
pub fn object_changes<'a>(plan: &'a Plan, providers: &Providers) -> Vec<ObjectChange<'a>> {
    #[derive(PartialEq, Eq, PartialOrd, Ord)]
    enum Unit<'a> {
        Group(u32),
        Object(&'a RowKey),
    }
    let mut units: BTreeMap<Unit<'a>, Vec<&'a Step>> = BTreeMap::new();
    let replaced: BTreeMap<&RowKey, u32> = plan
        .steps
        .iter()
        .filter(|step| step.action == Action::Create)
        .filter_map(|step| Some((&step.key, step.group?)))
        .collect();
    for step in &plan.steps {
        let group = step.group.or_else(|| replaced.get(&step.key).copied());
        let unit = group.map_or(Unit::Object(&step.key), Unit::Group);
        units.entry(unit).or_default().push(step);
    }
    let mut changes: Vec<ObjectChange<'a>> = units
        .into_values()
        .filter_map(|steps| object_change(&steps, (plan, providers)))
        .collect();
    changes
        .sort_by(|left, right| (!left.loses_data, left.key).cmp(&(!right.loses_data, right.key)));
    changes
}

fn object_change<'a>(
    steps: &[&'a Step],
    (plan, providers): (&'a Plan, &Providers),
) -> Option<ObjectChange<'a>> {
    let of = |action: Action| steps.iter().copied().find(|step| step.action == action);
    let (create, delete) = (of(Action::Create), of(Action::Delete));
    let main = create
        .or(delete)
        .or_else(|| {
            steps
                .iter()
                .copied()
                .rev()
                .find(|step| step.action == Action::Update)
        })
        .or_else(|| steps.last().copied())?;
    let symbol = match (create, delete) {
        (Some(create), Some(delete))
            if create.number < delete.number && create.create_before_destroy =>
        {
            Symbol::CreateThenDelete
        }
        (Some(_), Some(_)) => Symbol::DeleteThenCreate,
        _ => Symbol::of(main.action),
    };
    let address = &main.key.address;
    let known = providers.schema(address.mode, &address.resource_type);
    let schema = known.map(|(_, schema)| schema);
    let first_before = delete
        .into_iter()
        .chain(steps.iter().copied())
        .find_map(|step| step.before.as_ref());
    // What a record says of an object, the state said otherwise before.
    let drift = plan.drift.iter();
    let mut drift = drift.filter(|drift| main.action == Action::Record && drift.key == main.key);
    let first_before = first_before.or_else(|| Some(&drift.next()?.before));
    let last_planned = create
        .into_iter()
        .chain(steps.iter().copied().rev())
        .find_map(|step| step.planned.as_ref());
    let gone = matches!(main.action, Action::Delete | Action::Forget);
    let mut replace_paths: Vec<AttributePath> = steps
        .iter()
        .flat_map(|step| step.replace_paths.iter().cloned())
        .collect();
    replace_paths.sort();
    replace_paths.dedup();
    Some(ObjectChange {
        key: &main.key,
        symbol,
        reason: main.reason,
        confidence: steps.iter().map(|step| step.confidence).max()?,
        doubt: steps.iter().find_map(|step| step.doubt.as_deref()),
        quiet: schema.map_or_else(Vec::new, quiet),
        before: first_before.map(|encoded| decode(encoded, schema)),
        after: last_planned
            .filter(|_| !gone)
            .map(|encoded| decode(encoded, schema)),
        replace_paths,
        stages: steps
            .iter()
            .filter_map(|step| step.stage.as_deref())
            .collect(),
        moved_from: steps.iter().find_map(|step| step.moved_from.as_ref()),
        taken_back: steps.iter().find_map(|step| Some(step.taken_back?.deposed)),
        gives_way: gives_way(&main.key, plan),
        left_alone: steps.iter().find_map(|step| step.left_alone.as_deref()),
        import_id: steps.iter().find_map(|step| step.import_id.as_deref()),
        source: main.source.as_ref(),
        loses_data: delete.is_some() && holds_data(known, first_before),
        provider: main
            .provider
            .as_ref()
            .map(|config| config.provider.0.as_ref()),
        schema_version: schema.map_or(0, |schema| schema.version),
        protect: main.protect,
    })
}

fn quiet(schema: &ResourceSchema) -> Vec<(Arc<str>, Option<Value>)> {
    let attributes = schema.schema.attributes().iter();
    attributes
        .filter(|(_, attribute)| attribute.quiet)
        .map(|(name, attribute)| (Arc::clone(name), attribute.default.clone()))
        .collect()
}

/// Whether the plan itself is what deposes an object, for another that takes its place back.
fn gives_way(key: &RowKey, plan: &Plan) -> bool {
    let Some(deposed) = key.deposed else {
        return false;
    };
    let mut backs = plan.steps.iter().filter_map(|step| step.taken_back);
    backs.any(|back| back.gives_way == deposed)
}

impl ObjectChange<'_> {
    /// The key that the object has in the state, where the plan gives it another one.
    pub fn previous_key(&self) -> Option<RowKey> {
        match self.taken_back {
            Some(deposed) => Some(RowKey {
                address: self.key.address.clone(),
                deposed: Some(deposed),
            }),
            None if self.gives_way => Some(RowKey::current(self.key.address.clone())),
            None => self.moved_from.cloned().map(RowKey::current),
        }
    }

    /// The object before and after, without what says nothing where one of the two is not there.
    pub fn shown(&self) -> (Option<Value>, Option<Value>) {
        let (before, after) = (self.before.clone(), self.after.clone());
        if before.is_some() && after.is_some() {
            return (before, after);
        }
        let spoken = |object: Option<Value>| object.map(|object| self.spoken(object));
        (spoken(before), spoken(after))
    }

    fn spoken(&self, object: Value) -> Value {
        let Some(members) = object.members() else {
            return object;
        };
        let says_nothing = |name: &str, value: &Value| {
            self.quiet.iter().any(|(quiet, default)| {
                **quiet == *name && default.as_ref().is_none_or(|default| default == value)
            })
        };
        let spoken = members
            .iter()
            .filter(|(name, value)| !says_nothing(name, value));
        Value::object(spoken.map(|(name, value)| (name.clone(), value.clone())))
    }
}

/// Whether an object holds data, by its type or by what it is.
fn holds_data(
    known: Option<(&Arc<dyn Provider>, &ResourceSchema)>,
    before: Option<&Encoded>,
) -> bool {
    let Some((provider, schema)) = known else {
        return false;
    };
    let object = before.map(|encoded| decode(encoded, Some(schema)));
    schema.holds_data || object.is_some_and(|object| provider.holds_data(schema.name, &object))
}

/// A drifted object before and after.
pub fn drift_values(record: &DriftRecord, providers: &Providers) -> (Value, Option<Value>) {
    let address = &record.key.address;
    let schema = providers
        .schema(address.mode, &address.resource_type)
        .map(|(_, schema)| schema);
    (
        decode(&record.before, schema),
        record.after.as_ref().map(|after| decode(after, schema)),
    )
}

/// Decodes a stored object. Without a schema, or where it does not fit, the JSON speaks for itself.
///
/// A secret that is kept as a fingerprint becomes a secret text, so that two different ones differ.
pub fn decode(encoded: &Encoded, schema: Option<&ResourceSchema>) -> Value {
    let ty = schema.map_or(Type::Any, |schema| schema.schema.object_type().clone());
    decode_as(encoded, &ty)
}

/// Decodes a stored value of a type, as [`decode`] does it for objects.
pub fn decode_as(encoded: &Encoded, ty: &Type) -> Value {
    let value = encoded
        .decode(ty)
        .or_else(|_| encoded.decode(&Type::Any))
        .unwrap_or_else(|_| Value::unknown(Type::Any).into_secret());
    encoded
        .fingerprints
        .iter()
        .fold(value, |value, (path, fingerprint)| {
            value.with_at(path, Value::from(fingerprint.as_str()).into_secret())
        })
}
