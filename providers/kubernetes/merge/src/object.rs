//! Writes on whole objects, as the API server carries them out: what it stores, before defaults and admission.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::managed::{Entry, ManagedFields, ManagedFieldsError, Manager};
use crate::path::Path;
use crate::schema::{Schema, TypeRef};
use crate::set::FieldSet;
use crate::typed::{Duplicates, TypeError, TypedValue};
use crate::updater::{OneVersion, UpdateError, Updater, Versions, Write};

/// What identifies an object or is the server's own is nobody's field.
static NOBODYS: LazyLock<FieldSet> = LazyLock::new(|| {
    let own = [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    ];
    [
        Path::of_fields(&["apiVersion"]),
        Path::of_fields(&["kind"]),
        Path::of_fields(&["metadata"]),
    ]
    .into_iter()
    .chain(own.iter().map(|name| Path::of_fields(&["metadata", name])))
    .collect()
});

/// The name under which the fields of an object without managers are kept when somebody first applies it.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// What holds for the objects of one kind in one version.
#[derive(Clone)]
pub struct Rules {
    schema: Arc<Schema>,
    type_ref: TypeRef,
    version: String,
    empty: Value,
    reset: BTreeMap<String, FieldSet>,
    versions: Arc<dyn Versions>,
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules")
            .field("type_ref", &self.type_ref)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl Rules {
    /// The rules of a kind that has one version.
    #[must_use]
    pub fn new(schema: Arc<Schema>, type_ref: TypeRef, (version, kind): (&str, &str)) -> Self {
        Self {
            schema,
            type_ref,
            version: version.to_owned(),
            empty: json!({"apiVersion": version, "kind": kind}),
            reset: BTreeMap::new(),
            versions: Arc::new(OneVersion {
                version: version.to_owned(),
            }),
        }
    }

    /// The rules of a kind without a schema.
    #[must_use]
    pub fn deduced(kind: (&str, &str)) -> Self {
        Self::new(Arc::new(Schema::default()), TypeRef::deduced(), kind)
    }

    /// With other versions of the kind, in which other managers may hold fields.
    #[must_use]
    pub fn with_versions(self, versions: Arc<dyn Versions>) -> Self {
        Self { versions, ..self }
    }

    /// With fields that a write of the object cannot set, by version: `status` where it is a subresource. Of a custom
    /// kind a server knows them for the version only that is written.
    #[must_use]
    pub fn with_reset(self, reset: BTreeMap<String, FieldSet>) -> Self {
        Self { reset, ..self }
    }

    /// With what an object of the kind is before anything is in it. Kinds that are built into the API server have
    /// some of their maps from the start.
    #[must_use]
    pub fn with_empty(self, empty: Value) -> Self {
        Self { empty, ..self }
    }

    fn typed(
        &self,
        value: Value,
        what: &'static str,
        duplicates: Duplicates,
    ) -> Result<TypedValue, ObjectError> {
        TypedValue::new(
            value,
            Arc::clone(&self.schema),
            self.type_ref.clone(),
            duplicates,
        )
        .map_err(|source| ObjectError::Type { what, source })
    }

    fn updater(&self) -> Updater<'_> {
        Updater {
            versions: &*self.versions,
            reset: &self.reset,
        }
    }
}

/// Why an object cannot be written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ObjectError {
    /// What is applied says who manages it.
    #[error("an object that is applied must not have metadata.managedFields")]
    ManagedFieldsApplied,
    /// The object is of another version or kind.
    #[error("the applied object is {found}, not {expected}")]
    OtherKind {
        /// Its `apiVersion` and `kind`.
        found: String,
        /// What it must be.
        expected: String,
    },
    /// The live object's managers cannot be read.
    #[error("the managed fields of the live object cannot be read")]
    ManagedFields(#[source] ManagedFieldsError),
    /// An object does not fit its schema.
    #[error("the {what} does not fit its schema")]
    Type {
        /// Which object.
        what: &'static str,
        /// What is wrong.
        #[source]
        source: TypeError,
    },
    /// It is refused.
    #[error(transparent)]
    Update(#[from] UpdateError),
}

/// Who writes, and when.
#[derive(Debug, Clone, Copy)]
pub struct Author<'a> {
    /// The field manager.
    pub manager: &'a str,
    /// The subresource that is written; empty for the object itself.
    pub subresource: &'a str,
    /// The time of the write, RFC 3339 in UTC with whole seconds.
    pub time: &'a str,
}

impl Author<'_> {
    fn applier(&self) -> Manager {
        Manager::applier(self.manager).through(self.subresource)
    }

    fn updater(&self, name: &str, version: &str) -> Manager {
        Manager::updater(name, version).through(self.subresource)
    }
}

/// An object after a write.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// The object, with its new `metadata.managedFields`. A map or list that lost everything because nobody applies it
    /// any more is null, as in the server, which then drops it from kinds of its own and from metadata, and refuses
    /// a custom object for it, unless the field may be null or is in no schema.
    pub object: Value,
    /// Whether anything but the managed fields is other than before.
    pub changed: bool,
}

/// Applies `wanted` to the live object, or creates the object where there is none.
///
/// # Errors
///
/// When the server would refuse it: a conflict without `force`, a field of another type, an unknown field, two items of
/// one key.
pub fn apply(
    rules: &Rules,
    live: Option<&Value>,
    wanted: &Value,
    (author, force): (Author<'_>, bool),
) -> Result<Written, ObjectError> {
    check_kind(rules, wanted)?;
    if wanted
        .pointer("/metadata/managedFields")
        .is_some_and(|managed| !managed.is_null())
    {
        return Err(ObjectError::ManagedFieldsApplied);
    }
    let (plain, managed) = taken_apart(live.unwrap_or(&rules.empty));
    let mut managed = ManagedFields::decode(&managed).map_err(ObjectError::ManagedFields)?;
    let wanted = rules.typed(wanted.clone(), "applied object", Duplicates::Refused)?;
    if managed.is_empty() {
        managed = before_first_apply(rules, &plain, author)?;
    }
    let typed_live = rules.typed(plain.clone(), "live object", Duplicates::Allowed)?;
    let manager = author.applier();
    let write = Write {
        live: &typed_live,
        version: &rules.version,
        manager: &manager,
    };
    let (object, mut managed) = rules.updater().apply(write, &wanted, managed, force)?;
    if let Some(mut entry) = managed.remove(&manager) {
        entry.fields = entry.fields.difference(&NOBODYS);
        if object.is_some() {
            entry.time = Some(author.time.to_owned());
        }
        managed.set(manager, entry);
    }
    let changed = object.is_some() || live.is_none();
    let object = object.map_or(plain, TypedValue::into_value);
    Ok(Written {
        object: put_together(object, &managed),
        changed,
    })
}

/// Records a write of another kind (create, replace, patch): `new` is the object as it was sent or patched. Its own
/// managed fields count, as they do for the server: an empty list clears them, and where it has none the live ones stay.
///
/// # Errors
///
/// When an object does not fit its schema.
pub fn update(
    rules: &Rules,
    live: &Value,
    new: &Value,
    author: Author<'_>,
) -> Result<Written, ObjectError> {
    let (live, live_managed) = taken_apart(live);
    let (new, new_managed) = taken_apart(new);
    let managed = if is_reset(&new_managed) {
        ManagedFields::default()
    } else {
        match ManagedFields::decode(&new_managed) {
            Ok(managed) if !managed.is_empty() => managed,
            // As the server does: what cannot be read is forgotten.
            Ok(_) | Err(_) => ManagedFields::decode(&live_managed).unwrap_or_default(),
        }
    };
    let changed = !crate::value::equal(&live, &new);
    if managed.is_empty() && live.pointer("/metadata/uid").is_some() {
        // Nobody has been tracked so far; tracking begins with the first apply.
        return Ok(Written {
            object: put_together(new, &managed),
            changed,
        });
    }
    let managed = recorded(rules, (&live, &new), managed, (author.manager, author))?;
    Ok(Written {
        object: put_together(new, &managed),
        changed,
    })
}

fn before_first_apply(
    rules: &Rules,
    live: &Value,
    author: Author<'_>,
) -> Result<ManagedFields, ObjectError> {
    recorded(
        rules,
        (&rules.empty, live),
        ManagedFields::default(),
        (BEFORE_FIRST_APPLY, author),
    )
}

/// The managers after an update under a name.
fn recorded(
    rules: &Rules,
    (live, new): (&Value, &Value),
    managed: ManagedFields,
    (name, author): (&str, Author<'_>),
) -> Result<ManagedFields, ObjectError> {
    let live = rules.typed(live.clone(), "live object", Duplicates::Allowed)?;
    let new = rules.typed(new.clone(), "new object", Duplicates::Allowed)?;
    let manager = author.updater(name, &rules.version);
    let write = Write {
        live: &live,
        version: &rules.version,
        manager: &manager,
    };
    let (fields, mut managed) = rules.updater().update(write, &new, managed)?;
    let fields = fields.difference(&NOBODYS);
    if !fields.is_empty() {
        let before = managed
            .remove(&manager)
            .map(|entry| entry.fields)
            .unwrap_or_default();
        let time = Some(author.time.to_owned());
        managed.set(
            manager,
            Entry {
                version: rules.version.clone(),
                time,
                fields: fields.union(&before),
            },
        );
    }
    managed.cap_updaters();
    Ok(managed)
}

fn check_kind(rules: &Rules, wanted: &Value) -> Result<(), ObjectError> {
    let kind = |object: &Value| {
        let text = |key: &str| {
            object
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        format!("{} {}", text("apiVersion"), text("kind"))
    };
    let (found, expected) = (kind(wanted), kind(&rules.empty));
    if found == expected {
        Ok(())
    } else {
        Err(ObjectError::OtherKind { found, expected })
    }
}

/// Whether managed fields ask to be cleared: an empty list, or one empty entry.
fn is_reset(managed: &Value) -> bool {
    match managed.as_array().map(Vec::as_slice) {
        Some([]) => true,
        Some([entry]) => entry.as_object().is_some_and(Map::is_empty),
        Some(_) | None => false,
    }
}

/// The object without its managed fields, and those.
fn taken_apart(object: &Value) -> (Value, Value) {
    let mut object = object.clone();
    let managed = object
        .get_mut("metadata")
        .and_then(Value::as_object_mut)
        .and_then(|metadata| metadata.shift_remove("managedFields"));
    (object, managed.unwrap_or(Value::Null))
}

fn put_together(mut object: Value, managed: &ManagedFields) -> Value {
    if let (false, Value::Object(fields)) = (managed.is_empty(), &mut object) {
        let metadata = fields
            .entry("metadata")
            .or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(metadata) = metadata {
            metadata.insert("managedFields".to_owned(), managed.encode());
        }
    }
    object
}
