//! Keys: making, reading and listing them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::aws::ACCOUNT;
use crate::aws::error::{Answer, AwsError};
use crate::aws::json::{JsonRequest, violated};
use crate::aws::service::{Cx, JsonOperation};
use crate::aws::time::seconds;
use crate::world::{Key as Place, Kind, New, Object, World};

use super::alias::Alias;
use super::key_policy::{check_policy, default_policy};
use super::tagging::{self, Tag};
use super::{INVALID, arn, find, find_lasting, not_found, take_page};

pub(super) const OPERATIONS: &[JsonOperation] = &[
    JsonOperation::write("CreateKey", create),
    JsonOperation::read("DescribeKey", describe),
    JsonOperation::read("ListKeys", list),
    JsonOperation::write("UpdateKeyDescription", update_description),
];

/// The kind of key that encrypts by one secret.
pub(super) const SYMMETRIC: &str = "SYMMETRIC_DEFAULT";

/// The kinds of keys, each with what it can be used for, the first by default.
const SPECS: &[(&str, &[&str])] = &[
    (SYMMETRIC, &["ENCRYPT_DECRYPT"]),
    ("RSA_2048", &["ENCRYPT_DECRYPT", "SIGN_VERIFY"]),
    ("RSA_3072", &["ENCRYPT_DECRYPT", "SIGN_VERIFY"]),
    ("RSA_4096", &["ENCRYPT_DECRYPT", "SIGN_VERIFY"]),
    ("ECC_NIST_P256", &["SIGN_VERIFY", "KEY_AGREEMENT"]),
    ("ECC_NIST_P384", &["SIGN_VERIFY", "KEY_AGREEMENT"]),
    ("ECC_NIST_P521", &["SIGN_VERIFY", "KEY_AGREEMENT"]),
    ("ECC_SECG_P256K1", &["SIGN_VERIFY"]),
    ("HMAC_224", &["GENERATE_VERIFY_MAC"]),
    ("HMAC_256", &["GENERATE_VERIFY_MAC"]),
    ("HMAC_384", &["GENERATE_VERIFY_MAC"]),
    ("HMAC_512", &["GENERATE_VERIFY_MAC"]),
];

/// Where a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum State {
    Enabled,
    Disabled,
    PendingDeletion,
}

/// What a key is made of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Key {
    pub(super) arn: String,
    pub(super) description: String,
    pub(super) usage: String,
    pub(super) spec: String,
    pub(super) multi_region: bool,
    pub(super) policy: String,
    pub(super) state: State,
    /// Days from one rotation to the next, while it is on.
    pub(super) rotation_days: Option<u32>,
    /// When it goes, once its deletion is scheduled.
    pub(super) deletion_ms: Option<u64>,
}

impl Kind for Key {
    const SERVICE: &'static str = "kms";
    const TYPE: &'static str = "key";

    fn due_ms(&self) -> Option<u64> {
        self.deletion_ms
    }

    fn settle(world: &mut World, place: &Place) {
        let (region, id) = (place.region.as_str(), place.id.as_str());
        let due = world
            .raw::<Self>(region, id)
            .and_then(|key| key.body.deletion_ms);
        if due.is_some_and(|due| due <= world.now_ms()) {
            world.remove_where::<Alias>(region, |alias| alias.body.target == id);
            world.remove::<Self>(region, id);
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct CreateKey {
    policy: Option<String>,
    description: Option<String>,
    key_usage: Option<String>,
    customer_master_key_spec: Option<String>,
    key_spec: Option<String>,
    origin: Option<String>,
    bypass_policy_lockout_safety_check: Option<bool>,
    #[serde(default)]
    tags: Vec<Tag>,
    multi_region: Option<bool>,
}

/// The body of a call that names one key.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct OneKey {
    pub(super) key_id: String,
}

fn create(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: CreateKey = request.body()?;
    if wanted
        .origin
        .as_deref()
        .is_some_and(|origin| origin != "AWS_KMS")
    {
        return Err(AwsError::new(
            "UnsupportedOperationException",
            "the sandbox emulates only keys whose material KMS makes",
        ));
    }
    let spec = match (&wanted.key_spec, &wanted.customer_master_key_spec) {
        (Some(_), Some(_)) => {
            let text = "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is deprecated.";
            return Err(AwsError::new(INVALID, text));
        }
        (Some(spec), None) | (None, Some(spec)) => spec.as_str(),
        (None, None) => SYMMETRIC,
    };
    let usage = check_usage(spec, wanted.key_usage.as_deref())?;
    let description = wanted.description.unwrap_or_default();
    check_description(&description)?;
    let bypass = wanted
        .bypass_policy_lockout_safety_check
        .unwrap_or_default();
    if let Some(policy) = &wanted.policy {
        check_policy(cx, policy, bypass)?;
    }
    let tags = tagging::read(&wanted.tags)?;
    let multi_region = wanted.multi_region.unwrap_or_default();
    let uuid = cx.world.draw(3).uuid();
    let id = if multi_region {
        format!("mrk-{}", uuid.replace('-', ""))
    } else {
        uuid
    };
    let key = Key {
        arn: arn(&cx.region, &format!("key/{id}")),
        description,
        usage: usage.to_owned(),
        spec: spec.to_owned(),
        multi_region,
        policy: wanted.policy.unwrap_or_else(|| default_policy(&cx.region)),
        state: State::Enabled,
        rotation_days: None,
        deletion_ms: None,
    };
    let region = cx.region.clone();
    let key = cx.world.insert(New::plain(&region, id, key).tags(tags));
    Ok(json!({ "KeyMetadata": view(&key) }))
}

/// The use of a key of this kind.
fn check_usage<'a>(spec: &str, usage: Option<&'a str>) -> Result<&'a str, AwsError> {
    let Some((_, usages)) = SPECS.iter().find(|(known, _)| *known == spec) else {
        let known: Vec<_> = SPECS.iter().map(|(known, _)| *known).collect();
        let constraint = format!("Member must satisfy enum value set: [{}]", known.join(", "));
        return Err(violated(INVALID, ("keySpec", spec), &constraint));
    };
    match usage {
        Some(usage) if !usages.contains(&usage) => Err(AwsError::new(
            INVALID,
            format!("KeyUsage {usage} is not compatible with KeySpec {spec}"),
        )),
        Some(usage) => Ok(usage),
        None if usages[0] == "ENCRYPT_DECRYPT" && spec == SYMMETRIC => Ok("ENCRYPT_DECRYPT"),
        None => Err(AwsError::new(
            INVALID,
            format!(
                "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys, not for {spec}."
            ),
        )),
    }
}

fn check_description(text: &str) -> Result<(), AwsError> {
    if text.chars().count() <= 8192 {
        return Ok(());
    }
    let constraint = "Member must have length less than or equal to 8192";
    Err(violated(INVALID, ("description", text), constraint))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DescribeKey {
    key_id: String,
}

/// The only read that takes aliases too.
fn describe(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: DescribeKey = request.body()?;
    let given = wanted
        .key_id
        .strip_prefix(&arn(&cx.region, ""))
        .unwrap_or(&wanted.key_id);
    let key = if given.starts_with("alias/") {
        let alias = cx.world.get::<Alias>(&cx.region, given);
        let target = alias.and_then(|alias| cx.world.get::<Key>(&cx.region, &alias.body.target));
        target.ok_or_else(|| {
            let arn = arn(&cx.region, given);
            not_found(format!("Alias {arn} is not found."))
        })?
    } else {
        find(cx, &wanted.key_id)?
    };
    Ok(json!({ "KeyMetadata": view(key) }))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ListKeys {
    limit: Option<usize>,
    marker: Option<String>,
}

fn list(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: ListKeys = request.body()?;
    let page = take_page(cx, (wanted.marker.as_ref(), wanted.limit), 1000)?;
    let keys = cx.world.seen::<Key>(&cx.region).collect();
    let (keys, marker) = page.cut(keys, |key: &&Object<Key>| key.id.clone());
    let views = keys
        .iter()
        .map(|key| json!({ "KeyId": key.id, "KeyArn": key.body.arn }));
    let mut answer = json!({ "Keys": views.collect::<Vec<_>>(), "Truncated": marker.is_some() });
    if let Some(marker) = marker {
        answer["NextMarker"] = Value::String(marker);
    }
    Ok(answer)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct UpdateKeyDescription {
    key_id: String,
    description: String,
}

fn update_description(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: UpdateKeyDescription = request.body()?;
    check_description(&wanted.description)?;
    let id = find_lasting(cx, &wanted.key_id)?.id.clone();
    let region = cx.region.clone();
    cx.world.update::<Key>(&region, &id, |key| {
        key.body.description = wanted.description;
    });
    Ok(Value::Null)
}

fn view(key: &Object<Key>) -> Value {
    let body = &key.body;
    let mut view = json!({
        "AWSAccountId": ACCOUNT,
        "KeyId": key.id,
        "Arn": body.arn,
        "CreationDate": seconds(key.created_ms),
        "Enabled": body.state == State::Enabled,
        "Description": body.description,
        "KeyUsage": body.usage,
        "KeyState": body.state,
        "Origin": "AWS_KMS",
        "KeyManager": "CUSTOMER",
        "CustomerMasterKeySpec": body.spec,
        "KeySpec": body.spec,
        "MultiRegion": body.multi_region,
    });
    if let Some(deletion) = body.deletion_ms {
        view["DeletionDate"] = seconds(deletion);
    }
    if body.spec == SYMMETRIC {
        view["EncryptionAlgorithms"] = json!([SYMMETRIC]);
    }
    if body.multi_region {
        view["MultiRegionConfiguration"] = json!({
            "MultiRegionKeyType": "PRIMARY",
            "PrimaryKey": { "Arn": body.arn, "Region": key.region },
            "ReplicaKeys": [],
        });
    }
    view
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(spec: &str, usage: Option<&str>, expected: Option<&str>) {
        assert_eq!(check_usage(spec, usage).ok(), expected, "{spec} {usage:?}");
    }

    #[test]
    fn uses_of_kinds() {
        check(SYMMETRIC, None, Some("ENCRYPT_DECRYPT"));
        check(SYMMETRIC, Some("SIGN_VERIFY"), None);
        check("RSA_2048", Some("SIGN_VERIFY"), Some("SIGN_VERIFY"));
        check("RSA_2048", None, None);
        check("nonsense", None, None);
    }
}
