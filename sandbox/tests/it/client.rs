//! A sandbox under test with a clock that stands, and a client that knows as much HTTP as the tests need.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Value, json};
use strata_sandbox::{FaultPlan, Ledger, ManualClock, Sandbox, SandboxOptions, ServerHandle};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// 2026-11-21T00:00:00Z.
const START_MS: u64 = 1_795_219_200_000;

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Answer {
    /// The text of the first element of this name.
    pub(crate) fn text(&self, element: &str) -> String {
        let open = format!("<{element}>");
        let rest = self.body.split_once(&open).map_or("", |(_, rest)| rest);
        rest.split('<').next().unwrap_or_default().to_owned()
    }

    /// How many elements of this name there are.
    pub(crate) fn count(&self, element: &str) -> usize {
        self.body.matches(&format!("<{element}>")).count()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }

    /// The error code in either protocol, or nothing.
    pub(crate) fn code(&self) -> String {
        if self.status < 300 {
            return String::new();
        }
        let code = self.text("Code");
        if code.is_empty() {
            self.json()["__type"].as_str().unwrap().to_owned()
        } else {
            code
        }
    }

    /// The error text in either protocol.
    pub(crate) fn message(&self) -> String {
        let text = self.text("Message");
        if text.is_empty() {
            self.json()["message"].as_str().unwrap().to_owned()
        } else {
            text
        }
    }
}

/// Sends one request on a connection of its own.
pub(crate) async fn send(
    addr: SocketAddr,
    (method, path): (&str, &str),
    (scope, target): (&str, &str),
    body: &str,
) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(addr).await?;
    let signature = if scope.is_empty() {
        String::new()
    } else {
        format!(
            "authorization: AWS4-HMAC-SHA256 Credential=AKID/20261121/{scope}/aws4_request, SignedHeaders=host, Signature=0\r\n"
        )
    };
    let target = if target.is_empty() {
        String::new()
    } else {
        format!("x-amz-target: {target}\r\n")
    };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: sandbox\r\nconnection: close\r\ncontent-length: {}\r\n{signature}{target}\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    parse(&String::from_utf8_lossy(&bytes)).ok_or_else(|| Error::from(ErrorKind::UnexpectedEof))
}

fn parse(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    Some(Answer {
        status,
        headers,
        body: body.to_owned(),
    })
}

/// A served sandbox at speed 1 whose time moves only by [`World::pass`].
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    clock: Arc<ManualClock>,
    server: ServerHandle,
    _dir: TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with_faults("{}").await
    }

    pub(crate) async fn with_faults(faults: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let clock = Arc::new(ManualClock::new(START_MS));
        let options = SandboxOptions {
            speed: 1.0,
            faults: Some(FaultPlan::parse(faults).unwrap()),
            clock: clock.clone(),
            ..SandboxOptions::default()
        };
        let sandbox = Sandbox::open(&dir.path().join("sandbox.db"), options)
            .await
            .unwrap();
        let server = sandbox.serve("127.0.0.1:0".parse().unwrap()).await.unwrap();
        Self {
            sandbox,
            clock,
            server,
            _dir: dir,
        }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.advance(seconds * 1000);
    }

    pub(crate) async fn ledger(&self) -> Ledger {
        self.sandbox.ledger().await.unwrap()
    }

    /// Sends a query call, and returns the answer, or the error of the connection.
    pub(crate) async fn try_query(&self, service: &str, form: &str) -> std::io::Result<Answer> {
        let scope = format!("eu-west-1/{service}");
        send(self.server.addr(), ("POST", "/"), (&scope, ""), form).await
    }

    pub(crate) async fn ec2(&self, form: &str) -> Answer {
        self.try_query("ec2", form).await.unwrap()
    }

    pub(crate) async fn iam(&self, form: &str) -> Answer {
        self.try_query("iam", form).await.unwrap()
    }

    pub(crate) async fn eks(&self, method: &str, path: &str, body: Value) -> Answer {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let scope = ("eu-west-1/eks", "");
        send(self.server.addr(), (method, path), scope, &body)
            .await
            .unwrap()
    }

    /// Sends a call of a JSON service.
    pub(crate) async fn json(&self, service: &str, operation: &str, body: Value) -> Answer {
        self.json_in("eu-west-1", (service, operation), body).await
    }

    /// Sends a call of a JSON service to a region.
    pub(crate) async fn json_in(
        &self,
        region: &str,
        (service, operation): (&str, &str),
        body: Value,
    ) -> Answer {
        let target = match service {
            "kms" => "TrentService",
            "logs" => "Logs_20140328",
            "ecr" => "AmazonEC2ContainerRegistry_V20150921",
            "servicequotas" => "ServiceQuotasV20190624",
            "ssm" => "AmazonSSM",
            "tagging" => "ResourceGroupsTaggingAPI_20170126",
            other => panic!("{other} does not speak JSON"),
        };
        let (scope, target) = (
            format!("{region}/{service}"),
            format!("{target}.{operation}"),
        );
        let place = (scope.as_str(), target.as_str());
        send(self.server.addr(), ("POST", "/"), place, &body.to_string())
            .await
            .unwrap()
    }

    /// Sends a call that is signed in its query.
    pub(crate) async fn presigned(&self, path: &str) -> Answer {
        self.raw(("GET", path), "", "").await
    }

    /// Sends a call to any address and scope.
    pub(crate) async fn raw(&self, line: (&str, &str), scope: &str, body: &str) -> Answer {
        send(self.server.addr(), line, (scope, ""), body)
            .await
            .unwrap()
    }

    /// Makes a network with two subnets in two zones, and returns their ids.
    pub(crate) async fn network(&self) -> (String, [String; 2]) {
        let vpc = self
            .ec2("Action=CreateVpc&CidrBlock=10.0.0.0/16")
            .await
            .text("vpcId");
        let mut subnets = [String::new(), String::new()];
        for (at, zone) in ["a", "b"].iter().enumerate() {
            let form = format!(
                "Action=CreateSubnet&VpcId={vpc}&CidrBlock=10.0.{at}.0/24&AvailabilityZone=eu-west-1{zone}"
            );
            subnets[at] = self.ec2(&form).await.text("subnetId");
        }
        (vpc, subnets)
    }

    /// Makes a role that `service` may assume, with one managed policy, and returns its ARN.
    pub(crate) async fn role(&self, name: &str, service: &str, policy: &str) -> String {
        let form = format!(
            "Action=CreateRole&RoleName={name}&AssumeRolePolicyDocument={}",
            trust(service)
        );
        let arn = self.iam(&form).await.text("Arn");
        let policy = format!("arn:aws:iam::aws:policy/{policy}");
        let form = format!("Action=AttachRolePolicy&RoleName={name}&PolicyArn={policy}");
        assert_eq!(self.iam(&form).await.status, 200);
        arn
    }

    /// Makes everything that a cluster needs, and returns a request for one.
    pub(crate) async fn cluster_request(&self, name: &str) -> Value {
        let (_vpc, subnets) = self.network().await;
        let role = self
            .role(
                &format!("{name}-cluster"),
                "eks.amazonaws.com",
                "AmazonEKSClusterPolicy",
            )
            .await;
        json!({
            "name": name, "roleArn": role, "version": "1.34",
            "resourcesVpcConfig": { "subnetIds": subnets },
        })
    }

    /// Makes a cluster and waits until it is active.
    pub(crate) async fn cluster(&self, name: &str) -> Value {
        let request = self.cluster_request(name).await;
        let made = self.eks("POST", "/clusters", request).await;
        assert_eq!(made.status, 200, "{}", made.body);
        self.pass(600);
        let found = self
            .eks("GET", &format!("/clusters/{name}"), Value::Null)
            .await
            .json();
        assert_eq!(found["cluster"]["status"], "ACTIVE");
        found["cluster"].clone()
    }
}

/// A trust policy for a service, encoded for a form.
pub(crate) fn trust(service: &str) -> String {
    let document = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Principal": { "Service": service }, "Action": "sts:AssumeRole" }],
    });
    document
        .to_string()
        .replace('"', "%22")
        .replace('{', "%7B")
        .replace('}', "%7D")
}
