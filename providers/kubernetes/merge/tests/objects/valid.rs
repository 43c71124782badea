//! Random objects of built-in kinds that a whole server takes: it has rules beyond types (ports have names, a volume has
//! one source), by which values of the models alone would hardly ever be valid.

use serde_json::{Map, Value, json};

use crate::random::Random;

const WORDS: &[&str] = &["a", "b", "c"];
const KEYS: &[&str] = &["x", "y", "z"];

/// A built-in kind.
pub(crate) struct Valid {
    pub(crate) versions: [&'static str; 1],
    pub(crate) kind: &'static str,
    /// Makes a random object, without its metadata.
    pub(crate) make: fn(&mut Random) -> Value,
    /// Gives an object what the server insists on.
    pub(crate) complete: fn(&mut Value),
    /// What the server takes an object for before anything is in it.
    pub(crate) empty: fn() -> Value,
}

pub(crate) static KINDS: &[Valid] = &[
    Valid {
        versions: ["v1"],
        kind: "ConfigMap",
        make: config_map,
        complete: |_| {},
        empty: || json!({"metadata": {}}),
    },
    Valid {
        versions: ["v1"],
        kind: "Service",
        make: |random| json!({"spec": service(random)}),
        complete: complete_service,
        empty: || json!({"metadata": {}, "spec": {}, "status": {"loadBalancer": {}}}),
    },
    Valid {
        versions: ["v1"],
        kind: "PodTemplate",
        make: |random| json!({"template": template(random)}),
        complete: |object| complete_template(&mut object["template"]),
        empty: || json!({"metadata": {}, "template": {"metadata": {}, "spec": {"containers": null}}}),
    },
    Valid {
        versions: ["apps/v1"],
        kind: "Deployment",
        make: |random| json!({"spec": deployment(random)}),
        complete: complete_deployment,
        empty: || {
            let template = json!({"metadata": {}, "spec": {"containers": null}});
            let spec = json!({"selector": null, "template": template, "strategy": {}});
            json!({"metadata": {}, "spec": spec, "status": {}})
        },
    },
    Valid {
        versions: ["rbac.authorization.k8s.io/v1"],
        kind: "Role",
        make: role,
        complete: complete_role,
        empty: || json!({"metadata": {}, "rules": null}),
    },
];

/// The metadata of any object: maps, a set, a list that is keyed.
pub(crate) fn metadata(random: &mut Random) -> Value {
    let owner = |uid: &str, random: &mut Random| {
        let (name, optional) = (
            word(random),
            json!({"controller": false, "blockOwnerDeletion": true}),
        );
        part(
            random,
            json!({"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": uid}),
            &optional,
        )
    };
    let finalizers = ["strata.example/a", "strata.example/b", "strata.example/c"];
    let optional = json!({
        "labels": map(random, KEYS, word),
        "annotations": map(random, KEYS, word),
        "finalizers": list(random, &finalizers, |name, _| Value::from(name)),
        "ownerReferences": list(random, KEYS, owner),
    });
    part(random, json!({"name": "one"}), &optional)
}

fn config_map(random: &mut Random) -> Value {
    let optional = json!({
        "data": map(random, KEYS, word),
        "binaryData": map(random, &["u", "v"], |random| Value::from(*random.pick(&["YQ==", "Yg=="]))),
    });
    part(random, json!({}), &optional)
}

fn role(random: &mut Random) -> Value {
    let rule = |resource: &str, random: &mut Random| json!({"apiGroups": [""], "resources": [resource], "verbs": list(random, &["get", "list"], |verb, _| Value::from(verb))});
    let optional = json!({"rules": list(random, &["pods", "secrets"], rule)});
    let mut role = part(random, json!({}), &optional);
    let rules = role.get_mut("rules").and_then(Value::as_array_mut);
    for rule in rules.into_iter().flatten() {
        rule["verbs"].as_array_mut().unwrap().push(json!("watch"));
    }
    role
}

/// What is stored does not tell an empty list of rules from none.
fn complete_role(role: &mut Value) {
    if role["rules"].as_array().is_some_and(Vec::is_empty) {
        role["rules"] = Value::Null;
    }
}

fn service(random: &mut Random) -> Value {
    let optional = json!({
        "ports": list(random, &["1/TCP", "1/UDP", "2/TCP"], |id, random| {
            let optional = json!({"targetPort": either(random), "appProtocol": *random.pick(&["http", "https"])});
            let port = port(id, "port", random);
            part(random, port, &optional)
        }),
        "selector": map(random, KEYS, word),
        "externalIPs": list(random, &["192.0.2.1", "192.0.2.2"], |address, _| Value::from(address)),
        "publishNotReadyAddresses": random.percent(50),
        "internalTrafficPolicy": *random.pick(&["Cluster", "Local"]),
        "sessionAffinity": "ClientIP",
        "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 1 + random.below(3)}},
    });
    part(random, json!({}), &optional)
}

/// A service has a port; who asks for affinity says which.
fn complete_service(service: &mut Value) {
    let spec = &mut service["spec"];
    if spec["ports"].as_array().is_none_or(Vec::is_empty) {
        spec["ports"] = json!([{"port": 1, "name": "p1-tcp"}]);
    }
    if !spec["sessionAffinityConfig"].is_null() {
        spec["sessionAffinity"] = json!("ClientIP");
    }
    // It is for addresses from outside, and goes with them.
    let outside = spec["externalIPs"].as_array();
    if outside.is_none_or(Vec::is_empty) {
        spec.as_object_mut()
            .unwrap()
            .shift_remove("externalTrafficPolicy");
    }
}

/// What a server gives a service it puts back when an update leaves it out, after it has noted who holds what.
pub(crate) fn keep_allocated(live: &Value, object: &mut Value) {
    for name in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
        if let Some(allocated) = live["spec"].get(name).filter(|_| live["kind"] == "Service") {
            object["spec"][name] = allocated.clone();
        }
    }
}

fn deployment(random: &mut Random) -> Value {
    let surge = json!({"maxSurge": *random.pick(&["25%", "50%"])});
    let rolling = part(random, surge, &json!({"maxUnavailable": 1}));
    let optional = json!({
        "replicas": random.below(3),
        "minReadySeconds": random.below(3),
        "revisionHistoryLimit": random.below(3),
        "paused": random.percent(50),
        "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling},
    });
    let template = template(random);
    part(random, json!({"template": template}), &optional)
}

/// A deployment has a selector that never changes, and pods that it selects.
fn complete_deployment(deployment: &mut Value) {
    let spec = &mut deployment["spec"];
    spec["selector"] = json!({"matchLabels": {"app": "one"}});
    spec["template"]["metadata"]["labels"]["app"] = json!("one");
    complete_template(&mut spec["template"]);
}

fn template(random: &mut Random) -> Value {
    let labels = map(random, KEYS, word);
    let optional = json!({"metadata": {"labels": labels}});
    let spec = pod(random);
    part(random, json!({"spec": spec}), &optional)
}

/// A pod has a container.
fn complete_template(template: &mut Value) {
    let containers = &mut template["spec"]["containers"];
    if containers.as_array().is_none_or(Vec::is_empty) {
        *containers = json!([{"name": "x", "image": "a"}]);
    }
}

fn pod(random: &mut Random) -> Value {
    let spread = |id: &str, random: &mut Random| {
        let (key, when) = id.split_once('/').unwrap();
        json!({"topologyKey": key, "whenUnsatisfiable": when, "maxSkew": 1 + random.below(2)})
    };
    let spreads = ["x/DoNotSchedule", "x/ScheduleAnyway", "y/DoNotSchedule"];
    let optional = json!({
        "initContainers": list(random, &["u", "v"], container),
        "volumes": list(random, KEYS, volume),
        "nodeSelector": map(random, KEYS, word),
        "tolerations": list(random, KEYS, |key, random| {
            json!({"key": key, "operator": "Exists", "effect": *random.pick(&["NoSchedule", "NoExecute"])})
        }),
        "hostAliases": list(random, &["192.0.2.1", "192.0.2.2"], |ip, random| json!({"ip": ip, "hostnames": [word(random)]})),
        "imagePullSecrets": list(random, KEYS, |name, _| json!({"name": name})),
        "topologySpreadConstraints": list(random, &spreads, spread),
        "securityContext": part(random, json!({}), &json!({"runAsUser": 1, "fsGroup": 2, "supplementalGroups": [1, 2]})),
        "terminationGracePeriodSeconds": random.below(3),
        "readinessGates": list(random, KEYS, |kind, _| json!({"conditionType": kind})),
    });
    let containers = list(random, KEYS, container);
    part(random, json!({"containers": containers}), &optional)
}

fn container(name: &str, random: &mut Random) -> Value {
    let variable = |name: &str, random: &mut Random| {
        let optional = json!({"value": word(random)});
        part(random, json!({"name": name}), &optional)
    };
    let optional = json!({
        "args": list(random, WORDS, |word, _| Value::from(word)),
        "env": list(random, KEYS, variable),
        "ports": list(random, &["1/TCP", "1/UDP", "2/TCP"], |id, random| port(id, "containerPort", random)),
        "resources": {
            // One amount in two spellings.
            "requests": map(random, &["cpu", "memory"], |random| Value::from(*random.pick(&["100m", "0.1"]))),
            "limits": map(random, &["cpu", "memory"], |random| Value::from(*random.pick(&["1", "2", "1Gi"]))),
        },
        "workingDir": word(random),
        "tty": random.percent(50),
        "securityContext": {"capabilities": {"add": list(random, &["KILL", "CHOWN"], |name, _| Value::from(name))}},
    });
    let required = json!({"name": name, "image": word(random)});
    part(random, required, &optional)
}

fn volume(name: &str, random: &mut Random) -> Value {
    match name {
        "x" => {
            let directory = part(
                random,
                json!({}),
                &json!({"medium": "Memory", "sizeLimit": "1Gi"}),
            );
            json!({"name": name, "emptyDir": directory})
        }
        "y" => {
            json!({"name": name, "configMap": {"name": word(random), "optional": random.percent(50)}})
        }
        _ => {
            let source = |name: &str, _: &mut Random| json!({"secret": {"name": name}});
            json!({"name": name, "projected": {"sources": list(random, WORDS, source)}})
        }
    }
}

/// A port by `NUMBER/PROTOCOL`. TCP need not be said.
fn port(id: &str, field: &str, random: &mut Random) -> Value {
    let (number, protocol) = id.split_once('/').unwrap();
    let mut port = json!({"name": format!("p{number}-{}", protocol.to_lowercase())});
    port[field] = json!(number.parse::<u16>().unwrap());
    if protocol != "TCP" || random.percent(50) {
        port["protocol"] = json!(protocol);
    }
    port
}

fn word(random: &mut Random) -> Value {
    Value::from(*random.pick(WORDS))
}

fn either(random: &mut Random) -> Value {
    random.pick(&[json!(1), json!(2), json!("a")]).clone()
}

/// All that is required, and some of what is not.
fn part(random: &mut Random, mut required: Value, optional: &Value) -> Value {
    for (key, value) in optional.as_object().unwrap() {
        if random.percent(55) {
            required[key] = value.clone();
        }
    }
    required
}

/// Some of the keys with a value.
fn map(random: &mut Random, keys: &[&str], make: fn(&mut Random) -> Value) -> Value {
    let mut map = Map::new();
    for key in keys {
        if random.percent(45) {
            map.insert((*key).to_owned(), make(random));
        }
    }
    Value::Object(map)
}

/// An item for some of the names, in any order.
fn list(random: &mut Random, names: &[&str], make: impl Fn(&str, &mut Random) -> Value) -> Value {
    let mut list = Vec::new();
    for name in names {
        if random.percent(50) {
            let at = random.below(list.len() + 1);
            list.insert(at, make(name, random));
        }
    }
    Value::Array(list)
}
