//! Launch templates: what instances are like, in versions that do not change.

use serde_json::{Value, json};

use crate::aws::error::{Answer, AwsError};
use crate::aws::params::Params;
use crate::aws::service::{Cx, QueryOperation};
use crate::aws::time::iso;
use crate::aws::token::{Seen, Use};
use crate::world::{New, Object, World};

use super::describe::{Describe, find, take_page};
use super::kinds::{LaunchTemplate, TemplateVersion};
use super::launch_template_data;
use super::route_table::token_mismatch;
use super::tagging;

pub(super) const OPERATIONS: &[QueryOperation] = &[
    QueryOperation::write("CreateLaunchTemplate", create),
    QueryOperation::read("DescribeLaunchTemplates", describe),
    QueryOperation::write("ModifyLaunchTemplate", modify),
    QueryOperation::write("DeleteLaunchTemplate", delete),
    QueryOperation::write("CreateLaunchTemplateVersion", create_version),
    QueryOperation::read("DescribeLaunchTemplateVersions", describe_versions),
    QueryOperation::write("DeleteLaunchTemplateVersions", delete_versions),
];

const CREATOR: &str = "arn:aws:iam::123456789012:user/sandbox";

fn create(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let request = p.canonical();
    let name = p.req("LaunchTemplateName")?;
    let description = p.opt("VersionDescription");
    let token = p.opt("ClientToken");
    let data = launch_template_data::take(p)?;
    let tags = tagging::take_specification(p, "launch-template")?;
    p.finish()?;
    let region = cx.region.clone();
    let used = Use {
        region: &region,
        operation: "CreateLaunchTemplate",
        token: token.as_deref(),
        request: &request,
    };
    match used.seen(cx.world) {
        Seen::New => {}
        Seen::Same(id) => {
            let template = find::<LaunchTemplate>(cx, &id)?;
            return Ok(json!({ "launchTemplate": view(cx.world, template) }));
        }
        Seen::Other => return Err(token_mismatch()),
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "().-/_".contains(c);
    if !(3..=128).contains(&name.len()) || !name.chars().all(allowed) {
        let text = "Launch template names must be between 3 and 128 characters long, and may contain letters, numbers, and the following characters: - ( ) . / _.";
        return Err(AwsError::new(
            "InvalidLaunchTemplateName.MalformedException",
            text,
        ));
    }
    let is_same = |template: &Object<LaunchTemplate>| template.name.as_ref() == Some(&name);
    if cx.world.all::<LaunchTemplate>(&region).any(is_same) {
        return Err(AwsError::new(
            "InvalidLaunchTemplateName.AlreadyExistsException",
            "Launch template name already in use.",
        ));
    }
    let template = LaunchTemplate {
        versions: vec![TemplateVersion {
            number: 1,
            description,
            data,
            created_ms: cx.world.now_ms(),
        }],
        default_version: 1,
        latest_version: 1,
    };
    let new = New::plain(&region, cx.world.new_id("lt"), template)
        .name(&name)
        .tags(tags)
        .token(token.clone());
    let template = cx.world.insert(new);
    used.remember(cx.world, &template.id);
    Ok(json!({ "launchTemplate": view(cx.world, &template) }))
}

fn view(_world: &World, template: &Object<LaunchTemplate>) -> Value {
    json!({
        "launchTemplateId": template.id,
        "launchTemplateName": template.name,
        "createTime": iso(template.created_ms),
        "createdBy": CREATOR,
        "defaultVersionNumber": template.body.default_version,
        "latestVersionNumber": template.body.latest_version,
        "tagSet": tagging::view(&template.tags),
    })
}

/// Takes the template that a call names, by id or by name.
fn take(cx: &Cx<'_>, p: &mut Params) -> Result<Object<LaunchTemplate>, AwsError> {
    match (p.opt("LaunchTemplateId"), p.opt("LaunchTemplateName")) {
        (Some(id), None) => find::<LaunchTemplate>(cx, &id).cloned(),
        (None, Some(name)) => by_name(cx, &name).cloned(),
        (None, None) => Err(p.missing("LaunchTemplateId")),
        (Some(_), Some(_)) => Err(AwsError::new(
            "InvalidParameterCombination",
            "Specify either the launch template ID or the launch template name, but not both.",
        )),
    }
}

fn by_name<'a>(cx: &'a Cx<'_>, name: &str) -> Result<&'a Object<LaunchTemplate>, AwsError> {
    let mut templates = cx.world.seen::<LaunchTemplate>(&cx.region);
    let found = templates.find(|template| template.name.as_deref() == Some(name));
    found.ok_or_else(|| {
        AwsError::new(
            "InvalidLaunchTemplateName.NotFoundException",
            "The specified launch template name does not exist.",
        )
    })
}

fn describe(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let mut ids = p.list("LaunchTemplateId");
    for name in p.list("LaunchTemplateName") {
        ids.push(by_name(cx, &name)?.id.clone());
    }
    Describe::<LaunchTemplate> {
        ids: "LaunchTemplateId",
        set: "launchTemplates",
        filters: &["create-time", "launch-template-name"],
        values: |_world, template, name| match name {
            "create-time" => vec![iso(template.created_ms)],
            "launch-template-name" => template.name.iter().cloned().collect(),
            _ => Vec::new(),
        },
        view,
        page: (1, 200),
    }
    .run_for(cx, p, &ids)
}

fn no_version(template: &Object<LaunchTemplate>, number: &str) -> AwsError {
    AwsError::new(
        "InvalidLaunchTemplateId.VersionNotFound",
        format!(
            "Could not find the specified version {number} for the launch template with ID {}.",
            template.id
        ),
    )
}

/// Finds a version by its number, or by `$Latest` or `$Default`.
fn version<'a>(
    template: &'a Object<LaunchTemplate>,
    text: &str,
) -> Result<&'a TemplateVersion, AwsError> {
    let number = match text {
        "$Latest" => Some(template.body.latest_version),
        "$Default" => Some(template.body.default_version),
        number => number.parse().ok(),
    };
    let mut versions = template.body.versions.iter();
    versions
        .find(|version| Some(version.number) == number)
        .ok_or_else(|| no_version(template, text))
}

fn modify(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let _token = p.opt("ClientToken");
    let template = take(cx, p)?;
    let default = p.req("SetDefaultVersion")?;
    p.finish()?;
    let number = version(&template, &default)?.number;
    let region = cx.region.clone();
    let changed = cx
        .world
        .update::<LaunchTemplate>(&region, &template.id, |template| {
            template.body.default_version = number;
        });
    let view = changed.as_ref().map(|template| view(cx.world, template));
    Ok(json!({ "launchTemplate": view }))
}

fn delete(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let template = take(cx, p)?;
    p.finish()?;
    let region = cx.region.clone();
    cx.world.remove::<LaunchTemplate>(&region, &template.id);
    Ok(json!({ "launchTemplate": view(cx.world, &template) }))
}

fn version_view(template: &Object<LaunchTemplate>, version: &TemplateVersion) -> Value {
    json!({
        "launchTemplateId": template.id,
        "launchTemplateName": template.name,
        "versionNumber": version.number,
        "versionDescription": version.description,
        "createTime": iso(version.created_ms),
        "createdBy": CREATOR,
        "defaultVersion": version.number == template.body.default_version,
        "launchTemplateData": version.data,
    })
}

fn create_version(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let request = p.canonical();
    let template = take(cx, p)?;
    let description = p.opt("VersionDescription");
    let token = p.opt("ClientToken");
    let data = launch_template_data::take(p)?;
    p.finish()?;
    let region = cx.region.clone();
    let used = Use {
        region: &region,
        operation: "CreateLaunchTemplateVersion",
        token: token.as_deref(),
        request: &request,
    };
    match used.seen(cx.world) {
        Seen::New => {}
        Seen::Same(number) => {
            let version = version(&template, &number)?;
            return Ok(json!({ "launchTemplateVersion": version_view(&template, version) }));
        }
        Seen::Other => return Err(token_mismatch()),
    }
    let number = template.body.latest_version + 1;
    let made = TemplateVersion {
        number,
        description,
        data,
        created_ms: cx.world.now_ms(),
    };
    let view = version_view(&template, &made);
    used.remember(cx.world, &number.to_string());
    cx.world
        .update::<LaunchTemplate>(&region, &template.id, |template| {
            template.body.latest_version = number;
            template.body.versions.push(made);
        });
    Ok(json!({ "launchTemplateVersion": view }))
}

fn describe_versions(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    if !p.has("LaunchTemplateId") && !p.has("LaunchTemplateName") {
        return describe_all(cx, p);
    }
    let template = take(cx, p)?;
    let wanted = p.list("LaunchTemplateVersion");
    let (page, _) = take_page(cx, p, (1, 200))?;
    p.finish()?;
    let mut chosen: Vec<&TemplateVersion> = if wanted.is_empty() {
        template.body.versions.iter().collect()
    } else {
        let found = wanted.iter().map(|text| version(&template, text));
        found.collect::<Result<_, _>>()?
    };
    chosen.sort_by_key(|version| version.number);
    let (versions, token) = page.cut(chosen, |version| format!("{:08}", version.number));
    let views: Vec<Value> = versions
        .into_iter()
        .map(|version| version_view(&template, version))
        .collect();
    Ok(json!({ "launchTemplateVersionSet": views, "nextToken": token }))
}

/// The latest or default versions, or both, of all templates.
fn describe_all(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let wanted = p.list("LaunchTemplateVersion");
    let words = ["$Latest", "$Default"];
    if wanted.is_empty() || wanted.iter().any(|one| !words.contains(&one.as_str())) {
        return Err(p.missing("LaunchTemplateId"));
    }
    let (page, _) = take_page(cx, p, (1, 200))?;
    p.finish()?;
    let mut chosen: Vec<(&Object<LaunchTemplate>, &TemplateVersion)> = Vec::new();
    for template in cx.world.seen::<LaunchTemplate>(&cx.region) {
        let mut versions = wanted
            .iter()
            .map(|word| version(template, word))
            .collect::<Result<Vec<_>, _>>()?;
        versions.sort_by_key(|version| version.number);
        versions.dedup_by_key(|version| version.number);
        chosen.extend(versions.into_iter().map(|version| (template, version)));
    }
    let id = |(template, version): &(&Object<LaunchTemplate>, &TemplateVersion)| {
        format!("{} {:08}", template.id, version.number)
    };
    chosen.sort_by_key(id);
    let (versions, token) = page.cut(chosen, id);
    let views: Vec<Value> = versions
        .into_iter()
        .map(|(template, version)| version_view(template, version))
        .collect();
    Ok(json!({ "launchTemplateVersionSet": views, "nextToken": token }))
}

fn delete_versions(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let template = take(cx, p)?;
    let wanted = p.list("LaunchTemplateVersion");
    p.finish()?;
    let (mut gone, mut kept) = (Vec::new(), Vec::new());
    for text in wanted {
        let of = |number: u64| {
            json!({
                "launchTemplateId": template.id,
                "launchTemplateName": template.name,
                "versionNumber": number,
            })
        };
        let refused = |number: u64, code: &str, text: String| {
            let mut view = of(number);
            view["responseError"] = json!({ "code": code, "message": text });
            view
        };
        match version(&template, &text) {
            Ok(version) if version.number == template.body.default_version => {
                let text = "The default version of a launch template cannot be deleted.";
                kept.push(refused(version.number, "unexpectedError", text.to_owned()));
            }
            Ok(version) => gone.push(of(version.number)),
            Err(error) => {
                let number = text.parse().unwrap_or_default();
                let code = "launchTemplateVersionDoesNotExist";
                kept.push(refused(number, code, error.message));
            }
        }
    }
    let numbers: Vec<u64> = gone
        .iter()
        .filter_map(|view| view["versionNumber"].as_u64())
        .collect();
    let region = cx.region.clone();
    cx.world
        .update::<LaunchTemplate>(&region, &template.id, |template| {
            let body = &mut template.body;
            body.versions
                .retain(|version| !numbers.contains(&version.number));
        });
    Ok(json!({
        "successfullyDeletedLaunchTemplateVersionSet": gone,
        "unsuccessfullyDeletedLaunchTemplateVersionSet": kept,
    }))
}
