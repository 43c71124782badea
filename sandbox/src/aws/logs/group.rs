//! Log groups.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::aws::error::{Answer, AwsError};
use crate::aws::json::{JsonRequest, violated};
use crate::aws::page::PageRequest;
use crate::aws::service::{Cx, JsonOperation};
use crate::world::{Kind, New, Object, Tags};

use super::{INVALID, arn, check_key, check_name, delivery, find, tagging};

pub(super) const OPERATIONS: &[JsonOperation] = &[
    JsonOperation::write("CreateLogGroup", create),
    JsonOperation::read("DescribeLogGroups", describe),
    JsonOperation::write("PutRetentionPolicy", put_retention),
    JsonOperation::write("DeleteRetentionPolicy", delete_retention),
    JsonOperation::write("AssociateKmsKey", associate_key),
    JsonOperation::write("DisassociateKmsKey", disassociate_key),
    JsonOperation::write("DeleteLogGroup", delete),
];

/// For how many days events can be kept.
const RETENTIONS: [u32; 22] = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
];
const CLASSES: [&str; 3] = ["STANDARD", "INFREQUENT_ACCESS", "DELIVERY"];

/// What a log group is made of; its name is its id.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LogGroup {
    pub(super) class: String,
    pub(super) retention: Option<u32>,
    pub(super) key: Option<String>,
    /// Whether EKS made it, and nobody has taken it over since.
    pub(super) is_eks_own: bool,
}

impl Kind for LogGroup {
    const SERVICE: &'static str = "logs";
    const TYPE: &'static str = "log-group";

    fn is_listed(&self) -> bool {
        !self.is_eks_own
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CreateLogGroup {
    log_group_name: String,
    kms_key_id: Option<String>,
    #[serde(default)]
    tags: Tags,
    log_group_class: Option<String>,
}

/// A call that names one group.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OneGroup {
    log_group_name: String,
}

fn create(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: CreateLogGroup = request.body()?;
    let name = wanted.log_group_name;
    check_name(&name)?;
    tagging::check(&wanted.tags)?;
    let class = wanted
        .log_group_class
        .unwrap_or_else(|| CLASSES[0].to_owned());
    if !CLASSES.contains(&class.as_str()) {
        let constraint = format!(
            "Member must satisfy enum value set: [{}]",
            CLASSES.join(", ")
        );
        return Err(violated(INVALID, ("logGroupClass", &class), &constraint));
    }
    if let Some(key) = &wanted.kms_key_id {
        check_key(cx, &name, key)?;
    }
    let region = cx.region.clone();
    if cx.world.raw::<LogGroup>(&region, &name).is_some() {
        return Err(AwsError::new(
            "ResourceAlreadyExistsException",
            "The specified log group already exists",
        ));
    }
    let group = LogGroup {
        retention: (class == "DELIVERY").then_some(2),
        class,
        key: wanted.kms_key_id,
        is_eks_own: false,
    };
    let new = New::plain(&region, name.clone(), group)
        .name(&name)
        .tags(wanted.tags);
    cx.world.insert(new);
    Ok(Value::Null)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DescribeLogGroups {
    log_group_name_prefix: Option<String>,
    log_group_name_pattern: Option<String>,
    log_group_class: Option<String>,
    next_token: Option<String>,
    limit: Option<usize>,
}

fn describe(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: DescribeLogGroups = request.body()?;
    if wanted.log_group_name_prefix.is_some() && wanted.log_group_name_pattern.is_some() {
        let text =
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.";
        return Err(AwsError::new(INVALID, text));
    }
    if let Some(limit) = wanted.limit.filter(|limit| !(1..=50).contains(limit)) {
        let constraint = "Member must have value less than or equal to 50";
        return Err(violated(INVALID, ("limit", &limit.to_string()), constraint));
    }
    let limit = wanted.limit.unwrap_or(50);
    let page = PageRequest::new(wanted.next_token.as_deref(), Some(limit))
        .map_err(|_bad| AwsError::new(INVALID, "The specified nextToken is invalid."))?
        .at_most(cx.injected.page_limit);
    let prefix = wanted.log_group_name_prefix.unwrap_or_default();
    let pattern = wanted
        .log_group_name_pattern
        .unwrap_or_default()
        .to_lowercase();
    let class = wanted.log_group_class;
    let groups = cx.world.seen_under::<LogGroup>(&cx.region, &prefix);
    let chosen = groups.filter(|group| {
        group.id.to_lowercase().contains(&pattern)
            && class
                .as_ref()
                .is_none_or(|class| *class == group.body.class)
    });
    let (groups, token) = page.cut(chosen.collect(), |group| group.id.clone());
    let views: Vec<Value> = groups.into_iter().map(view).collect();
    let mut answer = json!({ "logGroups": views });
    if let Some(token) = token {
        answer["nextToken"] = Value::String(token);
    }
    Ok(answer)
}

fn view(group: &Object<LogGroup>) -> Value {
    let arn = arn(&group.region, &group.id);
    let mut view = json!({
        "logGroupName": group.id,
        "creationTime": group.created_ms,
        "metricFilterCount": 0,
        "arn": format!("{arn}:*"),
        "logGroupArn": arn,
        "storedBytes": 0,
        "logGroupClass": group.body.class,
    });
    if let Some(days) = group.body.retention {
        view["retentionInDays"] = json!(days);
    }
    if let Some(key) = &group.body.key {
        view["kmsKeyId"] = json!(key);
    }
    view
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PutRetentionPolicy {
    log_group_name: String,
    retention_in_days: u32,
}

fn put_retention(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: PutRetentionPolicy = request.body()?;
    let days = wanted.retention_in_days;
    if !RETENTIONS.contains(&days) {
        let known = RETENTIONS.map(|days| days.to_string()).join(", ");
        let constraint = format!("Member must satisfy enum value set: [{known}]");
        return Err(violated(
            INVALID,
            ("retentionInDays", &days.to_string()),
            &constraint,
        ));
    }
    set_retention(cx, &wanted.log_group_name, Some(days))
}

fn delete_retention(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: OneGroup = request.body()?;
    set_retention(cx, &wanted.log_group_name, None)
}

fn set_retention(cx: &mut Cx<'_>, name: &str, days: Option<u32>) -> Answer {
    let group = find(cx, name)?;
    if group.body.class == "DELIVERY" {
        return Err(AwsError::new(
            INVALID,
            "The retention of log groups of the class DELIVERY cannot be changed.",
        ));
    }
    let name = group.id.clone();
    change(cx, &name, |group| group.retention = days);
    Ok(Value::Null)
}

fn change(cx: &mut Cx<'_>, name: &str, change: impl FnOnce(&mut LogGroup)) {
    let region = cx.region.clone();
    cx.world
        .update::<LogGroup>(&region, name, |group| change(&mut group.body));
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AssociateKmsKey {
    log_group_name: String,
    kms_key_id: String,
}

fn associate_key(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: AssociateKmsKey = request.body()?;
    let name = find(cx, &wanted.log_group_name)?.id.clone();
    check_key(cx, &name, &wanted.kms_key_id)?;
    change(cx, &name, |group| group.key = Some(wanted.kms_key_id));
    Ok(Value::Null)
}

fn disassociate_key(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: OneGroup = request.body()?;
    let name = find(cx, &wanted.log_group_name)?.id.clone();
    change(cx, &name, |group| group.key = None);
    Ok(Value::Null)
}

fn delete(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: OneGroup = request.body()?;
    let name = find(cx, &wanted.log_group_name)?.id.clone();
    let region = cx.region.clone();
    cx.world.remove::<LogGroup>(&region, &name);
    delivery::expect_more(cx.world, &region, &name);
    Ok(Value::Null)
}
