//! The provider `kubernetes`.

use std::sync::Arc;

use strata_kubernetes_merge::TypedValue;
use strata_kubernetes_merge::typed::Duplicates;
use strata_model::judge::{Judge, Outlook};
use strata_model::provider::{
    ArgumentFault, ConnectContext, Connection, Member, MemberFault, MembersRequest, Operation,
    PlanRequest, PlannedChange, Provider, ProviderConfig, ProviderError, ProviderErrorKind,
    ProviderName, ValidateRequest,
};
use strata_model::schema::{ResourceSchema, Schema};
use strata_model::{AttributePath, Mode, Type, Value};

use crate::dump::Schemas;
use crate::judge::{self, ByKinds};
use crate::kinds::Kinds;
use crate::object_id::ObjectId;
use crate::objects::{Objects, owners};
use crate::types::{self, ObjectType};
use crate::{
    config, immutable, inventory, manifest, misfit, naming, objects, observe, scope, sent,
};

/// The provider `kubernetes`: objects of clusters, and layers of them.
#[derive(Debug)]
pub struct Kubernetes {
    name: ProviderName,
    config: Schema,
    schemas: Vec<ResourceSchema>,
    /// By what objects are judged in place of the schemas that are part of Strata.
    given: Option<Schemas>,
}

impl Default for Kubernetes {
    fn default() -> Self {
        Self::new()
    }
}

impl Kubernetes {
    /// The provider. It reads and calls nothing until a connection is used.
    pub fn new() -> Self {
        Kubernetes {
            name: ProviderName("kubernetes".into()),
            config: config::schema(),
            schemas: types::schemas(),
            given: None,
        }
    }

    /// The same, with schemas by which objects are judged while their cluster cannot be asked.
    #[must_use]
    pub fn with_schemas(self, given: Option<Schemas>) -> Self {
        Kubernetes { given, ..self }
    }

    fn schema(&self, name: &str) -> Result<(ObjectType, &ResourceSchema), ProviderError> {
        let found = self
            .schemas
            .iter()
            .find(|schema| schema.mode == Mode::Managed && schema.name == name);
        ObjectType::of(name).zip(found).ok_or_else(|| {
            ProviderError::bug(format!("the provider kubernetes has no type {name}"))
        })
    }
}

impl Provider for Kubernetes {
    fn name(&self) -> &ProviderName {
        &self.name
    }

    fn config_schema(&self) -> &Schema {
        &self.config
    }

    fn schemas(&self) -> &[ResourceSchema] {
        &self.schemas
    }

    // An API server queues, and refuses with 429, what is too much for it.
    fn is_fast(&self) -> bool {
        true
    }

    fn validate(&self, request: ValidateRequest<'_>) -> Vec<ArgumentFault> {
        match request.resource_type {
            None => config::validate(request.config),
            Some((Mode::Data, _)) => {
                let mut faults = naming::data_faults(request.config);
                faults.extend(scope::data_fault(request.config));
                faults
            }
            Some((Mode::Managed, name)) => match ObjectType::of(name) {
                Some(ty) => validate(ty, request.config),
                None => Vec::new(),
            },
        }
    }

    fn plan_change(&self, request: PlanRequest<'_>) -> Result<PlannedChange, ProviderError> {
        let (ty, schema) = self.schema(request.resource_type)?;
        let prior = request.prior;
        let mut proposal = schema.schema.propose(prior, request.config);
        let wanted = ty.manifest(request.config);
        let id = ObjectId::of(&wanted);
        proposal.planned = match ty {
            ObjectType::Object | ObjectType::Member => ty.with_manifest(&proposal.planned, &wanted),
            ObjectType::Secret => types::sealed(&proposal.planned),
        };
        let before = prior.map(|prior| ty.manifest(prior));
        let mut replace = proposal.replace;
        if let (Some(id), Some(before)) = (&id, &before) {
            match ObjectId::of(before) {
                Some(old) if is_another(&old, id) => replace.extend(immutable::identity(&old, id)),
                Some(_) => {
                    let others = prior.and_then(|prior| prior.get("managers"));
                    let changed = immutable::changed(id, (before, &wanted), others);
                    immutable::may_be_replaced(id, &changed)?;
                    replace.extend(changed);
                }
                None => {}
            }
        }
        if inventory::is_one(&wanted) && goes_elsewhere(prior, request.config) {
            replace.push(AttributePath::attribute("layer"));
        }
        if ty == ObjectType::Secret {
            // Its arguments are at the top: a place in its manifest says nothing to people.
            replace.retain(|path| path.top() != Some("manifest"));
        }
        let made_anew = prior.is_none() || !replace.is_empty();
        let computed = |name: &str, made: Value| match prior {
            Some(prior) if !made_anew => prior.get(name).cloned().unwrap_or(made),
            _ => made,
        };
        let held = prior.and_then(|prior| prior.get("managers"));
        if let (Some(id), Some(owner)) = (&id, owners::another(held)) {
            is_anothers(id, owner, request.config)?;
        }
        let is_secret = id.as_ref().is_some_and(|id| id.kind.kind == "Secret");
        if let (false, true, Some(before)) = (made_anew, is_secret, &before) {
            conflicts_in_secret((before, &wanted), held, request.config)?;
        }
        if let (false, Some(id), Some(why)) = (replace.is_empty(), &id, owners::stays(held)) {
            return Err(left_alone(id, why));
        }
        let text = || Value::unknown(Type::String);
        let id = match id {
            // The name of an inventory is made from the state's lineage, which is not known here.
            Some(_) if inventory::is_one(&wanted) => computed("id", text()),
            Some(id) => Value::string(id.to_string()),
            None => text(),
        };
        let uid = computed("uid", text());
        Ok(PlannedChange {
            planned: observe::with_computed(&proposal.planned, (id, uid), &[]),
            replace,
            stages: Vec::new(),
            exclusive: None,
        })
    }

    fn id_of(&self, resource_type: &str, config: &Value) -> Option<String> {
        let ty = ObjectType::of(resource_type)?;
        let manifest = ty.manifest(config);
        if inventory::is_one(&manifest) {
            return None;
        }
        ObjectId::of(&manifest).map(|id| id.to_string())
    }

    /// With a namespace goes all that is in it, with a definition all objects of its kind, with a claim its volume.
    fn holds_data(&self, resource_type: &str, object: &Value) -> bool {
        let manifest = ObjectType::of(resource_type).map(|ty| ty.manifest(object));
        let id = manifest.as_ref().and_then(ObjectId::of);
        id.is_some_and(|id| {
            matches!(
                (id.kind.group.as_str(), id.kind.kind.as_str()),
                (
                    "",
                    "Namespace" | "PersistentVolumeClaim" | "PersistentVolume"
                ) | ("apiextensions.k8s.io", "CustomResourceDefinition")
            )
        })
    }

    fn identity(&self, _resource_type: &str) -> Option<&'static str> {
        Some("uid")
    }

    /// A deletion asks for the label of this state.
    fn leaves_alone(&self, _resource_type: &str, seen: &Value) -> Option<String> {
        owners::not_ours(seen.get("managers"))
    }

    fn is_examined(&self, _resource_type: &str, _operation: Operation) -> bool {
        true
    }

    /// Workloads are replaced where their selector changes, StatefulSets for more.
    fn replacement_risk(
        &self,
        resource_type: &str,
        before: &Value,
        planned: &Value,
    ) -> Option<String> {
        let ty = ObjectType::of(resource_type)?;
        let manifests = (&ty.manifest(before), &ty.manifest(planned));
        let risk = immutable::risk(manifests, before.get("managers"));
        risk.map(str::to_owned)
    }

    fn judge(&self, outlook: Outlook<'_>) -> Option<Arc<dyn Judge>> {
        Some(Arc::new(ByKinds::new(outlook, self.given.as_ref())))
    }

    fn defines(&self, _resource_type: &str, config: &Value) -> bool {
        judge::is_definition(config)
    }

    fn members(&self, request: MembersRequest<'_>) -> Result<Vec<Member>, Vec<MemberFault>> {
        manifest::members(&request)
    }

    fn sent(
        &self,
        resource_type: &str,
        attributes: &Value,
        lineage: Option<strata_model::Lineage>,
    ) -> Option<Value> {
        let manifest = ObjectType::of(resource_type)?.manifest(attributes);
        Some(sent::labelled(&manifest, (attributes, lineage)))
    }

    fn connect(
        &self,
        config: &ProviderConfig,
        context: &ConnectContext,
    ) -> Result<Arc<dyn Connection>, ProviderError> {
        Ok(Arc::new(Objects::new(config.clone(), context.clone())))
    }
}

/// Whether an object would be another one. A namespace that its kind does not have tells none apart: a server leaves it
/// out, so that an object may be recorded with one. Of a kind that is not Kubernetes' own nobody has to know that here:
/// if it lives in namespaces, an object without one is refused.
fn is_another(old: &ObjectId, id: &ObjectId) -> bool {
    let plain = |id: &ObjectId| ObjectId {
        namespace: String::new(),
        ..id.clone()
    };
    let lives_outside = || {
        let kinds = Kinds::default();
        match kinds.resource(&id.kind) {
            Some(resource) => !resource.namespaced,
            None => old.namespace.is_empty() || id.namespace.is_empty(),
        }
    };
    !(old.is_same(id) || plain(old).is_same(&plain(id)) && lives_outside())
}

/// Whether the layer of an inventory has another address now, and with it the ConfigMap another name.
fn goes_elsewhere(prior: Option<&Value>, config: &Value) -> bool {
    let layer = |attributes: &Value| attributes.get("layer")?.as_str().map(str::to_owned);
    prior.is_some_and(|prior| layer(prior) != layer(config))
}

/// Refuses to take what another project or layer has, unless it is to be taken.
fn is_anothers(id: &ObjectId, owner: &str, config: &Value) -> Result<(), ProviderError> {
    if types::takes(config) {
        return Ok(());
    }
    let (message, hint) = owners::not_taken(&objects::named(id), owner);
    Err(ProviderError::new(ProviderErrorKind::Invalid, message).hint(hint))
}

/// An object cannot be replaced that its deletion would leave alone, by what somebody did to it.
fn left_alone(id: &ObjectId, (done, hint): (String, String)) -> ProviderError {
    let what = objects::named(id);
    let message =
        format!("{what} must be replaced, and somebody has {done}: it would not be deleted.");
    ProviderError::new(ProviderErrorKind::Invalid, message).hint(hint)
}

/// Refuses a change of what somebody else holds of a Secret, unless it is to be taken. A look at the plan does not know
/// its content.
fn conflicts_in_secret(
    (before, wanted): (&Value, &Value),
    held: Option<&Value>,
    config: &Value,
) -> Result<(), ProviderError> {
    if types::takes(config) || before == wanted {
        return Ok(());
    }
    let members = held.and_then(Value::members).into_iter().flatten();
    let others: Vec<(&str, &str)> = members
        .filter_map(|(field, manager)| Some((field.as_ref(), manager.as_str()?)))
        .filter(|(_, manager)| !observe::is_client(manager))
        .collect();
    let changed = changed_fields(before, wanted);
    let refused: Vec<(&str, &str)> = others
        .into_iter()
        .filter(|(field, _)| changed.iter().any(|changed| changed == field))
        .collect();
    if refused.is_empty() {
        return Ok(());
    }
    let told: Vec<String> = refused
        .iter()
        .map(|(field, manager)| format!("{field} is held by {manager}"))
        .collect();
    let message = format!("Others hold fields that would change: {}.", told.join("; "));
    let hint = owners::conflict_hint(refused.iter().map(|(field, _)| *field));
    Err(ProviderError::new(ProviderErrorKind::Invalid, message).hint(hint))
}

/// The fields that differ, as a server spells them.
fn changed_fields(before: &Value, wanted: &Value) -> Vec<String> {
    let wanted = wanted.to_json();
    let Some(kind) = manifest::kind_of(&wanted) else {
        return Vec::new();
    };
    let Some((schema, ty)) = Kinds::default().type_of(&kind) else {
        return Vec::new();
    };
    let typed =
        |value| TypedValue::new(value, Arc::clone(&schema), ty.clone(), Duplicates::Allowed);
    let (Ok(before), Ok(wanted)) = (typed(before.to_json()), typed(wanted)) else {
        return Vec::new();
    };
    let compared = before.compare(&wanted);
    let fields = compared.map(|compared| compared.modified.union(&compared.added));
    let paths = fields.map(|fields| fields.paths()).unwrap_or_default();
    paths.iter().map(ToString::to_string).collect()
}

fn validate(ty: ObjectType, config: &Value) -> Vec<ArgumentFault> {
    let mut faults = Vec::new();
    let mut fault =
        |path: AttributePath, message: String| faults.push(ArgumentFault { path, message });
    let conflicts = config.get("conflicts").and_then(Value::as_str);
    if let Some(other) = conflicts.filter(|text| !matches!(*text, "error" | "take")) {
        let message = format!("is '{}', and must be error or take.", other.escape_debug());
        fault(AttributePath::attribute("conflicts"), message);
    }
    if ty == ObjectType::Secret {
        faults.extend(naming::secret_faults(config));
        return faults;
    }
    let Some(given) = config
        .get("manifest")
        .filter(|manifest| !manifest.is_unknown())
    else {
        return faults;
    };
    let at = AttributePath::attribute("manifest");
    if given.members().is_none() {
        fault(
            at,
            "must be an object with apiVersion, kind and metadata.".to_owned(),
        );
        return faults;
    }
    for path in [&["apiVersion"][..], &["kind"], &["metadata", "name"]] {
        let found = path.iter().try_fold(given, |value, step| value.get(step));
        let is_wrong = match found {
            Some(value) if value.is_unknown() => false,
            Some(value) => value.as_str().is_none_or(str::is_empty),
            None => !path
                .iter()
                .scan(Some(given), |at, step| {
                    *at = at.and_then(|value| value.get(step));
                    Some(at.is_some_and(Value::is_unknown))
                })
                .any(|unknown| unknown),
        };
        match found.and_then(misfit::no_text) {
            Some(told) => fault(immutable::place(path), told),
            None if is_wrong => fault(at.clone(), format!("has no {}.", path.join("."))),
            None => {}
        }
    }
    let metadata = given.get("metadata");
    if metadata
        .and_then(|metadata| metadata.get("generateName"))
        .is_some_and(|name| !name.is_null())
    {
        fault(
            immutable::place(&["metadata", "generateName"]),
            "would make another object in each run. Give it a metadata.name.".to_owned(),
        );
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_no_text_says_what_to_write() {
        let manifest = |name: serde_json::Value| {
            let given = serde_json::json!({"manifest": {
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name},
            }});
            let faults = validate(ObjectType::Object, &Value::from_json(&given).unwrap());
            let told = faults.iter();
            let told = told.map(|fault| format!("{} {}", fault.path, fault.message));
            told.collect::<Vec<_>>()
        };
        assert_eq!(
            manifest(123.into()),
            [
                "manifest.metadata.name must be a string, and this is the number 123: write it in quotes."
            ]
        );
        for name in [serde_json::Value::Null, "".into()] {
            assert_eq!(manifest(name), ["manifest has no metadata.name."]);
        }
        assert!(manifest("123".into()).is_empty());
    }

    #[test]
    fn a_namespace_that_a_kind_does_not_have_goes_without_a_replacement() {
        let id = |kind: &str, namespace: &str| {
            let kind = format!("apiVersion=v1,kind={kind},namespace={namespace},name=a");
            ObjectId::parse(&kind).unwrap()
        };
        assert!(!is_another(&id("Namespace", "shop"), &id("Namespace", "")));
        assert!(is_another(&id("ConfigMap", "shop"), &id("ConfigMap", "")));
        // Nobody knows where they live, but one of the two would be refused otherwise.
        assert!(!is_another(&id("Gadget", "shop"), &id("Gadget", "")));
        assert!(is_another(&id("Gadget", "shop"), &id("Gadget", "other")));
        assert!(is_another(
            &id("ConfigMap", "shop"),
            &id("ConfigMap", "other")
        ));
        assert!(!is_another(
            &id("ConfigMap", "shop"),
            &id("ConfigMap", "shop")
        ));
    }

    #[test]
    fn labels_that_are_null_are_as_if_they_were_not_written() {
        let given = serde_json::json!({"manifest": {
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "labels": null, "annotations": null},
        }});
        let config = Value::from_json(&given).unwrap();
        let provider = Kubernetes::new();
        let lineage = Some(strata_model::Lineage::from_bits([7; 16]));
        let sent = provider
            .sent("kubernetes_object", &config, lineage)
            .unwrap();
        let metadata = sent.to_json()["metadata"].clone();
        assert!(metadata["labels"][objects::OWNER].is_string());
        assert_eq!(metadata.get("annotations"), None);
    }
}
