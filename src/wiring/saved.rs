//! Saved plans: a private file, and the record in the state that the file is compared with.

use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use strata_model::Digest;
use strata_model::plan::{Plan, PlanFormatError};
use strata_model::state::{PlanRecord, PlanStatus};
use strata_model::store::StateStore;
use strata_state::SqliteStore;

use super::bench::Bench;
use super::location::check_kind;
use super::state_error;
use crate::error::{CommandError, ErrorKind};

/// The largest plan that is read, in bytes.
const LARGEST_PLAN: u64 = 1024 * 1024 * 1024;

/// A plan as it was read from a file.
#[derive(Debug)]
pub struct SavedPlan {
    /// The plan.
    pub plan: Plan,
    /// The digest of the file.
    pub digest: Digest,
}

/// What the state keeps of a new plan.
///
/// # Errors
///
/// When the plan cannot be written as bytes.
pub fn record_of(plan: &Plan) -> Result<(PlanRecord, Vec<u8>), CommandError> {
    let bytes = plan
        .to_bytes()
        .map_err(|error| CommandError::bug("the plan cannot be written").because(error))?;
    let record = PlanRecord {
        id: plan.id,
        digest: Digest::of(&bytes),
        status: PlanStatus::Saved,
        created_at: plan.created_at,
        done: Vec::new(),
    };
    Ok((record, bytes))
}

/// Writes a plan to a file that only its owner can read, and records it in the state: apply needs both.
///
/// # Errors
///
/// When one of them cannot be written; no file is left then.
pub async fn save(bench: &Bench<'_>, plan: &Plan, path: &Path) -> Result<(), CommandError> {
    let (record, bytes) = record_of(plan)?;
    let fail = |error| CommandError::file("cannot write the plan", path, error);
    let next = path.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&next)
        .map_err(fail)?;
    file.write_all(&bytes)
        .and_then(|()| file.sync_all())
        .map_err(fail)?;
    if let Err(error) = bench.store()?.save_plan(record).await {
        // The record decides: a file without it is of no use.
        std::fs::remove_file(&next).ok();
        return Err(state_error(error));
    }
    std::fs::rename(&next, path).map_err(fail)
}

/// Reads a plan from a file.
///
/// # Errors
///
/// When it cannot be read, or is no plan of this version's format.
pub fn read(path: &Path) -> Result<SavedPlan, CommandError> {
    let fail = |error| CommandError::file("cannot read the plan", path, error);
    let file = std::fs::File::open(path).map_err(fail)?;
    let mut bytes = Vec::new();
    file.take(LARGEST_PLAN)
        .read_to_end(&mut bytes)
        .map_err(fail)?;
    let plan = Plan::from_bytes(&bytes).map_err(|error| {
        let refused = CommandError::new(
            ErrorKind::Refused,
            format!("{} cannot be used as a plan", path.display()),
        );
        match error {
            PlanFormatError::NotAPlan(source) => refused.because(source),
            PlanFormatError::Format(_) => refused.because(error),
        }
    })?;
    Ok(SavedPlan {
        plan,
        digest: Digest::of(&bytes),
    })
}

/// Whether a file looks like a saved plan: `apply` and `show` tell plans from projects by it.
pub fn is_file(path: &Path) -> bool {
    path.is_file()
}

/// Refuses a plan that was made for other clouds, by another version, or for another state. Nothing has been opened
/// then.
///
/// # Errors
///
/// Says which.
pub fn check_origin(saved: &SavedPlan, sandbox: bool) -> Result<(), CommandError> {
    let refused = |message: String| {
        Err(CommandError::new(ErrorKind::Refused, message).hint("Make a new plan."))
    };
    let plan = &saved.plan;
    let Some(lineage) = plan.lineage else {
        return refused("the plan was made without a state, and only for looking at".to_owned());
    };
    check_kind(lineage, sandbox)?;
    let version = env!("CARGO_PKG_VERSION");
    if plan.engine_version != version {
        return refused(format!(
            "the plan was made by Strata {}, and this is {version}",
            plan.engine_version
        ));
    }
    Ok(())
}

/// Finds the record of a plan, and refuses one that is unknown here, altered, used or given up.
///
/// # Errors
///
/// Says which.
pub async fn check_record(
    bench: &Bench<'_>,
    saved: &SavedPlan,
) -> Result<PlanRecord, CommandError> {
    find_record(bench.store()?, saved).await
}

/// As [`check_record`], in a store.
///
/// # Errors
///
/// Says what is wrong with the plan.
pub async fn find_record(
    store: &SqliteStore,
    saved: &SavedPlan,
) -> Result<PlanRecord, CommandError> {
    let refused =
        |message: &str| CommandError::new(ErrorKind::Refused, message).hint("Make a new plan.");
    if saved.plan.lineage != Some(store.lineage()) {
        return Err(refused("the plan belongs to another state"));
    }
    let record = store.plan(saved.plan.id).await.map_err(state_error)?;
    let record = record.ok_or_else(|| refused("the state does not know the plan"))?;
    if record.digest != saved.digest {
        return Err(refused("the plan was altered after it was made"));
    }
    match record.status {
        PlanStatus::Saved | PlanStatus::Running => Ok(record),
        PlanStatus::Finished => Err(refused("the plan was applied already")),
        PlanStatus::Abandoned => Err(refused("another plan took the place of this one")),
    }
}
