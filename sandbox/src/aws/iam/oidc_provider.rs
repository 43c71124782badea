//! OIDC providers: issuers whose tokens IAM believes.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::aws::ACCOUNT;
use crate::aws::arn::Arn;
use crate::aws::error::{Answer, AwsError};
use crate::aws::params::Params;
use crate::aws::service::{Cx, QueryOperation};
use crate::aws::time::iso;
use crate::world::{Kind, New, Object};

use super::{GLOBAL, check_tags, no_such_entity, tag_views, tagging, take_tags};

pub(super) const OPERATIONS: &[QueryOperation] = &[
    QueryOperation::write("CreateOpenIDConnectProvider", create),
    QueryOperation::read("GetOpenIDConnectProvider", get),
    QueryOperation::read("ListOpenIDConnectProviders", list),
    QueryOperation::write("UpdateOpenIDConnectProviderThumbprint", update_thumbprint),
    QueryOperation::write("AddClientIDToOpenIDConnectProvider", add_client),
    QueryOperation::write("RemoveClientIDFromOpenIDConnectProvider", remove_client),
    QueryOperation::write("DeleteOpenIDConnectProvider", delete),
    QueryOperation::write("TagOpenIDConnectProvider", tag),
    QueryOperation::write("UntagOpenIDConnectProvider", untag),
    QueryOperation::read("ListOpenIDConnectProviderTags", list_tags),
];

/// What IAM finds at the issuer where no thumbprint is given.
const FOUND_THUMBPRINT: &str = "9e99a48a9960b14926bb7f3b02e22da2b0ab7280";
const MAX_CLIENTS: usize = 100;
const MAX_THUMBPRINTS: usize = 5;

/// A provider; the id is its ARN.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct OidcProvider {
    /// Without `https://`.
    url: String,
    clients: Vec<String>,
    thumbprints: Vec<String>,
}

impl Kind for OidcProvider {
    const SERVICE: &'static str = "iam";
    const TYPE: &'static str = "oidc-provider";
}

fn take_arn(p: &mut Params) -> Result<String, AwsError> {
    let arn = p.req("OpenIDConnectProviderArn")?;
    if Arn::parse(&arn).is_some_and(|arn| arn.resource.starts_with("oidc-provider/")) {
        return Ok(arn);
    }
    Err(AwsError::new(
        "InvalidInput",
        format!("Invalid ARN:  {arn}"),
    ))
}

fn find<'a>(cx: &'a Cx<'_>, arn: &str) -> Result<&'a Object<OidcProvider>, AwsError> {
    cx.world
        .get::<OidcProvider>(GLOBAL, arn)
        .ok_or_else(|| no_such_entity(&format!("OpenIDConnect Provider not found for arn {arn}")))
}

fn check_lists(p: &Params, clients: &[String], thumbprints: &[String]) -> Result<(), AwsError> {
    let limit = |text: &str| Err(AwsError::with_status(409, "LimitExceeded", text));
    if clients.len() > MAX_CLIENTS {
        return limit("Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100");
    }
    if thumbprints.len() > MAX_THUMBPRINTS {
        return Err(AwsError::new(
            "InvalidInput",
            "Thumbprint list must contain fewer than 5 entries.",
        ));
    }
    let bad = thumbprints
        .iter()
        .find(|text| text.len() != 40 || !text.chars().all(|c| c.is_ascii_hexdigit()));
    match bad {
        None => Ok(()),
        Some(bad) => Err(p.invalid("ThumbprintList", bad, "Member must have length 40")),
    }
}

fn create(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let full = p.req("Url")?;
    let clients = p.list("ClientIDList");
    let mut thumbprints = p.list("ThumbprintList");
    let tags = take_tags(p, "Tags")?;
    p.finish()?;
    let Some(url) = full.strip_prefix("https://").filter(|url| !url.is_empty()) else {
        let text = "Invalid Open ID Connect Provider URL";
        return Err(AwsError::new("ValidationError", text));
    };
    check_lists(p, &clients, &thumbprints)?;
    check_tags(&tags)?;
    let arn = format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{url}");
    if cx.world.raw::<OidcProvider>(GLOBAL, &arn).is_some() {
        let text = format!("Provider with url {full} already exists.");
        return Err(AwsError::with_status(409, "EntityAlreadyExists", text));
    }
    if thumbprints.is_empty() {
        thumbprints.push(FOUND_THUMBPRINT.to_owned());
    }
    let provider = OidcProvider {
        url: url.to_owned(),
        clients,
        thumbprints,
    };
    let tag_list = tag_views(&tags);
    let made = cx
        .world
        .insert(New::plain(GLOBAL, arn, provider).tags(tags));
    Ok(json!({ "OpenIDConnectProviderArn": made.id, "Tags": tag_list }))
}

fn get(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let arn = take_arn(p)?;
    p.finish()?;
    let provider = find(cx, &arn)?;
    Ok(json!({
        "Url": provider.body.url,
        "ClientIDList": provider.body.clients,
        "ThumbprintList": provider.body.thumbprints,
        "CreateDate": iso(provider.created_ms),
        "Tags": tag_views(&provider.tags),
    }))
}

fn list(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    p.finish()?;
    let all = cx.world.seen::<OidcProvider>(GLOBAL);
    let arns: Vec<Value> = all.map(|provider| json!({ "Arn": provider.id })).collect();
    Ok(json!({ "OpenIDConnectProviderList": arns }))
}

fn update_thumbprint(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let arn = take_arn(p)?;
    let thumbprints = p.list("ThumbprintList");
    p.finish()?;
    check_lists(p, &[], &thumbprints)?;
    find(cx, &arn)?;
    cx.world.update::<OidcProvider>(GLOBAL, &arn, |provider| {
        provider.body.thumbprints = thumbprints;
    });
    Ok(Value::Null)
}

fn add_client(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let arn = take_arn(p)?;
    let client = p.req("ClientID")?;
    p.finish()?;
    let mut clients = find(cx, &arn)?.body.clients.clone();
    if !clients.contains(&client) {
        clients.push(client);
    }
    check_lists(p, &clients, &[])?;
    cx.world.update::<OidcProvider>(GLOBAL, &arn, |provider| {
        provider.body.clients = clients;
    });
    Ok(Value::Null)
}

fn remove_client(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let arn = take_arn(p)?;
    let client = p.req("ClientID")?;
    p.finish()?;
    find(cx, &arn)?;
    // One that is not there is no error.
    cx.world.update::<OidcProvider>(GLOBAL, &arn, |provider| {
        provider.body.clients.retain(|known| *known != client);
    });
    Ok(Value::Null)
}

/// Deleting what is not there is no error.
fn delete(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let arn = take_arn(p)?;
    p.finish()?;
    cx.world.remove::<OidcProvider>(GLOBAL, &arn);
    Ok(Value::Null)
}

fn tag(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let arn = take_arn(p)?;
    tagging::tag(cx, p, |cx| Ok(find(cx, &arn)?.clone()))
}

fn untag(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let arn = take_arn(p)?;
    tagging::untag(cx, p, |cx| Ok(find(cx, &arn)?.clone()))
}

fn list_tags(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let arn = take_arn(p)?;
    tagging::list(cx, p, |cx| Ok(find(cx, &arn)?.clone()))
}
