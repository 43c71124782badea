//! What a planned change would do that only the cluster can tell: what goes with an object that is deleted, and which
//! versions of a definition are still in use.

use futures::future::join_all;
use serde_json::Value as Json;
use strata_kubernetes_merge::openapi::GroupVersionKind;
use strata_kubernetes_merge::resource::Resource;
use strata_model::preflight::{Examined, Finding, FindingKind};
use strata_model::provider::{Operation, ProviderError, ProviderErrorKind};
use strata_model::{Severity, Value};

use super::contested::{self, Shared};
use super::existing;
use super::owners::Owners;
use crate::api::Api;
use crate::inventory;
use crate::object_id::ObjectId;
use crate::scope::Misplaced;
use crate::sent;
use crate::types::{self, ObjectType};

/// How many objects are named.
const NAMED: usize = 10;

fn is_definition(id: &ObjectId) -> bool {
    id.kind.group == "apiextensions.k8s.io" && id.kind.kind == "CustomResourceDefinition"
}

fn is_inventory(change: &Examined<'_>) -> bool {
    let planned = change.planned.zip(ObjectType::of(change.resource_type));
    planned.is_some_and(|(planned, ty)| inventory::is_one(&ty.manifest(planned)))
}

fn is_namespace(id: &ObjectId) -> bool {
    id.kind.group.is_empty() && id.kind.kind == "Namespace"
}

/// Looks at a change.
pub(super) async fn examine(
    (api, (owners, shared)): (&Api, (&Owners, &Shared)),
    id: &ObjectId,
    change: &Examined<'_>,
) -> Vec<Finding> {
    if let Some(found) = misplaced(api, change).await {
        return vec![found];
    }
    let planned = change.planned.zip(ObjectType::of(change.resource_type));
    let contested = match planned {
        Some((planned, ty))
            if change.operation == Operation::Update
                && shared.may_have(id)
                && !types::takes(planned) =>
        {
            let lineage = Some(owners.lineage());
            let sent = sent::labelled(&ty.manifest(planned), (planned, lineage));
            // What cannot be looked at is the server's to judge.
            contested::look(api, id, &sent).await.ok().flatten()
        }
        Some(_) | None => None,
    };
    let found = match (change.operation, change.planned) {
        (Operation::Delete, _) if is_definition(id) || is_namespace(id) => {
            contents((api, owners), id, change.going).await
        }
        // The namespace of inventories comes with the first of them.
        (Operation::Create, Some(planned)) if !id.namespace.is_empty() && !is_inventory(change) => {
            home(api, id, (planned, change.coming)).await
        }
        (Operation::Update, Some(planned)) if is_definition(id) => {
            let ty = ObjectType::of(change.resource_type);
            let planned = ty.map(|ty| ty.manifest(planned));
            stored(api, id, &planned.unwrap_or_else(Value::null)).await
        }
        (Operation::Create | Operation::Update | Operation::Delete, _) => Ok(None),
    };
    let found = found.unwrap_or_else(|error| {
        // A change that cannot be looked at is the server's to judge.
        let is_loss = change.operation == Operation::Delete;
        is_loss.then(|| {
            goes_with(format!(
                "What goes with {} could not be looked at: {error}.",
                existing::named(id)
            ))
        })
    });
    contested.into_iter().chain(found).collect()
}

fn goes_with(message: String) -> Finding {
    Finding {
        severity: Severity::Warning,
        kind: FindingKind::GoesWithIt,
        change: None,
        message,
        hint: "Move what is still needed before this is applied.".to_owned(),
    }
}

/// Whether an object is to be where objects of its kind do not live, of a kind that the server knows and the plan did
/// not. A kind that this plan makes anew may live elsewhere by then.
async fn misplaced(api: &Api, change: &Examined<'_>) -> Option<Finding> {
    let planned = change.planned?;
    let ty = ObjectType::of(change.resource_type)?;
    let id = ObjectId::of(&ty.manifest(planned))?;
    let discovered = api.discovered(false).await.ok()?;
    let resource = discovered.resource(&id.kind)?;
    let wrong = Misplaced::of(ty, resource, &id.namespace)?;
    let definition = format!("{}.{}", resource.plural, id.kind.group);
    let goes = change.going.iter().filter_map(|id| ObjectId::parse(id));
    let mut goes = goes.filter(|id| id.kind.kind == "CustomResourceDefinition");
    if goes.any(|id| id.name == definition) {
        return None;
    }
    Some(Finding {
        severity: Severity::Error,
        kind: FindingKind::Refused,
        change: None,
        message: format!("This cannot be made so: {}.", wrong.message(&id)),
        hint: wrong.hint().to_owned(),
    })
}

/// What goes with an object, without what the plan deletes anyway: all that lies in a namespace, and all objects of a
/// kind with its definition. What an earlier plan left alone or forgot is among it, and what this one would leave alone.
async fn contents(
    (api, owners): (&Api, &Owners),
    id: &ObjectId,
    going: &[&str],
) -> Result<Option<Finding>, ProviderError> {
    let going: Vec<ObjectId> = going.iter().filter_map(|id| ObjectId::parse(id)).collect();
    let discovered = api.discovered(false).await?;
    let kinds = discovered.deletable().iter();
    let kinds = kinds.filter(|resource| match is_namespace(id) {
        true => resource.namespaced && !is_by_product(resource),
        false => id.name == format!("{}.{}", resource.plural, resource.kind.group),
    });
    let namespace = if is_namespace(id) {
        id.name.as_str()
    } else {
        ""
    };
    let pages =
        kinds.map(|resource| async move { (resource, api.first_page(resource, namespace).await) });
    let mut objects: Vec<ObjectId> = Vec::new();
    let mut more = false;
    let mut unseen = Vec::new();
    for (resource, page) in join_all(pages).await {
        match page {
            Ok((items, goes_on)) => {
                more |= goes_on;
                let is_deleted = |id: &ObjectId, item: &Json| {
                    let has_step = going.iter().any(|going| going.is_same(id));
                    has_step && !owners.leave_alone(item)
                };
                let own = items.iter().filter_map(|item| {
                    let id = own(resource, item)?;
                    (!is_deleted(&id, item)).then_some(id)
                });
                objects.extend(own);
            }
            // Its kind is gone since.
            Err(error) if error.kind == ProviderErrorKind::NotFound => {}
            Err(_) => unseen.push(resource.plural.as_str()),
        }
    }
    if objects.is_empty() && unseen.is_empty() {
        return Ok(None);
    }
    objects.sort();
    let mut message = match (objects.len(), more) {
        (0, _) => format!(
            "What goes with {} could not be seen whole.",
            existing::named(id)
        ),
        (1, false) => format!(
            "With {} goes an object that the plan does not delete: ",
            existing::named(id)
        ),
        (count, more) => format!(
            "With {} go {}{count} objects that the plan does not delete: ",
            existing::named(id),
            if more { "more than " } else { "" },
        ),
    };
    let names: Vec<String> = objects.iter().take(NAMED).map(existing::named).collect();
    message.push_str(&names.join(", "));
    if objects.len() > names.len() {
        message.push_str(", …");
    }
    if !objects.is_empty() {
        message.push('.');
    }
    if !unseen.is_empty() {
        message.push_str(&format!(
            " Could not be listed, and may be in it, too: {}.",
            unseen.join(", ")
        ));
    }
    Ok(Some(goes_with(message)))
}

/// Whether objects of a kind say nothing: others lead to them.
fn is_by_product(resource: &Resource) -> bool {
    matches!(resource.kind.kind.as_str(), "Event" | "Endpoints")
}

/// The id of an object that stands for itself: none of a namespace's own, and none that another object brings with it.
fn own(resource: &Resource, item: &Json) -> Option<ObjectId> {
    let metadata = &item["metadata"];
    let text = |field: &str| metadata[field].as_str().unwrap_or_default().to_owned();
    let id = ObjectId {
        kind: resource.kind.clone(),
        namespace: text("namespace"),
        name: text("name"),
    };
    let owners = metadata["ownerReferences"].as_array();
    let is_owned = owners.is_some_and(|owners| !owners.is_empty());
    (!is_owned && !existing::is_every_clusters(item, &id)).then_some(id)
}

/// Whether the namespace of a new object will be there.
async fn home(
    api: &Api,
    id: &ObjectId,
    (planned, coming): (&Value, &[&str]),
) -> Result<Option<Finding>, ProviderError> {
    let namespace = ObjectId {
        kind: GroupVersionKind::of("v1", "Namespace"),
        namespace: String::new(),
        name: id.namespace.clone(),
    };
    let makes = planned.get("create_namespace").and_then(Value::as_bool) == Some(true);
    let comes = || {
        coming
            .iter()
            .filter_map(|id| ObjectId::parse(id))
            .any(|id| id.is_same(&namespace))
    };
    if makes || api.has_namespace(&id.namespace).await? || comes() {
        return Ok(None);
    }
    Ok(Some(Finding {
        severity: Severity::Error,
        kind: FindingKind::Refused,
        change: None,
        message: format!(
            "There is no namespace {} in the cluster, and nothing in the plan makes it.",
            id.namespace
        ),
        hint: "Declare it, or say create_namespace = true where it is not to be managed."
            .to_owned(),
    }))
}

/// Whether a definition drops versions in which objects are stored.
async fn stored(
    api: &Api,
    id: &ObjectId,
    planned: &Value,
) -> Result<Option<Finding>, ProviderError> {
    let Some(versions) = planned
        .get("spec")
        .and_then(|spec| spec.get("versions")?.elements())
    else {
        return Ok(None);
    };
    let names: Option<Vec<&str>> = versions
        .iter()
        .map(|version| version.get("name")?.as_str())
        .collect();
    let Some(names) = names else { return Ok(None) };
    let resource = api.resource(&id.kind).await?;
    let live = api
        .get(&resource.path("", Some(&id.name)))
        .await?
        .unwrap_or_default();
    let stored = live["status"]["storedVersions"].as_array();
    let stored = stored.into_iter().flatten().filter_map(Json::as_str);
    let dropped: Vec<&str> = stored.filter(|version| !names.contains(version)).collect();
    if dropped.is_empty() {
        return Ok(None);
    }
    let versions = dropped.join(", ");
    Ok(Some(Finding {
        severity: Severity::Error,
        kind: FindingKind::Refused,
        change: None,
        message: format!(
            "The definition {} would lose {versions}, in which objects may still be stored (status.storedVersions).",
            id.name
        ),
        hint: format!(
            "Keep it with served: false, write every object once so that it is stored in the new version, take {versions} out of status.storedVersions, and drop it then."
        ),
    }))
}
