//! `strata convert`: rewrites a file of definitions in the other spelling.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use strata_language::decode::Spelling;
use strata_language::respell::respell;
use strata_model::SourceMap;
use strata_model::source::SourceFile;

use crate::error::{CommandError, ErrorKind, Outcome};
use crate::session::Session;
use crate::wiring::files::LARGEST_FILE;

/// A spelling of definitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum To {
    /// HCL
    Hcl,
    /// YAML
    Yaml,
}

/// `strata convert`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  strata convert -to=yaml main.strata.hcl          print the file in YAML
  strata convert -to=hcl -write main.strata.yaml   write main.strata.hcl, and remove main.strata.yaml

Comments are kept where both spellings can hold them.")]
pub struct Arguments {
    /// The spelling to write
    #[arg(long, value_enum)]
    pub to: To,
    /// The file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Write the file beside the old one, and remove that
    #[arg(long)]
    pub write: bool,
}

/// Runs the command.
///
/// # Errors
///
/// When the file cannot be read, is not valid, or the new one is there already.
pub fn run(session: &Session, arguments: &Arguments) -> Result<Outcome, CommandError> {
    let place = session.directory.join(&arguments.file);
    let fail = |what: &str, path: &Path, error| CommandError::file(what, path, error);
    let length = std::fs::metadata(&place)
        .map_err(|error| fail("cannot read", &arguments.file, error))?
        .len();
    if length > LARGEST_FILE {
        return Err(super::fmt::too_large(&arguments.file.display().to_string()));
    }
    let text = std::fs::read_to_string(&place)
        .map_err(|error| fail("cannot read", &arguments.file, error))?;
    let name = arguments.file.display().to_string();
    let (spelling, ending) = match arguments.to {
        To::Hcl => (Spelling::Hcl, "hcl"),
        To::Yaml => (Spelling::Yaml, "yaml"),
    };
    let written = match respell(&name, &text, spelling) {
        Ok(written) => written,
        Err(diagnostics) => {
            let mut sources = SourceMap::default();
            sources.add(SourceFile::new(name, text));
            session.ui.diagnostics(&diagnostics, &sources);
            return Err(CommandError::shown(ErrorKind::Definitions));
        }
    };
    if !arguments.write {
        session.ui.print(&written);
        return Ok(Outcome::Done);
    }
    let target = place.with_extension(ending);
    if target == place {
        return Err(CommandError::usage(format!(
            "{name} is spelt in {ending} already"
        )));
    }
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .open(&target)
        .map_err(|error| fail("cannot write", &target, error))?;
    std::io::Write::write_all(&mut file, written.as_bytes())
        .map_err(|error| fail("cannot write", &target, error))?;
    std::fs::remove_file(&place).map_err(|error| fail("cannot remove", &place, error))?;
    let shown = arguments.file.with_extension(ending);
    session
        .ui
        .line(&format!("Wrote {}, and removed {name}.", shown.display()));
    Ok(Outcome::Done)
}
