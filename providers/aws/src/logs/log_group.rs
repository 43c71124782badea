//! `aws_cloudwatch_log_group`.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_cloudwatchlogs::types::{LogGroup as LiveGroup, LogGroupClass};
use futures::FutureExt;
use serde::{Deserialize, Serialize};
use strata_model::provider::{ProviderError, ProviderErrorKind};
use strata_model::schema::{Attribute, AttributeType, ResourceSchema, Schema};

use crate::change::Change;
use crate::checks::{Checks, Pattern};
use crate::cloud::{Cloud, at_once};
use crate::error::{Failure, found, send};
use crate::resource::{self, Found, Lost, ResourceType, Seen, Tagged, Target, Wanted};
use crate::step::{Progress, Step};
use crate::tags::{self, Difference, Goal, Tags};

/// For how many days events can be kept; 0 stands for ever.
const RETENTIONS: &[i64] = &[
    0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
];
const STANDARD: &str = "STANDARD";
/// After its group was deleted, a cluster has something to write within this time, in the cloud's time.
const WATCHED_FOR: Duration = Duration::from_secs(30);

/// `aws_cloudwatch_log_group`.
#[derive(Debug)]
pub(crate) struct LogGroups;

/// A log group. Its id is its name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct LogGroup {
    id: Option<String>,
    arn: Option<String>,
    name: String,
    log_group_class: String,
    retention_in_days: i32,
    kms_key_id: Option<String>,
    tags: Option<Tags>,
    tags_all: Option<Tags>,
}

impl Tagged for LogGroup {
    fn tags(&self) -> (Option<&Tags>, Option<&Tags>) {
        (self.tags.as_ref(), self.tags_all.as_ref())
    }
}

/// A group with its tags.
struct Live {
    group: LiveGroup,
    tags: Tags,
}

#[async_trait]
impl ResourceType for LogGroups {
    type Object = LogGroup;
    const NAME: &'static str = "aws_cloudwatch_log_group";
    const LISTED_WITHOUT_TAGS: bool = true;

    fn schema(&self) -> ResourceSchema {
        ResourceSchema {
            holds_data: true,
            ..resource::named(
                (Self::NAME, super::CONSISTENCY_WINDOW),
                attributes(),
                "Where logs are kept. The group of an EKS cluster, `/aws/eks/NAME/cluster`, is taken over where EKS made it first.",
            )
        }
    }

    fn validate(&self, checks: &mut Checks<'_>) {
        checks.text("name", |name| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/#".contains(c);
            let fits = (1..=512).contains(&name.len()) && name.chars().all(allowed);
            (!fits).then(|| {
                format!("must be 1 to 512 letters, digits and any of . _ - / #, not '{name}'.")
            })
        });
        checks.one_of("log_group_class", &[STANDARD, "INFREQUENT_ACCESS"]);
        checks.text("kms_key_id", |arn| Pattern::Arn.check(arn));
        let days = checks.known("retention_in_days");
        let days = days.and_then(strata_model::Value::as_i64);
        if days.is_some_and(|days| !RETENTIONS.contains(&days)) {
            let known: Vec<_> = RETENTIONS.iter().map(i64::to_string).collect();
            let message = format!("must be one of {}.", known.join(", "));
            checks.fault("retention_in_days", message);
        }
    }

    fn plan(&self, change: &mut Change<'_>) -> Result<(), ProviderError> {
        change.forget_missing(&["arn"]);
        change.id_is_name();
        Ok(())
    }

    /// One list for each place in which groups are wanted, and the tags of those of which the index tells others.
    async fn read(
        &self,
        cloud: &Cloud,
        wanted: &[Wanted<LogGroup>],
    ) -> Vec<Result<Option<Seen<LogGroup>>, Failure>> {
        let names = wanted.iter().map(|wanted| wanted.id.as_str());
        let lists = prefixes(names)
            .into_iter()
            .map(|(place, prefix)| async move { (place, list(cloud, prefix).await) }.boxed());
        let lists: BTreeMap<&str, _> = at_once(lists).await.into_iter().collect();
        let lists = &lists;
        resource::each(wanted, |wanted| async move {
            let group = match lists.get(place(&wanted.id)) {
                Some(Ok(groups)) => groups.get(&wanted.id),
                Some(Err(failure)) => return Err(failure.clone()),
                None => None,
            };
            let Some(group) = group else {
                return Ok(None);
            };
            let arn = arn_of(group);
            let live = match wanted.confirmed_tags(cloud, &arn).await {
                Some(tags) => Some(Live {
                    group: group.clone(),
                    tags,
                }),
                None => with_tags(cloud, group.clone()).await?,
            };
            Ok(live.map(|live| see(cloud, &live, wanted.recorded.as_ref())))
        })
        .await
    }

    async fn find(
        &self,
        cloud: &Cloud,
        lost: &Lost<LogGroup>,
    ) -> Result<Vec<Found<LogGroup>>, Failure> {
        let planned = &lost.planned;
        let found = get(cloud, &planned.name).await?.map(|live| Found {
            id: planned.name.clone(),
            ours: Some(tags::op_of(&live.tags) == Some(lost.op) || is_eks_own(&live, planned)),
            seen: see(cloud, &live, Some(planned)),
        });
        Ok(found.into_iter().collect())
    }

    async fn create(&self, step: &Step<'_>, planned: &LogGroup) -> Result<String, Failure> {
        let tags = step.create_tags(planned.tags.as_ref());
        let logs = &step.clients().await?.logs;
        let call = logs
            .create_log_group()
            .log_group_name(&planned.name)
            .log_group_class(LogGroupClass::from(planned.log_group_class.as_str()))
            .set_kms_key_id(planned.kms_key_id.clone())
            .set_tags(Some(tags.into_iter().collect()));
        step.change("CreateLogGroup", call.send()).await?;
        Ok(planned.name.clone())
    }

    async fn converge(
        &self,
        step: &Step<'_>,
        target: &Target<'_, LogGroup>,
    ) -> Result<LogGroup, Failure> {
        let (id, planned) = (target.id, target.planned);
        let what = format!("log group {id}");
        let look = || get(step.cloud, id);
        let live = step.until(&what, look, |_| true).await?;
        let wanted = match target.prior {
            // What EKS made gets the marks of what we make: then it is known again.
            None if tags::op_of(&live.tags).is_none() => Goal {
                tags: step.create_tags(planned.tags.as_ref()),
                ..Goal::default()
            },
            Some(_) | None => step.wanted_tags(planned.tags.as_ref()),
        };
        let mut changed = converge_tags(step, &live, &wanted).await?;
        changed |= converge_retention(step, id, (&live, planned)).await?;
        changed |= converge_key(step, id, (&live, planned)).await?;
        let is_settled = |live: &Live| {
            retention(live) == planned.retention_in_days
                && live.group.kms_key_id == planned.kms_key_id
                && Difference::between(&live.tags, &wanted).is_empty()
        };
        let settled = step
            .settled(&what, (live, changed), look, is_settled)
            .await?;
        Ok(see(step.cloud, &settled, Some(planned)).object)
    }

    /// A cluster that still has something to write makes its group again, without retention: that one goes too, once.
    async fn delete(&self, step: &Step<'_>, id: &str, _prior: &LogGroup) -> Result<(), Failure> {
        delete(step, id).await?;
        if cluster_of(id).is_some() && comes_back(step, id).await? {
            delete(step, id).await?;
        }
        Ok(())
    }
}

fn attributes() -> Schema {
    let text = || AttributeType::String;
    Schema::new([
        resource::id("Name of the group."),
        resource::arn(),
        (
            "name",
            Attribute::required(text(), "Name, unique in the account and region.").replaces(),
        ),
        (
            "log_group_class",
            Attribute::optional(text(), "`STANDARD` or `INFREQUENT_ACCESS`.")
                .default_value(STANDARD)
                .replaces(),
        ),
        (
            "retention_in_days",
            Attribute::optional(
                AttributeType::Number,
                "Days for which events are kept, such as 30; 0, the default, keeps them for ever.",
            )
            .default_value(0),
        ),
        (
            "kms_key_id",
            Attribute::optional(
                text(),
                "ARN of the key that encrypts new events. Its policy has to allow `logs.REGION.amazonaws.com` to use it.",
            ),
        ),
        tags::argument(),
        tags::all(),
    ])
}

/// The first two parts of a name's path, such as `/aws/eks/`.
fn place(name: &str) -> &str {
    let ends = name.match_indices('/').map(|(at, _)| at + 1);
    &name[..ends.take(3).last().unwrap_or(0)]
}

/// For each place the longest beginning that the names there share.
fn prefixes<'n>(names: impl Iterator<Item = &'n str>) -> BTreeMap<&'n str, &'n str> {
    let mut prefixes: BTreeMap<&str, &str> = BTreeMap::new();
    for name in names {
        let prefix = prefixes.entry(place(name)).or_insert(name);
        let same = prefix.chars().zip(name.chars()).take_while(|(a, b)| a == b);
        let length = same.map(|(c, _)| c.len_utf8()).sum();
        *prefix = &prefix[..length];
    }
    prefixes
}

/// The groups whose names begin with a text, by name, over all pages.
async fn list(cloud: &Cloud, prefix: &str) -> Result<BTreeMap<String, LiveGroup>, Failure> {
    let prefix = Some(prefix.to_owned()).filter(|prefix| !prefix.is_empty());
    let logs = &cloud.clients().await?.logs;
    let pages = logs
        .describe_log_groups()
        .set_log_group_name_prefix(prefix)
        .into_paginator()
        .items()
        .send();
    let groups = send("DescribeLogGroups", pages.collect::<Result<Vec<_>, _>>()).await?;
    let named = groups
        .into_iter()
        .filter_map(|group| Some((group.log_group_name.clone()?, group)));
    Ok(named.collect())
}

/// The ARN without the `:*` that stands for the streams.
fn arn_of(group: &LiveGroup) -> String {
    let arn = group.log_group_arn().or(group.arn()).unwrap_or_default();
    arn.trim_end_matches(":*").to_owned()
}

async fn with_tags(cloud: &Cloud, group: LiveGroup) -> Result<Option<Live>, Failure> {
    let logs = &cloud.clients().await?.logs;
    let call = logs.list_tags_for_resource().resource_arn(arn_of(&group));
    let answer = found(send("ListTagsForResource", call.send()).await)?;
    Ok(answer.map(|answer| Live {
        group,
        tags: answer.tags.unwrap_or_default().into_iter().collect(),
    }))
}

async fn get(cloud: &Cloud, name: &str) -> Result<Option<Live>, Failure> {
    match list(cloud, name).await?.remove(name) {
        Some(group) => with_tags(cloud, group).await,
        None => Ok(None),
    }
}

/// The cluster whose control plane writes to a group of this name.
fn cluster_of(name: &str) -> Option<&str> {
    let cluster = name.strip_prefix("/aws/eks/")?.strip_suffix("/cluster")?;
    Some(cluster).filter(|cluster| !cluster.is_empty() && !cluster.contains('/'))
}

/// Whether EKS made a group before its definition did, and it can become what is planned. EKS gives no tags.
fn is_eks_own(live: &Live, planned: &LogGroup) -> bool {
    let is_untouched = live.tags.is_empty() && live.group.kms_key_id().is_none();
    cluster_of(&planned.name).is_some()
        && is_untouched
        && class(&live.group) == planned.log_group_class
}

fn class(group: &LiveGroup) -> &str {
    group
        .log_group_class()
        .map_or(STANDARD, LogGroupClass::as_str)
}

fn retention(live: &Live) -> i32 {
    live.group.retention_in_days().unwrap_or_default()
}

async fn converge_tags(step: &Step<'_>, live: &Live, wanted: &Goal) -> Result<bool, Failure> {
    let arn = &arn_of(&live.group);
    let logs = &step.clients().await?.logs;
    let set = |tags: Tags| async {
        let call = logs.tag_resource().resource_arn(arn);
        let call = call.set_tags(Some(tags.into_iter().collect())).send();
        step.change("TagResource", call).await.map(drop)
    };
    let remove = |keys| async {
        let call = logs.untag_resource().resource_arn(arn);
        let call = call.set_tag_keys(Some(keys)).send();
        step.change("UntagResource", call).await.map(drop)
    };
    let difference = Difference::between(&live.tags, wanted);
    tags::converge(difference, set, remove).await
}

async fn converge_retention(
    step: &Step<'_>,
    id: &str,
    (live, planned): (&Live, &LogGroup),
) -> Result<bool, Failure> {
    if retention(live) == planned.retention_in_days {
        return Ok(false);
    }
    let logs = &step.clients().await?.logs;
    if planned.retention_in_days == 0 {
        let call = logs.delete_retention_policy().log_group_name(id);
        step.change("DeleteRetentionPolicy", call.send()).await?;
    } else {
        let call = logs
            .put_retention_policy()
            .log_group_name(id)
            .retention_in_days(planned.retention_in_days);
        step.change("PutRetentionPolicy", call.send()).await?;
    }
    Ok(true)
}

async fn converge_key(
    step: &Step<'_>,
    id: &str,
    (live, planned): (&Live, &LogGroup),
) -> Result<bool, Failure> {
    if live.group.kms_key_id == planned.kms_key_id {
        return Ok(false);
    }
    let logs = &step.clients().await?.logs;
    match &planned.kms_key_id {
        Some(key) => {
            let call = logs.associate_kms_key().log_group_name(id).kms_key_id(key);
            step.change("AssociateKmsKey", call.send()).await?;
        }
        None => {
            let call = logs.disassociate_kms_key().log_group_name(id);
            step.change("DisassociateKmsKey", call.send()).await?;
        }
    }
    Ok(true)
}

async fn exists(cloud: &Cloud, name: &str) -> Result<Option<()>, Failure> {
    Ok(list(cloud, name).await?.remove(name).map(drop))
}

async fn delete(step: &Step<'_>, id: &str) -> Result<(), Failure> {
    let logs = &step.clients().await?.logs;
    let call = logs.delete_log_group().log_group_name(id);
    found(step.change("DeleteLogGroup", call.send()).await)?;
    let what = format!("log group {id}");
    let look = || exists(step.cloud, id);
    step.until_gone(&what, Duration::from_secs(2), look).await
}

/// Watches whether a group that is gone is made again.
async fn comes_back(step: &Step<'_>, id: &str) -> Result<bool, Failure> {
    let end = step.cloud.clock().elapsed() + WATCHED_FOR;
    let look = || async move {
        if exists(step.cloud, id).await?.is_some() {
            return Ok(Progress::Done(true));
        }
        Ok(if step.cloud.clock().elapsed() >= end {
            Progress::Done(false)
        } else {
            Progress::Pending("gone; watched for what the cluster still writes".to_owned())
        })
    };
    let what = format!("log group {id}");
    let every = Duration::from_secs(10);
    match step.wait(&what, every, look).await {
        // It is gone; that there was no time left to watch is no failure of the delete.
        Err(failure) if failure.kind() == ProviderErrorKind::Timeout => Ok(false),
        watched => watched,
    }
}

/// What users see of a log group.
fn see(cloud: &Cloud, live: &Live, recorded: Option<&LogGroup>) -> Seen<LogGroup> {
    let own = recorded.map(|group| group.tags.as_ref());
    let tags = tags::seen_of(live.tags.clone(), cloud.default_tags(), own);
    let name = live.group.log_group_name().unwrap_or_default();
    let object = LogGroup {
        id: Some(name.to_owned()),
        arn: Some(arn_of(&live.group)),
        name: name.to_owned(),
        log_group_class: class(&live.group).to_owned(),
        retention_in_days: retention(live),
        kms_key_id: live.group.kms_key_id.clone(),
        tags: Some(tags.tags),
        tags_all: Some(tags.tags_all),
    };
    Seen::complete(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_place_share_a_list() {
        let names = [
            "/aws/eks/prod-eu/cluster",
            "/aws/eks/prod-us/cluster",
            "/aws/lambda/a",
            "plain",
        ];
        let expected = [
            ("", "plain"),
            ("/aws/eks/", "/aws/eks/prod-"),
            ("/aws/lambda/", "/aws/lambda/a"),
        ];
        assert_eq!(prefixes(names.into_iter()), expected.into());
        assert_eq!(prefixes(["ab", "xy"].into_iter()), [("", "")].into());
    }

    #[test]
    fn only_what_eks_makes_is_taken_over() {
        let live = |tags: &[(&str, &str)]| Live {
            group: LiveGroup::builder().build(),
            tags: tags
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
        };
        let planned = |name: &str| LogGroup {
            name: name.to_owned(),
            log_group_class: STANDARD.to_owned(),
            ..LogGroup::default()
        };
        assert!(is_eks_own(&live(&[]), &planned("/aws/eks/a/cluster")));
        assert!(!is_eks_own(
            &live(&[("a", "b")]),
            &planned("/aws/eks/a/cluster")
        ));
        assert!(!is_eks_own(&live(&[]), &planned("/aws/eks/a/b/cluster")));
        assert!(!is_eks_own(&live(&[]), &planned("/app/a")));
    }
}
