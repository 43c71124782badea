//! `aws_launch_template`.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_ec2::types::{
    Filter, LaunchTemplate as SdkTemplate, LaunchTemplateVersion as LiveVersion,
    ResourceType as TaggedType, Tag,
};
use serde::{Deserialize, Serialize};
use strata_model::provider::{OwnedObject, ProviderError};
use strata_model::schema::{Attribute, AttributeType, ResourceSchema, Schema};

use crate::change::Change;
use crate::checks::Checks;
use crate::cloud::Cloud;
use crate::ec2::launch_template_data::{self as data, Data};
use crate::ec2::listed::{self, Listed, Observed};
use crate::ec2::tagging;
use crate::error::{Failure, found, no_id, send};
use crate::resource::{self, Found, Lost, ResourceType, Seen, Target, Wanted};
use crate::step::Step;
use crate::tags::{self, Tags};

/// `aws_launch_template`.
#[derive(Debug)]
pub(crate) struct LaunchTemplates;

/// A launch template as EC2 tells it, with its latest version where that came along.
#[derive(Debug)]
pub(crate) struct LiveTemplate {
    template: SdkTemplate,
    latest: Option<LiveVersion>,
}

/// A launch template, as its latest version is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct LaunchTemplate {
    id: Option<String>,
    arn: Option<String>,
    name: String,
    description: Option<String>,
    update_default_version: bool,
    default_version: Option<i64>,
    latest_version: Option<i64>,
    #[serde(flatten)]
    data: Data,
    tags: Option<Tags>,
    tags_all: Option<Tags>,
}

#[async_trait]
impl ResourceType for LaunchTemplates {
    type Object = LaunchTemplate;
    const NAME: &'static str = "aws_launch_template";
    const TAGGED_AS: Option<&'static str> = Some("launch-template");

    fn schema(&self) -> ResourceSchema {
        ResourceSchema {
            unique_name: Some("name"),
            ..super::managed(
                Self::NAME,
                attributes(),
                "What EC2 instances are like. A change makes a new version; the versions before it stay.",
            )
        }
    }

    fn validate(&self, checks: &mut Checks<'_>) {
        checks.text("name", |name| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || "().-/_".contains(c);
            let fits = (3..=128).contains(&name.len()) && name.chars().all(allowed);
            (!fits).then(|| {
                format!("must be 3 to 128 letters, digits and any of ( ) . - / _, not '{name}'.")
            })
        });
        data::validate(checks);
    }

    fn plan(&self, change: &mut Change<'_>) -> Result<(), ProviderError> {
        change.forget_missing(&["id", "arn", "latest_version", "default_version"]);
        let mut content = data::NAMES.iter().chain(&["description"]);
        let is_new = content.any(|path| change.changes(path));
        if is_new {
            change.forget("latest_version");
        }
        let follows = change.planned().get("update_default_version");
        let follows = follows.is_some_and(|on| on.as_bool() != Some(false));
        if follows && (is_new || change.changes("update_default_version")) {
            change.forget("default_version");
        }
        Ok(())
    }

    async fn read(
        &self,
        cloud: &Cloud,
        wanted: &[Wanted<LaunchTemplate>],
    ) -> Vec<Result<Option<Seen<LaunchTemplate>>, Failure>> {
        listed::read(self, cloud, wanted).await
    }

    async fn find(
        &self,
        cloud: &Cloud,
        lost: &Lost<LaunchTemplate>,
    ) -> Result<Vec<Found<LaunchTemplate>>, Failure> {
        listed::find(self, cloud, lost).await
    }

    async fn create(&self, step: &Step<'_>, planned: &LaunchTemplate) -> Result<String, Failure> {
        let tags = tagging::specification(step, TaggedType::LaunchTemplate, planned.tags.as_ref());
        let ec2 = &step.clients().await?.ec2;
        let call = ec2
            .create_launch_template()
            .launch_template_name(&planned.name)
            .set_version_description(described(planned))
            .launch_template_data(planned.data.request())
            .client_token(step.op.to_string())
            .tag_specifications(tags);
        let made = step.change("CreateLaunchTemplate", call.send()).await?;
        let id = made
            .launch_template
            .and_then(|made| made.launch_template_id);
        id.ok_or_else(|| no_id("CreateLaunchTemplate"))
    }

    async fn converge(
        &self,
        step: &Step<'_>,
        target: &Target<'_, LaunchTemplate>,
    ) -> Result<LaunchTemplate, Failure> {
        let (id, planned) = (target.id, target.planned);
        let what = format!("launch template {id}");
        let look = || listed::observe(self, step.cloud, id, planned);
        let now = step.until(&what, look, |_| true).await?;
        let difference = tagging::difference(step, now.live.template.tags(), planned.tags.as_ref());
        let mut changed = tagging::converge(step, id, difference).await?;
        let mut latest = now.object.latest_version;
        if !is_same(&now.object, planned) {
            latest = Some(add_version(step, id, planned).await?);
            changed = true;
        }
        if planned.update_default_version && now.object.default_version != latest {
            set_default(step, id, latest).await?;
            changed = true;
        }
        if !changed {
            return Ok(now.object);
        }
        let is_settled = |now: &Observed<Self>| {
            let tags = tagging::difference(step, now.live.template.tags(), planned.tags.as_ref());
            let object = &now.object;
            let follows = !planned.update_default_version || object.default_version == latest;
            is_same(object, planned) && follows && tags.is_empty()
        };
        Ok(step.until(&what, look, is_settled).await?.object)
    }

    async fn delete(
        &self,
        step: &Step<'_>,
        id: &str,
        _prior: &LaunchTemplate,
    ) -> Result<(), Failure> {
        let ec2 = &step.clients().await?.ec2;
        let call = ec2.delete_launch_template().launch_template_id(id);
        found(step.change("DeleteLaunchTemplate", call.send()).await)?;
        listed::until_gone(self, step, id).await
    }

    async fn owned(&self, cloud: &Cloud) -> Result<Vec<OwnedObject>, Failure> {
        listed::owned(self, cloud).await
    }
}

fn attributes() -> Schema {
    let text = || AttributeType::String;
    let number = || AttributeType::Number;
    let [
        block_device_mappings,
        ebs_optimized,
        iam_instance_profile,
        image_id,
        instance_type,
        key_name,
        metadata_options,
        monitoring,
        tag_specifications,
        user_data,
        vpc_security_group_ids,
    ] = data::attributes();
    Schema::new([
        resource::id("Id of the template, such as `lt-0123456789abcdef0`."),
        resource::arn(),
        (
            "name",
            Attribute::required(text(), "Name, unique in the region.").replaces(),
        ),
        (
            "description",
            Attribute::optional(text(), "What is said of the version."),
        ),
        (
            "update_default_version",
            Attribute::optional(
                AttributeType::Bool,
                "Whether the latest version is made the default one.",
            )
            .default_value(false),
        ),
        (
            "default_version",
            Attribute::computed(number(), "Number of the default version."),
        ),
        (
            "latest_version",
            Attribute::computed(number(), "Number of the latest version."),
        ),
        block_device_mappings,
        ebs_optimized,
        iam_instance_profile,
        image_id,
        instance_type,
        key_name,
        metadata_options,
        monitoring,
        tag_specifications,
        user_data,
        vpc_security_group_ids,
        tags::argument(),
        tags::all(),
    ])
}

fn described(template: &LaunchTemplate) -> Option<String> {
    template.description.clone().filter(|text| !text.is_empty())
}

fn is_same(now: &LaunchTemplate, planned: &LaunchTemplate) -> bool {
    described(now) == described(planned) && now.data.plain() == planned.data.plain()
}

/// Makes a version. The same op has the same token, so that sending it again makes no second one.
async fn add_version(step: &Step<'_>, id: &str, planned: &LaunchTemplate) -> Result<i64, Failure> {
    let ec2 = &step.clients().await?.ec2;
    let call = ec2
        .create_launch_template_version()
        .launch_template_id(id)
        .set_version_description(described(planned))
        .launch_template_data(planned.data.request())
        .client_token(step.op.to_string());
    let operation = "CreateLaunchTemplateVersion";
    let made = step.change(operation, call.send()).await?;
    let version = made.launch_template_version;
    version
        .and_then(|version| version.version_number)
        .ok_or_else(|| no_id(operation))
}

async fn set_default(step: &Step<'_>, id: &str, version: Option<i64>) -> Result<(), Failure> {
    let ec2 = &step.clients().await?.ec2;
    let call = ec2
        .modify_launch_template()
        .launch_template_id(id)
        .set_default_version(version.map(|version| version.to_string()));
    step.change("ModifyLaunchTemplate", call.send()).await?;
    Ok(())
}

/// The latest version; `None` where the template went in between.
async fn latest(cloud: &Cloud, id: &str) -> Result<Option<LiveVersion>, Failure> {
    let ec2 = &cloud.clients().await?.ec2;
    let call = ec2
        .describe_launch_template_versions()
        .launch_template_id(id)
        .versions("$Latest");
    let answer = found(send("DescribeLaunchTemplateVersions", call.send()).await)?;
    let versions = answer.and_then(|answer| answer.launch_template_versions);
    Ok(versions.unwrap_or_default().pop())
}

/// The latest versions of all templates, by the ids of these.
async fn all_latest(cloud: &Cloud) -> Result<BTreeMap<String, LiveVersion>, Failure> {
    let ec2 = &cloud.clients().await?.ec2;
    let call = ec2.describe_launch_template_versions().versions("$Latest");
    let pages = call.into_paginator().items().send();
    let pages = pages.collect::<Result<Vec<_>, _>>();
    let versions = send("DescribeLaunchTemplateVersions", pages).await?;
    let with_ids = versions
        .into_iter()
        .filter_map(|version| Some((version.launch_template_id.clone()?, version)));
    Ok(with_ids.collect())
}

/// Adds what several templates say by one list; what a single one says is asked for by its id.
async fn with_versions(
    cloud: &Cloud,
    list: Vec<SdkTemplate>,
) -> Result<Vec<LiveTemplate>, Failure> {
    let mut versions = match list.len() {
        0 | 1 => BTreeMap::new(),
        _ => all_latest(cloud).await?,
    };
    let live = list.into_iter().map(|template| LiveTemplate {
        // A version that the list of templates does not know yet is asked for again.
        latest: versions
            .remove(template.launch_template_id().unwrap_or_default())
            .filter(|version| version.version_number == template.latest_version_number),
        template,
    });
    Ok(live.collect())
}

#[async_trait]
impl Listed for LaunchTemplates {
    type Live = LiveTemplate;
    /// The call has no such filter: one id is asked for, several are picked from the list here.
    const ID_FILTER: &'static str = "launch-template-id";

    async fn describe(&self, cloud: &Cloud, filter: Filter) -> Result<Vec<LiveTemplate>, Failure> {
        let is_by_id = filter.name() == Some(Self::ID_FILTER);
        let ids = filter.values();
        let ec2 = &cloud.clients().await?.ec2;
        let call = ec2.describe_launch_templates();
        let operation = "DescribeLaunchTemplates";
        if let (true, [id]) = (is_by_id, ids) {
            let answer = found(send(operation, call.launch_template_ids(id).send()).await)?;
            let list = answer.and_then(|answer| answer.launch_templates);
            return with_versions(cloud, list.unwrap_or_default()).await;
        }
        let filters = (!is_by_id).then(|| vec![filter.clone()]);
        let pages = call.set_filters(filters).into_paginator().items().send();
        let list = send(operation, pages.collect::<Result<Vec<_>, _>>()).await?;
        let wanted = |template: &SdkTemplate| {
            let id = template.launch_template_id().unwrap_or_default();
            !is_by_id || ids.iter().any(|wanted| wanted == id)
        };
        with_versions(cloud, list.into_iter().filter(wanted).collect()).await
    }

    fn identity(live: &LiveTemplate) -> (&str, &[Tag]) {
        let template = &live.template;
        (
            template.launch_template_id().unwrap_or_default(),
            template.tags(),
        )
    }

    async fn complete(
        &self,
        cloud: &Cloud,
        live: &LiveTemplate,
        recorded: Option<&LaunchTemplate>,
    ) -> Result<Option<Seen<LaunchTemplate>>, Failure> {
        let (id, tags) = Self::identity(live);
        let version = match &live.latest {
            Some(version) => version.clone(),
            None => match latest(cloud, id).await? {
                Some(version) => version,
                None => return Ok(None),
            },
        };
        let own = recorded.map(|template| template.tags.as_ref());
        let tags = listed::seen_tags(cloud, tags, own);
        let owner = cloud.account().await?;
        Ok(Some(Seen {
            object: LaunchTemplate {
                id: Some(id.to_owned()),
                arn: Some(super::arn(cloud, owner, "launch-template", id).await?),
                name: live
                    .template
                    .launch_template_name
                    .clone()
                    .unwrap_or_default(),
                description: version.version_description.clone(),
                update_default_version: recorded
                    .is_some_and(|template| template.update_default_version),
                default_version: live.template.default_version_number(),
                latest_version: live.template.latest_version_number(),
                data: version
                    .launch_template_data()
                    .map(Data::read)
                    .unwrap_or_default(),
                tags: Some(tags.tags),
                tags_all: Some(tags.tags_all),
            },
            incomplete: false,
        }))
    }
}
