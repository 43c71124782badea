//! The command line: what can be typed, parsed into structs.
//!
//! Long options work with one dash or two: [`rewrite`] turns the first into the second before parsing.

mod planning;
pub mod rewrite;

use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::commands;
use crate::environment::{self, VARIABLE_PREFIX};
pub use planning::{PlanningArguments, TargetArguments, VariableArguments, duration};

/// The first lines of `strata --help`.
const ABOUT: &str = "Provisions Kubernetes clusters and what runs on them, in one plan";

const EXAMPLES: &str = "\
Examples:
  strata --sandbox plan                 plan against emulated clouds: no account, no cost
  strata --sandbox apply -auto-approve  create everything there
  strata plan -out=change.plan          plan against the real clouds, and keep the plan
  strata apply change.plan              do exactly what the plan says

Options may be written with one dash or two: -auto-approve is --auto-approve.

Exit codes:
    0  done, or nothing to change
    1  failed
    2  changes present (plan -detailed-exitcode, drift)
    3  differences (fmt -check), or not all could be read (drift)
    4  recovery needs a human
    5  plan refused: stale, altered, used, or not of this state
   64  wrong usage
   65  invalid definitions
   70  a bug in Strata
   73  state missing, unreadable, corrupt or not writable
   75  state locked
   77  credentials missing or expired
  130  interrupted
  143  terminated";

/// What does not go with a command though it plans: hidden from its help, and refused.
const NOT_FOR: &[(&str, &[&str])] = &[
    (
        "destroy",
        &[
            "destroy",
            "refresh_only",
            "replace",
            "allow_delete",
            "schemas",
        ],
    ),
    (
        "drift",
        &[
            "destroy",
            "refresh_only",
            "refresh",
            "replace",
            "allow_delete",
            "unprotect",
            "lock_timeout",
        ],
    ),
    (
        "import",
        &[
            "destroy",
            "refresh_only",
            "replace",
            "allow_delete",
            "unprotect",
            "targets",
            "target_files",
            "excludes",
            "exclude_files",
        ],
    ),
    ("graph", &["json", "json_into", "concise", "lock_timeout"]),
    (
        "render",
        &[
            "destroy",
            "refresh_only",
            "refresh",
            "replace",
            "allow_delete",
            "unprotect",
            "excludes",
            "exclude_files",
            "lock_timeout",
            "json",
            "json_into",
            "concise",
        ],
    ),
    (
        "explain",
        &[
            "destroy",
            "refresh_only",
            "replace",
            "allow_delete",
            "unprotect",
            "lock_timeout",
            "json_into",
            "concise",
        ],
    ),
];

/// The command line with its long help, which names the environment variables.
pub fn command() -> clap::Command {
    let named = format!("{VARIABLE_PREFIX}NAME");
    let own = (
        named.as_str(),
        "The value of the variable NAME of the definitions.",
    );
    let fixed = environment::TABLE
        .iter()
        .map(|variable| (variable.name, variable.help));
    let variables: String = fixed
        .chain([own])
        .map(|(name, help)| format!("  {name}\n      {help}\n"))
        .collect();
    let command =
        CommandLine::command().after_long_help(format!("{EXAMPLES}\n\nEnvironment:\n{variables}"));
    NOT_FOR.iter().fold(command, |command, (name, hidden)| {
        command.mut_subcommand(name, |subcommand| {
            subcommand.mut_args(|argument| {
                let hide = hidden.contains(&argument.get_id().as_str());
                argument.hide(hide)
            })
        })
    })
}

/// An option on the command line that does not go with its command.
pub fn misplaced(matches: &clap::ArgMatches) -> Option<String> {
    let (command, own) = matches.subcommand()?;
    let typed = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
    // Forgotten, the one option that they need leads to the real clouds.
    let lonely = ["speed", "faults"].into_iter().find(|id| typed(id));
    if let Some(id) = lonely.filter(|_| command != "sandbox" && !typed("sandbox")) {
        return Some(format!("--{id} is for emulated clouds: it needs --sandbox"));
    }
    let (_, refused) = NOT_FOR.iter().find(|(name, _)| *name == command)?;
    let typed = refused
        .iter()
        .find(|id| own.value_source(id) == Some(ValueSource::CommandLine))?;
    let option = match *typed {
        "targets" => "target",
        "excludes" => "exclude",
        other => other,
    };
    let shown = option.replace('_', "-").replace("-files", "-file");
    Some(format!("-{shown} does not go with {command}"))
}

/// Everything that can be typed.
#[derive(Debug, Parser)]
#[command(
    name = "strata",
    version,
    about = ABOUT,
    after_help = EXAMPLES,
    max_term_width = 110,
    subcommand_required = true,
    arg_required_else_help = true,
    infer_long_args = false,
    propagate_version = false
)]
pub struct CommandLine {
    /// What applies to every command.
    #[command(flatten)]
    pub global: GlobalArguments,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArguments {
    /// Go to this directory first; files named on the command line are relative to it
    #[arg(long, global = true, value_name = "DIR")]
    pub chdir: Option<PathBuf>,
    /// Use emulated clouds in this process, or those that `strata sandbox serve` serves at URL
    #[arg(long, global = true, value_name = "URL", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub sandbox: Option<String>,
    /// What the sandbox divides every delay by
    #[arg(
        long,
        global = true,
        value_name = "N",
        default_value_t = 60.0,
        hide_default_value = false
    )]
    pub speed: f64,
    /// What goes wrong in the sandbox on purpose
    #[arg(long, global = true, value_name = "FILE")]
    pub faults: Option<PathBuf>,
    /// Where the state is
    #[arg(long, global = true, value_name = "PATH")]
    pub state: Option<String>,
    /// Leave out colours
    #[arg(long, global = true)]
    pub no_color: bool,
    /// Show warnings as one line each
    #[arg(long, global = true)]
    pub compact_warnings: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Prepare a project: its identity, its state and its key
    Init(commands::init::Arguments),
    /// Check the definitions and show everything that is wrong with them
    Validate(commands::validate::Arguments),
    /// Show what apply would do
    #[command(visible_alias = "diff", alias = "preview")]
    Plan(commands::plan::Arguments),
    /// Make reality as declared
    #[command(alias = "up")]
    Apply(commands::apply::Arguments),
    /// Remove everything that the project has made
    #[command(alias = "down")]
    Destroy(commands::destroy::Arguments),
    /// Show the state, or a saved plan
    Show(commands::show::Arguments),
    /// Show the project's outputs
    Output(commands::output::Arguments),
    /// Write a kubeconfig for a cluster of the state
    Kubeconfig(commands::kubeconfig::Arguments),
    /// Make a token for the API server of a cluster, as kubectl asks for it
    Token(commands::token::Arguments),
    /// Report what changed outside of Strata
    Drift(commands::drift::Arguments),
    /// Look at the state and correct it
    #[command(subcommand)]
    State(commands::state::Command),
    /// Take an existing object into the state
    Import(commands::import::Arguments),
    /// Draw the graph of the plan
    Graph(commands::graph::Arguments),
    /// Print the objects of layers as apply would send them
    Render(commands::render::Arguments),
    /// Show where the values of a resource come from
    Explain(commands::explain::Arguments),
    /// Evaluate expressions
    Console(commands::console::Arguments),
    /// Rewrite definitions in the canonical layout
    Fmt(commands::fmt::Arguments),
    /// Rewrite a file of definitions in the other spelling
    Convert(commands::convert::Arguments),
    /// Look at stack packages
    #[command(subcommand)]
    Stack(commands::stack::Command),
    /// Print the JSON Schema of definitions in YAML, for editors
    Schema(commands::schema::Arguments),
    /// Show the providers that the project uses, or their schemas
    Providers(commands::providers::Arguments),
    /// Release the lock of a run that will not come back
    ForceUnlock(commands::force_unlock::Arguments),
    /// Serve the emulated clouds and look into them
    #[command(subcommand)]
    Sandbox(commands::sandbox::Command),
    /// Print a completion script for a shell
    Completions(commands::completions::Arguments),
    /// Show the version
    Version(commands::version::Arguments),
}

impl Command {
    /// The word that lock and history show for the command.
    pub fn word(&self) -> &'static str {
        match self {
            Command::Init(_) => "init",
            Command::Validate(_) => "validate",
            Command::Plan(_) => "plan",
            Command::Apply(_) => "apply",
            Command::Destroy(_) => "destroy",
            Command::Show(_) => "show",
            Command::Output(_) => "output",
            Command::Kubeconfig(_) => "kubeconfig",
            Command::Token(_) => "token",
            Command::Drift(_) => "drift",
            Command::State(_) => "state",
            Command::Import(_) => "import",
            Command::Graph(_) => "graph",
            Command::Render(_) => "render",
            Command::Explain(_) => "explain",
            Command::Console(_) => "console",
            Command::Fmt(_) => "fmt",
            Command::Convert(_) => "convert",
            Command::Stack(_) => "stack",
            Command::Schema(_) => "schema",
            Command::Providers(_) => "providers",
            Command::ForceUnlock(_) => "force-unlock",
            Command::Sandbox(_) => "sandbox",
            Command::Completions(_) => "completions",
            Command::Version(_) => "version",
        }
    }
}
