//! `aws_security_group`, with its rules.

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_sdk_ec2::types::{Filter, ResourceType as TaggedType, SecurityGroup as LiveGroup, Tag};
use serde::{Deserialize, Serialize};
use strata_model::Value;
use strata_model::provider::{OwnedObject, ProviderError, ProviderErrorKind};
use strata_model::schema::{Attribute, AttributeType, ResourceSchema, Schema};

use crate::change::Change;
use crate::checks::{Checks, Pattern};
use crate::cloud::Cloud;
use crate::ec2::holders::{self, Held};
use crate::ec2::listed::{self, Listed, Observed};
use crate::ec2::rules::{self, Atom, Rule};
use crate::ec2::tagging;
use crate::error::{Failure, done_if, found, send};
use crate::resource::{self, Found, Lost, ResourceType, Seen, Target, Wanted};
use crate::step::Step;
use crate::tags::{self, Tags};

/// `aws_security_group`.
#[derive(Debug)]
pub(crate) struct SecurityGroups;

/// A security group. Absent ingress rules are not managed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SecurityGroup {
    id: Option<String>,
    arn: Option<String>,
    owner_id: Option<String>,
    name: String,
    description: String,
    vpc_id: String,
    ingress: Option<BTreeSet<Rule>>,
    egress: Option<BTreeSet<Rule>>,
    revoke_rules_on_delete: bool,
    tags: Option<Tags>,
    tags_all: Option<Tags>,
}

#[async_trait]
impl ResourceType for SecurityGroups {
    type Object = SecurityGroup;
    const NAME: &'static str = "aws_security_group";
    const TAGGED_AS: Option<&'static str> = Some("security-group");

    fn schema(&self) -> ResourceSchema {
        let text = AttributeType::String;
        let rules = || AttributeType::Set(Box::new(rules::attribute_type()));
        let schema = Schema::new([
            resource::id("Id of the group, such as `sg-0123456789abcdef0`."),
            resource::arn(),
            resource::owner_id(),
            ("name", Attribute::required(text.clone(), "Name, unique in the VPC.").replaces()),
            (
                "description",
                Attribute::optional(text.clone(), "What the group is for.")
                    .default_value("Managed by Strata")
                    .replaces(),
            ),
            ("vpc_id", Attribute::required(text, "The VPC that the group is part of.").replaces()),
            (
                "ingress",
                Attribute::optional_computed(
                    rules(),
                    "Rules for incoming traffic, all of them: others are removed. Left out, they are not managed; \
                     `[]` removes all.",
                ),
            ),
            (
                "egress",
                Attribute::optional(
                    rules(),
                    "Rules for outgoing traffic, all of them: others are removed, also the one that lets everything \
                     out of a new group. Left out, nothing goes out.",
                )
                .default_value(Value::set(rules::attribute_type().ty(), Vec::new())),
            ),
            (
                "revoke_rules_on_delete",
                Attribute::optional(AttributeType::Bool, "Whether the rules are removed before the group is, so that groups that refer to each other can be deleted.")
                    .default_value(false),
            ),
            tags::argument(),
            tags::all(),
        ]);
        ResourceSchema {
            unique_name: Some("name"),
            ..super::managed(
                Self::NAME,
                schema,
                "A security group of a VPC, with its rules.",
            )
        }
    }

    fn validate(&self, checks: &mut Checks<'_>) {
        checks.text("name", |name| Pattern::GroupName.check(name));
        checks.text("description", |text| {
            (text.is_empty() || text.len() > 255)
                .then(|| "must be 1 to 255 characters long.".to_owned())
        });
        checks.each("ingress", rules::validate);
        checks.each("egress", rules::validate);
    }

    fn plan(&self, change: &mut Change<'_>) -> Result<(), ProviderError> {
        change.forget_missing(&["id", "arn", "owner_id", "ingress"]);
        Ok(())
    }

    async fn read(
        &self,
        cloud: &Cloud,
        wanted: &[Wanted<SecurityGroup>],
    ) -> Vec<Result<Option<Seen<SecurityGroup>>, Failure>> {
        listed::read(self, cloud, wanted).await
    }

    async fn find(
        &self,
        cloud: &Cloud,
        lost: &Lost<SecurityGroup>,
    ) -> Result<Vec<Found<SecurityGroup>>, Failure> {
        listed::find(self, cloud, lost).await
    }

    async fn create(&self, step: &Step<'_>, planned: &SecurityGroup) -> Result<String, Failure> {
        let tags = tagging::specification(step, TaggedType::SecurityGroup, planned.tags.as_ref());
        let call = step
            .clients()
            .await?
            .ec2
            .create_security_group()
            .group_name(&planned.name)
            .description(&planned.description)
            .vpc_id(&planned.vpc_id)
            .tag_specifications(tags);
        let made = step.change("CreateSecurityGroup", call.send()).await?;
        made.group_id
            .ok_or_else(|| super::no_id("CreateSecurityGroup"))
    }

    async fn converge(
        &self,
        step: &Step<'_>,
        target: &Target<'_, SecurityGroup>,
    ) -> Result<SecurityGroup, Failure> {
        let (id, planned) = (target.id, target.planned);
        let what = format!("security group {id}");
        let look = || listed::observe(self, step.cloud, id, planned);
        let now = step.until(&what, look, |_| true).await?;
        let wanted = WantedRules::of(planned, id);
        let difference = tagging::difference(step, now.live.tags(), planned.tags.as_ref());
        let mut changed = tagging::converge(step, id, difference).await?;
        changed |= converge_rules(step, &now.live, &wanted).await?;
        if !changed {
            return Ok(now.object);
        }
        let is_settled = |now: &Observed<Self>| {
            wanted.is_met_by(&now.live)
                && tagging::difference(step, now.live.tags(), planned.tags.as_ref()).is_empty()
        };
        Ok(step.until(&what, look, is_settled).await?.object)
    }

    async fn delete(
        &self,
        step: &Step<'_>,
        id: &str,
        prior: &SecurityGroup,
    ) -> Result<(), Failure> {
        if prior.revoke_rules_on_delete {
            let Some(live) = listed::one(self, step.cloud, id).await? else {
                return Ok(());
            };
            converge_rules(step, &live, &WantedRules::none()).await?;
        }
        let ec2 = &step.clients().await?.ec2;
        let call = ec2.delete_security_group().group_id(id);
        holders::delete(step, Held::Group(id), || async {
            let answer = step
                .change("DeleteSecurityGroup", call.clone().send())
                .await;
            answer.map(|_| ())
        })
        .await?;
        listed::until_gone(self, step, id).await
    }

    async fn owned(&self, cloud: &Cloud) -> Result<Vec<OwnedObject>, Failure> {
        listed::owned(self, cloud).await
    }
}

#[async_trait]
impl Listed for SecurityGroups {
    type Live = LiveGroup;
    const ID_FILTER: &'static str = "group-id";

    async fn describe(&self, cloud: &Cloud, filter: Filter) -> Result<Vec<LiveGroup>, Failure> {
        let ec2 = &cloud.clients().await?.ec2;
        let pages = ec2
            .describe_security_groups()
            .filters(filter)
            .into_paginator()
            .items()
            .send();
        send(
            "DescribeSecurityGroups",
            pages.collect::<Result<Vec<_>, _>>(),
        )
        .await
    }

    fn identity(live: &LiveGroup) -> (&str, &[Tag]) {
        (live.group_id().unwrap_or_default(), live.tags())
    }

    async fn complete(
        &self,
        cloud: &Cloud,
        live: &LiveGroup,
        recorded: Option<&SecurityGroup>,
    ) -> Result<Option<Seen<SecurityGroup>>, Failure> {
        let (id, _) = Self::identity(live);
        let tags = listed::seen_tags(
            cloud,
            live.tags(),
            recorded.map(|group| group.tags.as_ref()),
        );
        let owner = live.owner_id().unwrap_or_default();
        let assemble = |live: &[_], recorded: Option<&Option<BTreeSet<Rule>>>| {
            let recorded = recorded.and_then(Option::as_ref);
            Some(rules::assemble(&rules::read(live), recorded, id))
        };
        Ok(Some(Seen {
            object: SecurityGroup {
                id: live.group_id.clone(),
                arn: Some(super::arn(cloud, owner, "security-group", id).await?),
                owner_id: live.owner_id.clone(),
                name: live.group_name.clone().unwrap_or_default(),
                description: live.description.clone().unwrap_or_default(),
                vpc_id: live.vpc_id.clone().unwrap_or_default(),
                ingress: assemble(live.ip_permissions(), recorded.map(|group| &group.ingress)),
                egress: assemble(
                    live.ip_permissions_egress(),
                    recorded.map(|group| &group.egress),
                ),
                revoke_rules_on_delete: recorded.is_some_and(|group| group.revoke_rules_on_delete),
                tags: Some(tags.tags),
                tags_all: Some(tags.tags_all),
            },
            incomplete: false,
        }))
    }
}

/// The rules that a group should have, taken apart; `None` where they are not managed.
struct WantedRules {
    ingress: Option<BTreeSet<Atom>>,
    egress: Option<BTreeSet<Atom>>,
}

impl WantedRules {
    /// Those of a definition.
    fn of(planned: &SecurityGroup, id: &str) -> Self {
        let atoms = |rules: &BTreeSet<Rule>| rules::atoms(rules, id);
        WantedRules {
            ingress: planned.ingress.as_ref().map(atoms),
            egress: planned.egress.as_ref().map(atoms),
        }
    }

    fn none() -> Self {
        WantedRules {
            ingress: Some(BTreeSet::new()),
            egress: Some(BTreeSet::new()),
        }
    }

    fn is_met_by(&self, live: &LiveGroup) -> bool {
        let is_met = |wanted: &Option<BTreeSet<Atom>>, live: &[_]| {
            wanted
                .as_ref()
                .is_none_or(|wanted| *wanted == rules::read(live))
        };
        is_met(&self.ingress, live.ip_permissions())
            && is_met(&self.egress, live.ip_permissions_egress())
    }
}

/// Revokes what is too much and authorises what is missing. Says whether there were calls.
async fn converge_rules(
    step: &Step<'_>,
    live: &LiveGroup,
    wanted: &WantedRules,
) -> Result<bool, Failure> {
    let ec2 = &step.clients().await?.ec2;
    let (id, _) = SecurityGroups::identity(live);
    let mut changed = false;
    if let Some(wanted) = &wanted.ingress {
        let now = rules::read(live.ip_permissions());
        let (surplus, missing) = apart(&now, wanted);
        if !surplus.is_empty() {
            let call = ec2.revoke_security_group_ingress().group_id(id);
            let call = call.set_ip_permissions(Some(surplus)).send();
            found(step.change("RevokeSecurityGroupIngress", call).await)?;
            changed = true;
        }
        if !missing.is_empty() {
            let call = ec2.authorize_security_group_ingress().group_id(id);
            let call = call.set_ip_permissions(Some(missing)).send();
            let done = step.change("AuthorizeSecurityGroupIngress", call).await;
            done_if(ProviderErrorKind::AlreadyExists, done)?;
            changed = true;
        }
    }
    if let Some(wanted) = &wanted.egress {
        let now = rules::read(live.ip_permissions_egress());
        let (surplus, missing) = apart(&now, wanted);
        if !surplus.is_empty() {
            let call = ec2.revoke_security_group_egress().group_id(id);
            let call = call.set_ip_permissions(Some(surplus)).send();
            found(step.change("RevokeSecurityGroupEgress", call).await)?;
            changed = true;
        }
        if !missing.is_empty() {
            let call = ec2.authorize_security_group_egress().group_id(id);
            let call = call.set_ip_permissions(Some(missing)).send();
            let done = step.change("AuthorizeSecurityGroupEgress", call).await;
            done_if(ProviderErrorKind::AlreadyExists, done)?;
            changed = true;
        }
    }
    Ok(changed)
}

/// What is there too much, and what is missing.
fn apart(
    now: &BTreeSet<Atom>,
    wanted: &BTreeSet<Atom>,
) -> (
    Vec<aws_sdk_ec2::types::IpPermission>,
    Vec<aws_sdk_ec2::types::IpPermission>,
) {
    (
        rules::permissions(now.difference(wanted)),
        rules::permissions(wanted.difference(now)),
    )
}
