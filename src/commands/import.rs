//! `strata import`: takes an existing object into the state.

use clap::Args;
use strata_model::Address;
use strata_model::plan::PlanOptions;

use super::apply::{Fresh, apply_fresh, check_lock};
use super::plan::announce;
use crate::arguments::PlanningArguments;
use crate::error::{CommandError, Outcome};
use crate::session::Session;

/// `strata import`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  strata import aws_vpc.main vpc-0123456789abcdef0
  strata import 'cluster.eu.aws_subnet.private[\"eu-west-1a\"]' subnet-0123456789abcdef0

The address must be declared. Changes that the object needs to be as declared are left to the next apply.")]
pub struct Arguments {
    /// The address that takes the object
    #[arg(value_name = "ADDRESS")]
    pub address: String,
    /// The object's id
    #[arg(value_name = "ID")]
    pub id: String,
    /// What all planning commands take.
    #[command(flatten)]
    pub planning: PlanningArguments,
}

/// Runs the command.
///
/// # Errors
///
/// When there is no such object or address.
pub async fn run(session: &Session, arguments: Arguments) -> Result<Outcome, CommandError> {
    check_lock(&arguments.planning)?;
    let address = Address::parse(&arguments.address)
        .map_err(|error| CommandError::usage("the first argument is no address").because(error))?;
    if arguments.id.trim().is_empty() {
        return Err(CommandError::usage("the id of the object is empty"));
    }
    announce(session);
    let fresh = Fresh {
        target: None,
        planning: &arguments.planning,
        options: PlanOptions {
            targets: vec![address.to_string()],
            ..arguments.planning.options()
        },
        imports: [(address, arguments.id.clone())].into(),
        auto_approve: true,
    };
    apply_fresh(session, fresh).await
}
