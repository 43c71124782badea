//! `aws_iam_policy`.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_iam::types::{Policy as LivePolicy, PolicyScopeType, PolicyVersion};
use serde::{Deserialize, Serialize};
use strata_model::provider::ProviderError;
use strata_model::schema::{Attribute, AttributeType, ResourceSchema, Schema};

use crate::change::Change;
use crate::checks::{Checks, Pattern};
use crate::cloud::{Cloud, partition};
use crate::error::{Failure, found, no_id, send};
use crate::iam::{check_path, policy, tagging};
use crate::resource::{self, Found, Lost, ResourceType, Seen, Tagged, Target, Wanted};
use crate::step::Step;
use crate::tags::{self, Tags};

/// How many versions a policy can have.
const MOST_VERSIONS: usize = 5;

/// `aws_iam_policy`.
#[derive(Debug)]
pub(crate) struct Policies;

/// A policy of the account's own. Its id is its ARN.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Policy {
    id: Option<String>,
    arn: Option<String>,
    name: String,
    path: String,
    description: Option<String>,
    policy: String,
    policy_id: Option<String>,
    default_version: Option<String>,
    tags: Option<Tags>,
    tags_all: Option<Tags>,
}

impl Tagged for Policy {
    fn tags(&self) -> (Option<&Tags>, Option<&Tags>) {
        (self.tags.as_ref(), self.tags_all.as_ref())
    }
}

/// A policy with the document of its default version.
struct Live {
    policy: LivePolicy,
    document: String,
}

#[async_trait]
impl ResourceType for Policies {
    type Object = Policy;
    const NAME: &'static str = "aws_iam_policy";
    const LISTED_WITHOUT_TAGS: bool = true;

    fn schema(&self) -> ResourceSchema {
        let text = || AttributeType::String;
        let schema = Schema::new([
            resource::id("ARN of the policy."),
            resource::arn(),
            (
                "name",
                Attribute::required(text(), "Name, unique in the account.").replaces(),
            ),
            (
                "path",
                Attribute::optional(text(), "Path of the policy, such as `/teams/a/`.")
                    .default_value("/")
                    .replaces(),
            ),
            (
                "description",
                Attribute::optional(text(), "What the policy is for.").replaces(),
            ),
            (
                "policy",
                Attribute::required(
                    AttributeType::Json,
                    "The document. A change makes a new version of the policy, and the oldest goes where there are five.",
                ),
            ),
            (
                "policy_id",
                Attribute::computed(text(), "Id that no other policy ever has, such as `ANPA…`."),
            ),
            (
                "default_version",
                Attribute::computed(
                    text(),
                    "Id of the version in force, such as `v2`: its document is the policy's.",
                )
                .learned(),
            ),
            tags::argument(),
            tags::all(),
        ]);
        resource::named(
            (Self::NAME, super::CONSISTENCY_WINDOW),
            schema,
            "A policy that can be put on roles.",
        )
    }

    fn validate(&self, checks: &mut Checks<'_>) {
        checks.text("name", |name| Pattern::EntityName.check(name));
        check_path(checks);
        checks.text("policy", |text| Pattern::JsonObject.check(text));
        checks.text("description", |text| {
            (text.chars().count() > 1000)
                .then(|| "must be at most 1000 characters long.".to_owned())
        });
    }

    fn plan(&self, change: &mut Change<'_>) -> Result<(), ProviderError> {
        change.forget_missing(&["id", "arn", "policy_id"]);
        policy::keep_planned(change, "policy");
        if change.changes("policy") {
            change.forget("default_version");
        }
        Ok(())
    }

    /// One list in a refresh of several; a policy that neither it nor the index says to be as it is recorded is asked for.
    async fn read(
        &self,
        cloud: &Cloud,
        wanted: &[Wanted<Policy>],
    ) -> Vec<Result<Option<Seen<Policy>>, Failure>> {
        let listed = &tagging::listed(wanted, list(cloud)).await;
        resource::each(wanted, |wanted| async move {
            let listed = listed.as_ref().map_err(Clone::clone)?;
            let mut live = match listed.get(&wanted.id) {
                Some(listed) => as_recorded(cloud, wanted, listed).await?,
                None => None,
            };
            if live.is_none() {
                let recorded = wanted.recorded.as_ref().filter(|_| wanted.refresh);
                live = look(cloud, &wanted.id, recorded).await?;
            }
            Ok(live.map(|live| see(cloud, &live, wanted.recorded.as_ref())))
        })
        .await
    }

    /// The ARN of a policy follows from its name.
    async fn find(
        &self,
        cloud: &Cloud,
        lost: &Lost<Policy>,
    ) -> Result<Vec<Found<Policy>>, Failure> {
        let planned = &lost.planned;
        let partition = partition(cloud.region().await?).id;
        let account = cloud.account().await?;
        let arn = format!(
            "arn:{partition}:iam::{account}:policy{}{}",
            planned.path, planned.name
        );
        let found = get(cloud, &arn).await?.map(|live| Found {
            ours: Some(tagging::op_of(live.policy.tags()) == Some(lost.op)),
            seen: see(cloud, &live, Some(planned)),
            id: arn,
        });
        Ok(found.into_iter().collect())
    }

    async fn create(&self, step: &Step<'_>, planned: &Policy) -> Result<String, Failure> {
        let tags = tagging::sdk_tags(step.create_tags(planned.tags.as_ref()))?;
        let iam = &step.clients().await?.iam;
        let call = iam
            .create_policy()
            .policy_name(&planned.name)
            .path(&planned.path)
            .policy_document(&planned.policy)
            .set_description(planned.description.clone().filter(|text| !text.is_empty()))
            .set_tags(Some(tags));
        let made = step.change("CreatePolicy", call.send()).await?.policy;
        made.and_then(|made| made.arn)
            .ok_or_else(|| no_id("CreatePolicy"))
    }

    async fn converge(
        &self,
        step: &Step<'_>,
        target: &Target<'_, Policy>,
    ) -> Result<Policy, Failure> {
        let (id, planned) = (target.id, target.planned);
        let what = format!("IAM policy {id}");
        let read = || get(step.cloud, id);
        let live = step.until(&what, read, |_| true).await?;
        let mut changed = converge_tags(step, id, &live, planned).await?;
        if !has_document(&live, planned) {
            add_version(step, id, planned).await?;
            changed = true;
        }
        if !changed {
            return Ok(seen(step.cloud, &live, planned));
        }
        let is_settled = |live: &Live| {
            let tags = tagging::difference(step, live.policy.tags(), planned.tags.as_ref());
            has_document(live, planned) && tags.is_empty()
        };
        let settled = step.until(&what, read, is_settled).await?;
        Ok(seen(step.cloud, &settled, planned))
    }

    async fn delete(&self, step: &Step<'_>, id: &str, _prior: &Policy) -> Result<(), Failure> {
        let iam = &step.clients().await?.iam;
        let others = other_versions(step, id).await?;
        for version in others {
            delete_version(step, id, &version).await?;
        }
        let call = iam.delete_policy().policy_arn(id);
        found(step.change("DeletePolicy", call.send()).await)?;
        let what = format!("IAM policy {id}");
        step.until_gone(&what, Duration::from_secs(2), || get(step.cloud, id))
            .await
    }
}

impl Policy {
    /// Whether its document is that of the version in force. The document of a version never changes, and no later version
    /// gets its id.
    fn has_document_of(&self, live: &LivePolicy) -> bool {
        let same =
            |own: &Option<String>, live: Option<&str>| own.is_some() && own.as_deref() == live;
        // A secret document is not recorded.
        !self.policy.is_empty()
            && same(&self.policy_id, live.policy_id())
            && same(&self.default_version, live.default_version_id())
    }
}

/// The account's own policies, by ARN.
async fn list(cloud: &Cloud) -> Result<BTreeMap<String, LivePolicy>, Failure> {
    let iam = &cloud.clients().await?.iam;
    let pages = iam
        .list_policies()
        .scope(PolicyScopeType::Local)
        .max_items(tagging::PAGE)
        .into_paginator()
        .items()
        .send();
    let policies = send("ListPolicies", pages.collect::<Result<Vec<_>, _>>()).await?;
    Ok(policies
        .into_iter()
        .filter_map(|policy| Some((policy.arn.clone()?, policy)))
        .collect())
}

/// A listed policy whose document and tags are the recorded ones. The list leaves out the description, which a policy
/// keeps for life.
async fn as_recorded(
    cloud: &Cloud,
    wanted: &Wanted<Policy>,
    listed: &LivePolicy,
) -> Result<Option<Live>, Failure> {
    let recorded = wanted.recorded.as_ref();
    let Some(recorded) = recorded.filter(|recorded| recorded.has_document_of(listed)) else {
        return Ok(None);
    };
    let Some(tags) = wanted.confirmed_tags(cloud, &wanted.id).await else {
        return Ok(None);
    };
    let mut policy = listed.clone();
    policy.description.clone_from(&recorded.description);
    policy.tags = Some(tagging::sdk_tags(tags)?);
    let document = recorded.policy.clone();
    Ok(Some(Live { policy, document }))
}

/// A policy by its ARN, with its document.
async fn get(cloud: &Cloud, arn: &str) -> Result<Option<Live>, Failure> {
    look(cloud, arn, None).await
}

/// The same; a document that is recorded is not asked for while its version is in force.
async fn look(
    cloud: &Cloud,
    arn: &str,
    recorded: Option<&Policy>,
) -> Result<Option<Live>, Failure> {
    let iam = &cloud.clients().await?.iam;
    let call = iam.get_policy().policy_arn(arn);
    let answer = found(send("GetPolicy", call.send()).await)?;
    let Some(policy) = answer.and_then(|answer| answer.policy) else {
        return Ok(None);
    };
    if let Some(known) = recorded.filter(|recorded| recorded.has_document_of(&policy)) {
        let document = known.policy.clone();
        return Ok(Some(Live { policy, document }));
    }
    let call = iam
        .get_policy_version()
        .policy_arn(arn)
        .version_id(policy.default_version_id().unwrap_or("v1"));
    let answer = found(send("GetPolicyVersion", call.send()).await)?;
    let version = answer.and_then(|answer| answer.policy_version);
    let document = version.and_then(|version| version.document);
    Ok(document.map(|document| Live {
        policy,
        document: policy::decode(&document),
    }))
}

/// Makes a version, after the oldest where there is no room for one more.
async fn add_version(step: &Step<'_>, id: &str, planned: &Policy) -> Result<(), Failure> {
    let others = other_versions(step, id).await?;
    if others.len() + 1 >= MOST_VERSIONS
        && let Some(oldest) = others.first()
    {
        delete_version(step, id, oldest).await?;
    }
    let iam = &step.clients().await?.iam;
    let call = iam
        .create_policy_version()
        .policy_arn(id)
        .policy_document(&planned.policy)
        .set_as_default(true);
    step.change("CreatePolicyVersion", call.send()).await?;
    Ok(())
}

async fn delete_version(step: &Step<'_>, id: &str, version: &str) -> Result<(), Failure> {
    let iam = &step.clients().await?.iam;
    let call = iam
        .delete_policy_version()
        .policy_arn(id)
        .version_id(version);
    found(step.change("DeletePolicyVersion", call.send()).await)?;
    Ok(())
}

/// The versions that are not the default, from the oldest; none where there is no such policy.
async fn other_versions(step: &Step<'_>, id: &str) -> Result<Vec<String>, Failure> {
    let iam = &step.clients().await?.iam;
    let pages = iam
        .list_policy_versions()
        .policy_arn(id)
        .into_paginator()
        .items()
        .send();
    let list = send("ListPolicyVersions", pages.collect::<Result<Vec<_>, _>>()).await;
    let list = found(list)?.unwrap_or_default();
    let others = list.iter().filter(|version| !version.is_default_version);
    let mut numbered: Vec<(u64, String)> = others.filter_map(numbered).collect();
    numbered.sort_unstable();
    Ok(numbered.into_iter().map(|(_, id)| id).collect())
}

fn numbered(version: &PolicyVersion) -> Option<(u64, String)> {
    let id = version.version_id()?;
    let number = id.strip_prefix('v')?.parse().ok()?;
    Some((number, id.to_owned()))
}

async fn converge_tags(
    step: &Step<'_>,
    id: &str,
    live: &Live,
    planned: &Policy,
) -> Result<bool, Failure> {
    let difference = tagging::difference(step, live.policy.tags(), planned.tags.as_ref());
    let iam = &step.clients().await?.iam;
    let set = |tags| async {
        let call = iam.tag_policy().policy_arn(id).set_tags(Some(tags));
        step.change("TagPolicy", call.send()).await.map(drop)
    };
    let remove = |keys| async {
        let call = iam.untag_policy().policy_arn(id).set_tag_keys(Some(keys));
        step.change("UntagPolicy", call.send()).await.map(drop)
    };
    tagging::converge(difference, set, remove).await
}

/// Whether the document is as planned. Where the plan knows the version, the document is not to change: one that is
/// another all the same was changed by others since, or is one that IAM does not show everywhere yet, and a version made
/// over it would be one that nobody approved.
fn has_document(live: &Live, planned: &Policy) -> bool {
    planned.default_version.is_some() || policy::same(&live.document, &planned.policy)
}

/// A policy that is as planned. That another version is in force, as after changes by others, the next refresh tells.
fn seen(cloud: &Cloud, live: &Live, planned: &Policy) -> Policy {
    let mut seen = see(cloud, live, Some(planned)).object;
    if let Some(version) = &planned.default_version {
        seen.default_version = Some(version.clone());
        seen.policy.clone_from(&planned.policy);
    }
    seen
}

fn see(cloud: &Cloud, live: &Live, recorded: Option<&Policy>) -> Seen<Policy> {
    let own = recorded.map(|policy| policy.tags.as_ref());
    let tags = tagging::seen(cloud, live.policy.tags(), own);
    let document = live.document.clone();
    Seen {
        object: Policy {
            id: live.policy.arn.clone(),
            arn: live.policy.arn.clone(),
            name: live.policy.policy_name.clone().unwrap_or_default(),
            path: live.policy.path.clone().unwrap_or_default(),
            description: live.policy.description.clone(),
            policy: match recorded {
                Some(recorded) => policy::keep(&recorded.policy, document),
                None => document,
            },
            policy_id: live.policy.policy_id.clone(),
            default_version: live.policy.default_version_id.clone(),
            tags: Some(tags.tags),
            tags_all: Some(tags.tags_all),
        },
        incomplete: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_is_planned_to_stay_keeps_its_document() {
        let live = Live {
            policy: LivePolicy::builder().build(),
            document: r#"{"Statement":[]}"#.to_owned(),
        };
        let check = |version: Option<&str>, document: &str, expected: bool| {
            let planned = Policy {
                policy: document.to_owned(),
                default_version: version.map(str::to_owned),
                ..Policy::default()
            };
            assert_eq!(has_document(&live, &planned), expected, "{planned:?}");
        };
        check(None, r#"{"Statement":[]}"#, true);
        check(None, r#"{"Statement":[{}]}"#, false);
        check(Some("v1"), r#"{"Statement":[{}]}"#, true);
    }

    #[test]
    fn versions_are_in_the_order_of_their_numbers() {
        let version = |id: &str| PolicyVersion::builder().version_id(id).build();
        let mut all: Vec<_> = ["v10", "v9", "x"]
            .map(version)
            .iter()
            .filter_map(numbered)
            .collect();
        all.sort_unstable();
        assert_eq!(all, [(9, "v9".to_owned()), (10, "v10".to_owned())]);
    }
}
