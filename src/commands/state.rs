//! `strata state …`: looking at the state and correcting it.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::json;
use strata_core::plan::{host_of, into_host, moved_address};
use strata_language::definition::TargetAddress;
use strata_model::state::{
    ClosedOp, OpOutcome, RowKey, RunRecord, RunStatus, StateRow, StateSnapshot,
};
use strata_model::store::{Batch, Lock, StateStore, Write};
use strata_model::{Address, Scope};

use super::show::{recorded, row_text};
use crate::arguments::duration;
use crate::error::{CommandError, ErrorKind, Outcome};
use crate::session::Session;
use crate::view::style::escape_line;
use crate::wiring::access::lies_below;
use crate::wiring::bench::{lock, snapshot};
use crate::wiring::location::{Opened, is_in_use};
use crate::wiring::project::Project;
use crate::wiring::state_error;

/// `strata state …`
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// List the addresses of all objects
    List(ListArguments),
    /// Show one object
    Show(ShowArguments),
    /// Give an object another address; no cloud is touched
    Mv(MvArguments),
    /// Forget objects, and leave them as they are
    Rm(RmArguments),
    /// Show the runs, or what was done to one object
    History(HistoryArguments),
}

/// `strata state list`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  strata state list
  strata state list cluster.prod-eu  what belongs to one cluster
  strata state list -id=vpc-0123     the address of an object")]
pub struct ListArguments {
    /// Only these addresses and what lies below them
    #[arg(value_name = "ADDRESS")]
    pub addresses: Vec<String>,
    /// Only the object with this id
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
    /// Write one JSON document
    #[arg(long)]
    pub json: bool,
}

/// `strata state show`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  strata state show aws_vpc.main")]
pub struct ShowArguments {
    /// The object's address
    #[arg(value_name = "ADDRESS")]
    pub address: String,
    /// Write one JSON document
    #[arg(long)]
    pub json: bool,
}

/// `strata state mv`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  strata state mv aws_vpc.main aws_vpc.network
  strata state mv -dry-run cluster.old cluster.new  everything in a cluster

A `moved` block in the definitions does the same for everybody who uses them.")]
pub struct MvArguments {
    /// The address now; a block, stack or cluster means everything in it
    #[arg(value_name = "FROM")]
    pub from: String,
    /// The address afterwards
    #[arg(value_name = "TO")]
    pub to: String,
    /// Only say what would be moved
    #[arg(long)]
    pub dry_run: bool,
    /// How long to wait for the lock, such as 30s or 5m
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration)]
    pub lock_timeout: Duration,
}

/// `strata state rm`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  strata state rm aws_vpc.main    the VPC stays, and Strata knows it no longer
  strata state rm -dry-run cluster.old

A `removed` block in the definitions does the same for everybody who uses them.")]
pub struct RmArguments {
    /// The addresses to forget; a block, stack or cluster means everything in it
    #[arg(value_name = "ADDRESS", required = true)]
    pub addresses: Vec<String>,
    /// Only say what would be forgotten
    #[arg(long)]
    pub dry_run: bool,
    /// How long to wait for the lock, such as 30s or 5m
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration)]
    pub lock_timeout: Duration,
}

/// `strata state history`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  strata state history               who ran what, when, from which commit
  strata state history aws_vpc.main  what was done to one object")]
pub struct HistoryArguments {
    /// Only what was done to this object
    #[arg(value_name = "ADDRESS")]
    pub address: Option<String>,
    /// How many entries
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: u32,
    /// Write one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
///
/// # Errors
///
/// When the state cannot be read or changed, or has no such object.
pub async fn run(session: &Session, command: Command) -> Result<Outcome, CommandError> {
    match command {
        Command::List(arguments) => list(session, &arguments).await,
        Command::Show(arguments) => show(session, &arguments).await,
        Command::Mv(arguments) => change(session, Change::Move(&arguments)).await,
        Command::Rm(arguments) => change(session, Change::Remove(&arguments)).await,
        Command::History(arguments) => history(session, &arguments).await,
    }
}

async fn list(session: &Session, arguments: &ListArguments) -> Result<Outcome, CommandError> {
    let snapshot = recorded(session).await?;
    let named = |key: &RowKey| {
        arguments.addresses.is_empty()
            || arguments
                .addresses
                .iter()
                .any(|named| lies_below(&key.address, named))
    };
    let has_id = |row: &StateRow| {
        let id = arguments.id.as_ref();
        id.is_none_or(|id| row.id.as_ref() == Some(id))
    };
    let rows = snapshot
        .rows
        .values()
        .filter(|row| named(&row.key) && has_id(row));
    if arguments.json {
        let entry = |row: &StateRow| {
            let address = row.key.address.to_string();
            let (kind, deposed) = (&row.key.address.resource_type, row.key.deposed);
            json!({ "address": address, "type": kind.as_ref(), "id": row.id, "deposed": deposed.map(|id| id.to_string()) })
        };
        session.ui.json(&rows.map(entry).collect());
        return Ok(Outcome::Done);
    }
    let text: String = rows
        .map(|row| format!("{}\n", escape_line(&row.key.to_string())))
        .collect();
    if snapshot.rows.is_empty() {
        session.ui.note("The state has no objects.");
    }
    session.ui.print(&text);
    Ok(Outcome::Done)
}

fn missing(address: &str, snapshot: &StateSnapshot) -> CommandError {
    let known: Vec<String> = snapshot
        .rows
        .keys()
        .map(|key| key.address.to_string())
        .collect();
    let near = strata_language::suggest::nearest(address, known.iter().map(String::as_str));
    let error = CommandError::failed(format!(
        "the state has no object at '{}'",
        address.escape_debug()
    ));
    match near {
        Some(near) => error.hint(format!("Did you mean '{near}'?")),
        None => error.hint("`strata state list` shows all addresses."),
    }
}

async fn show(session: &Session, arguments: &ShowArguments) -> Result<Outcome, CommandError> {
    let snapshot = recorded(session).await?;
    let rows: Vec<_> = snapshot
        .rows
        .values()
        .filter(|row| row.key.address.to_string() == arguments.address)
        .collect();
    if rows.is_empty() {
        return Err(missing(&arguments.address, &snapshot));
    }
    if arguments.json {
        let rows = rows
            .into_iter()
            .map(|row| (row.key.clone(), row.clone()))
            .collect();
        let only = StateSnapshot {
            rows,
            ..StateSnapshot::default()
        };
        session.ui.json(&crate::view::plan_json::state(
            &only,
            &crate::wiring::providers(),
        ));
        return Ok(Outcome::Done);
    }
    for row in rows {
        session.ui.print(&row_text(session, row));
    }
    Ok(Outcome::Done)
}

enum Change<'a> {
    Move(&'a MvArguments),
    Remove(&'a RmArguments),
}

/// Changes rows under the lock, as a run of its own that the history shows.
async fn change(session: &Session, change: Change<'_>) -> Result<Outcome, CommandError> {
    let opened = open_existing(session).await?;
    let timeout = match &change {
        Change::Move(arguments) => arguments.lock_timeout,
        Change::Remove(arguments) => arguments.lock_timeout,
    };
    let lock = lock(session, &opened.store, timeout).await?;
    let result = change_locked(session, &opened, (&lock, &change)).await;
    opened.store.unlock(&lock).await.map_err(state_error)?;
    result
}

async fn open_existing(session: &Session) -> Result<Opened, CommandError> {
    let location = Project::load_shallow(session)?.location(session)?;
    location.open_existing(session).await
}

async fn change_locked(
    session: &Session,
    opened: &Opened,
    (lock, change): (&Lock, &Change<'_>),
) -> Result<Outcome, CommandError> {
    let snapshot = snapshot(session, &opened.store).await?;
    let (writes, said) = match change {
        Change::Move(arguments) => move_rows(&snapshot, arguments)?,
        Change::Remove(arguments) => remove_rows(&snapshot, arguments)?,
    };
    let dry = match change {
        Change::Move(arguments) => arguments.dry_run,
        Change::Remove(arguments) => arguments.dry_run,
    };
    if !dry {
        refuse_open(&snapshot, &writes)?;
        let batch = Batch(run_around(session, writes, said.join("; ")));
        opened
            .store
            .commit(lock.fence, batch)
            .await
            .map_err(state_error)?;
    }
    for line in said {
        session.ui.line(&line);
    }
    Ok(Outcome::Done)
}

/// An object of which an op is open is not touched: recovery must find its row where the journal says.
fn refuse_open(snapshot: &StateSnapshot, writes: &[Write]) -> Result<(), CommandError> {
    let touched = |key: &RowKey| {
        writes.iter().any(|write| match write {
            Write::MoveRow { from, to } => from == key || to == key,
            Write::DeleteRow(gone) => gone == key,
            Write::PutRow(row) => row.key == *key,
            Write::OpenOp(_)
            | Write::Checkpoint { .. }
            | Write::CloseOp { .. }
            | Write::StepDone { .. }
            | Write::PutOutputs(_)
            | Write::PutPlan(_)
            | Write::BeginRun(_)
            | Write::EndRun { .. }
            | Write::Event { .. } => false,
        })
    };
    match snapshot
        .open_ops
        .iter()
        .find(|open| touched(&open.intent.row.key))
    {
        Some(open) => Err(CommandError::new(
            ErrorKind::Failed,
            format!(
                "an interrupted operation on {} is not resolved yet",
                open.intent.row.key
            ),
        )
        .hint("`strata apply` resolves it first.")),
        None => Ok(()),
    }
}

/// What `state mv` moves, and where to: one object or block, or all that lies in a stack or cluster.
fn moving(arguments: &MvArguments) -> Result<(TargetAddress, TargetAddress), CommandError> {
    let (from, to) = (&arguments.from, &arguments.to);
    let scope = |text: &str| Scope::parse(text).ok().filter(|scope| !scope.is_root());
    match (scope(from), scope(to)) {
        (Some(from), Some(to)) => moving_scope(from, to),
        (None, None) => moving_block(from, to),
        (Some(_), None) | (None, Some(_)) => Err(CommandError::usage(format!(
            "a whole stack or cluster moves to another one, and an object to an object: '{}' and '{}' do not match",
            from.escape_debug(),
            to.escape_debug()
        ))),
    }
}

fn moving_scope(from: Scope, to: Scope) -> Result<(TargetAddress, TargetAddress), CommandError> {
    let kind = |scope: &Scope| scope.steps().last().map(|step| step.kind);
    if kind(&from) == kind(&to) {
        Ok((TargetAddress::Scope(from), TargetAddress::Scope(to)))
    } else {
        Err(CommandError::usage(
            "a cluster cannot become a stack, nor a stack a cluster",
        ))
    }
}

fn moving_block(from: &str, to: &str) -> Result<(TargetAddress, TargetAddress), CommandError> {
    let parse = |which: &str, text: &str| {
        Address::parse(text)
            .map_err(|error| CommandError::usage(format!("{which} is no address")).because(error))
    };
    let (from, to) = (parse("FROM", from)?, parse("TO", to)?);
    if from.resource_type == to.resource_type && from.mode == to.mode {
        return Ok((TargetAddress::Resource(from), TargetAddress::Resource(to)));
    }
    Err(CommandError::usage(format!(
        "a {} cannot become a {}",
        from.resource_type, to.resource_type
    )))
}

fn move_rows(
    snapshot: &StateSnapshot,
    arguments: &MvArguments,
) -> Result<(Vec<Write>, Vec<String>), CommandError> {
    let (from, to) = moving(arguments)?;
    let target = |key: &RowKey| {
        let address = moved_address(&from, &to, &key.address)?;
        let deposed = key.deposed;
        Some(RowKey { address, deposed })
    };
    let moved = snapshot
        .rows
        .keys()
        .filter_map(|key| Some((key, target(key)?)));
    let done = if arguments.dry_run {
        "Would move"
    } else {
        "Moved"
    };
    let (mut writes, mut said) = (Vec::new(), Vec::new());
    for (key, target) in moved {
        if snapshot.rows.contains_key(&target) {
            return Err(CommandError::failed(format!(
                "there is an object at {target} already"
            )));
        }
        said.push(format!("{done} {key} to {target}"));
        writes.push(Write::MoveRow {
            from: key.clone(),
            to: target,
        });
    }
    if writes.is_empty() {
        return Err(missing(&arguments.from, snapshot));
    }
    // What lives in a cluster that has moved is reached by its new address.
    for (key, row) in &snapshot.rows {
        let host = host_of(&row.provider);
        let moved = host.and_then(|host| moved_address(&from, &to, &host));
        if let Some(host) = moved {
            let row = StateRow {
                key: target(key).unwrap_or_else(|| key.clone()),
                provider: into_host(&host),
                ..row.clone()
            };
            writes.push(Write::PutRow(Box::new(row)));
        }
    }
    Ok((writes, said))
}

fn remove_rows(
    snapshot: &StateSnapshot,
    arguments: &RmArguments,
) -> Result<(Vec<Write>, Vec<String>), CommandError> {
    let (mut writes, mut said) = (Vec::new(), Vec::new());
    for named in &arguments.addresses {
        let gone: Vec<&RowKey> = snapshot
            .rows
            .keys()
            .filter(|key| lies_below(&key.address, named))
            .collect();
        if gone.is_empty() {
            return Err(missing(named, snapshot));
        }
        for key in gone {
            let write = Write::DeleteRow(key.clone());
            if !writes.contains(&write) {
                writes.push(write);
                said.push(format!(
                    "{} {key}",
                    if arguments.dry_run {
                        "Would forget"
                    } else {
                        "Forgot"
                    }
                ));
            }
        }
    }
    Ok((writes, said))
}

/// A run around a change that no plan was made for.
fn run_around(session: &Session, writes: Vec<Write>, summary: String) -> Vec<Write> {
    let now = session.clock.now();
    let id = strata_model::RunId::from_bits(session.ids.bits());
    let run = RunRecord {
        id,
        plan: strata_model::PlanId::from_bits([0; 16]),
        who: session.who(),
        command: session.word.to_owned(),
        commit: None,
        dirty: false,
        engine_version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: now,
        ended_at: None,
        status: RunStatus::Running,
        summary: None,
    };
    let end = Write::EndRun {
        run: id,
        status: RunStatus::Finished,
        summary,
        at: now,
    };
    [Write::BeginRun(run)]
        .into_iter()
        .chain(writes)
        .chain([end])
        .collect()
}

async fn history(session: &Session, arguments: &HistoryArguments) -> Result<Outcome, CommandError> {
    let location = Project::load_shallow(session)?.location(session)?;
    let Some(opened) = location.open_read(session).await? else {
        session.ui.note("There is no state yet, and so no history.");
        return Ok(Outcome::Done);
    };
    snapshot(session, &opened.store).await?;
    if let Some(address) = &arguments.address {
        let ops = opened
            .store
            .history(Some(address), arguments.limit)
            .await
            .map_err(state_error)?;
        if arguments.json {
            session.ui.json(&json!(ops));
        } else {
            ops.iter().for_each(|op| session.ui.line(&op_line(op)));
        }
        return Ok(Outcome::Done);
    }
    let runs = opened
        .store
        .runs(arguments.limit)
        .await
        .map_err(state_error)?;
    if arguments.json {
        session.ui.json(&json!(runs));
    } else {
        let locked = is_in_use(&location.state)?;
        for (at, run) in runs.iter().enumerate() {
            session.ui.line(&run_line(run, locked && at == 0));
        }
    }
    Ok(Outcome::Done)
}

/// `may_run`: whether the run may still go on. Only the newest one can, and only with the lock.
fn run_line(run: &RunRecord, may_run: bool) -> String {
    let commit = run.commit.as_deref().map(|commit| {
        format!(
            "  {}{}",
            commit.get(..8).unwrap_or(commit),
            if run.dirty { "+" } else { "" }
        )
    });
    let status = match run.status {
        RunStatus::Running if may_run => "running",
        RunStatus::Running => {
            "killed, or interrupted twice; the next apply looks into what it had begun"
        }
        RunStatus::Finished => "finished",
        RunStatus::Failed => "failed",
        RunStatus::Interrupted => "interrupted",
    };
    let summary = run.summary.as_deref().filter(|text| !text.is_empty());
    let summary = summary.map(|text| format!(": {}", escape_line(text)));
    format!(
        "{}  {:8}  {}{}  {status}{}",
        run.started_at.strftime("%Y-%m-%d %H:%M:%SZ"),
        escape_line(&run.command),
        escape_line(&run.who),
        commit.unwrap_or_default(),
        summary.unwrap_or_default(),
    )
}

fn op_line(op: &ClosedOp) -> String {
    let outcome = match op.outcome {
        OpOutcome::Succeeded => "succeeded",
        OpOutcome::Failed => "failed",
        OpOutcome::Partial => "ended part-way",
        OpOutcome::Present => "was interrupted; its effect was found",
        OpOutcome::Absent => "was interrupted; it had no effect",
    };
    let message = op
        .message
        .as_ref()
        .map(|message| format!(": {}", escape_line(message)))
        .unwrap_or_default();
    let verb = match op.operation {
        strata_model::provider::Operation::Create => "create",
        strata_model::provider::Operation::Update => "update",
        strata_model::provider::Operation::Delete => "delete",
    };
    format!(
        "{}  {verb}  {}  {outcome}{message}",
        op.started_at.strftime("%Y-%m-%d %H:%M:%SZ"),
        escape_line(&op.key.to_string())
    )
}
