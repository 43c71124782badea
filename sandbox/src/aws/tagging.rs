//! The tagging service: an index of tags over the services, for the types of which callers ask it here.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::world::Tags;

use super::error::{Answer, AwsError};
use super::json::{JsonRequest, violated};
use super::page::PageRequest;
use super::service::{Api, Cx, JsonOperation, Service, not_emulated};
use super::{ecr, iam, logs};

/// By which arguments are refused.
const INVALID: &str = "InvalidParameterException";
/// How many objects a call can name, and a page can have.
const MOST: usize = 100;
/// The region that tells the tags of what has no region.
const GLOBAL_REGION: &str = "us-east-1";

/// The service.
pub(super) static SERVICE: Service = Service {
    name: "tagging",
    global: false,
    api: Api::Json {
        target: "ResourceGroupsTaggingAPI_20170126",
        invalid: INVALID,
        tables: &[&[JsonOperation::read("GetResources", get_resources)]],
    },
    // The index is of other services' objects.
    register: |_world| {},
};

/// A type of object that the index tells.
struct Indexed {
    /// As filters name it.
    name: &'static str,
    /// What the ARNs of its objects look like, after the account.
    resource: &'static str,
    tell: fn(&Cx<'_>) -> Vec<(String, Tags)>,
}

static TYPES: [Indexed; 5] = [
    Indexed {
        name: "ecr:repository",
        resource: "repository/",
        tell: |cx| with_arns::<ecr::Repository>(cx, ecr::arn),
    },
    Indexed {
        name: "iam:instance-profile",
        resource: "instance-profile/",
        tell: |cx| {
            let arns = cx.world.seen::<iam::InstanceProfile>(iam::GLOBAL);
            let arns: BTreeMap<_, _> = arns.map(|one| (&one.id, &one.body.arn)).collect();
            let told = cx.world.indexed::<iam::InstanceProfile>(iam::GLOBAL);
            let told = told.into_iter();
            told.filter_map(|(id, tags)| Some(((*arns.get(&id)?).clone(), tags)))
                .collect()
        },
    },
    Indexed {
        name: "iam:oidc-provider",
        resource: "oidc-provider/",
        tell: |cx| cx.world.indexed::<iam::OidcProvider>(iam::GLOBAL),
    },
    Indexed {
        name: "iam:policy",
        resource: "policy/",
        tell: |cx| cx.world.indexed::<iam::Policy>(iam::GLOBAL),
    },
    Indexed {
        name: "logs:log-group",
        resource: "log-group:",
        tell: |cx| with_arns::<logs::LogGroup>(cx, logs::arn),
    },
];

/// The objects of a type whose ids are names, by their ARNs.
fn with_arns<T: crate::world::Kind>(
    cx: &Cx<'_>,
    arn: fn(&str, &str) -> String,
) -> Vec<(String, Tags)> {
    let told = cx.world.indexed::<T>(&cx.region).into_iter();
    told.map(|(id, tags)| (arn(&cx.region, &id), tags))
        .collect()
}

impl Indexed {
    fn service(&self) -> &'static str {
        self.name.split(':').next().unwrap_or_default()
    }

    /// Whether the region of a call tells it.
    fn is_told_in(&self, region: &str) -> bool {
        self.service() != "iam" || region == GLOBAL_REGION
    }

    fn is_type_of(&self, arn: &str) -> bool {
        let mut parts = arn.splitn(6, ':').skip(2);
        parts.next() == Some(self.service())
            && parts
                .nth(2)
                .is_some_and(|resource| resource.starts_with(self.resource))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
struct GetResources {
    #[serde(rename = "ResourceARNList")]
    arns: Option<Vec<String>>,
    resource_type_filters: Vec<String>,
    tag_filters: Vec<TagFilter>,
    resources_per_page: Option<usize>,
    pagination_token: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct TagFilter {
    key: String,
    #[serde(default)]
    values: Vec<String>,
}

impl TagFilter {
    fn fits(&self, tags: &Tags) -> bool {
        let value = tags.get(&self.key);
        value.is_some_and(|value| self.values.is_empty() || self.values.contains(value))
    }
}

fn get_resources(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: GetResources = request.body()?;
    match &wanted.arns {
        Some(arns) => named(cx, arns, &wanted),
        None => filtered(cx, &wanted),
    }
}

/// Tells the tags of the objects that a call names; of those that are not known here it says nothing.
fn named(cx: &Cx<'_>, arns: &[String], wanted: &GetResources) -> Answer {
    let is_alone = wanted.resource_type_filters.is_empty()
        && wanted.tag_filters.is_empty()
        && wanted.resources_per_page.is_none()
        && wanted.pagination_token.is_empty();
    if !is_alone {
        let text = "ResourceARNList is not allowed with any other parameter in the request.";
        return Err(AwsError::new(INVALID, text));
    }
    if !(1..=MOST).contains(&arns.len()) {
        let constraint = "Member must have length between 1 and 100";
        let length = arns.len().to_string();
        return Err(violated(INVALID, ("resourceARNList", &length), constraint));
    }
    if let Some(unknown) = arns
        .iter()
        .find(|arn| !TYPES.iter().any(|ty| ty.is_type_of(arn)))
    {
        return Err(not_emulated("tagging", &format!("tags of {unknown}")));
    }
    let is_named = |ty: &Indexed| arns.iter().any(|arn| ty.is_type_of(arn));
    let mut told: Vec<_> = types(is_named).flat_map(|ty| tell(cx, ty)).collect();
    told.retain(|(arn, _)| arns.contains(arn));
    Ok(answer(told, None))
}

fn filtered(cx: &Cx<'_>, wanted: &GetResources) -> Answer {
    let filters = &wanted.resource_type_filters;
    let is_known = |filter: &String| {
        TYPES
            .iter()
            .any(|ty| ty.name == filter || ty.service() == filter)
    };
    if filters.is_empty() {
        return Err(not_emulated(
            "tagging",
            "GetResources without ResourceARNList or ResourceTypeFilters",
        ));
    }
    if let Some(unknown) = filters.iter().find(|filter| !is_known(filter)) {
        return Err(not_emulated("tagging", &format!("tags of {unknown}")));
    }
    if let Some(size) = wanted
        .resources_per_page
        .filter(|size| !(1..=MOST).contains(size))
    {
        let constraint = "Member must have value between 1 and 100";
        let size = size.to_string();
        return Err(violated(INVALID, ("resourcesPerPage", &size), constraint));
    }
    let token = Some(wanted.pagination_token.as_str()).filter(|token| !token.is_empty());
    let page = PageRequest::new(token, Some(wanted.resources_per_page.unwrap_or(50)))
        .map_err(|_bad| AwsError::new(INVALID, "The pagination token is invalid."))?
        .at_most(cx.injected.page_limit);
    let is_chosen = |ty: &Indexed| {
        filters
            .iter()
            .any(|f| ty.name == f || ty.service() == f.as_str())
    };
    let mut told: Vec<_> = types(is_chosen).flat_map(|ty| tell(cx, ty)).collect();
    told.retain(|(_, tags)| wanted.tag_filters.iter().all(|filter| filter.fits(tags)));
    told.sort();
    let (told, token) = page.cut(told, |(arn, _)| arn.clone());
    Ok(answer(told, token))
}

fn types(chosen: impl Fn(&Indexed) -> bool) -> impl Iterator<Item = &'static Indexed> {
    TYPES.iter().filter(move |ty| chosen(ty))
}

fn tell(cx: &Cx<'_>, ty: &Indexed) -> Vec<(String, Tags)> {
    if ty.is_told_in(&cx.region) {
        (ty.tell)(cx)
    } else {
        Vec::new()
    }
}

fn answer(told: Vec<(String, Tags)>, token: Option<String>) -> Value {
    let views = told.into_iter().map(|(arn, tags)| {
        let tags = tags
            .into_iter()
            .map(|(key, value)| json!({ "Key": key, "Value": value }));
        json!({ "ResourceARN": arn, "Tags": tags.collect::<Vec<Value>>() })
    });
    json!({
        "PaginationToken": token.unwrap_or_default(),
        "ResourceTagMappingList": views.collect::<Vec<Value>>(),
    })
}
