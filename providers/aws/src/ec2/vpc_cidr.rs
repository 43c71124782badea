//! `aws_vpc_ipv4_cidr_block_association`.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_ec2::types::{VpcCidrBlockAssociation, VpcCidrBlockStateCode};
use serde::{Deserialize, Serialize};
use strata_model::provider::{ProviderError, ProviderErrorKind};
use strata_model::schema::{Adoption, Attribute, AttributeType, ResourceSchema, Schema};

use crate::change::Change;
use crate::checks::{Checks, Pattern};
use crate::cloud::Cloud;
use crate::ec2::listed;
use crate::error::{Failure, done_if, no_id, send};
use crate::resource::{self, Found, Lost, ResourceType, Seen, Target, Wanted};
use crate::step::{Progress, Step};

/// The most associations that one call asks about.
const AT_MOST: usize = 200;
const INTERVAL: Duration = Duration::from_secs(5);

/// `aws_vpc_ipv4_cidr_block_association`.
#[derive(Debug)]
pub(crate) struct CidrAssociations;

/// A further block of a VPC.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CidrAssociation {
    id: Option<String>,
    vpc_id: String,
    cidr_block: String,
    region: Option<String>,
}

/// A block as EC2 tells it, with the VPC that has it.
#[derive(Debug, Clone)]
struct Live {
    vpc: String,
    block: VpcCidrBlockAssociation,
}

#[async_trait]
impl ResourceType for CidrAssociations {
    type Object = CidrAssociation;
    const NAME: &'static str = "aws_vpc_ipv4_cidr_block_association";

    fn schema(&self) -> ResourceSchema {
        let text = || AttributeType::String;
        let schema = Schema::new([
            resource::id("Id of the association, such as `vpc-cidr-assoc-0123456789abcdef0`."),
            (
                "vpc_id",
                Attribute::required(text(), "The VPC that gets the block.").replaces(),
            ),
            (
                "cidr_block",
                Attribute::required(text(), "The block, such as `100.64.0.0/16`.").replaces(),
            ),
            resource::region(),
        ]);
        ResourceSchema {
            consistency_window: super::CONSISTENCY_WINDOW,
            ..ResourceSchema::managed(
                Self::NAME,
                Adoption::Natural,
                schema,
                "A further IPv4 block of a VPC, such as one for pods alone.",
            )
        }
    }

    fn validate(&self, checks: &mut Checks<'_>) {
        checks.text("cidr_block", |text| Pattern::Cidr4.check(text));
        checks.text("cidr_block", |text| {
            let length = text
                .rsplit('/')
                .next()
                .and_then(|text| text.parse::<u8>().ok());
            let fits = length.is_some_and(|length| (16..=28).contains(&length));
            (!fits).then(|| format!("must be between /16 and /28, not '{text}'."))
        });
    }

    fn plan(&self, change: &mut Change<'_>) -> Result<(), ProviderError> {
        change.forget_missing(&["id", "region"]);
        Ok(())
    }

    async fn read(
        &self,
        cloud: &Cloud,
        wanted: &[Wanted<CidrAssociation>],
    ) -> Vec<Result<Option<Seen<CidrAssociation>>, Failure>> {
        let ids: Vec<String> = wanted.iter().map(|wanted| wanted.id.clone()).collect();
        let mut known: BTreeMap<String, Result<Live, Failure>> = BTreeMap::new();
        for ids in ids.chunks(AT_MOST) {
            match by_ids(cloud, ids).await {
                Ok(list) => known.extend(list.into_iter().map(|live| (id_of(&live), Ok(live)))),
                Err(failure) => {
                    known.extend(ids.iter().map(|id| (id.clone(), Err(failure.clone()))));
                }
            }
        }
        // Where there is none, no list was answered either.
        let region = cloud.region().await.ok();
        let answers = wanted.iter().map(|wanted| match known.get(&wanted.id) {
            Some(Ok(live)) => Ok(Some(see(region, live))),
            Some(Err(failure)) => Err(failure.clone()),
            None => Ok(None),
        });
        answers.collect()
    }

    async fn find(
        &self,
        cloud: &Cloud,
        lost: &Lost<CidrAssociation>,
    ) -> Result<Vec<Found<CidrAssociation>>, Failure> {
        let planned = &lost.planned;
        let filter = listed::filter("vpc-id", vec![planned.vpc_id.clone()]);
        let all = describe(cloud, filter).await?;
        let region = cloud.region().await.ok();
        let same = all
            .into_iter()
            .filter(|live| live.block.cidr_block() == Some(planned.cidr_block.as_str()));
        Ok(same
            .map(|live| Found {
                id: id_of(&live),
                seen: see(region, &live),
                ours: None,
            })
            .collect())
    }

    async fn create(&self, step: &Step<'_>, planned: &CidrAssociation) -> Result<String, Failure> {
        let ec2 = &step.clients().await?.ec2;
        let call = ec2
            .associate_vpc_cidr_block()
            .vpc_id(&planned.vpc_id)
            .cidr_block(&planned.cidr_block);
        let operation = "AssociateVpcCidrBlock";
        let made = step.change(operation, call.send()).await;
        let failure = match made {
            Ok(made) => {
                let made = made.cidr_block_association;
                let id = made.and_then(|made| made.association_id);
                return id.ok_or_else(|| no_id(operation));
            }
            Err(failure) => failure,
        };
        // A block that an earlier send put there stands in its own way.
        if failure.kind() == ProviderErrorKind::Invalid {
            let lost = Lost {
                op: step.op,
                planned: planned.clone(),
            };
            if let Some(known) = self.find(step.cloud, &lost).await?.pop() {
                return Ok(known.id);
            }
        }
        Err(failure)
    }

    async fn converge(
        &self,
        step: &Step<'_>,
        target: &Target<'_, CidrAssociation>,
    ) -> Result<CidrAssociation, Failure> {
        let id = target.id;
        let what = format!(
            "CIDR block {} of {}",
            target.planned.cidr_block, target.planned.vpc_id
        );
        step.until(&what, || one(step.cloud, id), |_| true).await?;
        let look = || async move {
            let live = one(step.cloud, id).await?;
            let state = live.as_ref().and_then(state);
            match (&live, state) {
                (Some(live), Some(VpcCidrBlockStateCode::Associated)) => {
                    let region = step.cloud.region().await?;
                    Ok(Progress::Done(see(Some(region), live).object))
                }
                (Some(live), Some(VpcCidrBlockStateCode::Failed)) => {
                    Err(Failure::for_good(format!("{id} failed: {}", reason(live))))
                }
                (Some(_), state) => Ok(Progress::Pending(
                    state
                        .map_or("unknown", VpcCidrBlockStateCode::as_str)
                        .to_owned(),
                )),
                (None, _) => Err(Failure::refused(
                    ProviderErrorKind::NotFound,
                    format!("{id}: it does not exist any more"),
                )),
            }
        };
        step.wait(&what, INTERVAL, look).await
    }

    async fn delete(
        &self,
        step: &Step<'_>,
        id: &str,
        _prior: &CidrAssociation,
    ) -> Result<(), Failure> {
        let ec2 = &step.clients().await?.ec2;
        let call = ec2.disassociate_vpc_cidr_block().association_id(id);
        let sent = step.change("DisassociateVpcCidrBlock", call.send()).await;
        done_if(ProviderErrorKind::NotFound, sent)?;
        step.until_gone(id, INTERVAL, || one(step.cloud, id)).await
    }
}

fn id_of(live: &Live) -> String {
    live.block.association_id.clone().unwrap_or_default()
}

fn state(live: &Live) -> Option<&VpcCidrBlockStateCode> {
    live.block.cidr_block_state()?.state()
}

fn reason(live: &Live) -> &str {
    let state = live.block.cidr_block_state();
    state
        .and_then(|state| state.status_message())
        .unwrap_or_default()
}

async fn one(cloud: &Cloud, id: &str) -> Result<Option<Live>, Failure> {
    Ok(by_ids(cloud, &[id.to_owned()]).await?.pop())
}

async fn by_ids(cloud: &Cloud, ids: &[String]) -> Result<Vec<Live>, Failure> {
    let filter = listed::filter("cidr-block-association.association-id", ids.to_vec());
    let all = describe(cloud, filter).await?;
    let wanted = |live: &Live| {
        let id = live.block.association_id();
        id.is_some_and(|id| ids.iter().any(|wanted| wanted == id))
    };
    Ok(all.into_iter().filter(wanted).collect())
}

/// The blocks of the VPCs that pass a filter. One that is gone may be told for a while.
async fn describe(cloud: &Cloud, filter: aws_sdk_ec2::types::Filter) -> Result<Vec<Live>, Failure> {
    let ec2 = &cloud.clients().await?.ec2;
    let pages = ec2
        .describe_vpcs()
        .filters(filter)
        .into_paginator()
        .items()
        .send();
    let vpcs = send("DescribeVpcs", pages.collect::<Result<Vec<_>, _>>()).await?;
    let mut found = Vec::new();
    for vpc in vpcs {
        let id = vpc.vpc_id.clone().unwrap_or_default();
        let blocks = vpc.cidr_block_association_set.unwrap_or_default();
        found.extend(blocks.into_iter().map(|block| Live {
            vpc: id.clone(),
            block,
        }));
    }
    found.retain(|live| state(live) != Some(&VpcCidrBlockStateCode::Disassociated));
    Ok(found)
}

fn see(region: Option<&str>, live: &Live) -> Seen<CidrAssociation> {
    Seen {
        object: CidrAssociation {
            id: live.block.association_id.clone(),
            vpc_id: live.vpc.clone(),
            cidr_block: live.block.cidr_block.clone().unwrap_or_default(),
            region: region.map(str::to_owned),
        },
        incomplete: matches!(
            state(live),
            Some(
                VpcCidrBlockStateCode::Associating
                    | VpcCidrBlockStateCode::Failing
                    | VpcCidrBlockStateCode::Failed
            )
        ),
    }
}
