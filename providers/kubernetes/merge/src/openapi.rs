//! Schemas from the OpenAPI v3 documents that API servers publish.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::schema::{Atom, Field, ListType, MapType, Relationship, Scalar, Schema, TypeRef};

/// Types that the documents describe as something else than what they accept.
const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const RAW_EXTENSION: &str = "io.k8s.apimachinery.pkg.runtime.RawExtension";

/// What makes a document no schema.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OpenApiError {
    /// There are no models in it.
    #[error("the document has no components.schemas")]
    NoModels,
    /// A model has something that no API server publishes.
    #[error("the model {model:?} has an unknown {what}: {found}")]
    Unknown {
        /// The model.
        model: String,
        /// What is unknown.
        what: &'static str,
        /// The value.
        found: String,
    },
    /// A keyed list does not say its keys, or an array not its items.
    #[error("a list in the model {model:?} has no {what}")]
    Incomplete {
        /// The model.
        model: String,
        /// What is missing.
        what: &'static str,
    },
}

/// The API group, version and kind of an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupVersionKind {
    /// The group; empty for the core one.
    pub group: String,
    /// The version, such as `v1`.
    pub version: String,
    /// The kind, such as `Deployment`.
    pub kind: String,
}

impl GroupVersionKind {
    /// The kind of an object that is in `api_version`.
    #[must_use]
    pub fn of(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
        }
    }

    /// Its `apiVersion`.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }
}

/// The models of one or more documents.
#[derive(Debug, Clone, Default)]
pub struct Models {
    models: Map<String, Value>,
}

impl FromIterator<(String, Value)> for Models {
    /// Models by name.
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(models: I) -> Self {
        Self {
            models: models.into_iter().collect(),
        }
    }
}

impl Models {
    /// A document that has these models, and nothing else.
    #[must_use]
    pub fn document(&self) -> Value {
        json!({"openapi": "3.0.0", "components": {"schemas": self.models}})
    }

    /// Adds the models of a document; a model that is already there is replaced by one of the same name.
    ///
    /// # Errors
    ///
    /// When the document has none.
    pub fn add(&mut self, document: &Value) -> Result<(), OpenApiError> {
        let models = document
            .pointer("/components/schemas")
            .and_then(Value::as_object)
            .ok_or(OpenApiError::NoModels)?;
        self.models.extend(
            models
                .iter()
                .map(|(name, model)| (name.clone(), model.clone())),
        );
        Ok(())
    }

    /// Those models whose names begin so.
    #[must_use]
    pub fn of_prefix(mut self, prefix: &str) -> Self {
        self.models.retain(|name, _| name.starts_with(prefix));
        self
    }

    /// Adds a model, or replaces the one of that name.
    pub fn insert(&mut self, name: &str, model: Value) {
        self.models.insert(name.to_owned(), model);
    }

    /// The names of the models by the kinds whose objects they describe.
    #[must_use]
    pub fn kinds(&self) -> BTreeMap<GroupVersionKind, String> {
        let mut kinds = BTreeMap::new();
        for (name, model) in &self.models {
            let declared = model
                .get("x-kubernetes-group-version-kind")
                .and_then(Value::as_array);
            for declared in declared.into_iter().flatten() {
                let text = |key: &str| declared.get(key).and_then(Value::as_str).map(str::to_owned);
                if let (Some(group), Some(version), Some(kind)) =
                    (text("group"), text("version"), text("kind"))
                {
                    kinds.insert(
                        GroupVersionKind {
                            group,
                            version,
                            kind,
                        },
                        name.clone(),
                    );
                }
            }
        }
        kinds
    }

    /// The types of all models. `preserve_unknown` keeps fields that no schema has (`preserveUnknownFields` of a custom
    /// resource definition).
    ///
    /// # Errors
    ///
    /// The first model that makes no sense.
    pub fn schema(&self, preserve_unknown: bool) -> Result<Schema, OpenApiError> {
        let mut types = BTreeMap::new();
        for (name, model) in &self.models {
            if reference(model).is_some() && model.get("$ref").is_some() {
                continue;
            }
            let atom = match name.as_str() {
                QUANTITY => Atom::from(Scalar::Any),
                RAW_EXTENSION => Schema::default()
                    .resolve(&TypeRef::untyped_atomic())
                    .unwrap_or_default(),
                _ => Model { name }.atom(model, preserve_unknown)?,
            };
            types.insert(name.clone(), atom);
        }
        Ok(Schema::new(types))
    }
}

/// The name of the model that a schema stands for: by `$ref`, alone or as the one element of `allOf`.
fn reference(schema: &Value) -> Option<&str> {
    let direct = schema.get("$ref");
    let within = || match schema.get("allOf")?.as_array()?.as_slice() {
        [one] => one.get("$ref"),
        _ => None,
    };
    direct
        .or_else(within)?
        .as_str()?
        .rsplit('/')
        .next()
        .filter(|name| !name.is_empty())
}

fn flag(schema: &Value, name: &str) -> bool {
    schema.get(name) == Some(&Value::Bool(true))
}

struct Model<'a> {
    name: &'a str,
}

impl Model<'_> {
    fn unknown(&self, what: &'static str, found: &Value) -> OpenApiError {
        OpenApiError::Unknown {
            model: self.name.to_owned(),
            what,
            found: found.to_string(),
        }
    }

    fn incomplete(&self, what: &'static str) -> OpenApiError {
        OpenApiError::Incomplete {
            model: self.name.to_owned(),
            what,
        }
    }

    fn atom(&self, schema: &Value, preserve_unknown: bool) -> Result<Atom, OpenApiError> {
        let preserve_unknown =
            preserve_unknown || flag(schema, "x-kubernetes-preserve-unknown-fields");
        let format = schema
            .get("format")
            .and_then(Value::as_str)
            .unwrap_or_default();
        Ok(
            match schema
                .get("type")
                .and_then(Value::as_str)
                .unwrap_or_default()
            {
                // Without a type anything goes, as far as the rest of the schema lets it.
                "" => Atom {
                    scalar: Some(Scalar::Any),
                    list: Atom::from(self.list(schema, preserve_unknown)?).list,
                    map: Atom::from(self.map(schema, preserve_unknown)?).map,
                },
                "object" => self.map(schema, preserve_unknown)?.into(),
                "array" => self.list(schema, preserve_unknown)?.into(),
                "integer" | "number" => Scalar::Numeric.into(),
                "boolean" => Scalar::Boolean.into(),
                "string" if matches!(format, "" | "byte") => Scalar::Text.into(),
                // Dates and `int-or-string` are written in more than one way.
                "string" => Scalar::Any.into(),
                _ => return Err(self.unknown("type", &schema["type"])),
            },
        )
    }

    fn type_ref(&self, schema: &Value, preserve_unknown: bool) -> Result<TypeRef, OpenApiError> {
        let Some(name) = reference(schema) else {
            return Ok(TypeRef::inlined(self.atom(schema, preserve_unknown)?));
        };
        let type_ref = TypeRef::named(name);
        Ok(match self.map_relationship(schema)? {
            Some(relationship) => type_ref.related(relationship),
            None => type_ref,
        })
    }

    fn map_relationship(&self, schema: &Value) -> Result<Option<Relationship>, OpenApiError> {
        let Some(declared) = schema.get("x-kubernetes-map-type") else {
            return Ok(None);
        };
        match declared.as_str() {
            Some("atomic") => Ok(Some(Relationship::Atomic)),
            Some("granular") => Ok(Some(Relationship::Separable)),
            Some(_) | None => Err(self.unknown("x-kubernetes-map-type", declared)),
        }
    }

    fn map(&self, schema: &Value, preserve_unknown: bool) -> Result<MapType, OpenApiError> {
        let mut fields = BTreeMap::new();
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, property) in properties.into_iter().flatten() {
            let type_ref = self.type_ref(property, preserve_unknown)?;
            let default = property
                .get("default")
                .filter(|default| !default.is_null())
                .cloned();
            fields.insert(name.clone(), Field { type_ref, default });
        }
        let required = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let required = required
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        let element = match schema.get("additionalProperties") {
            // An object of which nothing is said may hold anything.
            None => (preserve_unknown || fields.is_empty()).then(TypeRef::deduced),
            Some(Value::Bool(allowed)) => allowed.then(TypeRef::deduced),
            Some(element) => Some(self.type_ref(element, preserve_unknown)?),
        };
        let relationship = self
            .map_relationship(schema)?
            .unwrap_or(Relationship::Separable);
        Ok(MapType {
            fields,
            required,
            element,
            relationship,
        })
    }

    fn list(&self, schema: &Value, preserve_unknown: bool) -> Result<ListType, OpenApiError> {
        let (relationship, keys) = self.list_relationship(schema)?;
        let element = match schema.get("items") {
            Some(items) => self.type_ref(items, preserve_unknown)?,
            None if schema.get("type").is_some() => return Err(self.incomplete("items")),
            None => TypeRef::untyped_atomic(),
        };
        Ok(ListType {
            element,
            relationship,
            keys,
        })
    }

    fn list_relationship(
        &self,
        schema: &Value,
    ) -> Result<(Relationship, Vec<String>), OpenApiError> {
        if let Some(declared) = schema.get("x-kubernetes-list-type") {
            return match declared.as_str() {
                Some("atomic") => Ok((Relationship::Atomic, Vec::new())),
                Some("set") => Ok((Relationship::Associative, Vec::new())),
                Some("map") => Ok((Relationship::Associative, self.list_keys(schema)?)),
                Some(_) | None => Err(self.unknown("x-kubernetes-list-type", declared)),
            };
        }
        // What the older, client-side merge went by.
        let Some(declared) = schema.get("x-kubernetes-patch-strategy") else {
            return Ok((Relationship::Atomic, Vec::new()));
        };
        match declared.as_str() {
            Some("merge" | "merge,retainKeys") => {
                let key = schema
                    .get("x-kubernetes-patch-merge-key")
                    .and_then(Value::as_str);
                Ok((
                    Relationship::Associative,
                    key.map(str::to_owned).into_iter().collect(),
                ))
            }
            Some("retainKeys") => Ok((Relationship::Atomic, Vec::new())),
            Some(_) | None => Err(self.unknown("x-kubernetes-patch-strategy", declared)),
        }
    }

    fn list_keys(&self, schema: &Value) -> Result<Vec<String>, OpenApiError> {
        let keys = schema
            .get("x-kubernetes-list-map-keys")
            .and_then(Value::as_array);
        let keys: Vec<String> = keys
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        if keys.is_empty() {
            Err(self.incomplete("x-kubernetes-list-map-keys"))
        } else {
            Ok(keys)
        }
    }
}
