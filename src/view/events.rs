//! The stream of JSON events, one a line, with Terraform's message types.

use serde_json::{Map, Value as Json, json};
use strata_model::event::{Event, StepEvent};
use strata_model::id::Timestamp;
use strata_model::plan::{Action, Plan, PlanMode, Summary};
use strata_model::provider::Providers;
use strata_model::state::RowKey;
use strata_model::{Diagnostic, Severity, SourceMap, Type};

use super::changes::{ObjectChange, decode_as, object_changes};
use super::style::Symbol;
use super::{diagnostic as diagnostic_view, plan_json, progress, shape};
use crate::error::CommandError;

/// Version of the event format, Terraform's.
pub const FORMAT: &str = "1.2";

/// One event.
pub fn line(
    at: Timestamp,
    (level, kind): (&str, &str),
    message: &str,
    fields: Map<String, Json>,
) -> Json {
    let mut event = json!({
        "@level": level,
        "@message": message,
        "@module": "strata.ui",
        "@timestamp": at.to_string(),
        "type": kind,
    });
    if let Some(object) = event.as_object_mut() {
        object.extend(fields);
    }
    event
}

fn fields<const N: usize>(entries: [(&str, Json); N]) -> Map<String, Json> {
    entries
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// The first event: which version writes which format.
pub fn version() -> (String, Map<String, Json>) {
    let version = env!("CARGO_PKG_VERSION");
    let fields = fields([
        ("strata", version.into()),
        ("terraform", version.into()),
        ("ui", FORMAT.into()),
    ]);
    (format!("Strata {version}"), fields)
}

/// A diagnostic.
pub fn diagnostic(at: Timestamp, diagnostic: &Diagnostic, sources: &SourceMap) -> Json {
    let (level, word) = match diagnostic.severity {
        Severity::Error => ("error", "Error"),
        Severity::Warning => ("warn", "Warning"),
    };
    let message = format!("{word}: {}", diagnostic.summary);
    let json = diagnostic_view::json(diagnostic, sources);
    line(
        at,
        (level, "diagnostic"),
        &message,
        fields([("diagnostic", json)]),
    )
}

/// A command's error, in the shape of a diagnostic.
pub fn error(at: Timestamp, error: &CommandError, causes: &[String]) -> Json {
    let message = format!("Error: {}", error.message);
    let json = json!({
        "severity": "error",
        "summary": error.message,
        "detail": causes.join(": "),
        "hints": error.hints,
    });
    line(
        at,
        ("error", "diagnostic"),
        &message,
        fields([("diagnostic", json)]),
    )
}

/// The events of a plan: drift, changes, summary, outputs; each with its kind and message.
pub fn plan(plan: &Plan, providers: &Providers) -> Vec<(&'static str, String, Map<String, Json>)> {
    let mut events = Vec::new();
    for record in &plan.drift {
        let action = if record.after.is_some() {
            "update"
        } else {
            "delete"
        };
        let change = json!({ "resource": resource(&record.key), "action": action });
        events.push((
            "resource_drift",
            format!("{}: Drift detected ({action})", record.key),
            fields([("change", change)]),
        ));
    }
    for change in object_changes(plan, providers) {
        let action = action_word(change.symbol, &change);
        let message = format!("{}: Plan to {action}", change.key);
        events.push((
            "planned_change",
            message,
            fields([("change", planned_change(&change, action))]),
        ));
    }
    let operation = if plan.options.mode == PlanMode::Destroy {
        "destroy"
    } else {
        "plan"
    };
    let summary = plan.summary();
    events.push((
        "change_summary",
        super::plan_text::summary_line(summary),
        change_summary(summary, operation),
    ));
    if !plan.outputs.is_empty() {
        let outputs: Map<String, Json> = plan
            .outputs
            .iter()
            .map(|(name, output)| {
                let action = plan_json::actions(plan_json::output_symbol(output))[0].clone();
                (
                    name.clone(),
                    json!({ "sensitive": output.sensitive, "action": action }),
                )
            })
            .collect();
        events.push((
            "outputs",
            format!("Outputs: {}", outputs.len()),
            fields([("outputs", Json::Object(outputs))]),
        ));
    }
    events
}

/// The counts of a plan or apply.
pub fn change_summary(summary: Summary, operation: &str) -> Map<String, Json> {
    let changes = json!({
        "add": summary.add,
        "change": summary.change,
        "import": summary.import,
        "remove": summary.destroy,
        "forget": summary.forget,
        "put_off": summary.put_off,
        "operation": operation,
    });
    fields([("changes", changes)])
}

/// The outputs after an apply.
pub fn outputs(
    outputs: &std::collections::BTreeMap<String, strata_model::state::StoredOutput>,
) -> Map<String, Json> {
    let values: Map<String, Json> = outputs
        .iter()
        .map(|(name, output)| {
            let value = decode_as(&output.value, &Type::Any);
            let mut entry = json!({ "sensitive": output.sensitive, "type": value.ty().to_json() });
            if !output.sensitive {
                entry["value"] = shape::shown(&value);
            }
            (name.clone(), entry)
        })
        .collect();
    fields([("outputs", Json::Object(values))])
}

/// What was read of an object.
pub fn refresh(key: &RowKey, id: Option<&str>) -> Map<String, Json> {
    let mut hook = json!({ "resource": resource(key), "action": "read" });
    if let Some(id) = id {
        hook["id_key"] = "id".into();
        hook["id_value"] = id.into();
    }
    fields([("hook", hook)])
}

fn planned_change(change: &ObjectChange<'_>, action: &str) -> Json {
    let mut json = json!({ "resource": resource(change.key), "action": action });
    if let Some(reason) = plan_json::action_reason(change) {
        let short = match reason {
            "replace_because_cannot_update" => "cannot_update",
            "replace_by_request" => "requested",
            "replace_by_triggers" => "replace_by_triggers",
            "replace_because_tainted" => "tainted",
            other => other,
        };
        json["reason"] = short.into();
    }
    if let Some(from) = change.previous_key() {
        json["previous_resource"] = resource(&from);
    }
    if let Some(id) = change.import_id {
        json["importing"] = json!({ "id": id });
    }
    if let Some(source) = change.source {
        json["declared_at"] = source.to_string().into();
    }
    json["confidence"] = json!(change.confidence);
    if let Some(doubt) = change.doubt {
        json["confidence_reason"] = doubt.into();
    }
    if let Some(why) = change.left_alone {
        json["left_alone"] = why.into();
    }
    json
}

fn action_word(symbol: Symbol, change: &ObjectChange<'_>) -> &'static str {
    match symbol {
        Symbol::Create => "create",
        Symbol::Update => "update",
        Symbol::Delete => "delete",
        Symbol::DeleteThenCreate | Symbol::CreateThenDelete => "replace",
        Symbol::Read => "read",
        Symbol::Forget => "remove",
        Symbol::None if change.previous_key().is_some() => "move",
        Symbol::None if change.import_id.is_some() => "import",
        Symbol::None => "noop",
    }
}

/// An object in the shape that all of Terraform's events use.
pub fn resource(key: &RowKey) -> Json {
    let address = &key.address;
    let local = strata_model::Address {
        scope: strata_model::Scope::root(),
        ..address.clone()
    };
    let mut json = json!({
        "addr": address.to_string(),
        "module": address.scope.to_string(),
        "resource": local.to_string(),
        "implied_provider": address.resource_type.split('_').next().unwrap_or_default(),
        "resource_type": address.resource_type.as_ref(),
        "resource_name": address.name.as_ref(),
        "resource_key": address.key.as_ref().map_or(Json::Null, plan_json::instance_key),
    });
    if let Some(deposed) = &key.deposed {
        json["deposed_key"] = deposed.to_string().into();
    }
    json
}

/// An event of a run; `None` for what the stream has no type for and people need not read.
pub fn run_event(event: &Event) -> Option<(&'static str, String, Map<String, Json>)> {
    let with = |hook: Json| fields([("hook", hook)]);
    let message = progress::words(event);
    match event {
        Event::RunStarted { run, steps } => Some((
            "run_start",
            message?,
            fields([("run", run.to_string().into()), ("steps", (*steps).into())]),
        )),
        Event::Foreseen {
            code,
            key,
            message: text,
            hint,
        } => {
            let fields = fields([
                ("code", code.to_string().into()),
                ("resource", key.as_ref().map_or(Json::Null, resource)),
                ("warning", text.as_str().into()),
                ("hint", hint.as_str().into()),
            ]);
            Some(("foreseen", message?, fields))
        }
        Event::Recovered { key, outcome } => {
            let fields = fields([("resource", resource(key)), ("outcome", json!(outcome))]);
            Some(("recovered", message?, fields))
        }
        Event::StepStarted(step) => Some(("apply_start", message?, with(hook(step)))),
        Event::StepProgress {
            step,
            elapsed,
            message: text,
        } => {
            let mut hook = hook(step);
            hook["elapsed_seconds"] = elapsed.as_secs().into();
            hook["waiting_for"] = text.as_str().into();
            Some(("apply_progress", message?, with(hook)))
        }
        Event::StepWarning {
            step,
            message: text,
        } => {
            let mut hook = hook(step);
            hook["warning"] = text.as_str().into();
            Some(("apply_warning", message?, with(hook)))
        }
        Event::StepRetry {
            step,
            message: text,
            delay,
        } => {
            let mut hook = hook(step);
            hook["delay_seconds"] = delay.as_secs_f64().into();
            hook["cause"] = text.as_str().into();
            Some(("apply_retry", message?, with(hook)))
        }
        Event::StepFinished { step, elapsed, id } => {
            let mut hook = hook(step);
            hook["elapsed_seconds"] = elapsed.as_secs().into();
            if let Some(id) = id {
                hook["id_key"] = "id".into();
                hook["id_value"] = id.as_str().into();
            }
            Some(("apply_complete", message?, with(hook)))
        }
        Event::StepFailed {
            step,
            elapsed,
            message: text,
            hint,
        } => {
            let mut hook = hook(step);
            hook["elapsed_seconds"] = elapsed.as_secs().into();
            hook["error"] = text.as_str().into();
            hook["hint"] = hint.as_deref().into();
            Some(("apply_errored", message?, with(hook)))
        }
        Event::StepSkipped { step, reason } | Event::StepLeftAlone { step, reason, .. } => {
            let mut hook = hook(step);
            hook["reason"] = reason.as_str().into();
            let is_skipped = matches!(event, Event::StepSkipped { .. });
            let kind = if is_skipped {
                "apply_skipped"
            } else {
                "apply_left_alone"
            };
            Some((kind, message?, with(hook)))
        }
        Event::Stopping => Some(("stopping", message?, Map::new())),
    }
}

/// What an event says of its step.
fn hook(step: &StepEvent) -> Json {
    let key = RowKey {
        address: step.address.clone(),
        deposed: step.deposed,
    };
    let mut hook = json!({
        "resource": resource(&key),
        "action": hook_action(step.action),
    });
    if let Some(stage) = &step.stage {
        hook["stage"] = stage.as_str().into();
    }
    if let Some(id) = &step.id {
        hook["id_key"] = "id".into();
        hook["id_value"] = id.as_str().into();
    }
    hook
}

fn hook_action(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Update => "update",
        Action::Delete => "delete",
        Action::Read => "read",
        Action::Move => "move",
        Action::Import => "import",
        Action::Forget => "remove",
        Action::Record => "noop",
    }
}
