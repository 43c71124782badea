//! `aws_eip`.

use async_trait::async_trait;
use aws_sdk_ec2::types::{Address, DomainType, Filter, ResourceType as TaggedType, Tag};
use serde::{Deserialize, Serialize};
use strata_model::provider::{OwnedObject, ProviderError};
use strata_model::schema::{Attribute, AttributeType, ResourceSchema, Schema};

use crate::change::Change;
use crate::checks::Checks;
use crate::cloud::Cloud;
use crate::ec2::listed::{self, Listed};
use crate::ec2::tagging;
use crate::error::{Failure, found, send};
use crate::resource::{self, Found, Lost, ResourceType, Seen, Target, Wanted};
use crate::step::Step;
use crate::tags::{self, Tags};

/// `aws_eip`.
#[derive(Debug)]
pub(crate) struct Eips;

/// A public address. What uses it is not part of it: that changes without it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Eip {
    id: Option<String>,
    arn: Option<String>,
    allocation_id: Option<String>,
    domain: String,
    network_border_group: Option<String>,
    public_ip: Option<String>,
    tags: Option<Tags>,
    tags_all: Option<Tags>,
}

#[async_trait]
impl ResourceType for Eips {
    type Object = Eip;
    const NAME: &'static str = "aws_eip";
    const TAGGED_AS: Option<&'static str> = Some("elastic-ip");

    fn schema(&self) -> ResourceSchema {
        let text = || AttributeType::String;
        let schema = Schema::new([
            resource::id("Id of the allocation, such as `eipalloc-0123456789abcdef0`."),
            resource::arn(),
            (
                "allocation_id",
                Attribute::computed(text(), "The same as `id`, for arguments of this name."),
            ),
            (
                "domain",
                Attribute::optional(text(), "Only `vpc`.")
                    .default_value("vpc")
                    .replaces(),
            ),
            (
                "network_border_group",
                Attribute::optional_computed(
                    text(),
                    "Zones that announce the address; all of the region if left out.",
                )
                .replaces(),
            ),
            (
                "public_ip",
                Attribute::computed(text(), "The address itself."),
            ),
            tags::argument(),
            tags::all(),
        ]);
        super::managed(Self::NAME, schema, "A public IPv4 address of one's own.")
    }

    fn validate(&self, checks: &mut Checks<'_>) {
        checks.one_of("domain", &["vpc"]);
    }

    fn plan(&self, change: &mut Change<'_>) -> Result<(), ProviderError> {
        change.forget_missing(&["id", "arn", "allocation_id", "public_ip"]);
        Ok(())
    }

    async fn read(
        &self,
        cloud: &Cloud,
        wanted: &[Wanted<Eip>],
    ) -> Vec<Result<Option<Seen<Eip>>, Failure>> {
        listed::read(self, cloud, wanted).await
    }

    async fn find(&self, cloud: &Cloud, lost: &Lost<Eip>) -> Result<Vec<Found<Eip>>, Failure> {
        listed::find(self, cloud, lost).await
    }

    async fn create(&self, step: &Step<'_>, planned: &Eip) -> Result<String, Failure> {
        let tags = tagging::specification(step, TaggedType::ElasticIp, planned.tags.as_ref());
        let ec2 = &step.clients().await?.ec2;
        let call = ec2
            .allocate_address()
            .domain(DomainType::Vpc)
            .set_network_border_group(planned.network_border_group.clone())
            .tag_specifications(tags);
        let made = step.change("AllocateAddress", call.send()).await?;
        made.allocation_id
            .ok_or_else(|| super::no_id("AllocateAddress"))
    }

    async fn converge(&self, step: &Step<'_>, target: &Target<'_, Eip>) -> Result<Eip, Failure> {
        let (id, planned) = (target.id, target.planned);
        let what = format!("public address {id}");
        let look = || listed::observe(self, step.cloud, id, planned);
        let now = step.until(&what, look, |_| true).await?;
        let tags = planned.tags.as_ref();
        listed::converge_tags(self, step, target, (&what, now, tags)).await
    }

    async fn delete(&self, step: &Step<'_>, id: &str, _prior: &Eip) -> Result<(), Failure> {
        let ec2 = &step.clients().await?.ec2;
        let call = ec2.release_address().allocation_id(id);
        found(step.change("ReleaseAddress", call.send()).await)?;
        listed::until_gone(self, step, id).await
    }

    async fn owned(&self, cloud: &Cloud) -> Result<Vec<OwnedObject>, Failure> {
        listed::owned(self, cloud).await
    }
}

#[async_trait]
impl Listed for Eips {
    type Live = Address;
    const ID_FILTER: &'static str = "allocation-id";

    /// This call knows no pages.
    async fn describe(&self, cloud: &Cloud, filter: Filter) -> Result<Vec<Address>, Failure> {
        let call = cloud
            .clients()
            .await?
            .ec2
            .describe_addresses()
            .filters(filter);
        let answer = send("DescribeAddresses", call.send()).await?;
        Ok(answer.addresses.unwrap_or_default())
    }

    fn identity(live: &Address) -> (&str, &[Tag]) {
        (live.allocation_id().unwrap_or_default(), live.tags())
    }

    async fn complete(
        &self,
        cloud: &Cloud,
        live: &Address,
        recorded: Option<&Eip>,
    ) -> Result<Option<Seen<Eip>>, Failure> {
        let (id, _) = Self::identity(live);
        let recorded_tags = recorded.map(|eip| eip.tags.as_ref());
        let tags = listed::seen_tags(cloud, live.tags(), recorded_tags);
        let owner = cloud.account().await?;
        Ok(Some(Seen {
            object: Eip {
                id: live.allocation_id.clone(),
                arn: Some(super::arn(cloud, owner, "elastic-ip", id).await?),
                allocation_id: live.allocation_id.clone(),
                domain: live.domain().map_or("vpc", DomainType::as_str).to_owned(),
                network_border_group: live.network_border_group.clone(),
                public_ip: live.public_ip.clone(),
                tags: Some(tags.tags),
                tags_all: Some(tags.tags_all),
            },
            incomplete: false,
        }))
    }
}
