//! Random values of a type, from its OpenAPI model. The alphabets are small, so that managers meet.

use serde_json::{Map, Value, json};

use crate::random::Random;

/// The fields of large built-in models that are made; of other models all are.
const CHOSEN: &[(&str, &[&str])] = &[
    (
        "ObjectMeta",
        &["labels", "annotations", "finalizers", "ownerReferences"],
    ),
    ("Service", &["metadata", "spec"]),
    (
        "ServiceSpec",
        &[
            "ports",
            "selector",
            "externalIPs",
            "type",
            "sessionAffinityConfig",
            "publishNotReadyAddresses",
        ],
    ),
    ("Deployment", &["metadata", "spec"]),
    ("PodTemplate", &["metadata", "template"]),
    ("ConfigMap", &["metadata", "data", "immutable"]),
    ("Role", &["metadata", "rules"]),
    (
        "PodSpec",
        &[
            "containers",
            "initContainers",
            "volumes",
            "nodeSelector",
            "tolerations",
            "hostAliases",
            "imagePullSecrets",
            "topologySpreadConstraints",
            "securityContext",
            "hostNetwork",
            "readinessGates",
        ],
    ),
    (
        "Container",
        &[
            "name",
            "image",
            "args",
            "env",
            "ports",
            "resources",
            "volumeMounts",
            "volumeDevices",
        ],
    ),
    ("EnvVar", &["name", "value"]),
    ("Volume", &["name", "emptyDir", "configMap", "projected"]),
    (
        "PodSecurityContext",
        &[
            "runAsUser",
            "supplementalGroups",
            "sysctls",
            "seLinuxOptions",
        ],
    ),
    ("Widget", &["metadata", "spec", "status"]),
];

const WORDS: &[&str] = &["a", "b", "c"];
const KEYS: &[&str] = &["x", "y", "z"];

/// Makes values of the types of a document.
pub(crate) struct Generator<'a> {
    models: &'a Map<String, Value>,
}

impl<'a> Generator<'a> {
    pub(crate) fn new(document: &'a Value) -> Self {
        let models = document["components"]["schemas"].as_object().unwrap();
        Self { models }
    }

    /// A value of a model.
    pub(crate) fn model(&self, name: &str, random: &mut Random) -> Value {
        self.named(name, 0, random)
    }

    fn named(&self, name: &str, depth: usize, random: &mut Random) -> Value {
        match name.rsplit('.').next().unwrap() {
            "Quantity" => json!(random.pick(&["1", "100m", "1Gi"])),
            "IntOrString" => either(random),
            "Time" | "MicroTime" => json!("2026-01-01T00:00:00Z"),
            short => {
                let chosen = CHOSEN
                    .iter()
                    .find(|(model, _)| *model == short)
                    .map(|(_, fields)| *fields);
                self.value(&self.models[name], chosen, depth, random)
            }
        }
    }

    fn value(
        &self,
        schema: &Value,
        chosen: Option<&[&str]>,
        depth: usize,
        random: &mut Random,
    ) -> Value {
        if let Some(name) = reference(schema) {
            return self.named(name, depth, random);
        }
        match schema["type"].as_str() {
            Some("object") => self.map(schema, chosen, depth, random),
            Some("array") => self.list(schema, depth, random),
            Some("string") => json!(random.pick(WORDS)),
            Some("integer") => json!(random.below(3)),
            Some("number") => random
                .pick(&[json!(1), json!(1.5), json!(1_000_000)])
                .clone(),
            Some("boolean") => json!(random.percent(50)),
            _ => either(random),
        }
    }

    fn map(
        &self,
        schema: &Value,
        chosen: Option<&[&str]>,
        depth: usize,
        random: &mut Random,
    ) -> Value {
        let mut map = Map::new();
        if let Some(properties) = schema["properties"].as_object() {
            for (name, property) in properties {
                let wanted = chosen.is_none_or(|chosen| chosen.contains(&name.as_str()));
                if wanted && random.percent(if depth < 2 { 60 } else { 45 }) {
                    map.insert(name.clone(), self.value(property, None, depth + 1, random));
                }
            }
        }
        match &schema["additionalProperties"] {
            element @ Value::Object(_) => {
                for key in KEYS {
                    if random.percent(40) {
                        map.insert(
                            (*key).to_owned(),
                            self.value(element, None, depth + 1, random),
                        );
                    }
                }
            }
            _ if schema["x-kubernetes-preserve-unknown-fields"] == true => {
                for key in KEYS {
                    if random.percent(40) {
                        map.insert((*key).to_owned(), anything(depth, random));
                    }
                }
            }
            _ => {}
        }
        Value::Object(map)
    }

    fn list(&self, schema: &Value, depth: usize, random: &mut Random) -> Value {
        let keys: Vec<&str> = schema["x-kubernetes-list-map-keys"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let mut items: Vec<Value> = Vec::new();
        for _ in 0..random.below(4) {
            let mut item = self.value(&schema["items"], None, depth + 1, random);
            if !keys.is_empty() && !self.has_keys(&mut item, schema, &keys, random) {
                continue;
            }
            let same = |other: &Value| {
                if keys.is_empty() {
                    other == &item
                } else {
                    keys.iter().all(|key| other.get(key) == item.get(key))
                }
            };
            if schema["x-kubernetes-list-type"] == "atomic" || !items.iter().any(same) {
                items.push(item);
            }
        }
        Value::Array(items)
    }

    /// Gives an item its keys; those with a default may stay away.
    fn has_keys(
        &self,
        item: &mut Value,
        schema: &Value,
        keys: &[&str],
        random: &mut Random,
    ) -> bool {
        let items = reference(&schema["items"]).map_or(&schema["items"], |name| &self.models[name]);
        let Some(item) = item.as_object_mut() else {
            return false;
        };
        for (index, key) in keys.iter().enumerate() {
            let property = &items["properties"][key];
            let optional = index > 0 && property.get("default").is_some();
            if item.contains_key(*key) && (!optional || random.percent(50)) {
                continue;
            }
            item.shift_remove(*key);
            if !optional {
                item.insert((*key).to_owned(), self.value(property, None, 0, random));
            }
        }
        true
    }
}

fn reference(schema: &Value) -> Option<&str> {
    let reference = schema
        .get("$ref")
        .or_else(|| schema["allOf"][0].get("$ref"))?;
    reference.as_str()?.rsplit('/').next()
}

fn either(random: &mut Random) -> Value {
    random.pick(&[json!(1), json!(2), json!("a")]).clone()
}

/// A value of no type.
pub(crate) fn anything(depth: usize, random: &mut Random) -> Value {
    match random.below(if depth < 4 { 7 } else { 4 }) {
        0 | 1 => json!(random.pick(WORDS)),
        2 => json!(random.below(3)),
        3 => json!(random.percent(50)),
        4 => (0..random.below(3))
            .map(|_| anything(depth + 1, random))
            .collect(),
        _ => {
            let mut map = Map::new();
            for key in KEYS {
                if random.percent(50) {
                    map.insert((*key).to_owned(), anything(depth + 1, random));
                }
            }
            Value::Object(map)
        }
    }
}
