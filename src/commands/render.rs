//! `strata render`: the objects of layers, as apply would send them.

use clap::Args;
use strata_core::plan::LayerObject;
use strata_model::plan::PlanOptions;

use super::plan::open;
use crate::arguments::PlanningArguments;
use crate::error::{CommandError, Outcome};
use crate::session::Session;
use crate::view::manifest;
use crate::wiring::bench::Access;
use crate::wiring::planning::Request;

/// `strata render`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  strata render                                        every object of every layer
  strata render -target=cluster.prod.layer.platform    one layer
  strata render | kubectl apply --dry-run=client -f -  what another tool says of them

No cluster is asked, and none has to exist. Secret values are masked, and what only apply can know is said to be so.")]
pub struct Arguments {
    /// The project's directory, or a Git URL
    #[arg(value_name = "DIR | URL")]
    pub target: Option<String>,
    /// What all planning commands take.
    #[command(flatten)]
    pub planning: PlanningArguments,
}

/// Runs the command.
///
/// # Errors
///
/// When the definitions or the manifests do not allow it, or a target names no object of a layer.
pub async fn run(session: &Session, arguments: &Arguments) -> Result<Outcome, CommandError> {
    let planning = &arguments.planning;
    let bench = open(session, arguments.target.as_deref(), planning, Access::Look).await?;
    let objects = bench
        .layer_objects(Request::look(PlanOptions::default(), planning.parallelism))
        .await?;
    let shown = chosen(objects, &planning.targets.targets)?;
    session.ui.print(&manifest::objects(&shown));
    bench.close().await;
    Ok(Outcome::Done)
}

/// The objects that targets name, or all of them.
fn chosen(objects: Vec<LayerObject>, targets: &[String]) -> Result<Vec<LayerObject>, CommandError> {
    let is_in = |object: &LayerObject, target: &String| {
        let address = object.address.to_string();
        let rest = address.strip_prefix(target.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    for target in targets {
        if !objects.iter().any(|object| is_in(object, target)) {
            let message = format!("no object of a layer is named {target}");
            return Err(CommandError::usage(message)
                .hint("Name a layer, such as cluster.prod.layer.platform, or an object of it."));
        }
    }
    let mut objects = objects;
    objects
        .retain(|object| targets.is_empty() || targets.iter().any(|target| is_in(object, target)));
    Ok(objects)
}
