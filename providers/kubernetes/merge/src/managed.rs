//! Who holds which fields: `metadata.managedFields`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use thiserror::Error;

use crate::fields_v1::{self, FieldsV1Error};
use crate::set::FieldSet;

/// How many updaters of an object the server tells apart.
const MAX_UPDATERS: usize = 10;

/// Who holds the fields of updaters that are no longer told apart.
const ANCIENT_CHANGES: &str = "ancient-changes";

/// How a manager came by its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// By applying: what it no longer applies is removed.
    Apply,
    /// By any other write.
    Update,
}

impl Operation {
    /// The word in `managedFields`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

/// Who holds fields. One name that applies and updates, or updates in two versions, is several managers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Manager {
    operation: Operation,
    name: String,
    /// Of updates only: an applier is the same in every version.
    version: Option<String>,
    subresource: String,
}

impl Manager {
    /// A manager that applies.
    pub fn applier(name: impl Into<String>) -> Self {
        Self {
            operation: Operation::Apply,
            name: name.into(),
            version: None,
            subresource: String::new(),
        }
    }

    /// A manager that writes objects of this `apiVersion` in other ways.
    pub fn updater(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            operation: Operation::Update,
            name: name.into(),
            version: Some(version.into()),
            subresource: String::new(),
        }
    }

    /// The same manager, writing through a subresource such as `status` or `scale`.
    #[must_use]
    pub fn through(self, subresource: impl Into<String>) -> Self {
        Self {
            subresource: subresource.into(),
            ..self
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it came by its fields.
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// The subresource through which it writes; empty for the object itself.
    #[must_use]
    pub fn subresource(&self) -> &str {
        &self.subresource
    }

    /// The words of the API server for it in the `message` of a conflict's cause, after `conflict with `. The time of
    /// updates is left out: it is not known which of several writes is meant.
    #[must_use]
    pub fn described(&self) -> String {
        let mut text = format!("{:?}", self.name);
        if !self.subresource.is_empty() {
            text.push_str(&format!(" with subresource {:?}", self.subresource));
        }
        if let Some(version) = &self.version {
            text.push_str(" using ");
            text.push_str(version);
        }
        text
    }
}

/// What one manager holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The `apiVersion` in which the fields are named.
    pub version: String,
    /// When the manager last changed the object, RFC 3339 in UTC; as the server wrote it.
    pub time: Option<String>,
    /// The fields.
    pub fields: FieldSet,
}

/// Why `managedFields` cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ManagedFieldsError {
    /// It is not a list of entries.
    #[error("managedFields is not a list of objects")]
    NotAList,
    /// An entry lacks what it needs, or holds something else.
    #[error("an entry of managedFields has no valid {field}")]
    Entry {
        /// The field of the entry.
        field: &'static str,
    },
    /// The fields of an entry cannot be read.
    #[error("the fields of the manager {manager:?} cannot be read")]
    Fields {
        /// The manager's name.
        manager: String,
        /// What is wrong with them.
        #[source]
        source: FieldsV1Error,
    },
}

/// Everybody who holds fields of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ManagedFields {
    entries: BTreeMap<Manager, Entry>,
}

impl ManagedFields {
    /// Reads `metadata.managedFields`; null counts as none.
    ///
    /// # Errors
    ///
    /// When it is not what an API server writes.
    pub fn decode(value: &Value) -> Result<Self, ManagedFieldsError> {
        let entries = match value {
            Value::Null => return Ok(Self::default()),
            Value::Array(entries) => entries,
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                return Err(ManagedFieldsError::NotAList);
            }
        };
        let mut managed = Self::default();
        for entry in entries {
            let (manager, entry) =
                decode_entry(entry.as_object().ok_or(ManagedFieldsError::NotAList)?)?;
            managed.entries.insert(manager, entry);
        }
        Ok(managed)
    }

    /// Writes `metadata.managedFields`, in the server's order: appliers first, then by time, name and version.
    #[must_use]
    pub fn encode(&self) -> Value {
        let mut entries: Vec<_> = self.entries.iter().collect();
        entries.sort_by_key(|(manager, entry)| {
            (
                manager.operation,
                &entry.time,
                &manager.name,
                &entry.version,
                &manager.subresource,
            )
        });
        Value::Array(
            entries
                .into_iter()
                .map(|(manager, entry)| encode_entry(manager, entry))
                .collect(),
        )
    }

    /// Whether nobody holds anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What a manager holds.
    #[must_use]
    pub fn get(&self, manager: &Manager) -> Option<&Entry> {
        self.entries.get(manager)
    }

    /// All managers with what they hold, in a stable order.
    pub fn iter(&self) -> impl Iterator<Item = (&Manager, &Entry)> {
        self.entries.iter()
    }

    /// Sets what a manager holds; a manager without fields is no manager.
    pub fn set(&mut self, manager: Manager, entry: Entry) {
        if entry.fields.is_empty() {
            self.entries.remove(&manager);
        } else {
            self.entries.insert(manager, entry);
        }
    }

    /// Puts the oldest updaters of each version together until there are no more than the server keeps.
    pub(crate) fn cap_updaters(&mut self) {
        let mut updaters: Vec<_> = self
            .entries
            .iter()
            .filter(|(manager, _)| manager.operation == Operation::Update)
            .map(|(manager, entry)| (entry.time.clone(), manager.clone()))
            .collect();
        updaters.sort();
        let mut too_many = updaters.len().saturating_sub(MAX_UPDATERS);
        let mut first_of: BTreeMap<String, Manager> = BTreeMap::new();
        for (time, manager) in updaters {
            let Some(entry) = self.entries.get(&manager).filter(|_| too_many > 0).cloned() else {
                continue;
            };
            let Some(first) = first_of.get(&entry.version) else {
                first_of.insert(entry.version, manager);
                continue;
            };
            let bucket = Manager::updater(ANCIENT_CHANGES, &entry.version);
            if !self.entries.contains_key(&bucket)
                && let Some(first) = self.entries.remove(first)
            {
                self.entries.insert(bucket.clone(), first);
            }
            if let Some(kept) = self.entries.get_mut(&bucket) {
                kept.fields = kept.fields.union(&entry.fields);
                kept.time = time;
            }
            self.entries.remove(&manager);
            too_many -= 1;
        }
    }

    /// Removes a manager and gives what it held.
    pub fn remove(&mut self, manager: &Manager) -> Option<Entry> {
        self.entries.remove(manager)
    }
}

fn text<'a>(
    entry: &'a Map<String, Value>,
    field: &'static str,
) -> Result<&'a str, ManagedFieldsError> {
    match entry.get(field) {
        None | Some(Value::Null) => Ok(""),
        Some(Value::String(text)) => Ok(text),
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            Err(ManagedFieldsError::Entry { field })
        }
    }
}

fn required<'a>(
    entry: &'a Map<String, Value>,
    field: &'static str,
) -> Result<&'a str, ManagedFieldsError> {
    match text(entry, field)? {
        "" => Err(ManagedFieldsError::Entry { field }),
        text => Ok(text),
    }
}

fn decode_entry(entry: &Map<String, Value>) -> Result<(Manager, Entry), ManagedFieldsError> {
    let name = text(entry, "manager")?;
    let version = required(entry, "apiVersion")?;
    if required(entry, "fieldsType")? != "FieldsV1" {
        return Err(ManagedFieldsError::Entry {
            field: "fieldsType",
        });
    }
    let manager = match required(entry, "operation")? {
        "Apply" => Manager::applier(name),
        "Update" => Manager::updater(name, version),
        _ => return Err(ManagedFieldsError::Entry { field: "operation" }),
    };
    let fields = match entry.get("fieldsV1") {
        None | Some(Value::Null) => FieldSet::new(),
        Some(fields) => fields_v1::decode(fields).map_err(|source| ManagedFieldsError::Fields {
            manager: name.to_owned(),
            source,
        })?,
    };
    let time = match text(entry, "time")? {
        "" => None,
        time => Some(time.to_owned()),
    };
    let manager = manager.through(text(entry, "subresource")?);
    Ok((
        manager,
        Entry {
            version: version.to_owned(),
            time,
            fields,
        },
    ))
}

fn encode_entry(manager: &Manager, entry: &Entry) -> Value {
    let mut fields = Map::new();
    let mut put = |key: &str, value: Value| fields.insert(key.to_owned(), value);
    put("manager", Value::from(manager.name.as_str()));
    put("operation", Value::from(manager.operation.as_str()));
    put("apiVersion", Value::from(entry.version.as_str()));
    if let Some(time) = &entry.time {
        put("time", Value::from(time.as_str()));
    }
    put("fieldsType", Value::from("FieldsV1"));
    put("fieldsV1", fields_v1::encode(&entry.fields));
    if !manager.subresource.is_empty() {
        put("subresource", Value::from(manager.subresource.as_str()));
    }
    Value::Object(fields)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_read_is_written_again_in_the_servers_order() {
        let entries = json!([
            {"manager": "b", "operation": "Apply", "apiVersion": "v1", "time": "2026-01-01T00:00:00Z",
             "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {"f:x": {}}}},
            {"manager": "a", "operation": "Apply", "apiVersion": "v1", "time": "2026-01-01T00:00:01Z",
             "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {"f:y": {}}}},
            {"manager": "a", "operation": "Update", "apiVersion": "v1", "time": "2025-01-01T00:00:01Z",
             "fieldsType": "FieldsV1", "fieldsV1": {"f:status": {}}, "subresource": "status"},
        ]);
        let managed = ManagedFields::decode(&entries).unwrap();
        assert_eq!(managed.encode(), entries);
        assert!(
            managed
                .get(&Manager::updater("a", "v1").through("status"))
                .is_some()
        );
        assert!(managed.get(&Manager::updater("a", "v1")).is_none());
    }

    #[test]
    fn an_applier_is_one_in_every_version_and_an_updater_is_not() {
        let entry = |operation: &str, version: &str| {
            json!({"manager": "m", "operation": operation, "apiVersion": version, "fieldsType": "FieldsV1",
                   "fieldsV1": {"f:a": {}}})
        };
        let appliers =
            ManagedFields::decode(&json!([entry("Apply", "v1"), entry("Apply", "v2")])).unwrap();
        assert_eq!(appliers.iter().count(), 1);
        let updaters =
            ManagedFields::decode(&json!([entry("Update", "v1"), entry("Update", "v2")])).unwrap();
        assert_eq!(updaters.iter().count(), 2);
    }

    #[test]
    fn what_no_server_writes_is_refused() {
        assert!(ManagedFields::decode(&json!(null)).unwrap().is_empty());
        assert!(ManagedFields::decode(&json!("x")).is_err());
        assert!(ManagedFields::decode(&json!([{"manager": "m", "operation": "Apply"}])).is_err());
    }

    #[test]
    fn managers_are_described_as_the_server_does() {
        assert_eq!(Manager::applier("a").described(), "\"a\"");
        assert_eq!(
            Manager::updater("a", "apps/v1")
                .through("scale")
                .described(),
            "\"a\" with subresource \"scale\" using apps/v1"
        );
    }
}
