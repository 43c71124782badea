//! The other side, whole: a running API server, which fills in, validates and stores what its field manager makes.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use strata_control_plane::{Client, ControlPlane, Response};
use strata_kubernetes_merge::openapi::GroupVersionKind;
use strata_kubernetes_merge::resource::Resource;

use crate::contenders::{Conflict, Kind, Write};
use crate::custom;

/// Where the objects of each kind are.
pub(crate) type Resources = BTreeMap<GroupVersionKind, Resource>;

/// How a write ended.
#[derive(Debug)]
pub(crate) enum Answer {
    /// What is stored now.
    Stored(Value),
    /// Others hold these fields.
    Conflicts(BTreeSet<Conflict>),
    /// The object or what would become of it is not valid.
    Refused(Refusal),
}

/// Why something is not valid.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    status: u16,
    /// What is wrong with which field.
    causes: Vec<Value>,
    message: String,
}

impl Refusal {
    /// The fields that are wrong.
    pub(crate) fn fields(&self) -> BTreeSet<String> {
        let fields = self.causes.iter().map(|cause| cause["field"].as_str());
        fields.map(|field| field.unwrap().to_owned()).collect()
    }
}

impl Answer {
    pub(crate) fn stored(&self) -> Option<&Value> {
        match self {
            Self::Stored(stored) => Some(stored),
            Self::Conflicts(_) | Self::Refused(_) => None,
        }
    }
}

/// A connection to the server, with the object that is written.
pub(crate) struct Server<'a> {
    plane: &'a ControlPlane,
    client: Client,
    resources: &'a Resources,
    namespace: String,
    exists: bool,
}

impl<'a> Server<'a> {
    pub(crate) fn connect(plane: &'a ControlPlane, resources: &'a Resources) -> Self {
        Self {
            plane,
            client: plane.client().unwrap(),
            resources,
            namespace: String::new(),
            exists: false,
        }
    }

    /// A new object. Each has a namespace of its own, as all have one name.
    pub(crate) fn begin(&mut self) {
        self.namespace = self.plane.namespace("sequence").unwrap();
        self.exists = false;
    }

    pub(crate) fn carry_out(&mut self, write: &Write) -> Answer {
        let path = self.path(write.object(), Some("one"));
        let response = match write {
            Write::Apply {
                manager,
                force,
                object,
            } => self.client.patch(
                &format!("{path}?fieldManager={manager}&force={force}"),
                "application/apply-patch+yaml",
                object,
            ),
            Write::Update { manager, object } => self
                .client
                .put(&format!("{path}?fieldManager={manager}"), object),
        };
        let answer = read(response.unwrap());
        self.exists |= matches!(answer, Answer::Stored(_));
        answer
    }

    /// What the server would make of an object that a plain write gives it, without storing it: with its defaults, and in
    /// its spelling. What only the server knows is taken from the stored object, where there is one.
    pub(crate) fn finished(&mut self, object: &Value, stored: Option<&Value>) -> Answer {
        let mut object = held_by_nobody(object);
        let metadata = object["metadata"].as_object_mut().unwrap();
        if let Some(stored) = stored {
            for name in ["uid", "resourceVersion", "creationTimestamp", "namespace"] {
                metadata.insert(name.to_owned(), stored["metadata"][name].clone());
            }
        }
        let response = if self.exists {
            let path = self.path(&object, Some("one"));
            self.client.put(&format!("{path}?dryRun=All"), &object)
        } else {
            let path = self.path(&object, None);
            self.client.post(&format!("{path}?dryRun=All"), &object)
        };
        read(response.unwrap())
    }

    fn path(&self, object: &Value, name: Option<&str>) -> String {
        let text = |key: &str| object[key].as_str().unwrap();
        self.resources[&GroupVersionKind::of(text("apiVersion"), text("kind"))]
            .path(&self.namespace, name)
    }
}

fn read(response: Response) -> Answer {
    let Response { status, body } = response;
    if status == 200 || status == 201 {
        return Answer::Stored(body);
    }
    let causes = body["details"]["causes"].as_array().cloned();
    let causes = causes.unwrap_or_default();
    let conflicts = !causes.is_empty()
        && causes
            .iter()
            .all(|cause| cause["reason"] == "FieldManagerConflict");
    if status == 409 && conflicts {
        return Answer::Conflicts(causes.iter().map(Conflict::read).collect());
    }
    let message = body["message"].as_str().unwrap_or_default().to_owned();
    Answer::Refused(Refusal {
        status,
        causes,
        message,
    })
}

/// Makes the server know the custom kinds.
pub(crate) fn define(
    plane: &ControlPlane,
    definitions: &[Value],
    kinds: &[Kind],
    resources: &Resources,
) {
    let mut client = plane.client().unwrap();
    for definition in definitions {
        client
            .post(
                "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
                definition,
            )
            .unwrap()
            .expect(201)
            .unwrap();
    }
    for kind in kinds {
        for version in kind.versions() {
            let path = resources[&GroupVersionKind::of(version, kind.kind)].path("default", None);
            await_served(&mut client, &path);
        }
    }
}

fn await_served(client: &mut Client, path: &str) {
    for _ in 0..600 {
        if client.get(path).unwrap().status == 200 {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("{path} is not served after half a minute");
}

/// The newest time at which somebody wrote the object.
pub(crate) fn last_write(object: &Value) -> String {
    let entries = object["metadata"]["managedFields"].as_array();
    let times = entries
        .into_iter()
        .flatten()
        .filter_map(|entry| entry["time"].as_str());
    times.max().unwrap_or("2026-01-01T00:00:00Z").to_owned()
}

/// The write of which the server made this object: what it filled in counts as written.
pub(crate) fn as_read(write: &Write, stored: &Value) -> Write {
    match write {
        Write::Apply {
            manager,
            force,
            object,
        } => Write::Apply {
            manager,
            force: *force,
            object: object.clone(),
        },
        Write::Update { manager, object } => {
            let mut read = held_by_nobody(stored);
            let metadata = read["metadata"].as_object_mut().unwrap();
            if let Some(sent) = object.pointer("/metadata/managedFields") {
                metadata.insert("managedFields".to_owned(), sent.clone());
            }
            // The status of a custom object is put back after it is noted who holds what.
            if custom::is_custom(object) {
                read.as_object_mut().unwrap().shift_remove("status");
                if let Some(status) = object.get("status") {
                    read["status"] = status.clone();
                }
            }
            Write::Update {
                manager,
                object: read,
            }
        }
    }
}

/// The object without managers.
pub(crate) fn held_by_nobody(object: &Value) -> Value {
    let mut object = object.clone();
    let metadata = object["metadata"].as_object_mut().unwrap();
    metadata.shift_remove("managedFields");
    object
}

/// Where the objects of the custom kinds and of the server's own are.
pub(crate) fn resources(own: Vec<Resource>, custom: Vec<Resource>) -> Resources {
    let all = own.into_iter().chain(custom);
    all.map(|resource| (resource.kind.clone(), resource))
        .collect()
}
