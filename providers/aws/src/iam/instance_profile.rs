//! `aws_iam_instance_profile`.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_iam::types::InstanceProfile as LiveProfile;
use serde::{Deserialize, Serialize};
use strata_model::provider::ProviderError;
use strata_model::schema::{Attribute, AttributeType, ResourceSchema, Schema};

use crate::change::Change;
use crate::checks::{Checks, Pattern};
use crate::cloud::Cloud;
use crate::error::{Failure, found, send};
use crate::iam::role::Roles;
use crate::iam::{check_path, tagging};
use crate::resource::{self, Found, Lost, ResourceType, Seen, Tagged, Target, Wanted};
use crate::step::Step;
use crate::tags::{self, Tags};

/// `aws_iam_instance_profile`.
#[derive(Debug)]
pub(crate) struct InstanceProfiles;

/// A profile. Its id is its name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct InstanceProfile {
    id: Option<String>,
    arn: Option<String>,
    name: String,
    path: String,
    role: Option<String>,
    create_date: Option<String>,
    unique_id: Option<String>,
    tags: Option<Tags>,
    tags_all: Option<Tags>,
}

impl Tagged for InstanceProfile {
    fn tags(&self) -> (Option<&Tags>, Option<&Tags>) {
        (self.tags.as_ref(), self.tags_all.as_ref())
    }
}

#[async_trait]
impl ResourceType for InstanceProfiles {
    type Object = InstanceProfile;
    const NAME: &'static str = "aws_iam_instance_profile";
    const LISTED_WITHOUT_TAGS: bool = true;

    fn schema(&self) -> ResourceSchema {
        let text = || AttributeType::String;
        let schema = Schema::new([
            resource::id("Name of the profile."),
            resource::arn(),
            (
                "name",
                Attribute::required(text(), "Name, unique in the account.").replaces(),
            ),
            (
                "path",
                Attribute::optional(text(), "Path of the profile, such as `/teams/a/`.")
                    .default_value("/")
                    .replaces(),
            ),
            (
                "role",
                Attribute::optional(text(), "Name of the role that instances get.")
                    .names(Roles::NAME, "name"),
            ),
            (
                "create_date",
                Attribute::computed(text(), "When the profile was created."),
            ),
            (
                "unique_id",
                Attribute::computed(
                    text(),
                    "Id that no other profile ever has, such as `AIPA…`.",
                ),
            ),
            tags::argument(),
            tags::all(),
        ]);
        resource::named(
            (Self::NAME, super::CONSISTENCY_WINDOW),
            schema,
            "The form in which an EC2 instance gets a role.",
        )
    }

    fn validate(&self, checks: &mut Checks<'_>) {
        checks.text("name", |name| Pattern::EntityName.check(name));
        checks.text("role", |name| Pattern::RoleName.check(name));
        check_path(checks);
    }

    fn plan(&self, change: &mut Change<'_>) -> Result<(), ProviderError> {
        change.forget_missing(&["arn", "create_date", "unique_id"]);
        change.id_is_name();
        Ok(())
    }

    /// One list in a refresh of several; a profile that it leaves out, or whose tags the index does not say to be those
    /// that are recorded, is asked for.
    async fn read(
        &self,
        cloud: &Cloud,
        wanted: &[Wanted<InstanceProfile>],
    ) -> Vec<Result<Option<Seen<InstanceProfile>>, Failure>> {
        let listed = &tagging::listed(wanted, list(cloud)).await;
        resource::each(wanted, |wanted| async move {
            let listed = listed.as_ref().map_err(Clone::clone)?;
            let mut live = match listed.get(&wanted.id) {
                Some(listed) => as_recorded(cloud, wanted, listed).await?,
                None => None,
            };
            if live.is_none() {
                live = get(cloud, &wanted.id).await?;
            }
            Ok(live.map(|live| Seen::complete(see(cloud, &live, wanted.recorded.as_ref()))))
        })
        .await
    }

    async fn find(
        &self,
        cloud: &Cloud,
        lost: &Lost<InstanceProfile>,
    ) -> Result<Vec<Found<InstanceProfile>>, Failure> {
        let name = &lost.planned.name;
        let found = get(cloud, name).await?.map(|live| Found {
            id: name.clone(),
            ours: Some(tagging::op_of(live.tags()) == Some(lost.op)),
            seen: Seen::complete(see(cloud, &live, Some(&lost.planned))),
        });
        Ok(found.into_iter().collect())
    }

    async fn create(&self, step: &Step<'_>, planned: &InstanceProfile) -> Result<String, Failure> {
        let tags = tagging::sdk_tags(step.create_tags(planned.tags.as_ref()))?;
        let iam = &step.clients().await?.iam;
        let call = iam
            .create_instance_profile()
            .instance_profile_name(&planned.name)
            .path(&planned.path)
            .set_tags(Some(tags));
        step.change("CreateInstanceProfile", call.send()).await?;
        Ok(planned.name.clone())
    }

    async fn converge(
        &self,
        step: &Step<'_>,
        target: &Target<'_, InstanceProfile>,
    ) -> Result<InstanceProfile, Failure> {
        let (id, planned) = (target.id, target.planned);
        let what = format!("instance profile {id}");
        let look = || get(step.cloud, id);
        let live = step.until(&what, look, |_| true).await?;
        let mut changed = converge_tags(step, id, &live, planned).await?;
        if !is_same(&live, planned) {
            take_out(step, id, &live, planned.role.as_deref()).await?;
            put_in(step, id, &live, planned.role.as_deref()).await?;
            changed = true;
        }
        if !changed {
            return Ok(see(step.cloud, &live, Some(planned)));
        }
        let is_settled = |live: &LiveProfile| {
            let tags = tagging::difference(step, live.tags(), planned.tags.as_ref());
            is_same(live, planned) && tags.is_empty()
        };
        let settled = step.until(&what, look, is_settled).await?;
        Ok(see(step.cloud, &settled, Some(planned)))
    }

    async fn delete(
        &self,
        step: &Step<'_>,
        id: &str,
        _prior: &InstanceProfile,
    ) -> Result<(), Failure> {
        let Some(live) = get(step.cloud, id).await? else {
            return Ok(());
        };
        take_out(step, id, &live, None).await?;
        let iam = &step.clients().await?.iam;
        let call = iam.delete_instance_profile().instance_profile_name(id);
        found(step.change("DeleteInstanceProfile", call.send()).await)?;
        let what = format!("instance profile {id}");
        step.until_gone(&what, Duration::from_secs(2), || get(step.cloud, id))
            .await
    }
}

/// All profiles of the account, by name.
async fn list(cloud: &Cloud) -> Result<BTreeMap<String, LiveProfile>, Failure> {
    let iam = &cloud.clients().await?.iam;
    let pages = iam
        .list_instance_profiles()
        .max_items(tagging::PAGE)
        .into_paginator()
        .items()
        .send();
    let profiles = pages.collect::<Result<Vec<_>, _>>();
    let profiles = send("ListInstanceProfiles", profiles).await?;
    Ok(profiles
        .into_iter()
        .map(|profile| (profile.instance_profile_name.clone(), profile))
        .collect())
}

/// A listed profile that is the recorded one, with the recorded tags.
async fn as_recorded(
    cloud: &Cloud,
    wanted: &Wanted<InstanceProfile>,
    listed: &LiveProfile,
) -> Result<Option<LiveProfile>, Failure> {
    let recorded = wanted.recorded.as_ref();
    let recorded = recorded.and_then(|recorded| recorded.unique_id.as_deref());
    if recorded != Some(listed.instance_profile_id()) {
        return Ok(None);
    }
    let Some(tags) = wanted.confirmed_tags(cloud, listed.arn()).await else {
        return Ok(None);
    };
    let mut profile = listed.clone();
    profile.tags = Some(tagging::sdk_tags(tags)?);
    Ok(Some(profile))
}

async fn get(cloud: &Cloud, name: &str) -> Result<Option<LiveProfile>, Failure> {
    let iam = &cloud.clients().await?.iam;
    let call = iam.get_instance_profile().instance_profile_name(name);
    let answer = found(send("GetInstanceProfile", call.send()).await)?;
    Ok(answer.and_then(|answer| answer.instance_profile))
}

fn role_names(live: &LiveProfile) -> impl Iterator<Item = &str> {
    live.roles().iter().map(|role| role.role_name())
}

fn is_same(live: &LiveProfile, planned: &InstanceProfile) -> bool {
    role_names(live).eq(planned.role.as_deref())
}

/// Takes every role but one out of the profile: there is room for one only.
async fn take_out(
    step: &Step<'_>,
    id: &str,
    live: &LiveProfile,
    but: Option<&str>,
) -> Result<(), Failure> {
    let iam = &step.clients().await?.iam;
    for role in role_names(live).filter(|role| Some(*role) != but) {
        let call = iam
            .remove_role_from_instance_profile()
            .instance_profile_name(id)
            .role_name(role);
        found(
            step.change("RemoveRoleFromInstanceProfile", call.send())
                .await,
        )?;
    }
    Ok(())
}

async fn put_in(
    step: &Step<'_>,
    id: &str,
    live: &LiveProfile,
    role: Option<&str>,
) -> Result<(), Failure> {
    let missing = role.filter(|role| !role_names(live).any(|known| known == *role));
    let Some(role) = missing else {
        return Ok(());
    };
    let iam = &step.clients().await?.iam;
    let call = iam
        .add_role_to_instance_profile()
        .instance_profile_name(id)
        .role_name(role);
    step.change("AddRoleToInstanceProfile", call.send()).await?;
    Ok(())
}

async fn converge_tags(
    step: &Step<'_>,
    id: &str,
    live: &LiveProfile,
    planned: &InstanceProfile,
) -> Result<bool, Failure> {
    let difference = tagging::difference(step, live.tags(), planned.tags.as_ref());
    let iam = &step.clients().await?.iam;
    let set = |tags| async {
        let call = iam
            .tag_instance_profile()
            .instance_profile_name(id)
            .set_tags(Some(tags));
        step.change("TagInstanceProfile", call.send())
            .await
            .map(drop)
    };
    let remove = |keys| async {
        let call = iam
            .untag_instance_profile()
            .instance_profile_name(id)
            .set_tag_keys(Some(keys));
        step.change("UntagInstanceProfile", call.send())
            .await
            .map(drop)
    };
    tagging::converge(difference, set, remove).await
}

fn see(cloud: &Cloud, live: &LiveProfile, recorded: Option<&InstanceProfile>) -> InstanceProfile {
    let own = recorded.map(|profile| profile.tags.as_ref());
    let tags = tagging::seen(cloud, live.tags(), own);
    InstanceProfile {
        id: Some(live.instance_profile_name().to_owned()),
        arn: Some(live.arn().to_owned()),
        name: live.instance_profile_name().to_owned(),
        path: live.path().to_owned(),
        role: role_names(live).next().map(str::to_owned),
        create_date: Some(live.create_date().to_string()),
        unique_id: Some(live.instance_profile_id().to_owned()),
        tags: Some(tags.tags),
        tags_all: Some(tags.tags_all),
    }
}
