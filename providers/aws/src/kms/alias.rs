//! `aws_kms_alias`.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_kms::types::AliasListEntry;
use serde::{Deserialize, Serialize};
use strata_model::provider::{ProviderError, ProviderErrorKind};
use strata_model::schema::{Adoption, Attribute, AttributeType, ResourceSchema, Schema};

use crate::change::Change;
use crate::checks::Checks;
use crate::cloud::Cloud;
use crate::error::{Failure, found, send};
use crate::kms::key_id;
use crate::resource::{self, Found, Lost, ResourceType, Seen, Target, Wanted};
use crate::step::Step;

/// The most aliases of one page.
const PAGE: i32 = 100;

/// `aws_kms_alias`.
#[derive(Debug)]
pub(crate) struct Aliases;

/// An alias. Its id is its name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Alias {
    id: Option<String>,
    arn: Option<String>,
    name: String,
    target_key_id: String,
    target_key_arn: Option<String>,
}

#[async_trait]
impl ResourceType for Aliases {
    type Object = Alias;
    const NAME: &'static str = "aws_kms_alias";

    fn schema(&self) -> ResourceSchema {
        let text = || AttributeType::String;
        let schema = Schema::new([
            resource::id("Name of the alias."),
            resource::arn(),
            (
                "name",
                Attribute::required(text(), "Name, which begins with `alias/`.").replaces(),
            ),
            (
                "target_key_id",
                Attribute::required(text(), "Id or ARN of the key."),
            ),
            (
                "target_key_arn",
                Attribute::computed(text(), "ARN of the key."),
            ),
        ]);
        ResourceSchema {
            consistency_window: super::CONSISTENCY_WINDOW,
            unique_name: Some("name"),
            ..ResourceSchema::managed(
                Self::NAME,
                Adoption::Natural,
                schema,
                "A name for a key, unique in the account and region.",
            )
        }
    }

    fn validate(&self, checks: &mut Checks<'_>) {
        checks.text("name", check_name);
    }

    fn plan(&self, change: &mut Change<'_>) -> Result<(), ProviderError> {
        change.forget_missing(&["arn", "target_key_arn"]);
        change.id_is_name();
        let before = change.prior_text("target_key_id").map(key_id);
        let after = change.planned_text("target_key_id").map(key_id);
        if change.prior.is_some() && (after.is_none() || before != after) {
            change.forget("target_key_arn");
        }
        Ok(())
    }

    /// One list, however many are wanted.
    async fn read(
        &self,
        cloud: &Cloud,
        wanted: &[Wanted<Alias>],
    ) -> Vec<Result<Option<Seen<Alias>>, Failure>> {
        let all = match list(cloud).await {
            Ok(all) => all,
            Err(failure) => return vec![Err(failure); wanted.len()],
        };
        let reads = wanted.iter().map(|wanted| {
            let live = all.get(&wanted.id);
            Ok(live.map(|live| see(live, wanted.recorded.as_ref())))
        });
        reads.collect()
    }

    async fn find(&self, cloud: &Cloud, lost: &Lost<Alias>) -> Result<Vec<Found<Alias>>, Failure> {
        let name = &lost.planned.name;
        let found = one(cloud, name).await?.map(|live| Found {
            id: name.clone(),
            seen: see(&live, Some(&lost.planned)),
            ours: None,
        });
        Ok(found.into_iter().collect())
    }

    async fn create(&self, step: &Step<'_>, planned: &Alias) -> Result<String, Failure> {
        let kms = &step.clients().await?.kms;
        let call = kms
            .create_alias()
            .alias_name(&planned.name)
            .target_key_id(&planned.target_key_id);
        let Err(failure) = step.change("CreateAlias", call.send()).await else {
            return Ok(planned.name.clone());
        };
        // The call has no token: sent again, it finds what it made.
        if failure.kind() == ProviderErrorKind::AlreadyExists
            && let Some(live) = one(step.cloud, &planned.name).await?
            && names(&live, planned)
        {
            return Ok(planned.name.clone());
        }
        Err(failure)
    }

    async fn converge(
        &self,
        step: &Step<'_>,
        target: &Target<'_, Alias>,
    ) -> Result<Alias, Failure> {
        let (id, planned) = (target.id, target.planned);
        let what = format!("KMS alias {id}");
        let look = || one(step.cloud, id);
        let mut live = step.until(&what, look, |_| true).await?;
        if !names(&live, planned) {
            let kms = &step.clients().await?.kms;
            let call = kms
                .update_alias()
                .alias_name(id)
                .target_key_id(&planned.target_key_id);
            step.change("UpdateAlias", call.send()).await?;
            live = step.until(&what, look, |live| names(live, planned)).await?;
        }
        Ok(see(&live, Some(planned)).object)
    }

    async fn delete(&self, step: &Step<'_>, id: &str, _prior: &Alias) -> Result<(), Failure> {
        let kms = &step.clients().await?.kms;
        let call = kms.delete_alias().alias_name(id);
        found(step.change("DeleteAlias", call.send()).await)?;
        let what = format!("KMS alias {id}");
        let look = || one(step.cloud, id);
        step.until_gone(&what, Duration::from_secs(2), look).await
    }
}

fn check_name(name: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/_-".contains(c);
    let rest = name.strip_prefix("alias/").unwrap_or_default();
    if rest.is_empty() || name.len() > 256 || !rest.chars().all(allowed) {
        Some(format!(
            "must be alias/ and up to 250 letters, digits and any of / _ -, not '{name}'."
        ))
    } else if rest.starts_with("aws/") {
        Some("must not begin with alias/aws/, where AWS keeps its own.".to_owned())
    } else {
        None
    }
}

/// All aliases of the account in the region, by name.
async fn list(cloud: &Cloud) -> Result<BTreeMap<String, AliasListEntry>, Failure> {
    let kms = &cloud.clients().await?.kms;
    let pages = kms
        .list_aliases()
        .limit(PAGE)
        .into_paginator()
        .items()
        .send();
    let all = send("ListAliases", pages.collect::<Result<Vec<_>, _>>()).await?;
    let named = all
        .into_iter()
        .filter_map(|alias| Some((alias.alias_name.clone()?, alias)));
    Ok(named.collect())
}

async fn one(cloud: &Cloud, name: &str) -> Result<Option<AliasListEntry>, Failure> {
    Ok(list(cloud).await?.remove(name))
}

/// Whether an alias names the planned key.
fn names(live: &AliasListEntry, planned: &Alias) -> bool {
    live.target_key_id() == Some(key_id(&planned.target_key_id))
}

fn see(live: &AliasListEntry, recorded: Option<&Alias>) -> Seen<Alias> {
    let target = live.target_key_id().unwrap_or_default();
    // A key is named by its id or its ARN: as it was declared.
    let declared = recorded.filter(|recorded| names(live, recorded));
    let place = live.alias_arn().and_then(|arn| arn.split_once(":alias/"));
    let object = Alias {
        id: live.alias_name.clone(),
        arn: live.alias_arn.clone(),
        name: live.alias_name.clone().unwrap_or_default(),
        target_key_id: match declared {
            Some(declared) => declared.target_key_id.clone(),
            None => target.to_owned(),
        },
        target_key_arn: place.map(|(place, _)| format!("{place}:key/{target}")),
    };
    Seen::complete(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_by_id_and_arn() {
        let live = AliasListEntry::builder()
            .alias_name("alias/a")
            .alias_arn("arn:aws:kms:r:1:alias/a")
            .target_key_id("k")
            .build();
        let recorded = |key: &str| Alias {
            target_key_id: key.to_owned(),
            ..Alias::default()
        };
        let arn = "arn:aws:kms:r:1:key/k";
        for (declared, expected) in [(arn, arn), ("k", "k"), ("other", "k")] {
            let seen = see(&live, Some(&recorded(declared))).object;
            assert_eq!(seen.target_key_id, expected);
            assert_eq!(seen.target_key_arn.as_deref(), Some(arn));
        }
    }

    #[test]
    fn names_have_a_form() {
        for (name, fits) in [
            ("alias/eks/prod", true),
            ("alias/", false),
            ("prod", false),
            ("alias/aws/eks", false),
            ("alias/a b", false),
        ] {
            assert_eq!(check_name(name).is_none(), fits, "{name}");
        }
    }
}
