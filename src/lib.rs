//! The command line of Strata as a library.
//!
//! [`arguments`] parses what was typed, [`commands`] has one file per command, [`wiring`] is the only room that names
//! concrete providers and stores, and [`view`] is the only one that formats and prints. [`run`] ties them together.

pub mod arguments;
pub mod commands;
pub mod environment;
pub mod error;
pub mod interrupt;
pub mod logging;
pub mod session;
pub mod view;
pub mod wiring;

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, PanicHookInfo};
use std::path::PathBuf;
use std::sync::Arc;

use clap::FromArgMatches;
use clap::error::ErrorKind as ClapKind;

use arguments::{CommandLine, rewrite};
use environment::Environment;
use error::{CommandError, Outcome, exit_code};
use interrupt::Interrupts;
use session::Session;
use view::redact::Redactor;
use view::{Settings, Sinks, Surroundings, Ui};
use wiring::clock::{SystemClock, SystemRandom};

/// Threads beside the main one: signals and the store's answers must not wait for planning.
const WORKERS: usize = 2;

/// Runs Strata with the arguments of the process, the program's name first, and returns the exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>, environment: Environment) -> u8 {
    let redactor = Redactor::default();
    let surroundings = Surroundings::of_process(&environment);
    let clock = Arc::new(SystemClock::new());
    let colour = surroundings.output
        && surroundings.capable
        && environment.text(environment::NO_COLOR).is_none();
    let settings = Settings {
        colour,
        live: surroundings.output && surroundings.capable,
        input: surroundings.input && !environment.is_off(environment::INPUT),
        approval: (surroundings.input || surroundings.piped)
            && !environment.is_off(environment::INPUT),
        automation: environment.text(environment::IN_AUTOMATION).is_some(),
        width: surroundings.width,
        ..Settings::default()
    };
    let ui = Ui::new(
        settings,
        redactor.clone(),
        clock.clone(),
        Sinks::of_process(),
    );
    report_panics(redactor);
    let mut parsed = match parse(arguments, &environment) {
        Ok(parsed) => parsed,
        Err(Parse::Help(text)) => {
            ui.print(&text);
            return finish(&ui, Ok(Outcome::Done));
        }
        Err(Parse::Incomplete(text)) => {
            ui.note(text.trim_end());
            return exit_code(&Err(CommandError::shown(error::ErrorKind::Usage)));
        }
        Err(Parse::Wrong(error)) => {
            ui.error(&error);
            return exit_code(&Err(error));
        }
    };
    let mut ui = ui
        .with_colour(colour && !parsed.global.no_color)
        .with_compact_warnings(parsed.global.compact_warnings)
        .with_json(commands::wants_json(&parsed.command));
    let directory = directory(&parsed);
    if let Err(error) = check_directory(&directory) {
        ui.error(&error);
        return exit_code(&Err(error));
    }
    let mut lock_timeout = std::time::Duration::ZERO;
    if let Some(planning) = commands::planning(&mut parsed.command) {
        lock_timeout = planning.lock_timeout;
        ui = ui.with_input(planning.input).with_concise(planning.concise);
        match prepare(planning, &directory) {
            Ok(None) => {}
            Ok(Some(events)) => ui = ui.with_events(Box::new(events)),
            Err(error) => {
                ui.error(&error);
                return exit_code(&Err(error));
            }
        }
    }
    let schemas = commands::schemas(&mut parsed.command);
    let schemas = schemas.map(|path| wiring::schemas::read(&directory, &path));
    let schemas = match schemas.transpose() {
        Ok(schemas) => schemas,
        Err(error) => {
            ui.error(&error);
            return exit_code(&Err(error));
        }
    };
    if let Err(error) = logging::start(&environment, ui.redactor().clone()) {
        ui.error(&error);
        return exit_code(&Err(error));
    }
    let session = Session {
        directory,
        word: parsed.command.word(),
        global: parsed.global,
        ui,
        environment,
        clock,
        ids: Arc::new(SystemRandom),
        interrupts: Interrupts::default(),
        lock_timeout,
        schemas,
    };
    let result = execute(&session, parsed.command);
    if let Err(error) = &result {
        session.ui.error(error);
    }
    finish(&session.ui, result)
}

/// Why there is no command to run.
enum Parse {
    /// Help or version was asked for.
    Help(String),
    /// A command is missing: help says which there are.
    Incomplete(String),
    /// The command line is wrong.
    Wrong(CommandError),
}

fn parse(
    arguments: impl IntoIterator<Item = OsString>,
    environment: &Environment,
) -> Result<CommandLine, Parse> {
    // Built once here, so that help and rewriting see the same global options in every command.
    let mut root = arguments::command();
    root.build();
    let rewritten = rewrite::rewrite(&root, arguments, environment)
        .map_err(|error| Parse::Wrong(CommandError::usage(error.to_string())))?;
    let matches = arguments::command()
        .try_get_matches_from(rewritten)
        .map_err(wrong)?;
    if let Some(message) = arguments::misplaced(&matches) {
        return Err(Parse::Wrong(CommandError::usage(message)));
    }
    CommandLine::from_arg_matches(&matches).map_err(wrong)
}

fn wrong(error: clap::Error) -> Parse {
    let text = error.render().to_string();
    match error.kind() {
        ClapKind::DisplayHelp => return Parse::Help(text),
        ClapKind::DisplayVersion => {
            return Parse::Help(format!("{}\n", commands::version::line()));
        }
        _ => {}
    }
    if error.kind() == ClapKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Parse::Incomplete(text);
    }
    let text = text.trim().trim_start_matches("error: ").to_owned();
    Parse::Wrong(CommandError::usage(text))
}

/// Reads and opens the files that planning options name.
fn prepare(
    planning: &mut arguments::PlanningArguments,
    directory: &std::path::Path,
) -> Result<Option<std::fs::File>, CommandError> {
    planning.targets.read_files(directory)?;
    let Some(path) = &planning.json_into else {
        return Ok(None);
    };
    let file = std::fs::File::create(directory.join(path));
    let file =
        file.map_err(|error| CommandError::file("cannot write the events to", path, error))?;
    Ok(Some(file))
}

fn directory(parsed: &CommandLine) -> PathBuf {
    let current = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    match &parsed.global.chdir {
        Some(directory) => current.join(directory),
        None => current,
    }
}

fn check_directory(directory: &std::path::Path) -> Result<(), CommandError> {
    if directory.is_dir() {
        return Ok(());
    }
    let message = format!("-chdir: there is no directory {}", directory.display());
    Err(CommandError::usage(message))
}

/// Runs the command on a runtime of its own.
fn execute(session: &Session, command: arguments::Command) -> Result<Outcome, CommandError> {
    wiring::prepare();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .map_err(|error| CommandError::failed("cannot start the runtime").because(error))?;
    let guarded = session.interrupts.guard(commands::run(session, command));
    let result = std::panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(guarded)));
    // Blocking work that is still under way (a fetch) must not hold up an interrupted command.
    runtime.shutdown_timeout(std::time::Duration::from_millis(500));
    result.unwrap_or_else(|_| Err(CommandError::shown(error::ErrorKind::Bug)))
}

/// The exit code, and a last look at whether the output arrived.
fn finish(ui: &Ui, result: Result<Outcome, CommandError>) -> u8 {
    let result = match (result, ui.take_failure()) {
        (Ok(_), Some(failure)) => {
            let error = CommandError::failed("the output could not be written").because(failure);
            ui.error(&error);
            Err(error)
        }
        (result, _) => result,
    };
    exit_code(&result)
}

/// Says of a panic where it happened and what it said, without the secrets of the run.
fn report_panics(redactor: Redactor) {
    std::panic::set_hook(Box::new(move |panic| {
        view::emergency(&panic_report(panic, &redactor));
    }));
}

fn panic_report(panic: &PanicHookInfo<'_>, redactor: &Redactor) -> String {
    let place = panic
        .location()
        .map(|place| format!(" at {}:{}", place.file(), place.line()))
        .unwrap_or_default();
    let payload = panic.payload_as_str().unwrap_or("no message");
    let text = format!(
        "error: something that cannot happen has happened{place}: {payload}\n  hint: This is a bug in Strata.\n"
    );
    redactor.redact(&text)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn a_panic_tells_no_secret() {
        let redactor = Redactor::default();
        redactor.add("Canary\"7f3a&91c4");
        let reports: Arc<Mutex<Vec<String>>> = Arc::default();
        let (sink, own) = (reports.clone(), std::thread::current().id());
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            // Other tests panic meanwhile.
            if std::thread::current().id() == own {
                sink.lock().unwrap().push(panic_report(panic, &redactor));
            }
        }));
        let failed = std::panic::catch_unwind(|| {
            let refused = "token Canary\"7f3a&91c4 refused".to_owned();
            std::panic::panic_any(format!("{refused:?}"));
        });
        std::panic::set_hook(before);
        assert!(failed.is_err());
        let reports = reports.lock().unwrap();
        let [report] = reports.as_slice() else {
            panic!("{reports:?}");
        };
        assert!(report.contains("src/lib.rs") && report.contains("refused"));
        assert!(!report.contains("7f3a"), "{report}");
    }
}
