//! `aws_kms_key`.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_kms::types::{KeyMetadata, KeySpec, KeyState, KeyUsageType};
use futures::{FutureExt, try_join};
use serde::{Deserialize, Serialize};
use strata_model::provider::{OwnedObject, ProviderError, ProviderErrorKind};
use strata_model::schema::{Adoption, Attribute, AttributeType, ResourceSchema, Schema};
use strata_model::{Type, Value};

use crate::change::Change;
use crate::checks::{Checks, Pattern};
use crate::cloud::{Cloud, at_once};
use crate::error::{Failure, found, no_id, send};
use crate::iam::policy;
use crate::kms::tagging;
use crate::resource::{self, Found, Lost, ResourceType, Seen, Target, Wanted};
use crate::step::Step;
use crate::tags::{self, Difference, Goal, Tags};

/// The kind of key that encrypts by one secret, the only one that rotates by itself.
const SYMMETRIC: &str = "SYMMETRIC_DEFAULT";
const SPECS: &[&str] = &[
    SYMMETRIC,
    "RSA_2048",
    "RSA_3072",
    "RSA_4096",
    "ECC_NIST_P256",
    "ECC_NIST_P384",
    "ECC_NIST_P521",
    "ECC_NIST_EDWARDS25519",
    "ECC_SECG_P256K1",
    "HMAC_224",
    "HMAC_256",
    "HMAC_384",
    "HMAC_512",
    "ML_DSA_44",
    "ML_DSA_65",
    "ML_DSA_87",
    "SM2",
];
const USAGES: &[&str] = &[
    "ENCRYPT_DECRYPT",
    "SIGN_VERIFY",
    "GENERATE_VERIFY_MAC",
    "KEY_AGREEMENT",
];

/// `aws_kms_key`.
#[derive(Debug)]
pub(crate) struct Keys;

/// A key. Its id is the last part of its ARN.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Key {
    id: Option<String>,
    arn: Option<String>,
    key_id: Option<String>,
    description: Option<String>,
    key_usage: String,
    customer_master_key_spec: String,
    multi_region: bool,
    policy: Option<String>,
    bypass_policy_lockout_safety_check: bool,
    is_enabled: bool,
    enable_key_rotation: bool,
    rotation_period_in_days: Option<i32>,
    deletion_window_in_days: i32,
    tags: Option<Tags>,
    tags_all: Option<Tags>,
}

/// A key with what takes calls of its own.
struct Live {
    metadata: KeyMetadata,
    policy: String,
    /// The days from one rotation to the next, while it is on.
    rotation: Option<i32>,
    tags: Tags,
}

#[async_trait]
impl ResourceType for Keys {
    type Object = Key;
    const NAME: &'static str = "aws_kms_key";

    fn schema(&self) -> ResourceSchema {
        ResourceSchema {
            consistency_window: super::CONSISTENCY_WINDOW,
            holds_data: true,
            ..ResourceSchema::managed(
                Self::NAME,
                Adoption::Tag,
                attributes(),
                "A key. Its deletion is scheduled: what it encrypted is lost once the window has passed.",
            )
        }
    }

    fn validate(&self, checks: &mut Checks<'_>) {
        checks.one_of("key_usage", USAGES);
        checks.one_of("customer_master_key_spec", SPECS);
        checks.text("policy", |text| Pattern::JsonObject.check(text));
        checks.range("deletion_window_in_days", 7, 30);
        checks.range("rotation_period_in_days", 90, 2560);
        checks.text("description", |text| {
            (text.chars().count() > 8192)
                .then(|| "must be at most 8192 characters long.".to_owned())
        });
        let rotates = checks.config().get("enable_key_rotation");
        let may_rotate = rotates.is_some_and(|on| on.is_unknown() || on.as_bool() == Some(true));
        if checks.known("rotation_period_in_days").is_some() && !may_rotate {
            let message = "must not be given, unless enable_key_rotation is true.";
            checks.fault("rotation_period_in_days", message);
        }
        let spec = checks.known("customer_master_key_spec");
        let spec = spec.and_then(Value::as_str).unwrap_or(SYMMETRIC);
        if rotates.and_then(Value::as_bool) == Some(true) && spec != SYMMETRIC {
            let message = format!("must not be true: a key of the kind {spec} has no rotation.");
            checks.fault("enable_key_rotation", message);
        }
    }

    fn plan(&self, change: &mut Change<'_>) -> Result<(), ProviderError> {
        change.forget_missing(&["id", "arn", "key_id", "policy"]);
        policy::keep_planned(change, "policy");
        let is_given = |name| {
            let value = change.config.get(name);
            value.is_some_and(|value: &Value| !value.is_null())
        };
        if is_given("rotation_period_in_days") {
            return Ok(());
        }
        let rotates = change.planned().get("enable_key_rotation");
        match rotates.and_then(Value::as_bool) {
            Some(false) => {
                let none = Value::null_of(Type::Number);
                change.set("rotation_period_in_days", none);
            }
            Some(true) if !change.changes("enable_key_rotation") && change.prior.is_some() => {}
            Some(true) | None => change.forget("rotation_period_in_days"),
        }
        Ok(())
    }

    async fn read(
        &self,
        cloud: &Cloud,
        wanted: &[Wanted<Key>],
    ) -> Vec<Result<Option<Seen<Key>>, Failure>> {
        resource::each(wanted, |wanted| async move {
            let live = get(cloud, &wanted.id).await?;
            Ok(live.map(|live| Seen::complete(see(cloud, &live, wanted.recorded.as_ref()))))
        })
        .await
    }

    /// KMS does not filter by tag: the tags of every key are looked at.
    async fn find(&self, cloud: &Cloud, lost: &Lost<Key>) -> Result<Vec<Found<Key>>, Failure> {
        let mut all = Vec::new();
        for (id, tags) in all_tags(cloud).await? {
            if tags::op_of(&tags) != Some(lost.op) {
                continue;
            }
            if let Some(live) = get(cloud, &id).await? {
                all.push(Found {
                    id,
                    ours: Some(true),
                    seen: Seen::complete(see(cloud, &live, Some(&lost.planned))),
                });
            }
        }
        Ok(all)
    }

    async fn create(&self, step: &Step<'_>, planned: &Key) -> Result<String, Failure> {
        let tags = tagging::sdk_tags(step.create_tags(planned.tags.as_ref()))?;
        let kms = &step.clients().await?.kms;
        let call = kms
            .create_key()
            .set_description(planned.description.clone().filter(|text| !text.is_empty()))
            .key_usage(KeyUsageType::from(planned.key_usage.as_str()))
            .key_spec(KeySpec::from(planned.customer_master_key_spec.as_str()))
            .multi_region(planned.multi_region)
            .set_policy(planned.policy.clone())
            .bypass_policy_lockout_safety_check(planned.bypass_policy_lockout_safety_check)
            .set_tags(Some(tags));
        let made = step.change("CreateKey", call.send()).await?.key_metadata;
        made.map(|made| made.key_id)
            .ok_or_else(|| no_id("CreateKey"))
    }

    async fn converge(&self, step: &Step<'_>, target: &Target<'_, Key>) -> Result<Key, Failure> {
        let (id, planned) = (target.id, target.planned);
        let what = format!("KMS key {id}");
        let look = || get(step.cloud, id);
        let live = step.until(&what, look, |_| true).await?;
        let wanted = step.wanted_tags(planned.tags.as_ref());
        let difference = Difference::between(&live.tags, &wanted);
        let mut changed = tagging::converge(step, id, difference).await?;
        // A disabled key does not take a change of its rotation.
        changed |= switch(step, id, (&live, planned), true).await?;
        changed |= converge_rotation(step, id, (&live, planned)).await?;
        changed |= converge_words(step, id, (&live, planned)).await?;
        changed |= switch(step, id, (&live, planned), false).await?;
        let is_settled = |live: &Live| is_as_planned(live, planned, &wanted);
        let settled = step
            .settled(&what, (live, changed), look, is_settled)
            .await?;
        Ok(see(step.cloud, &settled, Some(planned)))
    }

    async fn delete(&self, step: &Step<'_>, id: &str, prior: &Key) -> Result<(), Failure> {
        if describe(step.cloud, id).await?.is_none() {
            return Ok(());
        }
        let days = Some(prior.deletion_window_in_days).filter(|days| (7..=30).contains(days));
        let kms = &step.clients().await?.kms;
        let call = kms
            .schedule_key_deletion()
            .key_id(id)
            .set_pending_window_in_days(days);
        found(step.change("ScheduleKeyDeletion", call.send()).await)?;
        let what = format!("KMS key {id}");
        let look = || describe(step.cloud, id);
        step.until_gone(&what, Duration::from_secs(2), look).await
    }

    async fn owned(&self, cloud: &Cloud) -> Result<Vec<OwnedObject>, Failure> {
        let lineage = cloud.lineage().to_string();
        let all = all_tags(cloud).await?.into_iter();
        let ours = all.filter(|(_, tags)| tags::lineage_of(tags) == Some(lineage.as_str()));
        let mut owned = Vec::new();
        for (id, tags) in ours {
            if describe(cloud, &id).await?.is_some() {
                owned.push(OwnedObject {
                    resource_type: Self::NAME.to_owned(),
                    id,
                    op: tags::op_of(&tags),
                });
            }
        }
        Ok(owned)
    }
}

fn attributes() -> Schema {
    let text = || AttributeType::String;
    let switch = |description| Attribute::optional(AttributeType::Bool, description);
    Schema::new([
        resource::id("Id of the key, the last part of its ARN."),
        resource::arn(),
        ("key_id", Attribute::computed(text(), "The same as `id`.")),
        (
            "description",
            Attribute::optional(text(), "What the key is for."),
        ),
        (
            "key_usage",
            Attribute::optional(
                text(),
                "`ENCRYPT_DECRYPT`, `SIGN_VERIFY`, `GENERATE_VERIFY_MAC` or `KEY_AGREEMENT`.",
            )
            .default_value("ENCRYPT_DECRYPT")
            .replaces(),
        ),
        (
            "customer_master_key_spec",
            Attribute::optional(
                text(),
                "Kind of the key, such as `SYMMETRIC_DEFAULT` or `RSA_2048`.",
            )
            .default_value(SYMMETRIC)
            .replaces(),
        ),
        (
            "multi_region",
            switch("Whether the key can have replicas in other regions.")
                .default_value(false)
                .replaces(),
        ),
        (
            "policy",
            Attribute::optional_computed(
                AttributeType::Json,
                "Who may do what with the key; if left out, whom the account's IAM allows it.",
            ),
        ),
        (
            "bypass_policy_lockout_safety_check",
            switch("Whether a policy is taken that does not let its author change it again.")
                .default_value(false),
        ),
        (
            "is_enabled",
            switch("Whether the key can be used.").default_value(true),
        ),
        (
            "enable_key_rotation",
            switch("Whether KMS makes new key material from time to time.").default_value(false),
        ),
        (
            "rotation_period_in_days",
            Attribute::optional_computed(
                AttributeType::Number,
                "Days from one rotation to the next, from 90 to 2560; 365 if left out.",
            ),
        ),
        (
            "deletion_window_in_days",
            Attribute::optional(
                AttributeType::Number,
                "Days from the deletion until the key is lost, from 7 to 30.",
            )
            .default_value(30),
        ),
        tags::argument(),
        tags::all(),
    ])
}

/// A key that is there and not about to go.
async fn describe(cloud: &Cloud, id: &str) -> Result<Option<KeyMetadata>, Failure> {
    if id.contains([':', '/']) {
        let message = format!("'{id}' is not the id of a key, which is the last part of its ARN");
        return Err(Failure::refused(ProviderErrorKind::Invalid, message));
    }
    let call = cloud.clients().await?.kms.describe_key().key_id(id);
    let answer = found(send("DescribeKey", call.send()).await)?;
    let metadata = answer.and_then(|answer| answer.key_metadata);
    Ok(metadata.filter(|key| {
        !matches!(
            key.key_state(),
            Some(KeyState::PendingDeletion | KeyState::PendingReplicaDeletion)
        )
    }))
}

/// A key with its policy, rotation and tags.
async fn get(cloud: &Cloud, id: &str) -> Result<Option<Live>, Failure> {
    let Some(metadata) = describe(cloud, id).await? else {
        return Ok(None);
    };
    let rotates = metadata.key_spec() == Some(&KeySpec::SymmetricDefault);
    let parts = async {
        try_join!(
            policy_of(cloud, id),
            rotation_of(cloud, id, rotates),
            tagging::of(cloud, id)
        )
    };
    Ok(found(parts.await)?.map(|(policy, rotation, tags)| Live {
        metadata,
        policy,
        rotation,
        tags,
    }))
}

async fn policy_of(cloud: &Cloud, id: &str) -> Result<String, Failure> {
    let kms = &cloud.clients().await?.kms;
    let call = kms.get_key_policy().key_id(id).policy_name("default");
    let answer = send("GetKeyPolicy", call.send()).await?;
    Ok(answer.policy.unwrap_or_default())
}

async fn rotation_of(cloud: &Cloud, id: &str, rotates: bool) -> Result<Option<i32>, Failure> {
    if !rotates {
        return Ok(None);
    }
    let kms = &cloud.clients().await?.kms;
    let call = kms.get_key_rotation_status().key_id(id);
    let answer = send("GetKeyRotationStatus", call.send()).await?;
    let days = answer.rotation_period_in_days.unwrap_or(365);
    Ok(answer.key_rotation_enabled.then_some(days))
}

/// The tags of all keys of the account in the region, by id. Keys whose own policy shuts us out are none of ours: the
/// caller of a create can always read its key's tags, or could not have finished it either.
async fn all_tags(cloud: &Cloud) -> Result<Vec<(String, Tags)>, Failure> {
    let kms = &cloud.clients().await?.kms;
    let pages = kms.list_keys().into_paginator().items().send();
    let keys = send("ListKeys", pages.collect::<Result<Vec<_>, _>>()).await?;
    let reads = keys.into_iter().filter_map(|key| key.key_id).map(|id| {
        async move {
            match tagging::of(cloud, &id).await {
                Ok(tags) => Ok(Some((id, tags))),
                Err(failure) if is_shut_out(&failure) => Ok(None),
                Err(failure) if failure.kind() == ProviderErrorKind::NotFound => Ok(None),
                Err(failure) => Err(failure),
            }
        }
        .boxed()
    });
    let read: Result<Vec<_>, Failure> = at_once(reads).await.into_iter().collect();
    Ok(read?.into_iter().flatten().collect())
}

/// Whether a key's own policy is what denies access, and not the rights of the caller.
fn is_shut_out(failure: &Failure) -> bool {
    failure.kind() == ProviderErrorKind::AccessDenied
        && failure.error.message.contains("resource-based policy")
}

/// Turns a key on or off, where that is planned. Says whether a call was made.
async fn switch(
    step: &Step<'_>,
    id: &str,
    (live, planned): (&Live, &Key),
    on: bool,
) -> Result<bool, Failure> {
    if planned.is_enabled != on || live.metadata.enabled() == on {
        return Ok(false);
    }
    let kms = &step.clients().await?.kms;
    if on {
        let call = kms.enable_key().key_id(id);
        step.change("EnableKey", call.send()).await?;
    } else {
        let call = kms.disable_key().key_id(id);
        step.change("DisableKey", call.send()).await?;
    }
    Ok(true)
}

fn rotates_as_planned(live: &Live, planned: &Key) -> bool {
    let days = planned.rotation_period_in_days;
    live.rotation.is_some() == planned.enable_key_rotation
        && (live.rotation.is_none() || days.is_none() || live.rotation == days)
}

async fn converge_rotation(
    step: &Step<'_>,
    id: &str,
    (live, planned): (&Live, &Key),
) -> Result<bool, Failure> {
    if rotates_as_planned(live, planned) {
        return Ok(false);
    }
    let kms = &step.clients().await?.kms;
    if planned.enable_key_rotation {
        let call = kms
            .enable_key_rotation()
            .key_id(id)
            .set_rotation_period_in_days(planned.rotation_period_in_days);
        step.change("EnableKeyRotation", call.send()).await?;
    } else {
        let call = kms.disable_key_rotation().key_id(id);
        step.change("DisableKeyRotation", call.send()).await?;
    }
    Ok(true)
}

fn is_described(live: &Live, planned: &Key) -> bool {
    live.metadata.description().unwrap_or_default()
        == planned.description.as_deref().unwrap_or_default()
}

fn has_policy(live: &Live, planned: &Key) -> bool {
    let planned = planned.policy.as_deref();
    planned.is_none_or(|planned| policy::same(&live.policy, planned))
}

/// Brings description and policy to what is planned. Says whether a call was made.
async fn converge_words(
    step: &Step<'_>,
    id: &str,
    (live, planned): (&Live, &Key),
) -> Result<bool, Failure> {
    let kms = &step.clients().await?.kms;
    let mut changed = false;
    if !is_described(live, planned) {
        let text = planned.description.clone().unwrap_or_default();
        let call = kms.update_key_description().key_id(id).description(text);
        step.change("UpdateKeyDescription", call.send()).await?;
        changed = true;
    }
    if !has_policy(live, planned) {
        let call = kms
            .put_key_policy()
            .key_id(id)
            .policy_name("default")
            .set_policy(planned.policy.clone())
            .bypass_policy_lockout_safety_check(planned.bypass_policy_lockout_safety_check);
        step.change("PutKeyPolicy", call.send()).await?;
        changed = true;
    }
    Ok(changed)
}

fn is_as_planned(live: &Live, planned: &Key, wanted: &Goal) -> bool {
    live.metadata.enabled() == planned.is_enabled
        && rotates_as_planned(live, planned)
        && is_described(live, planned)
        && has_policy(live, planned)
        && Difference::between(&live.tags, wanted).is_empty()
}

/// What users see of a key.
fn see(cloud: &Cloud, live: &Live, recorded: Option<&Key>) -> Key {
    let own = recorded.map(|key| key.tags.as_ref());
    let tags = tags::seen_of(live.tags.clone(), cloud.default_tags(), own);
    let metadata = &live.metadata;
    let text = |word: Option<&str>| word.unwrap_or_default().to_owned();
    let declared = recorded.and_then(|key| key.policy.as_deref());
    let document = live.policy.clone();
    Key {
        id: Some(metadata.key_id().to_owned()),
        arn: metadata.arn.clone(),
        key_id: Some(metadata.key_id().to_owned()),
        description: metadata.description.clone(),
        key_usage: text(metadata.key_usage().map(KeyUsageType::as_str)),
        customer_master_key_spec: text(metadata.key_spec().map(KeySpec::as_str)),
        multi_region: metadata.multi_region().unwrap_or_default(),
        policy: Some(match declared {
            Some(declared) => policy::keep(declared, document),
            None => document,
        }),
        bypass_policy_lockout_safety_check: recorded
            .is_some_and(|key| key.bypass_policy_lockout_safety_check),
        is_enabled: metadata.enabled(),
        enable_key_rotation: live.rotation.is_some(),
        rotation_period_in_days: live.rotation,
        deletion_window_in_days: recorded.map_or(30, |key| key.deletion_window_in_days),
        tags: Some(tags.tags),
        tags_all: Some(tags.tags_all),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_keys_own_policy_shuts_out() {
        let denied = |why: &str| {
            let text = format!(
                "ListResourceTags: AccessDeniedException: User: arn:aws:iam::1:user/a is not authorized to perform: kms:ListResourceTags on resource: arn:aws:kms:r:1:key/k because no {why} allows the kms:ListResourceTags action"
            );
            Failure::refused(ProviderErrorKind::AccessDenied, text)
        };
        assert!(is_shut_out(&denied("resource-based policy")));
        assert!(!is_shut_out(&denied("identity-based policy")));
        let other = Failure::refused(ProviderErrorKind::Invalid, "resource-based policy");
        assert!(!is_shut_out(&other));
    }
}
