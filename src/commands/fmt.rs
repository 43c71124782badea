//! `strata fmt`: rewrites definitions in the canonical layout.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{ArgAction, Args};
use strata_language::format::format;
use strata_model::source::SourceFile;
use strata_model::{Diagnostics, SourceMap};

use crate::error::{CommandError, ErrorKind, Outcome};
use crate::session::Session;
use crate::view::difference::unified;
use crate::wiring::files::{Depth, LARGEST_FILE, Root};

/// The names of files that are laid out.
const ENDINGS: &[&str] = &[".strata.hcl", ".strata.yaml", ".vars.hcl", ".vars.yaml"];

/// `strata fmt`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  strata fmt                    lay out the files of this directory, and name those that changed
  strata fmt -recursive         those of all directories below, too
  strata fmt -check -diff       change nothing; exit 3 where something would change, and show what
  strata fmt - < main.strata.hcl")]
pub struct Arguments {
    /// Files and directories; `-` is standard input, which is written to standard output
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Change nothing, and exit with 3 where something would be changed
    #[arg(long)]
    pub check: bool,
    /// Show what changes; with standard input, in place of the text
    #[arg(long)]
    pub diff: bool,
    /// Go into the directories below
    #[arg(long)]
    pub recursive: bool,
    /// Whether to name the files that change
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = ArgAction::Set)]
    pub list: bool,
    /// Whether to write the files
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = ArgAction::Set)]
    pub write: bool,
    /// How standard input is spelt: hcl or yaml
    #[arg(long, value_name = "SPELLING", default_value = "hcl", value_parser = ["hcl", "yaml"])]
    pub spelling: String,
}

/// Runs the command.
///
/// # Errors
///
/// When a file cannot be read, laid out or written.
pub fn run(session: &Session, arguments: &Arguments) -> Result<Outcome, CommandError> {
    if arguments.paths.iter().any(|path| path.as_os_str() == "-") {
        return standard_input(session, arguments);
    }
    let mut run = Run {
        session,
        arguments,
        changed: false,
        wrong: false,
    };
    let here = [PathBuf::from(".")];
    let paths = if arguments.paths.is_empty() {
        &here[..]
    } else {
        &arguments.paths
    };
    for path in paths {
        let place = session.directory.join(path);
        if place.is_dir() {
            run.directory(path, &place)?;
        } else {
            run.file(path, &place)?;
        }
    }
    match run {
        Run { wrong: true, .. } => Err(CommandError::shown(ErrorKind::Definitions)),
        Run { changed: true, .. } if arguments.check => Ok(Outcome::Differences),
        Run { .. } => Ok(Outcome::Done),
    }
}

struct Run<'a> {
    session: &'a Session,
    arguments: &'a Arguments,
    changed: bool,
    wrong: bool,
}

impl Run<'_> {
    fn directory(&mut self, shown: &Path, place: &Path) -> Result<(), CommandError> {
        let fail = |error: String| {
            CommandError::failed(format!("cannot read the directory {}", shown.display()))
                .because(error)
        };
        let root = Root::open(place).map_err(|error| fail(error.to_string()))?;
        let depth = if self.arguments.recursive {
            Depth::All
        } else {
            Depth::One
        };
        let found = root
            .walk("", depth)
            .map_err(|error| fail(error.to_string()))?;
        for found in found.iter().filter(|found| {
            found.is_file && ENDINGS.iter().any(|ending| found.path.ends_with(ending))
        }) {
            let shown = if shown == Path::new(".") {
                PathBuf::from(&found.path)
            } else {
                shown.join(&found.path)
            };
            self.file(&shown, &place.join(&found.path))?;
        }
        Ok(())
    }

    fn file(&mut self, shown: &Path, place: &Path) -> Result<(), CommandError> {
        let fail = |what: &str, error| CommandError::file(what, shown, error);
        let length = std::fs::metadata(place)
            .map_err(|error| fail("cannot read", error))?
            .len();
        if length > LARGEST_FILE {
            return Err(too_large(&shown.display().to_string()));
        }
        let text = std::fs::read_to_string(place).map_err(|error| fail("cannot read", error))?;
        let name = shown.display().to_string();
        let laid_out = match format(&name, &text) {
            Ok(laid_out) => laid_out,
            Err(diagnostics) => {
                show(self.session, &diagnostics, (&name, &text));
                self.wrong = true;
                return Ok(());
            }
        };
        if laid_out == text {
            return Ok(());
        }
        self.changed = true;
        if self.arguments.list {
            self.session.ui.line(&name);
        }
        if self.arguments.diff {
            self.session.ui.print(&unified(&name, &text, &laid_out));
        }
        if self.arguments.write && !self.arguments.check {
            replace(place, &laid_out).map_err(|error| fail("cannot write", error))?;
        }
        Ok(())
    }
}

pub(super) fn too_large(name: &str) -> CommandError {
    CommandError::failed(format!("{name} is larger than 16 MiB"))
}

/// Writes a file so that a crash leaves the old or the new one, with the permissions that it had. A link stays one.
fn replace(place: &Path, text: &str) -> std::io::Result<()> {
    let place = &std::fs::canonicalize(place)?;
    let mut name = place.as_os_str().to_owned();
    name.push(".new");
    let next = PathBuf::from(name);
    std::fs::write(&next, text)?;
    std::fs::set_permissions(&next, std::fs::metadata(place)?.permissions())?;
    std::fs::rename(&next, place)
}

fn show(session: &Session, diagnostics: &Diagnostics, (name, text): (&str, &str)) {
    let mut sources = SourceMap::default();
    sources.add(SourceFile::new(name, text));
    session.ui.diagnostics(diagnostics, &sources);
}

fn standard_input(session: &Session, arguments: &Arguments) -> Result<Outcome, CommandError> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .take(LARGEST_FILE + 1)
        .read_to_string(&mut text)
        .map_err(|error| CommandError::failed("cannot read standard input").because(error))?;
    if text.len() as u64 > LARGEST_FILE {
        return Err(too_large("standard input"));
    }
    let name = format!("<stdin>.strata.{}", arguments.spelling);
    match format(&name, &text) {
        Ok(laid_out) => {
            let changes = laid_out != text;
            if arguments.diff && changes {
                session.ui.print(&unified(&name, &text, &laid_out));
            } else if !arguments.diff && !arguments.check {
                session.ui.print(&laid_out);
            }
            Ok(if changes && arguments.check {
                Outcome::Differences
            } else {
                Outcome::Done
            })
        }
        Err(diagnostics) => {
            show(session, &diagnostics, (&name, &text));
            Err(CommandError::shown(ErrorKind::Definitions))
        }
    }
}
