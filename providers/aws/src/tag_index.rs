//! The list of tags over all services, for types whose own lists tell none.
//!
//! `GetResources` of the tagging service tells the tags of up to a hundred objects in one call, where their services would
//! be asked for each. It hears of changes from those services, and so later than they show them. It is believed only where
//! it says what is recorded anyway: of anything else, as of a tag that was set a moment ago, the object's own service is
//! asked, and a list that is behind makes no drift.
//!
//! Source: the tagging service's API reference, `GetResources`, and Tag Editor's list of supported resources.

use std::collections::BTreeMap;

use aws_config::Region;
use aws_sdk_resourcegroupstagging::config::Builder;
use aws_sdk_resourcegroupstagging::types::{ResourceTagMapping, Tag};
use futures::FutureExt;
use tokio::sync::OnceCell;

use crate::cloud::{Cloud, at_once, partition};
use crate::error::{Failure, send};
use crate::tags::Tags;

/// How many objects one call can name.
const MOST_NAMED: usize = 100;
/// How many objects it takes for the list to cost less than asking their services.
const FEWEST: usize = 2;

/// The tags of some objects, asked for when the first of them is wanted.
#[derive(Debug, Default)]
pub(crate) struct TagIndex {
    arns: Vec<String>,
    /// What the connection's region tells.
    here: OnceCell<Told>,
    /// What the region tells that stands for none, where it is another.
    global: OnceCell<Told>,
}

/// Tags by ARN.
type Told = BTreeMap<String, Tags>;

impl TagIndex {
    /// An index of objects by their ARNs. It calls nothing.
    pub(crate) fn of<'a>(arns: impl Iterator<Item = &'a str>) -> Self {
        TagIndex {
            arns: arns.map(str::to_owned).collect(),
            ..TagIndex::default()
        }
    }

    /// The tags that an object has, or had a moment ago. `None` says nothing of them: the index has not heard of the
    /// object, could not be asked, or would cost more than the object's own service.
    pub(crate) async fn tags(&self, cloud: &Cloud, arn: &str) -> Option<&Tags> {
        let here = cloud.region().await.ok()?;
        let region = region_of(arn, here);
        let told = if region == here {
            &self.here
        } else {
            &self.global
        };
        let ask = || ask(cloud, self.told_in(region, here), region);
        told.get_or_init(ask).await.get(arn)
    }

    /// The objects of which a region tells.
    fn told_in(&self, region: &str, here: &str) -> Vec<String> {
        let arns = self.arns.iter();
        arns.filter(|arn| region_of(arn, here) == region)
            .cloned()
            .collect()
    }
}

/// The region that tells of an object: its own, or for one in no region, such as IAM's, the one that stands for none.
fn region_of<'a>(arn: &'a str, here: &'a str) -> &'a str {
    let own = arn.split(':').nth(3).filter(|region| !region.is_empty());
    own.unwrap_or_else(|| partition(here).global_region)
}

/// What the index tells of objects. What it cannot be asked, as without the permission, it does not tell.
async fn ask(cloud: &Cloud, arns: Vec<String>, region: &str) -> Told {
    if arns.len() < FEWEST {
        return Told::new();
    }
    let pages = arns
        .chunks(MOST_NAMED)
        .map(|arns| ask_page(cloud, arns, region).boxed());
    let mut told = Told::new();
    for page in at_once(pages).await {
        match page {
            Ok(page) => told.extend(page.into_iter().filter_map(read)),
            Err(failure) => {
                tracing::debug!(target: "strata::aws", error = %failure.error, "tags are asked of each object");
            }
        }
    }
    told
}

async fn ask_page(
    cloud: &Cloud,
    arns: &[String],
    region: &str,
) -> Result<Vec<ResourceTagMapping>, Failure> {
    let tagging = &cloud.clients().await?.tagging;
    let call = tagging
        .get_resources()
        .set_resource_arn_list(Some(arns.to_vec()))
        .customize()
        .config_override(Builder::new().region(Region::new(region.to_owned())));
    let answer = send("GetResources", call.send()).await?;
    Ok(answer.resource_tag_mapping_list.unwrap_or_default())
}

fn read(mapping: ResourceTagMapping) -> Option<(String, Tags)> {
    let arn = mapping.resource_arn?;
    let tags = mapping.tags.unwrap_or_default().into_iter();
    // A log group may be told with the `:*` that stands for its streams.
    let arn = arn.trim_end_matches(":*").to_owned();
    Some((
        arn,
        tags.map(|Tag { key, value, .. }| (key, value)).collect(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_region_is_asked_for_its_own() {
        let repository = "arn:aws:ecr:eu-west-1:1:repository/a";
        let policy = "arn:aws:iam::1:policy/a";
        let index = TagIndex::of([policy, repository].into_iter());
        let check = |region, here, expected: &[&str]| {
            assert_eq!(index.told_in(region, here), expected, "{region} of {here}");
        };
        check("eu-west-1", "eu-west-1", &[repository]);
        check("us-east-1", "eu-west-1", &[policy]);
        check("us-east-1", "us-east-1", &[policy]);
        check("cn-north-1", "cn-northwest-1", &[policy]);
    }

    #[test]
    fn an_object_is_known_by_its_arn_alone() {
        let tag = Tag::builder().key("a").value("b").build().unwrap();
        let mapping = ResourceTagMapping::builder()
            .resource_arn("arn:aws:logs:r:1:log-group:g:*")
            .tags(tag)
            .build();
        let (arn, tags) = read(mapping).unwrap();
        assert_eq!(arn, "arn:aws:logs:r:1:log-group:g");
        assert_eq!(tags, Tags::from([("a".to_owned(), "b".to_owned())]));
    }
}
