//! `aws_iam_role`.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_iam::types::Role as LiveRole;
use serde::{Deserialize, Serialize};
use strata_model::provider::{ProviderError, ProviderErrorKind};
use strata_model::schema::{Attribute, AttributeType, ResourceSchema, Schema};

use crate::change::Change;
use crate::checks::{Checks, Pattern};
use crate::cloud::Cloud;
use crate::error::{Failure, found, send};
use crate::iam::{check_path, policy, tagging};
use crate::resource::{self, Found, Lost, ResourceType, Seen, Target, Wanted};
use crate::step::Step;
use crate::tags::{self, Tags};

/// `aws_iam_role`.
#[derive(Debug)]
pub(crate) struct Roles;

/// A role. Its id is its name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Role {
    id: Option<String>,
    arn: Option<String>,
    name: String,
    path: String,
    description: Option<String>,
    assume_role_policy: String,
    max_session_duration: i32,
    permissions_boundary: Option<String>,
    force_detach_policies: bool,
    create_date: Option<String>,
    unique_id: Option<String>,
    tags: Option<Tags>,
    tags_all: Option<Tags>,
}

#[async_trait]
impl ResourceType for Roles {
    type Object = Role;
    const NAME: &'static str = "aws_iam_role";

    fn schema(&self) -> ResourceSchema {
        let text = || AttributeType::String;
        let schema = Schema::new([
            resource::id("Name of the role."),
            resource::arn(),
            ("name", Attribute::required(text(), "Name, unique in the account.").replaces()),
            (
                "path",
                Attribute::optional(text(), "Path of the role, such as `/teams/a/`.").default_value("/").replaces(),
            ),
            ("description", Attribute::optional(text(), "What the role is for.")),
            (
                "assume_role_policy",
                Attribute::required(AttributeType::Json, "Policy that says who may take the role on."),
            ),
            (
                "max_session_duration",
                Attribute::optional(AttributeType::Number, "Longest session, in seconds, from 3600 to 43200.")
                    .default_value(3600),
            ),
            (
                "permissions_boundary",
                Attribute::optional(text(), "ARN of the policy that bounds the role's permissions."),
            ),
            (
                "force_detach_policies",
                Attribute::optional(AttributeType::Bool, "Whether policies that others attached are detached before the role is deleted.")
                    .default_value(false),
            ),
            ("create_date", Attribute::computed(text(), "When the role was created.")),
            ("unique_id", Attribute::computed(text(), "Id that no other role ever has, such as `AROA…`.")),
            tags::argument(),
            tags::all(),
        ]);
        resource::named(
            (Self::NAME, super::CONSISTENCY_WINDOW),
            schema,
            "A role that services and people take on.",
        )
    }

    fn validate(&self, checks: &mut Checks<'_>) {
        checks.text("name", |name| Pattern::RoleName.check(name));
        check_path(checks);
        checks.text("assume_role_policy", |text| Pattern::JsonObject.check(text));
        checks.text("permissions_boundary", |arn| Pattern::Arn.check(arn));
        checks.range("max_session_duration", 3600, 43200);
        checks.text("description", |text| {
            (text.chars().count() > 1000)
                .then(|| "must be at most 1000 characters long.".to_owned())
        });
    }

    fn plan(&self, change: &mut Change<'_>) -> Result<(), ProviderError> {
        change.forget_missing(&["id", "arn", "create_date", "unique_id"]);
        change.id_is_name();
        policy::keep_planned(change, "assume_role_policy");
        Ok(())
    }

    async fn read(
        &self,
        cloud: &Cloud,
        wanted: &[Wanted<Role>],
    ) -> Vec<Result<Option<Seen<Role>>, Failure>> {
        resource::each(wanted, |wanted| async move {
            let live = get(cloud, &wanted.id).await?;
            Ok(live.map(|live| Seen::complete(role(cloud, &live, wanted.recorded.as_ref()))))
        })
        .await
    }

    async fn find(&self, cloud: &Cloud, lost: &Lost<Role>) -> Result<Vec<Found<Role>>, Failure> {
        let name = &lost.planned.name;
        let found = get(cloud, name).await?.map(|live| Found {
            id: name.clone(),
            ours: Some(tagging::op_of(live.tags()) == Some(lost.op)),
            seen: Seen::complete(role(cloud, &live, Some(&lost.planned))),
        });
        Ok(found.into_iter().collect())
    }

    async fn create(&self, step: &Step<'_>, planned: &Role) -> Result<String, Failure> {
        let tags = tagging::sdk_tags(step.create_tags(planned.tags.as_ref()))?;
        let call = step
            .clients()
            .await?
            .iam
            .create_role()
            .role_name(&planned.name)
            .path(&planned.path)
            .assume_role_policy_document(&planned.assume_role_policy)
            .set_description(planned.description.clone().filter(|text| !text.is_empty()))
            .max_session_duration(planned.max_session_duration)
            .set_permissions_boundary(planned.permissions_boundary.clone())
            .set_tags(Some(tags));
        step.change("CreateRole", call.send()).await?;
        Ok(planned.name.clone())
    }

    async fn converge(&self, step: &Step<'_>, target: &Target<'_, Role>) -> Result<Role, Failure> {
        let (id, planned) = (target.id, target.planned);
        let what = format!("IAM role {id}");
        let look = || get(step.cloud, id);
        let live = step.until(&what, look, |_| true).await?;
        let now = role(step.cloud, &live, Some(planned));
        let mut changed = converge_tags(step, id, &live, planned).await?;
        changed |= converge_policies(step, id, (&now, planned)).await?;
        changed |= converge_texts(step, id, (&now, planned)).await?;
        let is_settled = |live: &LiveRole| is_as_planned(step, live, planned);
        let settled = step
            .settled(&what, (live, changed), look, is_settled)
            .await?;
        Ok(role(step.cloud, &settled, Some(planned)))
    }

    async fn delete(&self, step: &Step<'_>, id: &str, prior: &Role) -> Result<(), Failure> {
        let iam = &step.clients().await?.iam;
        if prior.force_detach_policies {
            detach_all(step, id).await?;
        }
        let call = iam.delete_role().role_name(id);
        if let Err(refused) = found(step.change("DeleteRole", call.send()).await) {
            return Err(explained(step.cloud, id, refused).await);
        }
        let what = format!("IAM role {id}");
        step.until_gone(&what, Duration::from_secs(2), || get(step.cloud, id))
            .await
    }
}

/// A refusal to delete a role, with what it still has, where that can be seen.
async fn explained(cloud: &Cloud, id: &str, mut refused: Failure) -> Failure {
    if refused.kind() != ProviderErrorKind::Dependency {
        return refused;
    }
    let mut held: Vec<String> = super::role_policy_attachment::attached(cloud, id)
        .await
        .ok()
        .flatten()
        .into_iter()
        .flatten()
        .map(|arn| format!("policy {arn}"))
        .collect();
    held.extend(profiles(cloud, id).await.unwrap_or_default());
    if !held.is_empty() {
        let message = refused.error.message.trim_end_matches('.');
        refused.error.message = format!("{message}. It still has: {}.", held.join(", "));
    }
    refused
}

/// The instance profiles that a role is in, for people.
async fn profiles(cloud: &Cloud, id: &str) -> Result<Vec<String>, Failure> {
    let call = cloud
        .clients()
        .await?
        .iam
        .list_instance_profiles_for_role()
        .role_name(id);
    let answer = send("ListInstanceProfilesForRole", call.send()).await?;
    let profiles = answer.instance_profiles().iter();
    Ok(profiles
        .map(|profile| format!("instance profile {}", profile.instance_profile_name()))
        .collect())
}

/// A role by its name.
async fn get(cloud: &Cloud, name: &str) -> Result<Option<LiveRole>, Failure> {
    let call = cloud.clients().await?.iam.get_role().role_name(name);
    let answer = found(send("GetRole", call.send()).await)?;
    Ok(answer.and_then(|answer| answer.role))
}

fn role(cloud: &Cloud, live: &LiveRole, recorded: Option<&Role>) -> Role {
    let own = recorded.map(|role| role.tags.as_ref());
    let tags = tagging::seen(cloud, live.tags(), own);
    let document = policy::decode(live.assume_role_policy_document().unwrap_or_default());
    let boundary = live.permissions_boundary();
    Role {
        id: Some(live.role_name().to_owned()),
        arn: Some(live.arn().to_owned()),
        name: live.role_name().to_owned(),
        path: live.path().to_owned(),
        description: live.description.clone(),
        assume_role_policy: match recorded {
            Some(recorded) => policy::keep(&recorded.assume_role_policy, document),
            None => document,
        },
        max_session_duration: live.max_session_duration().unwrap_or(3600),
        permissions_boundary: boundary
            .and_then(|boundary| boundary.permissions_boundary_arn.clone()),
        force_detach_policies: recorded.is_some_and(|role| role.force_detach_policies),
        create_date: Some(live.create_date().to_string()),
        unique_id: Some(live.role_id().to_owned()),
        tags: Some(tags.tags),
        tags_all: Some(tags.tags_all),
    }
}

fn same_texts(now: &Role, planned: &Role) -> bool {
    now.description.as_deref().unwrap_or_default()
        == planned.description.as_deref().unwrap_or_default()
        && now.max_session_duration == planned.max_session_duration
}

fn is_as_planned(step: &Step<'_>, live: &LiveRole, planned: &Role) -> bool {
    let now = role(step.cloud, live, Some(planned));
    same_texts(&now, planned)
        && policy::same(&now.assume_role_policy, &planned.assume_role_policy)
        && now.permissions_boundary == planned.permissions_boundary
        && tagging::difference(step, live.tags(), planned.tags.as_ref()).is_empty()
}

async fn converge_tags(
    step: &Step<'_>,
    id: &str,
    live: &LiveRole,
    planned: &Role,
) -> Result<bool, Failure> {
    let difference = tagging::difference(step, live.tags(), planned.tags.as_ref());
    let iam = &step.clients().await?.iam;
    let set = |tags| async {
        let call = iam.tag_role().role_name(id).set_tags(Some(tags));
        step.change("TagRole", call.send()).await.map(drop)
    };
    let remove = |keys| async {
        let call = iam.untag_role().role_name(id).set_tag_keys(Some(keys));
        step.change("UntagRole", call.send()).await.map(drop)
    };
    tagging::converge(difference, set, remove).await
}

async fn converge_policies(
    step: &Step<'_>,
    id: &str,
    (now, planned): (&Role, &Role),
) -> Result<bool, Failure> {
    let iam = &step.clients().await?.iam;
    let mut changed = false;
    if !policy::same(&now.assume_role_policy, &planned.assume_role_policy) {
        let call = iam
            .update_assume_role_policy()
            .role_name(id)
            .policy_document(&planned.assume_role_policy);
        step.change("UpdateAssumeRolePolicy", call.send()).await?;
        changed = true;
    }
    if now.permissions_boundary != planned.permissions_boundary {
        match &planned.permissions_boundary {
            Some(arn) => {
                let call = iam
                    .put_role_permissions_boundary()
                    .role_name(id)
                    .permissions_boundary(arn);
                step.change("PutRolePermissionsBoundary", call.send())
                    .await?;
            }
            None => {
                let call = iam.delete_role_permissions_boundary().role_name(id);
                found(
                    step.change("DeleteRolePermissionsBoundary", call.send())
                        .await,
                )?;
            }
        }
        changed = true;
    }
    Ok(changed)
}

async fn converge_texts(
    step: &Step<'_>,
    id: &str,
    (now, planned): (&Role, &Role),
) -> Result<bool, Failure> {
    if same_texts(now, planned) {
        return Ok(false);
    }
    let iam = &step.clients().await?.iam;
    let call = iam
        .update_role()
        .role_name(id)
        .description(planned.description.as_deref().unwrap_or_default())
        .max_session_duration(planned.max_session_duration);
    step.change("UpdateRole", call.send()).await?;
    Ok(true)
}

/// Removes every policy from a role, its own and those of others.
async fn detach_all(step: &Step<'_>, id: &str) -> Result<(), Failure> {
    let iam = &step.clients().await?.iam;
    let Some(attached) = super::role_policy_attachment::attached(step.cloud, id).await? else {
        return Ok(());
    };
    for arn in attached {
        let call = iam.detach_role_policy().role_name(id).policy_arn(arn);
        found(step.change("DetachRolePolicy", call.send()).await)?;
    }
    let pages = iam
        .list_role_policies()
        .role_name(id)
        .into_paginator()
        .items()
        .send();
    let names = send("ListRolePolicies", pages.collect::<Result<Vec<_>, _>>()).await;
    for name in found(names)?.unwrap_or_default() {
        let call = iam.delete_role_policy().role_name(id).policy_name(name);
        found(step.change("DeleteRolePolicy", call.send()).await)?;
    }
    Ok(())
}
