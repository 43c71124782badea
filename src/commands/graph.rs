//! `strata graph`: the graph of the plan.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use strata_model::plan::PlanMode;

use super::plan::open;
use crate::arguments::PlanningArguments;
use crate::error::{CommandError, Outcome};
use crate::session::Session;
use crate::view::graph::Graph;
use crate::wiring::bench::Access;
use crate::wiring::planning::Request;

/// A language for graphs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Graphviz
    Dot,
    /// Mermaid, which Git hosts draw in Markdown
    Mermaid,
}

/// `strata graph`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  strata graph | dot -Tsvg > graph.svg
  strata graph -format=mermaid")]
pub struct Arguments {
    /// The project's directory, or a Git URL
    #[arg(value_name = "DIR | URL")]
    pub target: Option<String>,
    /// What all planning commands take.
    #[command(flatten)]
    pub planning: PlanningArguments,
    /// The language of the graph
    #[arg(long, value_enum, default_value = "dot")]
    pub format: Format,
}

/// Runs the command.
///
/// # Errors
///
/// When no plan can be made.
pub async fn run(session: &Session, arguments: &Arguments) -> Result<Outcome, CommandError> {
    let bench = open(
        session,
        arguments.target.as_deref(),
        &arguments.planning,
        Access::Look,
    )
    .await?;
    let mut options = arguments.planning.options();
    // The picture is about what depends on what: nothing has to be read for it.
    options.refresh = options.mode == PlanMode::RefreshOnly;
    let planned = bench
        .plan(Request {
            options,
            parallelism: arguments.planning.parallelism,
            imports: BTreeMap::new(),
            record_unchanged: true,
            lock: None,
            reads_may_fail: false,
        })
        .await?;
    let graph = Graph::of(&planned.plan, &planned.snapshot.rows);
    let text = match arguments.format {
        Format::Dot => graph.dot(),
        Format::Mermaid => graph.mermaid(),
    };
    session.ui.print(&text);
    bench.close().await;
    Ok(Outcome::Done)
}
