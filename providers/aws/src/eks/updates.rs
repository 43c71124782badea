//! Updates of clusters, node groups and add-ons: started by a call, waited for by their id.

use aws_sdk_eks::types::{ErrorCode, Update, UpdateStatus};
use strata_model::provider::ProviderErrorKind;

use crate::cloud::Cloud;
use crate::eks::CLUSTER_INTERVAL;
use crate::error::{Failure, found, send};
use crate::step::{Progress, Step};

/// What is updated: a cluster, or a part of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) cluster: &'a str,
    pub(crate) part: Part<'a>,
}

/// Which part of a cluster is updated.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part<'a> {
    /// The cluster itself.
    Cluster,
    NodeGroup(&'a str),
    Addon(&'a str),
}

impl Subject<'_> {
    fn name(&self) -> String {
        match self.part {
            Part::Cluster => format!("EKS cluster {}", self.cluster),
            Part::NodeGroup(name) => format!("node group {name} of {}", self.cluster),
            Part::Addon(name) => format!("add-on {name} of {}", self.cluster),
        }
    }

    fn node_group(&self) -> Option<String> {
        match self.part {
            Part::NodeGroup(name) => Some(name.to_owned()),
            Part::Cluster | Part::Addon(_) => None,
        }
    }

    fn addon(&self) -> Option<String> {
        match self.part {
            Part::Addon(name) => Some(name.to_owned()),
            Part::Cluster | Part::NodeGroup(_) => None,
        }
    }
}

/// Takes the answer of a call that starts an update, and waits until the update is over. An object that would not
/// change, as after a lost answer, is as wanted.
pub(crate) async fn finish(
    step: &Step<'_>,
    subject: Subject<'_>,
    started: Result<Option<Update>, Failure>,
) -> Result<(), Failure> {
    match started {
        Ok(Some(update)) => wait(step, subject, update.id()).await,
        Ok(None) => Ok(()),
        Err(failure) if failure.says_no_change() => Ok(()),
        Err(failure) => Err(failure),
    }
}

/// Waits for an update. The cluster's own status may say `ACTIVE` before it is over.
async fn wait(step: &Step<'_>, subject: Subject<'_>, id: Option<&str>) -> Result<(), Failure> {
    let Some(id) = id else {
        return Ok(());
    };
    let what = subject.name();
    let look = || async move {
        let Some(update) = describe(step.cloud, subject, id).await? else {
            return Ok(Progress::Pending(
                "the update is not visible yet".to_owned(),
            ));
        };
        match update.status() {
            Some(UpdateStatus::Successful) => Ok(Progress::Done(())),
            Some(UpdateStatus::Failed | UpdateStatus::Cancelled) => Err(failed(&update)),
            _ => Ok(Progress::Pending(format!("{} in progress", kind(&update)))),
        }
    };
    step.wait(&what, CLUSTER_INTERVAL, look).await
}

async fn describe(
    cloud: &Cloud,
    subject: Subject<'_>,
    id: &str,
) -> Result<Option<Update>, Failure> {
    let call = cloud
        .clients()
        .await?
        .eks
        .describe_update()
        .name(subject.cluster)
        .set_nodegroup_name(subject.node_group())
        .set_addon_name(subject.addon())
        .update_id(id);
    let answer = found(send("DescribeUpdate", call.send()).await)?;
    Ok(answer.and_then(|answer| answer.update))
}

/// Waits until no update of the subject is under way, whoever started it.
pub(crate) async fn settle(step: &Step<'_>, subject: Subject<'_>) -> Result<(), Failure> {
    let eks = &step.clients().await?.eks;
    let pages = eks
        .list_updates()
        .name(subject.cluster)
        .set_nodegroup_name(subject.node_group())
        .set_addon_name(subject.addon())
        .into_paginator()
        .items()
        .send();
    let ids = send("ListUpdates", pages.collect::<Result<Vec<_>, _>>()).await?;
    for id in ids {
        let update = describe(step.cloud, subject, &id).await?;
        if update.is_some_and(|update| update.status() == Some(&UpdateStatus::InProgress)) {
            // How it ends is seen in the object afterwards.
            match wait(step, subject, Some(&id)).await {
                Err(failure) if failure.kind() != ProviderErrorKind::Failed => return Err(failure),
                Ok(()) | Err(_) => {}
            }
        }
    }
    Ok(())
}

fn kind(update: &Update) -> String {
    update
        .r#type()
        .map_or_else(|| "an update".to_owned(), |kind| kind.as_str().to_owned())
}

fn failed(update: &Update) -> Failure {
    let errors = update.errors().iter().map(|error| {
        let code = error.error_code().map_or("Unknown", |code| code.as_str());
        super::issue(code, error.error_message(), error.resource_ids())
    });
    let errors: Vec<String> = errors.collect();
    let status = update.status().map_or("Failed", |status| status.as_str());
    let mut failure = Failure::refused(
        ProviderErrorKind::Failed,
        format!("{} ended as {status}: {}", kind(update), errors.join("; ")),
    );
    let mut codes = update
        .errors()
        .iter()
        .filter_map(|error| error.error_code());
    if codes.any(|code| *code == ErrorCode::PodEvictionFailure) {
        let hint = "Pods could not be moved from the old nodes in time: look which PodDisruptionBudgets allow no \
                    eviction, give them room, and run again.";
        failure.error.hint = Some(hint.to_owned());
    }
    failure
}
