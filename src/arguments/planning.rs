//! Options that several commands share because they plan.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgAction, Args};
use strata_model::plan::{PlanMode, PlanOptions};

use crate::error::CommandError;

/// Values for the definitions' variables.
#[derive(Debug, Clone, Default, Args)]
pub struct VariableArguments {
    /// The value of a variable; may be repeated, the last one wins
    #[arg(long = "var", value_name = "NAME=VALUE")]
    pub variables: Vec<String>,
    /// A file of variables' values, .yaml or .hcl; may be repeated, later files win
    #[arg(long = "var-file", value_name = "FILE")]
    pub variable_files: Vec<PathBuf>,
}

/// What a plan is limited to.
#[derive(Debug, Clone, Default, Args)]
pub struct TargetArguments {
    /// Plan only for this address and what it needs; may be repeated
    #[arg(long = "target", value_name = "ADDRESS")]
    pub targets: Vec<String>,
    /// A file of such addresses, one a line; lines that begin with # are left out
    #[arg(long = "target-file", value_name = "FILE")]
    pub target_files: Vec<PathBuf>,
    /// Leave out this address and what needs it; may be repeated
    #[arg(long = "exclude", value_name = "ADDRESS")]
    pub excludes: Vec<String>,
    /// A file of such addresses, one a line; lines that begin with # are left out
    #[arg(long = "exclude-file", value_name = "FILE")]
    pub exclude_files: Vec<PathBuf>,
    /// Replace this object, changed or not; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    pub replace: Vec<String>,
    /// Permit the deletion of this object though it holds data; may be repeated
    #[arg(long = "allow-delete", value_name = "ADDRESS")]
    pub allow_delete: Vec<String>,
    /// Lift the protection of this object, whose block is gone; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    pub unprotect: Vec<String>,
}

/// Options of all commands that plan.
#[derive(Debug, Clone, Args)]
pub struct PlanningArguments {
    /// Values of variables.
    #[command(flatten)]
    pub variables: VariableArguments,
    /// Limits.
    #[command(flatten)]
    pub targets: TargetArguments,
    /// Plan to destroy everything, or the targets
    #[arg(long, conflicts_with_all = ["refresh_only", "replace"])]
    pub destroy: bool,
    /// Only take into the state what has changed outside
    #[arg(long, conflicts_with_all = ["replace", "refresh"])]
    pub refresh_only: bool,
    /// Judge Kubernetes objects by the schemas in this file, of `kubectl get --raw /openapi/v2`, where their cluster cannot be asked
    #[arg(long, value_name = "FILE")]
    pub schemas: Option<PathBuf>,
    /// Whether to read the recorded objects first
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = ArgAction::Set)]
    pub refresh: bool,
    /// Refuse a work tree that differs from its commit
    #[arg(long)]
    pub require_clean: bool,
    /// How many objects are worked on at the same time; four objects in a cluster count as one
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub parallelism: u16,
    /// How long to wait for the state's lock, such as 30s or 5m
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration)]
    pub lock_timeout: Duration,
    /// Accepted for Terraform's sake: plan never takes the lock, and what changes the state always does
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = ArgAction::Set)]
    pub lock: bool,
    /// Whether to ask for what is missing
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = ArgAction::Set)]
    pub input: bool,
    /// Write JSON, one event a line
    #[arg(long)]
    pub json: bool,
    /// Write the JSON events to this file, and text as always
    #[arg(long, value_name = "FILE")]
    pub json_into: Option<PathBuf>,
    /// Leave out what only says that something goes on
    #[arg(long)]
    pub concise: bool,
}

impl TargetArguments {
    /// Adds the addresses that stand in files; the files are named relative to a directory.
    ///
    /// # Errors
    ///
    /// When a file cannot be read.
    pub fn read_files(&mut self, directory: &Path) -> Result<(), CommandError> {
        for (paths, addresses) in [
            (&self.target_files, &mut self.targets),
            (&self.exclude_files, &mut self.excludes),
        ] {
            let from_files = !paths.is_empty();
            for path in paths {
                let text = std::fs::read_to_string(directory.join(path)).map_err(|error| {
                    let message = format!("cannot read the file of addresses {}", path.display());
                    CommandError::usage(message).because(error)
                })?;
                let lines = text.lines().map(str::trim);
                addresses.extend(
                    lines
                        .filter(|line| !line.is_empty() && !line.starts_with('#'))
                        .map(str::to_owned),
                );
            }
            // No target at all would mean everything: the opposite of what an empty file of targets says.
            if from_files && addresses.is_empty() {
                return Err(CommandError::usage(
                    "the files of addresses name no address at all",
                ));
            }
        }
        Ok(())
    }
}

impl PlanningArguments {
    /// What the planner is asked for.
    pub fn options(&self) -> PlanOptions {
        let mode = match (self.destroy, self.refresh_only) {
            (true, _) => PlanMode::Destroy,
            (false, true) => PlanMode::RefreshOnly,
            (false, false) => PlanMode::Normal,
        };
        PlanOptions {
            mode,
            targets: self.targets.targets.clone(),
            excludes: self.targets.excludes.clone(),
            replace: self.targets.replace.clone(),
            allow_delete: self.targets.allow_delete.clone(),
            unprotect: self.targets.unprotect.clone(),
            refresh: self.refresh,
        }
    }
}

/// Reads a duration: a number with `ms`, `s`, `m` or `h`; several may follow each other, a bare number is seconds.
///
/// # Errors
///
/// For any other text.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("'{text}' is not a time such as 30s, 5m or 1h30m");
    if let Ok(seconds) = text.parse::<u32>() {
        return Ok(Duration::from_secs(seconds.into()));
    }
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let count: u32 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let (unit, after) = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)]
            .into_iter()
            .find_map(|(name, millis)| Some((millis, rest.strip_prefix(name)?)))
            .ok_or_else(wrong)?;
        total += Duration::from_millis(unit) * count;
        rest = after;
    }
    if text.is_empty() {
        Err(wrong())
    } else {
        Ok(total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let check = |text: &str, millis: Option<u64>| {
            assert_eq!(
                duration(text).ok(),
                millis.map(Duration::from_millis),
                "{text}"
            );
        };
        check("30s", Some(30_000));
        check("5", Some(5000));
        check("1h30m", Some(5_400_000));
        check("20ms", Some(20));
        check("", None);
        check("s", None);
        check("5x", None);
        check("-1s", None);
    }
}
