//! `aws_ecr_repository`.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_ecr::error::BuildError;
use aws_sdk_ecr::types::{
    EncryptionConfiguration, EncryptionType, ImageScanningConfiguration, ImageTagMutability,
    Repository as LiveRepository, Tag,
};
use serde::{Deserialize, Serialize};
use strata_model::provider::ProviderError;
use strata_model::schema::{Attribute, AttributeType, ResourceSchema, Schema};

use crate::change::Change;
use crate::checks::{Checks, Pattern};
use crate::cloud::Cloud;
use crate::error::{Failure, found, send};
use crate::resource::{self, Found, Lost, ResourceType, Seen, Tagged, Target, Wanted};
use crate::step::Step;
use crate::tags::{self, Difference, Goal, Tags};

/// The encryption that repositories have that ask for none.
const AES256: &str = "AES256";

/// `aws_ecr_repository`.
#[derive(Debug)]
pub(crate) struct Repositories;

/// A repository. Its id is its name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Repository {
    id: Option<String>,
    arn: Option<String>,
    name: String,
    registry_id: Option<String>,
    repository_url: Option<String>,
    image_tag_mutability: String,
    image_scanning_configuration: Option<Scanning>,
    encryption_configuration: Option<Encryption>,
    force_delete: bool,
    tags: Option<Tags>,
    tags_all: Option<Tags>,
}

impl Tagged for Repository {
    fn tags(&self) -> (Option<&Tags>, Option<&Tags>) {
        (self.tags.as_ref(), self.tags_all.as_ref())
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Scanning {
    scan_on_push: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Encryption {
    encryption_type: String,
    kms_key: Option<String>,
}

/// A repository with its tags.
struct Live {
    repository: LiveRepository,
    tags: Tags,
}

#[async_trait]
impl ResourceType for Repositories {
    type Object = Repository;
    const NAME: &'static str = "aws_ecr_repository";
    const LISTED_WITHOUT_TAGS: bool = true;

    fn schema(&self) -> ResourceSchema {
        ResourceSchema {
            holds_data: true,
            ..resource::named(
                (Self::NAME, super::CONSISTENCY_WINDOW),
                attributes(),
                "A repository of container images.",
            )
        }
    }

    fn validate(&self, checks: &mut Checks<'_>) {
        checks.text("name", |name| {
            let fits = (2..=256).contains(&name.len()) && name.split('/').all(is_part);
            (!fits).then(|| {
                format!(
                    "must be 2 to 256 small letters and digits, joined by . _ - or /, not '{name}'."
                )
            })
        });
        checks.one_of("image_tag_mutability", &["MUTABLE", "IMMUTABLE"]);
        checks.one_of(
            "encryption_configuration.encryption_type",
            &[AES256, "KMS", "KMS_DSSE"],
        );
        let key = "encryption_configuration.kms_key";
        checks.text(key, |arn| Pattern::Arn.check(arn));
        let kind = checks.known("encryption_configuration.encryption_type");
        let kind = kind.and_then(strata_model::Value::as_str);
        if kind == Some(AES256) && checks.known(key).is_some() {
            checks.fault(key, "must not be given, unless encryption_type is KMS.");
        }
    }

    fn plan(&self, change: &mut Change<'_>) -> Result<(), ProviderError> {
        change.forget_missing(&["arn", "registry_id", "repository_url"]);
        change.id_is_name();
        Ok(())
    }

    /// One list, however many are wanted: a list of names is refused as a whole for one that is not there. The tags come
    /// from the index, where it tells no others.
    async fn read(
        &self,
        cloud: &Cloud,
        wanted: &[Wanted<Repository>],
    ) -> Vec<Result<Option<Seen<Repository>>, Failure>> {
        let known = match wanted {
            [one] => by_name(cloud, &one.id).await.map(|found| {
                let named = found.map(|found| (one.id.clone(), found));
                named.into_iter().collect()
            }),
            _ => list(cloud).await,
        };
        let known = match known {
            Ok(known) => known,
            Err(failure) => return vec![Err(failure); wanted.len()],
        };
        let known: &BTreeMap<String, LiveRepository> = &known;
        resource::each(wanted, |wanted| async move {
            let Some(repository) = known.get(&wanted.id) else {
                return Ok(None);
            };
            let arn = repository.repository_arn().unwrap_or_default();
            let live = match wanted.confirmed_tags(cloud, arn).await {
                Some(tags) => Some(Live {
                    repository: repository.clone(),
                    tags,
                }),
                None => with_tags(cloud, repository.clone()).await?,
            };
            Ok(live.map(|live| see(cloud, &live, wanted.recorded.as_ref())))
        })
        .await
    }

    async fn find(
        &self,
        cloud: &Cloud,
        lost: &Lost<Repository>,
    ) -> Result<Vec<Found<Repository>>, Failure> {
        let name = &lost.planned.name;
        let found = get(cloud, name).await?.map(|live| Found {
            id: name.clone(),
            ours: Some(tags::op_of(&live.tags) == Some(lost.op)),
            seen: see(cloud, &live, Some(&lost.planned)),
        });
        Ok(found.into_iter().collect())
    }

    async fn create(&self, step: &Step<'_>, planned: &Repository) -> Result<String, Failure> {
        let tags = sdk_tags(step.create_tags(planned.tags.as_ref()))?;
        let encryption = planned.encryption_configuration.as_ref();
        let scanning = planned.image_scanning_configuration.as_ref();
        let ecr = &step.clients().await?.ecr;
        let call = ecr
            .create_repository()
            .repository_name(&planned.name)
            .image_tag_mutability(mutability(planned))
            .set_image_scanning_configuration(scanning.map(scanning_request))
            .set_encryption_configuration(encryption.map(encryption_request).transpose()?)
            .set_tags(Some(tags));
        step.change("CreateRepository", call.send()).await?;
        Ok(planned.name.clone())
    }

    async fn converge(
        &self,
        step: &Step<'_>,
        target: &Target<'_, Repository>,
    ) -> Result<Repository, Failure> {
        let (id, planned) = (target.id, target.planned);
        let what = format!("ECR repository {id}");
        let look = || get(step.cloud, id);
        let live = step.until(&what, look, |_| true).await?;
        let wanted = step.wanted_tags(planned.tags.as_ref());
        let mut changed = converge_tags(step, &live, &wanted).await?;
        changed |= converge_settings(step, id, (&live.repository, planned)).await?;
        let is_settled = |live: &Live| {
            is_mutable_as(&live.repository, planned)
                && scans(&live.repository) == wants_scans(planned)
                && Difference::between(&live.tags, &wanted).is_empty()
        };
        let settled = step
            .settled(&what, (live, changed), look, is_settled)
            .await?;
        Ok(see(step.cloud, &settled, Some(planned)).object)
    }

    async fn delete(&self, step: &Step<'_>, id: &str, prior: &Repository) -> Result<(), Failure> {
        let ecr = &step.clients().await?.ecr;
        let call = ecr
            .delete_repository()
            .repository_name(id)
            .force(prior.force_delete);
        found(step.change("DeleteRepository", call.send()).await)?;
        let what = format!("ECR repository {id}");
        let look = || by_name(step.cloud, id);
        step.until_gone(&what, Duration::from_secs(2), look).await
    }
}

fn attributes() -> Schema {
    let text = || AttributeType::String;
    let scanning = AttributeType::object([(
        "scan_on_push",
        Attribute::required(
            AttributeType::Bool,
            "Whether images are scanned when they come in.",
        ),
    )]);
    let encryption = AttributeType::object([
        (
            "encryption_type",
            Attribute::optional(text(), "`AES256`, `KMS` or `KMS_DSSE`.")
                .default_value(AES256)
                .replaces(),
        ),
        (
            "kms_key",
            Attribute::optional(
                text(),
                "ARN of the key; for KMS the one that AWS keeps, if left out.",
            )
            .replaces(),
        ),
    ]);
    Schema::new([
        resource::id("Name of the repository."),
        resource::arn(),
        (
            "name",
            Attribute::required(
                text(),
                "Name, unique in the account and region, such as `shop/front`.",
            )
            .replaces(),
        ),
        (
            "registry_id",
            Attribute::computed(text(), "Account that the registry belongs to."),
        ),
        (
            "repository_url",
            Attribute::computed(
                text(),
                "Where images are pushed to and pulled from, without a tag.",
            ),
        ),
        (
            "image_tag_mutability",
            Attribute::optional(
                text(),
                "`MUTABLE`, or `IMMUTABLE` where a tag names one image for ever.",
            )
            .default_value("MUTABLE"),
        ),
        (
            "image_scanning_configuration",
            Attribute::optional(scanning, "How images are scanned for known weaknesses."),
        ),
        (
            "encryption_configuration",
            Attribute::optional(
                encryption,
                "How images are encrypted; `AES256` if left out.",
            )
            .replaces(),
        ),
        (
            "force_delete",
            Attribute::optional(
                AttributeType::Bool,
                "Whether the repository is deleted with the images in it.",
            )
            .default_value(false),
        ),
        tags::argument(),
        tags::all(),
    ])
}

fn is_part(part: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    part.starts_with(is_word)
        && part.ends_with(is_word)
        && part.chars().all(|c| is_word(c) || "._-".contains(c))
}

async fn by_name(cloud: &Cloud, name: &str) -> Result<Option<LiveRepository>, Failure> {
    let ecr = &cloud.clients().await?.ecr;
    let call = ecr.describe_repositories().repository_names(name);
    let answer = found(send("DescribeRepositories", call.send()).await)?;
    let repositories = answer.and_then(|answer| answer.repositories);
    Ok(repositories.unwrap_or_default().pop())
}

/// All repositories of the account in the region, by name.
async fn list(cloud: &Cloud) -> Result<BTreeMap<String, LiveRepository>, Failure> {
    let ecr = &cloud.clients().await?.ecr;
    let pages = ecr
        .describe_repositories()
        .max_results(1000)
        .into_paginator()
        .items()
        .send();
    let all = send("DescribeRepositories", pages.collect::<Result<Vec<_>, _>>()).await?;
    let named = all
        .into_iter()
        .filter_map(|repository| Some((repository.repository_name.clone()?, repository)));
    Ok(named.collect())
}

async fn with_tags(cloud: &Cloud, repository: LiveRepository) -> Result<Option<Live>, Failure> {
    let arn = repository.repository_arn().unwrap_or_default();
    let call = cloud
        .clients()
        .await?
        .ecr
        .list_tags_for_resource()
        .resource_arn(arn);
    let answer = found(send("ListTagsForResource", call.send()).await)?;
    Ok(answer.map(|answer| {
        let tags = answer.tags.unwrap_or_default().into_iter();
        Live {
            repository,
            tags: tags.map(|tag| (tag.key, tag.value)).collect(),
        }
    }))
}

async fn get(cloud: &Cloud, name: &str) -> Result<Option<Live>, Failure> {
    match by_name(cloud, name).await? {
        Some(repository) => with_tags(cloud, repository).await,
        None => Ok(None),
    }
}

fn cannot_build(error: BuildError) -> Failure {
    ProviderError::bug(format!("a request of ECR cannot be built: {error}")).into()
}

fn sdk_tags(tags: Tags) -> Result<Vec<Tag>, Failure> {
    tags.into_iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect::<Result<_, _>>()
        .map_err(cannot_build)
}

fn mutability(planned: &Repository) -> ImageTagMutability {
    ImageTagMutability::from(planned.image_tag_mutability.as_str())
}

fn scanning_request(scanning: &Scanning) -> ImageScanningConfiguration {
    ImageScanningConfiguration::builder()
        .scan_on_push(scanning.scan_on_push)
        .build()
}

fn encryption_request(encryption: &Encryption) -> Result<EncryptionConfiguration, Failure> {
    EncryptionConfiguration::builder()
        .encryption_type(EncryptionType::from(encryption.encryption_type.as_str()))
        .set_kms_key(encryption.kms_key.clone())
        .build()
        .map_err(cannot_build)
}

fn is_mutable_as(live: &LiveRepository, planned: &Repository) -> bool {
    live.image_tag_mutability() == Some(&mutability(planned))
}

fn scans(live: &LiveRepository) -> bool {
    live.image_scanning_configuration()
        .is_some_and(ImageScanningConfiguration::scan_on_push)
}

fn wants_scans(planned: &Repository) -> bool {
    let scanning = planned.image_scanning_configuration.as_ref();
    scanning.is_some_and(|scanning| scanning.scan_on_push)
}

async fn converge_settings(
    step: &Step<'_>,
    id: &str,
    (live, planned): (&LiveRepository, &Repository),
) -> Result<bool, Failure> {
    let ecr = &step.clients().await?.ecr;
    let mut changed = false;
    if !is_mutable_as(live, planned) {
        let call = ecr
            .put_image_tag_mutability()
            .repository_name(id)
            .image_tag_mutability(mutability(planned));
        step.change("PutImageTagMutability", call.send()).await?;
        changed = true;
    }
    if scans(live) != wants_scans(planned) {
        let scanning = Scanning {
            scan_on_push: wants_scans(planned),
        };
        let call = ecr
            .put_image_scanning_configuration()
            .repository_name(id)
            .image_scanning_configuration(scanning_request(&scanning));
        step.change("PutImageScanningConfiguration", call.send())
            .await?;
        changed = true;
    }
    Ok(changed)
}

async fn converge_tags(step: &Step<'_>, live: &Live, wanted: &Goal) -> Result<bool, Failure> {
    let arn = live.repository.repository_arn().unwrap_or_default();
    let ecr = &step.clients().await?.ecr;
    let set = |tags: Tags| async {
        let call = ecr.tag_resource().resource_arn(arn);
        let call = call.set_tags(Some(sdk_tags(tags)?)).send();
        step.change("TagResource", call).await.map(drop)
    };
    let remove = |keys| async {
        let call = ecr.untag_resource().resource_arn(arn);
        let call = call.set_tag_keys(Some(keys)).send();
        step.change("UntagResource", call).await.map(drop)
    };
    let difference = Difference::between(&live.tags, wanted);
    tags::converge(difference, set, remove).await
}

/// What users see of a repository.
fn see(cloud: &Cloud, live: &Live, recorded: Option<&Repository>) -> Seen<Repository> {
    let own = recorded.map(|repository| repository.tags.as_ref());
    let tags = tags::seen_of(live.tags.clone(), cloud.default_tags(), own);
    let repository = &live.repository;
    let mutability = repository.image_tag_mutability();
    let object = Repository {
        id: repository.repository_name.clone(),
        arn: repository.repository_arn.clone(),
        name: repository.repository_name.clone().unwrap_or_default(),
        registry_id: repository.registry_id.clone(),
        repository_url: repository.repository_uri.clone(),
        image_tag_mutability: mutability
            .map_or("MUTABLE", ImageTagMutability::as_str)
            .to_owned(),
        image_scanning_configuration: see_scanning(scans(repository), recorded),
        encryption_configuration: see_encryption(repository, recorded),
        force_delete: recorded.is_some_and(|repository| repository.force_delete),
        tags: Some(tags.tags),
        tags_all: Some(tags.tags_all),
    };
    Seen::complete(object)
}

/// A repository that says nothing of scans has none.
fn see_scanning(scans: bool, recorded: Option<&Repository>) -> Option<Scanning> {
    let is_declared =
        recorded.is_some_and(|repository| repository.image_scanning_configuration.is_some());
    (scans || is_declared).then_some(Scanning {
        scan_on_push: scans,
    })
}

/// A repository that says nothing of encryption has AWS's own, and one that names no key the one that AWS keeps.
fn see_encryption(live: &LiveRepository, recorded: Option<&Repository>) -> Option<Encryption> {
    let declared = recorded.and_then(|repository| repository.encryption_configuration.as_ref());
    let live = live.encryption_configuration()?;
    let mut seen = Encryption {
        encryption_type: live.encryption_type().as_str().to_owned(),
        kms_key: live.kms_key.clone(),
    };
    match declared {
        None if seen.encryption_type == AES256 => return None,
        Some(declared) if declared.kms_key.is_none() => seen.kms_key = None,
        Some(_) | None => {}
    }
    Some(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_out_is_no_drift() {
        let live = |kind: &str, key: Option<&str>| {
            let encryption = EncryptionConfiguration::builder()
                .encryption_type(EncryptionType::from(kind))
                .set_kms_key(key.map(str::to_owned));
            LiveRepository::builder()
                .encryption_configuration(encryption.build().unwrap())
                .build()
        };
        let declared = |kind: &str| Repository {
            encryption_configuration: Some(Encryption {
                encryption_type: kind.to_owned(),
                kms_key: None,
            }),
            ..Repository::default()
        };
        let plain = Repository::default();
        assert_eq!(see_encryption(&live(AES256, None), Some(&plain)), None);
        let kept = see_encryption(&live("KMS", Some("arn:k")), Some(&declared("KMS")));
        assert_eq!(kept.unwrap().kms_key, None);
        let other = see_encryption(&live("KMS", Some("arn:k")), Some(&plain));
        assert_eq!(other.unwrap().kms_key.as_deref(), Some("arn:k"));
        assert_eq!(see_scanning(false, Some(&plain)), None);
        assert!(see_scanning(true, Some(&plain)).unwrap().scan_on_push);
    }
}
