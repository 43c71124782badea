//! A plan as people read it: Terraform's layout, with where each thing is declared.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use strata_model::plan::{Confidence, OutputChange, Plan, PlanMode, Reason, Summary};
use strata_model::provider::Providers;
use strata_model::state::{StateRow, StoredOutput};
use strata_model::{Mode, Type, Value};

use super::change::ChangeWriter;
use super::changes::{ObjectChange, decode_as, drift_values, object_changes};
use super::difference::{Node, attribute_name, compare};
use super::plan_json::output_symbol;
use super::style::{Paint, Style, Symbol, escape_line};
use super::value::value_text;

/// The closing line of a plan.
pub fn summary_line(summary: Summary) -> String {
    format!(
        "Plan: {}.",
        counts(
            summary,
            [
                "to import",
                "to add",
                "to change",
                "to destroy",
                "to forget"
            ]
        )
    )
}

/// The closing line of an apply.
pub fn applied_line(summary: Summary) -> String {
    let words = ["imported", "added", "changed", "destroyed", "forgotten"];
    let counts = counts(summary, words);
    format!("{} Resources: {counts}.", complete("Apply", summary))
}

/// The closing line of the `import` command.
pub fn imported_line(summary: Summary) -> String {
    format!("Import complete! Resources: {} imported.", summary.import)
}

/// The closing line of a destroy.
pub fn destroyed_line(summary: Summary) -> String {
    let forgotten = match summary.forget {
        0 => String::new(),
        count => format!(", {count} forgotten"),
    };
    format!(
        "{} Resources: {} destroyed{forgotten}.",
        complete("Destroy", summary),
        summary.destroy
    )
}

/// That a run is complete, and what had no steps in it.
fn complete(what: &str, summary: Summary) -> String {
    let objects = match summary.put_off {
        0 => return format!("{what} complete!"),
        1 => "1 object is".to_owned(),
        count => format!("{count} objects are"),
    };
    format!(
        "{what} complete, but {objects} put off: run it again when all clusters can be reached."
    )
}

/// The closing line of a run that did not do everything; `what` it was, such as `Apply`.
pub fn incomplete_line(what: &str, summary: Summary) -> String {
    let words = ["imported", "added", "changed", "destroyed", "forgotten"];
    format!("{what} incomplete. Resources: {}.", counts(summary, words))
}

/// Outputs as `output` and the end of an apply show them.
pub fn stored_outputs(outputs: &BTreeMap<String, StoredOutput>) -> String {
    let mut text = String::new();
    for (name, output) in outputs {
        let value = decode_as(&output.value, &Type::Any);
        let value = if output.sensitive {
            value.into_secret()
        } else {
            value
        };
        push_line(&mut text, &format!("{name} = {}", value_text(&value)));
    }
    text
}

/// An object of the state as `state show` prints it.
pub fn object_of_state(row: &StateRow, value: &Value, style: Style) -> String {
    let mut text = String::new();
    let address = &row.key.address;
    let place = row
        .source
        .as_ref()
        .map(|source| format!("  ({}:{})", escape_line(&source.file), source.line));
    push_line(
        &mut text,
        &style.bold(&format!(
            "# {}:{}",
            escape_line(&row.key.to_string()),
            place.unwrap_or_default()
        )),
    );
    let node = compare(Some(value), Some(value), &[]);
    let mut writer = ChangeWriter::complete(style);
    writer.block(
        Symbol::None,
        &format!(
            "resource \"{}\" \"{}\"",
            address.resource_type, address.name
        ),
        &node,
    );
    writer
        .finish()
        .iter()
        .for_each(|line| push_line(&mut text, line.get(4..).unwrap_or(line)));
    text
}

fn counts(summary: Summary, words: [&str; 5]) -> String {
    let numbers = [
        summary.import,
        summary.add,
        summary.change,
        summary.destroy,
        summary.forget,
    ];
    // Imports and forgotten objects are rare: they are only named where there are some.
    let shown = numbers
        .iter()
        .zip(words)
        .enumerate()
        .filter(|(index, (count, _))| **count > 0 || (1..=3).contains(index));
    let parts: Vec<String> = shown
        .map(|(_, (count, word))| format!("{count} {word}"))
        .collect();
    parts.join(", ")
}

/// The whole plan.
pub fn plan(plan: &Plan, providers: &Providers, style: Style) -> String {
    let mut text = String::new();
    let changes = object_changes(plan, providers);
    drift(&mut text, plan, (providers, style));
    if plan.is_empty() {
        text.push_str(&no_changes(plan, style));
        return text;
    }
    if !changes.is_empty() {
        legend(&mut text, &changes, style);
        for change in &changes {
            object(&mut text, change, is_shown_as_drift(plan, change), style);
        }
    }
    let summary = plan.summary();
    if summary == Summary::default() && plan.steps.is_empty() {
        text.push_str("You can apply this plan to save new output values to the state, without changing any real infrastructure.\n");
    } else {
        let line = summary_line(summary);
        let (head, rest) = line.split_once(':').unwrap_or((&line, ""));
        push_line(&mut text, &format!("{}:{rest}", style.bold(head)));
    }
    outputs(&mut text, plan, style);
    text
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

fn no_changes(plan: &Plan, style: Style) -> String {
    let (bold, rest) = match plan.options.mode {
        PlanMode::Normal => (
            "No changes.",
            "Your infrastructure matches the configuration.",
        ),
        PlanMode::RefreshOnly => (
            "No changes.",
            "Your infrastructure still matches the state.",
        ),
        PlanMode::Destroy => ("No changes.", "No objects need to be destroyed."),
    };
    format!("{} {rest}\n", style.paint(Paint::Green, bold))
}

fn legend(text: &mut String, changes: &[ObjectChange<'_>], style: Style) {
    let symbols: BTreeSet<Symbol> = changes
        .iter()
        .map(|change| change.symbol)
        .filter(|symbol| *symbol != Symbol::None)
        .collect();
    // An import alone has no symbol.
    let symbols_follow = if symbols.is_empty() { "" } else { " Symbols:" };
    push_line(
        text,
        &format!("Strata will perform the following actions.{symbols_follow}"),
    );
    for symbol in symbols {
        push_line(
            text,
            &format!("{} {}", symbol.padded(style), symbol.meaning()),
        );
    }
    text.push('\n');
}

/// Whether what changes of an object stands in full under what changed outside.
fn is_shown_as_drift(plan: &Plan, change: &ObjectChange<'_>) -> bool {
    let is_record = change.symbol == Symbol::None && plan.options.mode == PlanMode::RefreshOnly;
    is_record && plan.drift.iter().any(|drift| drift.key == *change.key)
}

fn object(text: &mut String, change: &ObjectChange<'_>, is_shown: bool, style: Style) {
    let place = change.source.map(|source| {
        style.dim(&format!(
            "  ({}:{})",
            escape_line(&source.file),
            source.line
        ))
    });
    let header = style.bold(&format!("  # {}", headline(change)));
    push_line(text, &format!("{header}{}", place.unwrap_or_default()));
    for note in notes(change) {
        push_line(text, &style.dim(&format!("  # ({note})")));
    }
    let (before, after) = change.shown();
    let node = compare(before.as_ref(), after.as_ref(), &change.replace_paths);
    let is_nothing = change.symbol == Symbol::None && node.is_unchanged();
    if is_shown || is_nothing || change.symbol == Symbol::Forget {
        text.push('\n');
        return;
    }
    let address = &change.key.address;
    let word = match address.mode {
        Mode::Managed => "resource",
        Mode::Data => "data",
    };
    let mut writer = ChangeWriter::new(style);
    let block = format!("{word} \"{}\" \"{}\"", address.resource_type, address.name);
    writer.block(change.symbol, &block, &node);
    writer
        .finish()
        .iter()
        .for_each(|line| push_line(text, line));
    text.push('\n');
}

fn headline(change: &ObjectChange<'_>) -> String {
    // What gives way has its place until then.
    let what = if change.gives_way {
        change.key.address.to_string()
    } else {
        change.key.to_string()
    };
    let what = escape_line(&what);
    match (change.symbol, change.reason) {
        (Symbol::Create, _) => format!("{what} will be created"),
        (Symbol::Update, Reason::Incomplete) => {
            format!("{what} is incomplete and will be completed in-place")
        }
        (Symbol::Update, _) => format!("{what} will be updated in-place"),
        (Symbol::Delete, _) => format!("{what} will be destroyed"),
        (Symbol::DeleteThenCreate | Symbol::CreateThenDelete, Reason::ReplaceRequested) => {
            format!("{what} will be replaced, as requested")
        }
        (Symbol::DeleteThenCreate | Symbol::CreateThenDelete, Reason::ReplaceTriggered) => {
            format!("{what} will be replaced due to changes in replace_triggered_by")
        }
        (Symbol::DeleteThenCreate | Symbol::CreateThenDelete, Reason::Failed) => {
            format!("{what} has failed, so it must be replaced")
        }
        (Symbol::DeleteThenCreate | Symbol::CreateThenDelete, _) => {
            let imported = if change.import_id.is_some() {
                "imported, "
            } else {
                ""
            };
            format!("{what} {imported}must be replaced")
        }
        (Symbol::Read, _) => format!("{what} will be read during apply"),
        (Symbol::Forget, _) => {
            format!("{what} will no longer be managed by Strata, but will not be destroyed")
        }
        (Symbol::None, _) => unchanged_headline(change, &what),
    }
}

fn unchanged_headline(change: &ObjectChange<'_>, what: &str) -> String {
    match (change.moved_from, change.import_id) {
        (Some(from), _) => format!("{} has moved to {what}", escape_line(&from.to_string())),
        (None, Some(_)) => format!("{what} will be imported"),
        (None, None) if change.taken_back.is_some() => {
            let left = change.previous_key();
            let left = left.map_or_else(String::new, |left| escape_line(&left.to_string()));
            format!("{what} goes back to the object that was to be replaced: {left}")
        }
        (None, None) if change.reason == Reason::Protection && change.protect => {
            format!("{what} will be protected from destruction")
        }
        (None, None) if change.reason == Reason::Protection => {
            format!("{what} will no longer be protected from destruction")
        }
        (None, None) => format!("{what}: only the state's own record will change"),
    }
}

fn notes(change: &ObjectChange<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    if change.loses_data {
        notes.push("it holds data, which will be lost".to_owned());
    }
    if change.symbol != Symbol::None {
        notes.extend(
            change
                .moved_from
                .map(|from| format!("moved from {}", escape_line(&from.to_string()))),
        );
        let left = change.taken_back.and(change.previous_key());
        notes.extend(left.map(|left| {
            let left = escape_line(&left.to_string());
            format!("the object that was to be replaced takes its place back: {left}")
        }));
        notes.extend(
            change
                .import_id
                .map(|id| format!("imported from \"{}\"", escape_line(id))),
        );
    }
    let removed = matches!(change.symbol, Symbol::Delete | Symbol::Forget);
    let reason = match change.reason {
        Reason::NotDeclared if removed => Some("because the definitions no longer make it"),
        Reason::Removed if removed => Some("because a removed block says so"),
        Reason::KeyGone => Some("because its count or for_each no longer has the key"),
        Reason::Deposed => Some("left over from a replacement that was interrupted"),
        Reason::Failed if change.gives_way => Some("it failed while it was made, and gives way"),
        Reason::Failed if removed => Some("it failed while it was made"),
        Reason::LateCreate => Some("made by a create that was given up; it turned up late"),
        Reason::ArgumentsUnknown => Some("because its arguments become known only during apply"),
        Reason::DependencyPending => Some("because what it depends on changes during apply"),
        Reason::KindPending => Some("because this plan may define its kind"),
        Reason::Gone => Some("because the object is gone"),
        Reason::HostGone if removed => Some("with its cluster, without a call"),
        Reason::HostGone => Some("because its cluster is made anew"),
        Reason::Declared
        | Reason::Changed
        | Reason::CannotUpdate
        | Reason::ReplaceRequested
        | Reason::ReplaceTriggered
        | Reason::Failed
        | Reason::Incomplete
        | Reason::NotDeclared
        | Reason::Destroy
        | Reason::Moved
        | Reason::TakenBack
        | Reason::Imported
        | Reason::Removed
        | Reason::RecordChanged
        | Reason::Protection => None,
    };
    notes.extend(reason.map(str::to_owned));
    if change.stages.len() > 1 {
        notes.push(format!("in stages: {}", change.stages.join(", ")));
    }
    let left_alone = change.left_alone.map(escape_line);
    notes.extend(left_alone.map(|why| format!("left alone: {why}")));
    notes.extend(change.doubt.map(escape_line));
    notes
}

/// What changed outside: in full for a refresh-only plan, one line each otherwise.
fn drift(text: &mut String, plan: &Plan, (providers, style): (&Providers, Style)) {
    if plan.drift.is_empty() {
        return;
    }
    push_line(
        text,
        &style.bold("Note: Objects have changed outside of Strata"),
    );
    text.push('\n');
    let full = plan.options.mode == PlanMode::RefreshOnly;
    for record in &plan.drift {
        let (before, after) = drift_values(record, providers);
        let what = escape_line(&record.key.to_string());
        let verb = if after.is_some() {
            "has changed"
        } else {
            "has been deleted"
        };
        let node = compare(Some(&before), after.as_ref(), &[]);
        if !full {
            let attributes = changed_attributes(&node);
            let list = if attributes.is_empty() {
                String::new()
            } else {
                format!(": {}", attributes.join(", "))
            };
            push_line(text, &format!("  # {what} {verb}{list}"));
            continue;
        }
        push_line(text, &style.bold(&format!("  # {what} {verb}")));
        let mut writer = ChangeWriter::new(style);
        let address = &record.key.address;
        writer.block(
            node.symbol,
            &format!(
                "resource \"{}\" \"{}\"",
                address.resource_type, address.name
            ),
            &node,
        );
        writer
            .finish()
            .iter()
            .for_each(|line| push_line(text, line));
        text.push('\n');
    }
    if !full {
        text.push('\n');
    }
}

fn changed_attributes(node: &Node) -> Vec<String> {
    if let super::difference::Body::Object(entries) = &node.body
        && node.symbol == Symbol::Update
    {
        let changed = entries.iter().filter(|(_, node)| !node.is_unchanged());
        return changed.map(|(name, _)| attribute_name(name)).collect();
    }
    Vec::new()
}

fn outputs(text: &mut String, plan: &Plan, style: Style) {
    let changed: Vec<(&String, &OutputChange)> = plan
        .outputs
        .iter()
        .filter(|(_, output)| output.changed)
        .collect();
    if changed.is_empty() {
        return;
    }
    push_line(text, &format!("\n{}", style.bold("Changes to Outputs:")));
    let width = changed
        .iter()
        .map(|(name, _)| name.len())
        .max()
        .unwrap_or(0);
    for (name, output) in changed {
        let side = |encoded: &Option<strata_model::wire::Encoded>| {
            encoded.as_ref().map(|encoded| {
                let value = decode_as(encoded, &Type::Any);
                if output.sensitive {
                    value.into_secret()
                } else {
                    value
                }
            })
        };
        let mut node = compare(
            side(&output.before).as_ref(),
            side(&output.after).as_ref(),
            &[],
        );
        node.symbol = output_symbol(output);
        let mut writer = ChangeWriter::new(style);
        writer.entry(&format!("{name:width$} = "), &node);
        writer
            .finish()
            .iter()
            .for_each(|line| push_line(text, line));
    }
}

/// One line that says how sure a plan is, where it waits for something.
pub fn deferral_note(plan: &Plan) -> Option<String> {
    let deferred = plan
        .steps
        .iter()
        .filter(|step| step.confidence == Confidence::Deferred)
        .count();
    if deferred == 0 {
        return None;
    }
    let mut line = String::new();
    let plural = if deferred == 1 {
        "step waits"
    } else {
        "steps wait"
    };
    write!(
        line,
        "\n{deferred} {plural} for values that become known during apply."
    )
    .ok()?;
    Some(line)
}

/// One line that says that a plan is about a part of the project only.
pub fn partial_note(plan: &Plan) -> Option<String> {
    let options = &plan.options;
    if options.targets.is_empty() && options.excludes.is_empty() {
        return None;
    }
    let text = "Note: -target and -exclude limit this to a part of the project; a plan without them may have more to do.";
    Some(format!("\n{text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_tell_what_is_forgotten_and_put_off() {
        let summary = |destroy, forget, put_off| Summary {
            destroy,
            forget,
            put_off,
            ..Summary::default()
        };
        assert_eq!(
            destroyed_line(summary(2, 0, 0)),
            "Destroy complete! Resources: 2 destroyed."
        );
        assert_eq!(
            destroyed_line(summary(2, 1, 0)),
            "Destroy complete! Resources: 2 destroyed, 1 forgotten."
        );
        assert_eq!(
            applied_line(summary(0, 1, 0)),
            "Apply complete! Resources: 0 added, 0 changed, 0 destroyed, 1 forgotten."
        );
        assert_eq!(
            applied_line(summary(0, 0, 1)),
            "Apply complete, but 1 object is put off: run it again when all clusters can be reached. Resources: 0 added, 0 changed, 0 destroyed."
        );
    }
}
