//! Access to the clusters of a state: which they are, and what their providers give for them.

use std::sync::Arc;

use strata_core::apply::Connections;
use strata_language::suggest::nearest;
use strata_model::provider::ConnectContext;
use strata_model::state::{StateRow, StateSnapshot};
use strata_model::store::StateStore;
use strata_model::{Address, ClusterAccess};

use super::bench::snapshot;
use super::clouds::sandbox_endpoint;
use super::location::Location;
use super::project::Project;
use crate::error::{CommandError, ErrorKind};
use crate::session::Session;

/// A cluster of the state.
#[derive(Debug)]
pub struct Cluster {
    /// Where it is recorded.
    pub address: Address,
    /// Its id.
    pub id: String,
    /// How it is reached.
    pub access: Arc<dyn ClusterAccess>,
    /// The state that it is recorded in.
    pub location: Location,
}

/// Finds the one cluster at an address, or in the block, stack or cluster of that name. Makes no call.
///
/// # Errors
///
/// When the state cannot be read, has no such cluster or several, or when the one is not ready.
pub async fn find(session: &Session, named: &str) -> Result<Cluster, CommandError> {
    let location = Project::load_shallow(session)?.location(session)?;
    let Some(opened) = location.open_read(session).await? else {
        return Err(
            CommandError::new(ErrorKind::State, "the project has no state yet")
                .hint("`strata apply` makes the clusters, and records them there."),
        );
    };
    let snapshot = snapshot(session, &opened.store).await?;
    let context = ConnectContext {
        clock: session.clock.clone(),
        ids: session.ids.clone(),
        lineage: opened.store.lineage(),
        variables: Arc::new(session.environment.clone()),
        clusters: Arc::new(strata_model::NoClusters),
        conditions: Arc::new(strata_model::NoConditions),
        sandbox: sandbox_endpoint(session)?,
    };
    let connections = Connections::new(super::providers(), context);
    let clusters = clusters(&connections, &snapshot)?;
    let (row, access) = choose(clusters, named)?;
    let access = access.map_err(|error| {
        super::provider_error(format!("{} cannot be used yet", row.address()), error)
    })?;
    Ok(Cluster {
        address: row.address().clone(),
        id: row.id.clone().unwrap_or_default(),
        access,
        location,
    })
}

type Access = Result<Arc<dyn ClusterAccess>, strata_model::provider::ProviderError>;

/// All clusters of the state.
fn clusters<'s>(
    connections: &Connections,
    snapshot: &'s StateSnapshot,
) -> Result<Vec<(&'s StateRow, Access)>, CommandError> {
    let mut clusters = Vec::new();
    for row in snapshot.rows.values() {
        if row.key.deposed.is_some() || row.id.is_none() {
            continue;
        }
        let unusable =
            |error| super::provider_error(format!("cannot connect for {}", row.key), error);
        let connection = connections.get(&row.provider).map_err(unusable)?;
        let attributes = connections.attributes(row).map_err(unusable)?;
        match connection.cluster_access(&row.address().resource_type, &attributes) {
            Ok(None) => {}
            Ok(Some(access)) => clusters.push((row, Ok(access))),
            Err(error) => clusters.push((row, Err(error))),
        }
    }
    Ok(clusters)
}

fn choose<'s>(
    clusters: Vec<(&'s StateRow, Access)>,
    named: &str,
) -> Result<(&'s StateRow, Access), CommandError> {
    let all: Vec<String> = clusters
        .iter()
        .map(|(row, _)| row.address().to_string())
        .collect();
    let mut matching: Vec<_> = clusters
        .into_iter()
        .filter(|(row, _)| lies_below(row.address(), named))
        .collect();
    match matching.len() {
        1 => Ok(matching.remove(0)),
        0 => {
            let error = CommandError::failed(format!(
                "the state has no cluster at '{}'",
                named.escape_debug()
            ));
            let near = nearest(named, all.iter().map(String::as_str));
            Err(match near {
                Some(near) => error.hint(format!("Did you mean '{near}'?")),
                None if all.is_empty() => error.hint("It has no clusters at all."),
                None => error.hint(format!("Its clusters are {}.", all.join(", "))),
            })
        }
        _ => {
            let found: Vec<String> = matching
                .iter()
                .map(|(row, _)| row.address().to_string())
                .collect();
            Err(
                CommandError::failed(format!("'{}' holds several clusters", named.escape_debug()))
                    .hint(format!("Name one of {}.", found.join(", "))),
            )
        }
    }
}

/// Whether an address lies at or below what a text names: a scope, a block or an instance.
pub fn lies_below(address: &Address, named: &str) -> bool {
    let address = address.to_string();
    let rest = address.strip_prefix(named);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cover_what_lies_below() {
        let check = |address: &str, named: &str, expected: bool| {
            let parsed = Address::parse(address).unwrap();
            assert_eq!(lies_below(&parsed, named), expected, "{address} {named}");
        };
        check("cluster.eu.aws_vpc.main", "cluster.eu", true);
        check("cluster.eu2.aws_vpc.main", "cluster.eu", false);
        check("aws_vpc.main[0]", "aws_vpc.main", true);
        check("aws_vpc.main[0]", "aws_vpc.main[0]", true);
        check("aws_vpc.main2", "aws_vpc.main", false);
    }
}
