//! Plans and states in Terraform's JSON formats.
//!
//! Sensitive values are `null` here: Terraform prints them in clear, Strata prints them nowhere but in `output -raw`.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};
use strata_model::plan::{Confidence, OutputChange, Plan, PlannedVariable, Reason};
use strata_model::provider::Providers;
use strata_model::state::{RowKey, RowStatus, StateRow, StateSnapshot, StoredOutput};
use strata_model::{Address, AttributePath, InstanceKey, Mode, PathStep, Scope, Type, Value};

use super::changes::{ObjectChange, decode, decode_as, drift_values, object_changes};
use super::shape;
use super::style::Symbol;

/// Version of Terraform's plan format that is written.
const PLAN_FORMAT_VERSION: &str = "1.2";
/// Version of Terraform's state format that is written.
const STATE_FORMAT_VERSION: &str = "1.0";

type Rows = BTreeMap<RowKey, StateRow>;

/// A plan. `rows` are the state's, for the objects that the plan leaves as they are.
pub fn plan(plan: &Plan, providers: &Providers, rows: &Rows) -> Json {
    let mut changes = object_changes(plan, providers);
    for change in &mut changes {
        add_moved(change, rows, providers);
    }
    let mut resource_changes: Vec<Json> = changes.iter().map(resource_change).collect();
    let unchanged: Vec<&StateRow> = plan
        .unchanged
        .iter()
        .filter_map(|no_op| rows.get(&no_op.key))
        .collect();
    resource_changes.extend(
        unchanged
            .iter()
            .map(|row| unchanged_resource(row, providers)),
    );
    let mut planned: Vec<(Address, Json)> = unchanged
        .iter()
        .map(|row| (row.address().clone(), resource(row, providers)))
        .collect();
    planned.extend(changes.iter().filter_map(planned_resource));
    planned.sort_by(|left, right| left.0.cmp(&right.0));
    let outputs = plan
        .outputs
        .iter()
        .filter_map(|(name, output)| Some((name.clone(), planned_output(output)?)));
    json!({
        "format_version": PLAN_FORMAT_VERSION,
        "terraform_version": env!("CARGO_PKG_VERSION"),
        "variables": variables(plan),
        "planned_values": { "outputs": outputs.collect::<Map<_, _>>(), "root_module": modules(planned) },
        "resource_drift": plan.drift.iter().map(|record| {
            let (before, after) = drift_values(record, providers);
            let actions = if after.is_some() { json!(["update"]) } else { json!(["delete"]) };
            let change = change_object(actions, Some(&before), after.as_ref());
            with_change(head(&record.key, None), change)
        }).collect::<Vec<_>>(),
        "resource_changes": resource_changes,
        "output_changes": plan.outputs.iter().map(|(name, output)| (name.clone(), output_change(output))).collect::<Map<_, _>>(),
        "prior_state": {
            "format_version": STATE_FORMAT_VERSION,
            "terraform_version": env!("CARGO_PKG_VERSION"),
            "values": { "root_module": modules(resources(rows, providers)) },
        },
        "configuration": { "root_module": {} },
        "timestamp": plan.created_at.to_string(),
        "applyable": !plan.is_empty(),
        "complete": plan.options.targets.is_empty() && plan.options.excludes.is_empty(),
        "errored": false,
        "strata": strata_part(plan, &changes),
    })
}

/// Takes what only gets another key from its row: its step says nothing of it.
fn add_moved(change: &mut ObjectChange<'_>, rows: &Rows, providers: &Providers) {
    if change.symbol == Symbol::None && change.before.is_none() && change.after.is_none() {
        let row = change.previous_key().and_then(|key| rows.get(&key));
        change.before = row.map(|row| row_value(row, providers));
    }
}

/// What Terraform's format has no place for.
fn strata_part(plan: &Plan, changes: &[ObjectChange<'_>]) -> Json {
    let source = changes
        .iter()
        .filter_map(|change| Some((change.key.to_string(), json!(change.source?.to_string()))));
    let confidence = changes
        .iter()
        .map(|change| (change.key.to_string(), json!(change.confidence)));
    let doubts = changes
        .iter()
        .filter_map(|change| Some((change.key.to_string(), json!(change.doubt?))));
    let leaves = changes
        .iter()
        .filter_map(|change| Some((change.key.to_string(), leaf_confidence(change)?)));
    let left_alone = changes
        .iter()
        .filter_map(|change| Some((change.key.to_string(), json!(change.left_alone?))));
    json!({
        "plan": plan.id.to_string(),
        "lineage": plan.lineage.map(|lineage| lineage.to_string()),
        "serial": plan.serial.0,
        "engine_version": plan.engine_version,
        "mode": plan.options.mode,
        "source": plan.source,
        "declared_at": source.collect::<Map<_, _>>(),
        "confidence": confidence.collect::<Map<_, _>>(),
        "confidence_reasons": doubts.collect::<Map<_, _>>(),
        "leaf_confidence": leaves.collect::<Map<_, _>>(),
        "left_alone": left_alone.collect::<Map<_, _>>(),
    })
}

/// How sure a plan is of each leaf of an object, in the shape of what the object will be; `None` where it is
/// sure of all that is known.
fn leaf_confidence(change: &ObjectChange<'_>) -> Option<Json> {
    let known = match change.doubt {
        Some(_) => Confidence::Schema,
        None => Confidence::Exact,
    };
    let after = change.after.as_ref()?;
    (change.confidence != Confidence::Exact).then(|| {
        shape::leaves(after, &|leaf| {
            json!(if leaf.is_unknown() {
                Confidence::Deferred
            } else {
                known
            })
        })
    })
}

/// A state, as `show -json` without a plan prints it.
pub fn state(snapshot: &StateSnapshot, providers: &Providers) -> Json {
    let outputs = snapshot
        .outputs
        .iter()
        .map(|(name, output)| (name.clone(), stored_output(output)));
    json!({
        "format_version": STATE_FORMAT_VERSION,
        "terraform_version": env!("CARGO_PKG_VERSION"),
        "values": {
            "outputs": outputs.collect::<Map<_, _>>(),
            "root_module": modules(resources(&snapshot.rows, providers)),
        },
    })
}

/// An output as `output -json` prints it.
pub fn stored_output(output: &StoredOutput) -> Json {
    let value = decode_as(&output.value, &Type::Any);
    let sensitive = output.sensitive || value.has_secret();
    json!({
        "sensitive": sensitive,
        "type": value.ty().to_json(),
        "value": if output.sensitive { Json::Null } else { shape::shown(&value) },
    })
}

/// Terraform's words for what happens to an object.
pub fn actions(symbol: Symbol) -> Json {
    match symbol {
        Symbol::Create => json!(["create"]),
        Symbol::Update => json!(["update"]),
        Symbol::Delete => json!(["delete"]),
        Symbol::DeleteThenCreate => json!(["delete", "create"]),
        Symbol::CreateThenDelete => json!(["create", "delete"]),
        Symbol::Read => json!(["read"]),
        Symbol::Forget => json!(["forget"]),
        Symbol::None => json!(["no-op"]),
    }
}

/// Terraform's word for why something is replaced, deleted or read; `None` where it has none.
pub fn action_reason(change: &ObjectChange<'_>) -> Option<&'static str> {
    match change.reason {
        Reason::CannotUpdate => Some("replace_because_cannot_update"),
        Reason::ReplaceRequested => Some("replace_by_request"),
        Reason::ReplaceTriggered => Some("replace_by_triggers"),
        // What failed and goes is replaced by nothing.
        Reason::Failed if change.symbol != Symbol::Delete => Some("replace_because_tainted"),
        Reason::NotDeclared | Reason::Removed => Some("delete_because_no_resource_config"),
        Reason::KeyGone => Some("delete_because_each_key"),
        Reason::ArgumentsUnknown => Some("read_because_config_unknown"),
        Reason::DependencyPending | Reason::KindPending => Some("read_because_dependency_pending"),
        Reason::Declared
        | Reason::Changed
        | Reason::Incomplete
        | Reason::Destroy
        | Reason::Deposed
        | Reason::LateCreate
        | Reason::Moved
        | Reason::TakenBack
        | Reason::Imported
        | Reason::RecordChanged
        | Reason::Protection
        | Reason::Failed
        | Reason::HostGone
        | Reason::Gone => None,
    }
}

/// Address, mode, type, name and key of an object, as all of Terraform's formats begin.
pub fn head(key: &RowKey, provider: Option<&str>) -> Map<String, Json> {
    let address = &key.address;
    let mut head = Map::new();
    head.insert("address".into(), address.to_string().into());
    if !address.scope.is_root() {
        head.insert("module_address".into(), address.scope.to_string().into());
    }
    head.insert("mode".into(), mode(address.mode).into());
    head.insert("type".into(), address.resource_type.as_ref().into());
    head.insert("name".into(), address.name.as_ref().into());
    if let Some(key) = &address.key {
        head.insert("index".into(), instance_key(key));
    }
    let prefix = address.resource_type.split('_').next().unwrap_or_default();
    head.insert("provider_name".into(), provider.unwrap_or(prefix).into());
    if let Some(deposed) = &key.deposed {
        head.insert("deposed".into(), deposed.to_string().into());
    }
    head
}

/// An instance key as JSON.
pub fn instance_key(key: &InstanceKey) -> Json {
    match key {
        InstanceKey::Index(index) => (*index).into(),
        InstanceKey::Text(text) => text.as_ref().into(),
    }
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Managed => "managed",
        Mode::Data => "data",
    }
}

fn resource_change(change: &ObjectChange<'_>) -> Json {
    let mut entry = head(change.key, change.provider);
    if let Some(from) = change.previous_key() {
        entry.insert("previous_address".into(), from.address.to_string().into());
        if let Some(deposed) = from.deposed {
            entry.insert("previous_deposed".into(), deposed.to_string().into());
        }
    }
    if let Some(reason) = action_reason(change) {
        entry.insert("action_reason".into(), reason.into());
    }
    let after = if change.symbol == Symbol::None {
        change.after.as_ref().or(change.before.as_ref())
    } else {
        change.after.as_ref()
    };
    let mut object = change_object(actions(change.symbol), change.before.as_ref(), after);
    if !change.replace_paths.is_empty() {
        object["replace_paths"] = change.replace_paths.iter().map(path).collect();
    }
    if let Some(id) = change.import_id {
        object["importing"] = json!({ "id": id });
    }
    with_change(entry, object)
}

fn with_change(mut entry: Map<String, Json>, change: Json) -> Json {
    entry.insert("change".into(), change);
    Json::Object(entry)
}

fn change_object(actions: Json, before: Option<&Value>, after: Option<&Value>) -> Json {
    json!({
        "actions": actions,
        "before": before.map_or(Json::Null, shape::shown),
        "after": after.map_or(Json::Null, shape::shown),
        "after_unknown": after.map_or(json!({}), shape::unknown),
        "before_sensitive": before.map_or(Json::Bool(false), shape::sensitive),
        "after_sensitive": after.map_or(Json::Bool(false), shape::sensitive),
    })
}

fn path(path: &AttributePath) -> Json {
    path.steps()
        .iter()
        .map(|step| match step {
            PathStep::Attribute(name) | PathStep::Key(name) => Json::from(name.as_ref()),
            PathStep::Index(index) => Json::from(*index),
        })
        .collect()
}

fn unchanged_resource(row: &StateRow, providers: &Providers) -> Json {
    let value = row_value(row, providers);
    let change = change_object(actions(Symbol::None), Some(&value), Some(&value));
    with_change(head(&row.key, Some(&row.provider.provider.0)), change)
}

fn row_value(row: &StateRow, providers: &Providers) -> Value {
    let address = row.address();
    let schema = providers.schema(address.mode, &address.resource_type);
    decode(&row.attributes, schema.map(|(_, schema)| schema))
}

fn resource(row: &StateRow, providers: &Providers) -> Json {
    let value = row_value(row, providers);
    let mut entry = head(&row.key, Some(&row.provider.provider.0));
    entry.remove("module_address");
    if let Some(deposed) = entry.remove("deposed") {
        entry.insert("deposed_key".into(), deposed);
    }
    entry.insert("schema_version".into(), row.schema_version.into());
    entry.insert("values".into(), shape::shown(&value));
    entry.insert("sensitive_values".into(), shape::sensitive(&value));
    let dependencies: Vec<String> = row.dependencies.iter().map(ToString::to_string).collect();
    if !dependencies.is_empty() {
        entry.insert("depends_on".into(), dependencies.into());
    }
    if row.status == RowStatus::Failed {
        entry.insert("tainted".into(), true.into());
    }
    Json::Object(entry)
}

fn planned_resource(change: &ObjectChange<'_>) -> Option<(Address, Json)> {
    let after = change.after.as_ref().or(change
        .before
        .as_ref()
        .filter(|_| change.symbol == Symbol::None))?;
    if matches!(change.symbol, Symbol::Delete | Symbol::Forget) {
        return None;
    }
    let mut entry = head(change.key, change.provider);
    entry.remove("module_address");
    entry.insert("schema_version".into(), change.schema_version.into());
    entry.insert("values".into(), shape::shown(after));
    entry.insert("sensitive_values".into(), shape::sensitive(after));
    Some((change.key.address.clone(), Json::Object(entry)))
}

fn resources(rows: &Rows, providers: &Providers) -> Vec<(Address, Json)> {
    rows.values()
        .map(|row| (row.address().clone(), resource(row, providers)))
        .collect()
}

/// A tree of modules: every scope is one, inside the scope around it.
fn modules(resources: Vec<(Address, Json)>) -> Json {
    let mut scopes: BTreeMap<Scope, Vec<Json>> = BTreeMap::new();
    for (address, resource) in resources {
        let mut outer = address.scope.parent();
        while let Some(scope) = outer {
            outer = scope.parent();
            scopes.entry(scope).or_default();
        }
        scopes.entry(address.scope).or_default().push(resource);
    }
    module(&Scope::root(), &scopes)
}

fn module(scope: &Scope, scopes: &BTreeMap<Scope, Vec<Json>>) -> Json {
    let mut module = Map::new();
    if !scope.is_root() {
        module.insert("address".into(), scope.to_string().into());
    }
    if let Some(resources) = scopes.get(scope).filter(|resources| !resources.is_empty()) {
        module.insert("resources".into(), resources.clone().into());
    }
    let children: Vec<Json> = scopes
        .keys()
        .filter(|child| child.parent().as_ref() == Some(scope))
        .map(|child| self::module(child, scopes))
        .collect();
    if !children.is_empty() {
        module.insert("child_modules".into(), children.into());
    }
    Json::Object(module)
}

fn variables(plan: &Plan) -> Json {
    let values = plan.variables.iter().map(|(name, variable)| {
        let value = match variable {
            PlannedVariable::Value(encoded) => shape::shown(&decode_as(encoded, &Type::Any)),
            PlannedVariable::Secret(_) => Json::Null,
        };
        (name.clone(), json!({ "value": value }))
    });
    Json::Object(values.collect())
}

/// Adds the defaults of variables that the plan was given no value for: what a plan lists it was given.
pub fn add_defaults(document: &mut Json, defaults: &BTreeMap<String, Value>) {
    let Some(listed) = document["variables"].as_object_mut() else {
        return;
    };
    for (name, value) in defaults {
        let shown = || json!({ "value": shape::shown(value) });
        listed.entry(name).or_insert_with(shown);
    }
}

fn planned_output(output: &OutputChange) -> Option<Json> {
    let value = decode_as(output.after.as_ref()?, &Type::Any);
    let mut entry = json!({ "sensitive": output.sensitive, "type": value.ty().to_json() });
    if !value.has_unknown() && !output.sensitive {
        entry["value"] = shape::shown(&value);
    }
    Some(entry)
}

/// What becomes of an output, in the shape of a change.
pub fn output_change(output: &OutputChange) -> Json {
    let symbol = output_symbol(output);
    let side = |side: &Option<strata_model::wire::Encoded>| {
        side.as_ref().map(|encoded| {
            let value = decode_as(encoded, &Type::Any);
            if output.sensitive {
                value.into_secret()
            } else {
                value
            }
        })
    };
    let mut change = change_object(
        actions(symbol),
        side(&output.before).as_ref(),
        side(&output.after).as_ref(),
    );
    if output.after.is_none() {
        change["after_unknown"] = Json::Bool(false);
    }
    change
}

/// How the change of an output is drawn.
pub fn output_symbol(output: &OutputChange) -> Symbol {
    match (&output.before, &output.after) {
        _ if !output.changed => Symbol::None,
        (None, _) => Symbol::Create,
        (Some(_), None) => Symbol::Delete,
        (Some(_), Some(_)) => Symbol::Update,
    }
}
