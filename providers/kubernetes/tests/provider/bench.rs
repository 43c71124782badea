//! What the tests work with: a control plane of the binary, and the verbs of the provider in the form that they need.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value as Json, json};
use strata_control_plane::{ControlPlane, Parts};
use strata_model::judge::Outlook;
use strata_model::preflight::Examined;
use strata_model::provider::{
    Applied, ApplyError, ApplyRequest, Checkpoint, ConnectContext, Connection, FindRequest, Object,
    Observation, Operation, PlanRequest, PlannedChange, Provider as _, ProviderConfig,
    ProviderError, ReadPurpose, ReadRequest, ValidateRequest,
};
use strata_model::schema::Timeouts;
use strata_model::wire::{Encoded, fingerprint};
use strata_model::{
    AttributePath, Clock, Clusters, IdSource, Lineage, Mode, NoClusters, OpId, SecretKey,
    Timestamp, Value, Variables,
};
use strata_provider_kubernetes::Kubernetes;

/// Starting one waits for answers, which a thread that carries out asynchronous tests must not do.
pub(crate) static PLANE: LazyLock<ControlPlane> = LazyLock::new(start);

/// Another one, for tests that count everything that is written.
pub(crate) static QUIET: LazyLock<ControlPlane> = LazyLock::new(start);

fn start() -> ControlPlane {
    let started = thread::spawn(|| ControlPlane::start(Parts::Controllers)).join();
    started.unwrap().expect("the control plane starts")
}

/// Runs what blocks on a thread of its own.
pub(crate) fn aside<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(work).join().unwrap())
}

/// A namespace of the test's own.
pub(crate) fn namespace(name: &str) -> String {
    aside(|| PLANE.namespace(name).unwrap())
}

/// A request by somebody else, as an administrator.
pub(crate) fn somebody(method: &str, path: &str, body: &Json) -> Json {
    aside(|| {
        let mut client = PLANE.client().unwrap();
        let response = match method {
            "GET" => client.get(path),
            "POST" => client.post(path, body),
            "PUT" => client.put(path, body),
            "DELETE" => client.delete(path),
            other => client.patch(path, other, body),
        };
        let response = response.unwrap();
        assert!(
            response.status < 300,
            "{method} {path}: {} {}",
            response.status,
            response.body
        );
        response.body
    })
}

/// `kubectl` with these arguments and this input, which must succeed.
pub(crate) fn kubectl(arguments: &[&str], input: &Json) -> String {
    use std::io::Write as _;
    use std::process::Stdio;
    let mut command = PLANE.kubectl();
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "kubectl {arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[derive(Debug)]
struct Running(tokio::time::Instant);

#[async_trait]
impl Clock for Running {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

#[derive(Debug)]
struct Zeros;

impl IdSource for Zeros {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}

/// The tokens of a control plane.
#[derive(Debug)]
struct Tokens(&'static ControlPlane);

impl Variables for Tokens {
    fn variable(&self, name: &str) -> Option<String> {
        let read =
            |file: &str| std::fs::read_to_string(self.0.kubeconfig().with_file_name(file)).ok();
        match name {
            "KUBE_TOKEN" => self.0.token().ok(),
            "KUBE_TOKEN_READER" => read("reader-token"),
            _ => None,
        }
    }
}

/// Keeps why an object was left alone.
#[derive(Default)]
struct Left(Mutex<Option<String>>);

#[async_trait]
impl Checkpoint for Left {
    async fn created(&self, _id: &str, _attributes: &Value) -> Result<(), ProviderError> {
        Ok(())
    }
    fn progress(&self, _message: &str) {}
    fn left_alone(&self, reason: &str) {
        *self.0.lock().unwrap() = Some(reason.to_owned());
    }
}

/// The provider with a connection.
pub(crate) struct Bench {
    provider: Kubernetes,
    connection: Arc<dyn Connection>,
}

/// An object that was applied.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) ty: &'static str,
    pub(crate) id: String,
    pub(crate) attributes: Value,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::on(&PLANE, "KUBE_TOKEN")
    }

    /// On a control plane, as the user whose token is in this variable.
    pub(crate) fn on(plane: &'static ControlPlane, variable: &str) -> Self {
        Self::among((plane, variable), Arc::new(NoClusters))
    }

    /// The same in a run that knows these clusters.
    pub(crate) fn among(
        (plane, variable): (&'static ControlPlane, &str),
        clusters: Arc<dyn Clusters>,
    ) -> Self {
        let provider = Kubernetes::new();
        let authority = plane.certificate_authority().unwrap();
        let values: BTreeMap<Arc<str>, Json> = [
            ("host", plane.server()),
            ("cluster_ca_certificate", authority),
            ("token_env", variable.to_owned()),
        ]
        .map(|(name, value)| (Arc::from(name), Json::from(value)))
        .into();
        let config = ProviderConfig {
            provider: provider.name().clone(),
            values,
        };
        let context = ConnectContext {
            clock: Arc::new(Running(tokio::time::Instant::now())),
            ids: Arc::new(Zeros),
            lineage: Lineage::from_bits([7; 16]),
            variables: Arc::new(Tokens(plane)),
            clusters,
            conditions: Arc::new(strata_model::NoConditions),
            sandbox: None,
        };
        let connection = provider.connect(&config, &context).unwrap();
        Bench {
            provider,
            connection,
        }
    }

    /// The arguments with every attribute.
    pub(crate) fn config(&self, ty: &str, given: &[(&'static str, Value)]) -> Value {
        let schemas = self.provider.schemas();
        let schema = schemas
            .iter()
            .find(|schema| schema.mode == Mode::Managed && schema.name == ty)
            .unwrap();
        let blank = schema.schema.attributes().keys();
        let blank = Value::object(blank.map(|name| (name.clone(), Value::null())));
        given.iter().fold(blank, |object, (name, value)| {
            object.with_at(&AttributePath::attribute(*name), value.clone())
        })
    }

    /// The arguments of an object.
    pub(crate) fn object(&self, manifest: &Json) -> Value {
        self.config(
            "kubernetes_object",
            &[("manifest", Value::from_json(manifest).unwrap())],
        )
    }

    /// What is wrong with arguments, for a cluster of which nothing is known.
    pub(crate) fn faults(&self, config: &Value) -> Vec<String> {
        let request = ValidateRequest {
            resource_type: Some((Mode::Managed, "kubernetes_object")),
            config,
        };
        let mut faults = self.provider.validate(request);
        if faults.is_empty() {
            let judge = self.provider.judge(Outlook::default()).unwrap();
            faults = judge.judge("kubernetes_object", config).faults;
        }
        faults
            .iter()
            .map(|fault| format!("{} {}", fault.path, fault.message))
            .collect()
    }

    pub(crate) fn plan(
        &self,
        ty: &str,
        prior: Option<&Value>,
        config: &Value,
    ) -> Result<PlannedChange, ProviderError> {
        self.provider.plan_change(PlanRequest {
            resource_type: ty,
            prior,
            config,
            provider: None,
        })
    }

    async fn change(
        &self,
        (operation, ty): (Operation, &str),
        (id, prior): (Option<&str>, Option<&Value>),
        (planned, successor): (&Value, Option<&Value>),
    ) -> Result<Applied, ApplyError> {
        let request = (id, prior, planned, successor);
        self.change_telling((operation, ty), request, &Left::default())
            .await
    }

    async fn change_telling(
        &self,
        (operation, ty): (Operation, &str),
        (id, prior, planned, successor): (Option<&str>, Option<&Value>, &Value, Option<&Value>),
        left: &Left,
    ) -> Result<Applied, ApplyError> {
        let limit = Duration::from_secs(60);
        let request = ApplyRequest {
            operation,
            resource_type: ty,
            op: OpId::from_bits([2; 16]),
            id,
            prior,
            planned,
            successor,
            timeouts: Timeouts {
                create: limit,
                update: limit,
                delete: limit,
            },
        };
        self.connection.apply_change(request, left).await
    }

    pub(crate) async fn create(
        &self,
        ty: &'static str,
        config: &Value,
    ) -> Result<Made, ApplyError> {
        let planned = self
            .plan(ty, None, config)
            .map_err(ApplyError::nothing)?
            .planned;
        let applied = self
            .change((Operation::Create, ty), (None, None), (&planned, None))
            .await?;
        assert!(
            !applied.attributes.has_unknown(),
            "{:?}",
            applied.attributes
        );
        Ok(Made {
            ty,
            id: applied.id.unwrap(),
            attributes: applied.attributes,
        })
    }

    /// Changes an object that was read just now; a change that needs a new object is a fault of the test.
    pub(crate) async fn update(&self, made: &Made, config: &Value) -> Result<Made, ApplyError> {
        let change = self
            .plan(made.ty, Some(&made.attributes), config)
            .map_err(ApplyError::nothing)?;
        assert!(change.replace.is_empty(), "{:?}", change.replace);
        let prior = (Some(made.id.as_str()), Some(&made.attributes));
        let applied = self
            .change((Operation::Update, made.ty), prior, (&change.planned, None))
            .await?;
        Ok(Made {
            ty: made.ty,
            id: applied.id.unwrap(),
            attributes: applied.attributes,
        })
    }

    pub(crate) async fn delete(&self, made: &Made) -> Result<(), ApplyError> {
        self.remove(made, None).await
    }

    /// Why an object that was to be deleted stays.
    pub(crate) async fn left_alone(&self, made: &Made) -> Option<String> {
        let left = Left::default();
        let request = (
            Some(made.id.as_str()),
            Some(&made.attributes),
            &made.attributes,
            None,
        );
        let delete = (Operation::Delete, made.ty);
        self.change_telling(delete, request, &left).await.unwrap();
        left.0.into_inner().unwrap()
    }

    /// Why a plan says that a deletion of an object that was read would leave it alone.
    pub(crate) fn leaves_alone(&self, seen: &Made) -> Option<String> {
        self.provider.leaves_alone(seen.ty, &seen.attributes)
    }

    async fn remove(&self, made: &Made, successor: Option<&Value>) -> Result<(), ApplyError> {
        let prior = (Some(made.id.as_str()), Some(&made.attributes));
        let delete = (Operation::Delete, made.ty);
        let object = (&made.attributes, successor);
        self.change(delete, prior, object).await.map(drop)
    }

    /// Replaces an object, as an engine does whose user allows what has consequences; gives what had to be allowed.
    pub(crate) async fn replace(&self, made: &Made, config: &Value) -> (Made, Option<String>) {
        let change = self.plan(made.ty, Some(&made.attributes), config).unwrap();
        assert!(!change.replace.is_empty());
        let anew = self.plan(made.ty, None, config).unwrap().planned;
        let risk = self
            .provider
            .replacement_risk(made.ty, &made.attributes, &anew);
        self.remove(made, Some(&anew)).await.unwrap();
        (self.create(made.ty, config).await.unwrap(), risk)
    }

    /// What a lost create may have left, and whether it is ours.
    pub(crate) async fn found(&self, config: &Value) -> Option<(Made, Option<bool>)> {
        let ty = "kubernetes_object";
        let planned = self.plan(ty, None, config).unwrap().planned;
        let request = FindRequest {
            resource_type: ty,
            op: OpId::from_bits([2; 16]),
            planned: &planned,
        };
        let mut found = self.connection.find(request).await.unwrap();
        assert!(found.len() < 2);
        let candidate = found.pop()?;
        let Object { id, attributes, .. } = candidate.object;
        Some((Made { ty, id, attributes }, candidate.ours))
    }

    /// What the next run knows of an object: secrets by their fingerprints only, and those that its arguments still give.
    pub(crate) fn remembered(&self, made: &Made, config: &Value) -> Made {
        let schemas = self.provider.schemas();
        let mut schemas = schemas.iter().filter(|schema| schema.mode == Mode::Managed);
        let schema = schemas.find(|schema| schema.name == made.ty).unwrap();
        let (key, ty) = (SecretKey::from_bytes([5; 32]), schema.schema.object_type());
        let row = Encoded::of(&made.attributes, ty);
        let row = row.take_fingerprints(&made.attributes, &key, &|_| true);
        let known = row.decode(ty).unwrap();
        let given = row.fingerprints.iter().filter_map(|(path, kept)| {
            let given = config.at(path)?;
            (fingerprint(given, &key) == *kept).then(|| (path, given.clone().into_secret()))
        });
        let attributes = given.fold(known, |known, (path, given)| known.with_at(path, given));
        Made {
            attributes,
            ..made.clone()
        }
    }

    /// Reads objects as a refresh does.
    pub(crate) async fn refresh(&self, made: &[Made]) -> Vec<Observation> {
        let requests: Vec<ReadRequest<'_>> = made
            .iter()
            .map(|made| ReadRequest {
                purpose: ReadPurpose::Refresh,
                resource_type: made.ty,
                id: Some(&made.id),
                recorded: Some(&made.attributes),
                config: None,
            })
            .collect();
        self.connection.read(&requests).await
    }

    /// One object as a refresh sees it; it must be there.
    pub(crate) async fn look(&self, made: &Made) -> Made {
        match self.refresh(std::slice::from_ref(made)).await.remove(0) {
            Observation::Present(Object { id, attributes, .. }) => Made {
                ty: made.ty,
                id,
                attributes,
            },
            other => panic!("{}: {other:?}", made.id),
        }
    }

    /// What is there of what is to be made.
    pub(crate) async fn adopt(&self, config: &Value) -> Option<Made> {
        self.adopt_as("kubernetes_object", config).await
    }

    /// The same of another type.
    pub(crate) async fn adopt_as(&self, ty: &'static str, config: &Value) -> Option<Made> {
        self.existing((ReadPurpose::Adopt, ty), config).await
    }

    /// What is there of what an import block names and another block declares.
    pub(crate) async fn import(&self, config: &Value) -> Option<Made> {
        let ty = "kubernetes_object";
        self.existing((ReadPurpose::Import, ty), config).await
    }

    async fn existing(
        &self,
        (purpose, ty): (ReadPurpose, &'static str),
        config: &Value,
    ) -> Option<Made> {
        let id = self.provider.id_of(ty, config).unwrap();
        let request = ReadRequest {
            purpose,
            resource_type: ty,
            id: Some(&id),
            recorded: None,
            config: Some(config),
        };
        match self.connection.read(&[request]).await.remove(0) {
            Observation::Present(object) => Some(Made {
                ty,
                id: object.id,
                attributes: object.attributes,
            }),
            Observation::Absent => None,
            Observation::Unreadable(error) => panic!("{error}"),
        }
    }

    /// Why the server would refuse a change of an object that was read.
    pub(crate) async fn refused(&self, seen: &Made, config: &Value) -> Option<String> {
        let change = self.plan(seen.ty, Some(&seen.attributes), config).unwrap();
        let examined = Examined {
            resource_type: seen.ty,
            id: &seen.id,
            operation: Operation::Update,
            planned: Some(&change.planned),
            going: &[],
            coming: &[],
        };
        let found = self.connection.examine(&examined).await;
        found.into_iter().map(|finding| finding.message).next()
    }

    /// What stands in the way of making an object with this id.
    pub(crate) async fn in_the_way(&self, ty: &str, id: &str, config: &Value) -> Option<String> {
        let change = self.plan(ty, None, config).unwrap();
        let examined = Examined {
            resource_type: ty,
            id,
            operation: Operation::Create,
            planned: Some(&change.planned),
            going: &[],
            coming: &[],
        };
        let found = self.connection.examine(&examined).await;
        found.into_iter().map(|finding| finding.message).next()
    }

    /// The object of an id, as an import sees it, or what a data source reads.
    pub(crate) async fn read(&self, request: ReadRequest<'_>) -> Observation {
        self.connection.read(&[request]).await.remove(0)
    }

    /// Whether nothing is left to do for an object that was read.
    pub(crate) fn is_settled(&self, seen: &Made, config: &Value) -> bool {
        let change = self.plan(seen.ty, Some(&seen.attributes), config).unwrap();
        change.replace.is_empty() && change.planned == seen.attributes
    }
}

/// The manifest of an object that was read or made.
pub(crate) fn manifest(made: &Made) -> Json {
    made.attributes
        .get("manifest")
        .map(Value::to_json)
        .unwrap_or_default()
}

/// The verbs of all that Strata has asked a server for so far in paths that hold a text.
pub(crate) fn verbs(plane: &ControlPlane, part: &str) -> Vec<String> {
    let audit = plane.audit().unwrap();
    let ours = audit.iter().filter(|entry| {
        let text = |field: &str| entry[field].as_str().unwrap_or_default();
        text("userAgent").starts_with("strata/") && text("requestURI").contains(part)
    });
    ours.map(|entry| entry["verb"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// How many writes Strata has asked a server for so far, in paths that hold a text.
pub(crate) fn writes(plane: &ControlPlane, part: &str) -> usize {
    let audit = plane.audit().unwrap();
    let writes = audit.iter().filter(|entry| {
        let text = |field: &str| entry[field].as_str().unwrap_or_default();
        let is_read = ["get", "list", "watch"].contains(&text("verb"));
        !is_read && text("userAgent").starts_with("strata/") && text("requestURI").contains(part)
    });
    writes.count()
}

/// A ConfigMap.
pub(crate) fn config_map(namespace: &str, name: &str, data: &Json) -> Json {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data})
}
