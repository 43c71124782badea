//! Images: that they are there, and under which tags.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::aws::ACCOUNT;
use crate::aws::error::{Answer, AwsError};
use crate::aws::json::JsonRequest;
use crate::aws::service::{Cx, JsonOperation};
use crate::world::{Kind, New};

use super::{check_registry, find};

pub(super) const OPERATIONS: &[JsonOperation] = &[JsonOperation::write("PutImage", put)];

/// An image; its id is `repository@digest`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Image {
    tag: Option<String>,
}

/// It goes with its repository: only that is an object of the user.
impl Kind for Image {
    const SERVICE: &'static str = "ecr";
    const TYPE: &'static str = "image";
    const LISTED: bool = false;
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PutImage {
    registry_id: Option<String>,
    repository_name: String,
    image_manifest: String,
    image_tag: Option<String>,
}

fn put(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: PutImage = request.body()?;
    check_registry(wanted.registry_id.as_deref())?;
    let repository = find(cx, &wanted.repository_name)?;
    let (name, is_fixed) = (
        repository.id.clone(),
        repository.body.mutability == "IMMUTABLE",
    );
    let digest = Sha256::digest(wanted.image_manifest.as_bytes());
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let digest = format!("sha256:{digest}");
    let region = cx.region.clone();
    let id = format!("{name}@{digest}");
    let of_repository = format!("{name}@");
    let tag = wanted.image_tag;
    let has_tag = tag.is_some()
        && cx
            .world
            .under::<Image>(&region, &of_repository)
            .any(|image| image.body.tag == tag && image.id != id);
    if has_tag && is_fixed {
        let text = format!(
            "The image tag '{}' already exists in the '{name}' repository and cannot be overwritten because the repository is immutable.",
            tag.unwrap_or_default()
        );
        return Err(AwsError::new("ImageTagAlreadyExistsException", text));
    }
    if cx.world.raw::<Image>(&region, &id).is_some() {
        cx.world
            .update::<Image>(&region, &id, |image| image.body.tag.clone_from(&tag));
    } else {
        let image = Image { tag: tag.clone() };
        cx.world.insert(New::plain(&region, id, image));
    }
    let mut image_id = json!({ "imageDigest": digest });
    if let Some(tag) = tag {
        image_id["imageTag"] = Value::String(tag);
    }
    Ok(json!({ "image": {
        "registryId": ACCOUNT,
        "repositoryName": name,
        "imageId": image_id,
        "imageManifest": wanted.image_manifest,
    } }))
}
