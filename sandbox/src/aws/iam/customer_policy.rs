//! The policies that an account manages itself, with their versions.

use percent_encoding::utf8_percent_encode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::aws::ACCOUNT;
use crate::aws::error::{Answer, AwsError};
use crate::aws::params::Params;
use crate::aws::policy::check_identity;
use crate::aws::service::{Cx, QueryOperation, not_emulated};
use crate::aws::time::iso;
use crate::world::{Kind, New, Object, World};

use super::attachment::{check_arn, count_attached};
use super::managed::{all_managed, is_managed, managed_view};
use super::role::{UNRESERVED, check_description, check_path, malformed, unique_id};
use super::{
    GLOBAL, check_tags, no_such_entity, page_answer, tag_views, tagging, take_page, take_tags,
};

pub(super) const OPERATIONS: &[QueryOperation] = &[
    QueryOperation::write("CreatePolicy", create),
    QueryOperation::read("GetPolicy", get),
    QueryOperation::read("ListPolicies", list),
    QueryOperation::write("DeletePolicy", delete),
    QueryOperation::write("CreatePolicyVersion", create_version),
    QueryOperation::read("GetPolicyVersion", get_version),
    QueryOperation::read("ListPolicyVersions", list_versions),
    QueryOperation::write("SetDefaultPolicyVersion", set_default),
    QueryOperation::write("DeletePolicyVersion", delete_version),
    QueryOperation::write("TagPolicy", tag),
    QueryOperation::write("UntagPolicy", untag),
    QueryOperation::read("ListPolicyTags", list_tags),
];

const MAX_VERSIONS: usize = 5;
/// The most characters of a document, without white space.
const MAX_SIZE: usize = 6144;

/// A policy; the id is its ARN.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Policy {
    policy_id: String,
    path: String,
    description: Option<String>,
    versions: Vec<Version>,
    default_version: u32,
    last_version: u32,
    updated_ms: u64,
}

/// A version of a policy's document.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Version {
    number: u32,
    document: String,
    created_ms: u64,
}

impl Kind for Policy {
    const SERVICE: &'static str = "iam";
    const TYPE: &'static str = "policy";
}

/// Tells whether there is a policy of this ARN, of AWS or of the account.
pub(super) fn exists(world: &World, policy_arn: &str) -> bool {
    is_managed(policy_arn) || world.get::<Policy>(GLOBAL, policy_arn).is_some()
}

fn find<'a>(cx: &'a Cx<'_>, arn: &str) -> Result<&'a Object<Policy>, AwsError> {
    check_arn(arn)?;
    cx.world
        .get::<Policy>(GLOBAL, arn)
        .ok_or_else(|| no_such_entity(&format!("Policy {arn} does not exist.")))
}

/// Finds a policy that is to be changed.
fn find_own<'a>(cx: &'a Cx<'_>, arn: &str) -> Result<&'a Object<Policy>, AwsError> {
    if is_managed(arn) {
        let text = "Policies managed by AWS cannot be changed.";
        return Err(AwsError::with_status(403, "AccessDenied", text));
    }
    find(cx, arn)
}

fn check_document(document: &str) -> Result<(), AwsError> {
    check_identity(document).map_err(malformed)?;
    let size = document.chars().filter(|c| !c.is_whitespace()).count();
    if size > MAX_SIZE {
        return Err(limit(&format!(
            "Cannot exceed quota for PolicySize: {MAX_SIZE}"
        )));
    }
    Ok(())
}

fn limit(text: &str) -> AwsError {
    AwsError::with_status(409, "LimitExceeded", text)
}

fn conflict(text: &str) -> AwsError {
    AwsError::with_status(409, "DeleteConflict", text)
}

fn create(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let name = p.req("PolicyName")?;
    let document = p.req("PolicyDocument")?;
    let path = p.opt("Path").unwrap_or_else(|| "/".to_owned());
    let description = p.opt("Description").filter(|text| !text.is_empty());
    let tags = take_tags(p, "Tags")?;
    p.finish()?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if name.len() > 128 || !name.chars().all(allowed) {
        let text = "The specified value for policyName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-";
        return Err(AwsError::new("ValidationError", text));
    }
    check_path(p, &path)?;
    check_description(p, description.as_deref())?;
    check_document(&document)?;
    check_tags(&tags)?;
    let is_same = |policy: &Object<Policy>| {
        let known = policy.name.as_deref().unwrap_or_default();
        known.eq_ignore_ascii_case(&name)
    };
    if cx.world.all::<Policy>(GLOBAL).any(is_same) {
        let text =
            format!("A policy called {name} already exists. Duplicate names are not allowed.");
        return Err(AwsError::with_status(409, "EntityAlreadyExists", text));
    }
    let now_ms = cx.world.now_ms();
    let policy = Policy {
        policy_id: unique_id(cx, "ANPA"),
        description,
        versions: vec![Version {
            number: 1,
            document,
            created_ms: now_ms,
        }],
        default_version: 1,
        last_version: 1,
        updated_ms: now_ms,
        path,
    };
    let arn = format!("arn:aws:iam::{ACCOUNT}:policy{}{name}", policy.path);
    let new = New::plain(GLOBAL, arn, policy).name(&name).tags(tags);
    let policy = cx.world.insert(new);
    // What was made a moment ago tells neither what it is for nor its tags.
    let mut view = view(cx.world, &policy);
    view["Description"] = Value::Null;
    Ok(json!({ "Policy": view }))
}

fn get(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let arn = p.req("PolicyArn")?;
    p.finish()?;
    if let Some(view) = managed_view(&arn) {
        return Ok(json!({ "Policy": view }));
    }
    let policy = find(cx, &arn)?;
    Ok(json!({ "Policy": view(cx.world, policy) }))
}

/// Lists policies, without what each is for and its tags.
fn list(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let scope = p.opt("Scope").unwrap_or_else(|| "All".to_owned());
    let only_attached = p.bool("OnlyAttached")?.unwrap_or_default();
    let prefix = p.opt("PathPrefix").unwrap_or_else(|| "/".to_owned());
    let usage = p.opt("PolicyUsageFilter");
    let page = take_page(cx, p)?;
    p.finish()?;
    if usage.is_some() {
        return Err(not_emulated("iam", "ListPolicies with PolicyUsageFilter"));
    }
    let (own, managed) = match scope.as_str() {
        "All" => (true, true),
        "AWS" => (false, true),
        "Local" => (true, false),
        other => {
            let constraint = "Member must satisfy enum value set: [AWS, Local, All]";
            return Err(p.invalid("Scope", other, constraint));
        }
    };
    let own = cx.world.seen::<Policy>(GLOBAL).filter(|_| own);
    let own = own.map(|policy| view(cx.world, policy));
    let managed = all_managed().filter(|_| managed);
    let managed = managed.filter_map(|arn| {
        let mut view = managed_view(&arn)?;
        view["AttachmentCount"] = json!(count_attached(cx.world, &arn));
        Some(view)
    });
    let is_chosen = |view: &Value| {
        let path = view["Path"].as_str().unwrap_or_default();
        path.starts_with(&prefix) && (!only_attached || view["AttachmentCount"] != json!(0))
    };
    let mut chosen: Vec<Value> = own.chain(managed).filter(is_chosen).collect();
    let arn = |view: &Value| view["Arn"].as_str().unwrap_or_default().to_owned();
    chosen.sort_by_key(arn);
    let (mut views, marker) = page.cut(chosen, arn);
    for view in &mut views {
        view["Description"] = Value::Null;
        view["Tags"] = Value::Null;
    }
    Ok(page_answer("Policies", views, marker))
}

fn view(world: &World, policy: &Object<Policy>) -> Value {
    let body = &policy.body;
    json!({
        "PolicyName": policy.name,
        "PolicyId": body.policy_id,
        "Arn": policy.id,
        "Path": body.path,
        "DefaultVersionId": format!("v{}", body.default_version),
        "AttachmentCount": count_attached(world, &policy.id),
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": true,
        "Description": body.description,
        "CreateDate": iso(policy.created_ms),
        "UpdateDate": iso(body.updated_ms),
        "Tags": tag_views(&policy.tags),
    })
}

fn delete(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let arn = p.req("PolicyArn")?;
    p.finish()?;
    let policy = find_own(cx, &arn)?;
    if count_attached(cx.world, &policy.id) > 0 {
        return Err(conflict("Cannot delete a policy attached to entities."));
    }
    if policy.body.versions.len() > 1 {
        return Err(conflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
        ));
    }
    cx.world.remove::<Policy>(GLOBAL, &arn);
    Ok(Value::Null)
}

fn create_version(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let arn = p.req("PolicyArn")?;
    let document = p.req("PolicyDocument")?;
    let is_default = p.bool("SetAsDefault")?.unwrap_or_default();
    p.finish()?;
    let policy = find_own(cx, &arn)?;
    check_document(&document)?;
    if policy.body.versions.len() >= MAX_VERSIONS {
        return Err(limit(
            "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.",
        ));
    }
    let version = Version {
        number: policy.body.last_version + 1,
        document,
        created_ms: cx.world.now_ms(),
    };
    let mut made = version_view(&version, is_default);
    made["Document"] = Value::Null;
    cx.world.update::<Policy>(GLOBAL, &arn, |policy| {
        policy.body.last_version = version.number;
        if is_default {
            policy.body.default_version = version.number;
        }
        policy.body.updated_ms = version.created_ms;
        policy.body.versions.push(version);
    });
    Ok(json!({ "PolicyVersion": made }))
}

fn version_view(version: &Version, is_default: bool) -> Value {
    json!({
        "Document": utf8_percent_encode(&version.document, UNRESERVED).to_string(),
        "VersionId": format!("v{}", version.number),
        "IsDefaultVersion": is_default,
        "CreateDate": iso(version.created_ms),
    })
}

/// Finds a version by its id, such as `v2`.
fn find_version<'a>(policy: &'a Object<Policy>, id: &str) -> Result<&'a Version, AwsError> {
    let number = id.strip_prefix('v').and_then(|n| n.parse::<u32>().ok());
    let mut versions = policy.body.versions.iter();
    versions
        .find(|version| Some(version.number) == number)
        .ok_or_else(|| {
            let text = format!(
                "Policy {} version {id} does not exist or is not attachable.",
                policy.id
            );
            no_such_entity(&text)
        })
}

fn get_version(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let arn = p.req("PolicyArn")?;
    let id = p.req("VersionId")?;
    p.finish()?;
    if is_managed(&arn) {
        return Err(not_emulated("iam", "the documents of AWS's own policies"));
    }
    let policy = find(cx, &arn)?;
    let version = find_version(policy, &id)?;
    let is_default = version.number == policy.body.default_version;
    Ok(json!({ "PolicyVersion": version_view(version, is_default) }))
}

fn list_versions(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let arn = p.req("PolicyArn")?;
    let page = take_page(cx, p)?;
    p.finish()?;
    let policy = find(cx, &arn)?;
    let versions = policy.body.versions.iter().collect();
    let (versions, marker) = page.cut(versions, |version| format!("{:08}", version.number));
    let views = versions.into_iter().map(|version| {
        let mut view = version_view(version, version.number == policy.body.default_version);
        view["Document"] = Value::Null;
        view
    });
    Ok(page_answer("Versions", views.collect(), marker))
}

fn set_default(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let arn = p.req("PolicyArn")?;
    let id = p.req("VersionId")?;
    p.finish()?;
    let number = find_version(find_own(cx, &arn)?, &id)?.number;
    let now_ms = cx.world.now_ms();
    cx.world.update::<Policy>(GLOBAL, &arn, |policy| {
        policy.body.default_version = number;
        policy.body.updated_ms = now_ms;
    });
    Ok(Value::Null)
}

fn delete_version(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let arn = p.req("PolicyArn")?;
    let id = p.req("VersionId")?;
    p.finish()?;
    let policy = find_own(cx, &arn)?;
    let number = find_version(policy, &id)?.number;
    if number == policy.body.default_version {
        return Err(conflict("Cannot delete the default version of a policy."));
    }
    cx.world.update::<Policy>(GLOBAL, &arn, |policy| {
        policy
            .body
            .versions
            .retain(|version| version.number != number);
    });
    Ok(Value::Null)
}

fn tag(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let arn = p.req("PolicyArn")?;
    tagging::tag(cx, p, |cx| Ok(find_own(cx, &arn)?.clone()))
}

fn untag(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let arn = p.req("PolicyArn")?;
    tagging::untag(cx, p, |cx| Ok(find_own(cx, &arn)?.clone()))
}

fn list_tags(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let arn = p.req("PolicyArn")?;
    tagging::list(cx, p, |cx| Ok(find(cx, &arn)?.clone()))
}
