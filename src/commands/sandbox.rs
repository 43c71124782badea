//! `strata sandbox …`: serving the emulated clouds, and looking into them.

use std::net::SocketAddr;

use clap::{Args, Subcommand};
use serde_json::json;
use strata_sandbox::{Ledger, Remote};

use crate::error::{CommandError, ErrorKind, Outcome};
use crate::session::Session;
use crate::view::style::escape_line;
use crate::wiring::clouds::{SANDBOX_STORE, check_url, open_sandbox, remote_error, sandbox_error};
use crate::wiring::location::{Location, SANDBOX_STATE, is_in_use};

/// The note beside the store that says who serves it, for as long as it is served.
const SERVING: &str = "sandbox.serving";

/// `strata sandbox …`
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Keep the emulated clouds up for other programs, and for tests that kill Strata but not the cloud
    Serve(ServeArguments),
    /// Print every object with its history and every call
    Ledger(LedgerArguments),
    /// Remove everything: all objects and calls, and the state of the sandbox
    Reset(ResetArguments),
}

/// `strata sandbox serve`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  strata sandbox serve -listen=127.0.0.1:4566
  AWS_ENDPOINT_URL=http://127.0.0.1:4566 aws ec2 describe-vpcs
  strata --sandbox=http://127.0.0.1:4566 apply")]
pub struct ServeArguments {
    /// Where to listen; a loopback address, port 0 for any free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4566")]
    pub listen: SocketAddr,
}

/// `strata sandbox ledger`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  strata sandbox ledger
  strata sandbox ledger -json
  strata --sandbox=http://127.0.0.1:4566 sandbox ledger")]
pub struct LedgerArguments {
    /// Write one JSON document
    #[arg(long)]
    pub json: bool,
}

/// `strata sandbox reset`
#[derive(Debug, Clone, Args)]
pub struct ResetArguments {}

/// Runs the command.
///
/// # Errors
///
/// When the sandbox cannot be opened or reached.
pub async fn run(session: &Session, command: Command) -> Result<Outcome, CommandError> {
    match command {
        Command::Serve(arguments) => serve(session, &arguments).await,
        Command::Ledger(arguments) => ledger(session, &arguments).await,
        Command::Reset(_) => reset(session).await,
    }
}

async fn serve(session: &Session, arguments: &ServeArguments) -> Result<Outcome, CommandError> {
    if !arguments.listen.ip().is_loopback() {
        return Err(CommandError::usage(
            "the sandbox listens on loopback addresses only, such as 127.0.0.1:4566",
        ));
    }
    let sandbox = open_sandbox(session, &session.directory).await?;
    let server = sandbox
        .serve(arguments.listen)
        .await
        .map_err(sandbox_error)?;
    // Who is refused because of it is told who has it; without the note only that it is in use.
    let note = session.data_directory(&session.directory).join(SERVING);
    let (pid, who) = (std::process::id(), session.who());
    std::fs::write(&note, format!("{pid}\n{who} at {}\n", server.url())).ok();
    session
        .ui
        .line(&format!("Serving the sandbox at {}", server.url()));
    session.ui.note(&format!(
        "Every delay is divided by {}. Ctrl-C ends it; its objects stay in the store.",
        sandbox.speed()
    ));
    // A signal is how a server ends: its exit code says so, and there is no error to show.
    session.interrupts.be_graceful();
    session.interrupts.stop().thrown().await;
    server.shutdown().await;
    std::fs::remove_file(&note).ok();
    sandbox.close().await;
    Err(CommandError::shown(session.interrupts.error().kind))
}

async fn read_ledger(session: &Session) -> Result<Ledger, CommandError> {
    match session
        .global
        .sandbox
        .as_deref()
        .filter(|url| !url.is_empty())
    {
        Some(url) => Remote::new(check_url(url)?)
            .map_err(remote_error)?
            .ledger()
            .await
            .map_err(remote_error),
        None => {
            let sandbox = open_sandbox(session, &session.directory).await?;
            let ledger = sandbox.ledger().await.map_err(sandbox_error)?;
            sandbox.close().await;
            Ok(ledger)
        }
    }
}

async fn ledger(session: &Session, arguments: &LedgerArguments) -> Result<Outcome, CommandError> {
    let ledger = read_ledger(session).await?;
    if arguments.json {
        session.ui.json(&json!(ledger));
        return Ok(Outcome::Done);
    }
    session.ui.line(&session.ui.style().bold("Objects"));
    for object in &ledger.objects {
        let gone = object
            .deleted_seq
            .map(|seq| format!(", gone since call {seq}"))
            .unwrap_or_default();
        let name = object
            .name
            .as_ref()
            .map(|name| format!(" \"{}\"", escape_line(name)))
            .unwrap_or_default();
        let what = format!(
            "{} {} {}{name}",
            object.service,
            object.kind,
            escape_line(&object.id)
        );
        session.ui.line(&format!(
            "  {what}  (made by call {}{gone})",
            object.created_seq
        ));
    }
    session.ui.line(&session.ui.style().bold("Calls"));
    for call in &ledger.calls {
        let mark = if call.mutating { "*" } else { " " };
        let fault = call
            .fault
            .as_ref()
            .map(|fault| format!("  fault: {fault}"))
            .unwrap_or_default();
        session.ui.line(&format!(
            "  {:>5} {mark} {:4} {} {}{fault}",
            call.seq,
            call.service,
            call.status,
            escape_line(&call.operation)
        ));
    }
    Ok(Outcome::Done)
}

async fn reset(session: &Session) -> Result<Outcome, CommandError> {
    let data = session.data_directory(&session.directory);
    refuse_state_in_use(session).await?;
    let url = session.global.sandbox.as_deref();
    let mut removed = match url.filter(|url| !url.is_empty()) {
        // The store of a sandbox that another process serves is that process's own.
        Some(url) => {
            let remote = Remote::new(check_url(url)?).map_err(remote_error)?;
            remote.reset().await.map_err(remote_error)?;
            true
        }
        None => {
            refuse_store_in_use(session, &data).await?;
            remove_family(&data, SANDBOX_STORE.trim_end_matches(".db"))?
        }
    };
    removed |= remove_family(&data, SANDBOX_STATE.trim_end_matches(".db"))?;
    let done = if removed {
        "Removed the sandbox's store and state."
    } else {
        "There was nothing to remove."
    };
    session.ui.line(done);
    Ok(Outcome::Done)
}

/// A run would go on with a state that has no name any more, and its objects would be forgotten.
async fn refuse_state_in_use(session: &Session) -> Result<(), CommandError> {
    let location = Location::of_sandbox(session, &session.directory);
    if !is_in_use(&location.state)? {
        return Ok(());
    }
    let holder = location.holder(session).await;
    let message = holder.unwrap_or_else(|| "a run is working on the sandbox's state".to_owned());
    Err(CommandError::new(ErrorKind::Locked, message)
        .hint("Wait until that run ends, or end it. Nothing was removed."))
}

/// A world that some process lives in is not taken away from beneath it. One that cannot be read may go.
async fn refuse_store_in_use(
    session: &Session,
    data: &std::path::Path,
) -> Result<(), CommandError> {
    if !data.join(SANDBOX_STORE).exists() {
        return Ok(());
    }
    match open_sandbox(session, &session.directory).await {
        Ok(sandbox) => {
            sandbox.close().await;
            Ok(())
        }
        Err(error) if error.kind == ErrorKind::Locked => {
            let by = served_by(data)
                .unwrap_or_else(|| "`strata sandbox serve`, or by a run with --sandbox".to_owned());
            let message = format!("the sandbox is in use: by {by}");
            Err(CommandError::new(ErrorKind::Locked, message).hint(
                "End that first. One that is served is emptied by `strata --sandbox=URL sandbox reset`.",
            ))
        }
        Err(_) => Ok(()),
    }
}

/// Who serves the store, by the note of a process that is still there.
fn served_by(data: &std::path::Path) -> Option<String> {
    let note = std::fs::read_to_string(data.join(SERVING)).ok()?;
    let (pid, served) = note.trim().split_once('\n')?;
    let process = rustix::process::Pid::from_raw(pid.parse().ok()?)?;
    rustix::process::test_kill_process(process).ok()?;
    let served = escape_line(served);
    Some(format!("`strata sandbox serve` of {served} (pid {pid})"))
}

/// Removes a database with everything that belongs to it: journal, lock, notes and backups begin with its name.
fn remove_family(directory: &std::path::Path, stem: &str) -> Result<bool, CommandError> {
    let fail = |error| CommandError::file("cannot remove files in", directory, error);
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(fail(error)),
    };
    let mut removed = false;
    for entry in entries {
        let entry = entry.map_err(fail)?;
        let name = entry.file_name();
        let belongs = name
            .to_str()
            .and_then(|name| name.strip_prefix(stem))
            .is_some_and(|rest| rest.starts_with('.'));
        if belongs && entry.file_type().map_err(fail)?.is_file() {
            std::fs::remove_file(entry.path()).map_err(fail)?;
            removed = true;
        }
    }
    Ok(removed)
}
