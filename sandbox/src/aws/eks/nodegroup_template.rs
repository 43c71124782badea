//! The launch templates of node groups: which there are, and what excludes what.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::aws::ec2::{LaunchTemplate, TemplateVersion};
use crate::aws::error::AwsError;
use crate::aws::service::Cx;
use crate::world::Object;

use super::invalid_parameter;
use super::nodegroup_request::CreateNodegroup;

/// A launch template as callers name it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TemplateName {
    id: Option<String>,
    name: Option<String>,
    version: Option<String>,
}

/// A version of a launch template as a node group has it, and as it is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Template {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) version: String,
    /// The machine image that it brings.
    #[serde(skip)]
    pub(super) image: Option<String>,
    /// Whether it brings the type of the machines.
    #[serde(skip)]
    pub(super) has_type: bool,
}

impl PartialEq for Template {
    /// What a version brings never changes.
    fn eq(&self, other: &Self) -> bool {
        (&self.id, &self.version) == (&other.id, &other.version)
    }
}

impl Eq for Template {}

/// Finds the template of a new node group, and refuses what it excludes.
pub(super) fn find_for(
    cx: &Cx<'_>,
    wanted: &CreateNodegroup,
) -> Result<Option<Template>, AwsError> {
    let Some(name) = &wanted.launch_template else {
        return Ok(None);
    };
    let template = find(cx, name)?;
    if wanted.disk_size.is_some() {
        return Err(invalid_parameter(
            "Disk size must be specified within the launch template.",
        ));
    }
    if template.has_type && wanted.instance_types.is_some() {
        return Err(invalid_parameter(
            "Instance types cannot be specified both in the launch template and in the request.",
        ));
    }
    let is_custom = wanted.ami_type.as_deref().is_none_or(|ami| ami == "CUSTOM");
    if template.image.is_some()
        && (!is_custom || wanted.version.is_some() || wanted.release_version.is_some())
    {
        return Err(image_is_given());
    }
    Ok(Some(template))
}

/// The error for a request that says what the template's image decides.
pub(super) fn image_is_given() -> AwsError {
    invalid_parameter(
        "You cannot specify amiType, version or releaseVersion when the launch template specifies an image id.",
    )
}

/// Finds a version of a template.
pub(super) fn find(cx: &Cx<'_>, name: &TemplateName) -> Result<Template, AwsError> {
    let missing = || {
        let named = name.id.as_ref().or(name.name.as_ref());
        let named = named.cloned().unwrap_or_default();
        invalid_parameter(format!("Launch template {named} could not be found."))
    };
    let object = match (&name.id, &name.name) {
        (Some(id), None) => cx.world.get::<LaunchTemplate>(&cx.region, id),
        (None, Some(name)) => {
            let mut all = cx.world.seen::<LaunchTemplate>(&cx.region);
            all.find(|template| template.name.as_ref() == Some(name))
        }
        (Some(_), Some(_)) | (None, None) => {
            return Err(invalid_parameter(
                "You must specify either the launch template ID or the launch template name in the request, but not both.",
            ));
        }
    };
    let object = object.ok_or_else(missing)?;
    let version = version_of(object, name.version.as_deref()).ok_or_else(|| {
        let wanted = name.version.as_deref().unwrap_or_default();
        invalid_parameter(format!(
            "Version {wanted} of launch template {} could not be found.",
            object.id
        ))
    })?;
    let has = |member: &str| {
        version
            .data
            .get(member)
            .is_some_and(|value| *value != Value::Null)
    };
    if has("iamInstanceProfile") {
        return Err(invalid_parameter(format!(
            "Launch template {} should not specify an instance profile. The noderole in your request will be used to construct an instance profile.",
            object.id
        )));
    }
    Ok(Template {
        id: object.id.clone(),
        name: object.name.clone().unwrap_or_default(),
        version: version.number.to_string(),
        image: version.data["imageId"].as_str().map(str::to_owned),
        has_type: has("instanceType"),
    })
}

/// The version that a number or a word stands for; the default one where none is named.
fn version_of<'a>(
    template: &'a Object<LaunchTemplate>,
    wanted: Option<&str>,
) -> Option<&'a TemplateVersion> {
    let number = match wanted {
        None | Some("$Default") => template.body.default_version,
        Some("$Latest") => template.body.latest_version,
        Some(number) => number.parse().ok()?,
    };
    let mut versions = template.body.versions.iter();
    versions.find(|version| version.number == number)
}
