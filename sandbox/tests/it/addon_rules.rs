//! The rules of add-ons and of pod identity associations.

use serde_json::{Value, json};

use super::client::World;

async fn refused(world: &World, (method, path): (&str, &str), body: Value, text: &str) {
    let answer = world.eks(method, path, body).await;
    assert!(answer.status >= 400, "{method} {path}: {}", answer.body);
    let all = format!("{} {}", answer.code(), answer.message());
    assert!(all.contains(text), "{method} {path}: {all}");
}

async fn accepted(world: &World, (method, path): (&str, &str), body: Value) -> Value {
    let answer = world.eks(method, path, body).await;
    assert_eq!(answer.status, 200, "{method} {path}: {}", answer.body);
    answer.json()
}

/// A cluster `c`, and a role of pods.
async fn world() -> (World, String) {
    let world = World::new().await;
    world.cluster("c").await;
    let role = world
        .role("pods", "pods.eks.amazonaws.com", "AmazonEKS_CNI_Policy")
        .await;
    (world, role)
}

const ADDONS: (&str, &str) = ("POST", "/clusters/c/addons");
const CNI: &str = "/clusters/c/addons/vpc-cni";

async fn status(world: &World, path: &str) -> Value {
    accepted(world, ("GET", path), Value::Null).await["addon"]["status"].clone()
}

#[tokio::test]
async fn an_addon_takes_its_time_to_come_change_and_go() {
    let (world, role) = world().await;
    let request = json!({
        "addonName": "vpc-cni", "clientRequestToken": "t", "configurationValues": "{\"env\":{}}",
        "podIdentityAssociations": [{ "serviceAccount": "aws-node", "roleArn": role }],
    });
    let made = accepted(&world, ADDONS, request.clone()).await;
    assert_eq!(made["addon"]["status"], "CREATING");
    assert_eq!(made["addon"]["addonVersion"], "v1.20.3-eksbuild.1");
    assert_eq!(
        accepted(&world, ADDONS, request).await["addon"]["addonArn"],
        made["addon"]["addonArn"]
    );
    refused(
        &world,
        ADDONS,
        json!({ "addonName": "vpc-cni" }),
        "already exists",
    )
    .await;
    let update = format!("{CNI}/update");
    refused(&world, ("POST", &update), json!({}), "CREATING").await;
    world.pass(60);
    assert_eq!(status(&world, CNI).await, "ACTIVE");

    let arn = made["addon"]["podIdentityAssociations"][0]
        .as_str()
        .unwrap();
    let id = arn.rsplit('/').next().unwrap();
    let path = format!("/clusters/c/pod-identity-associations/{id}");
    let owned = accepted(&world, ("GET", &path), Value::Null).await;
    assert_eq!(owned["association"]["ownerArn"], made["addon"]["addonArn"]);

    let body = json!({ "addonVersion": "v1.20.4-eksbuild.1", "podIdentityAssociations": [] });
    let started = accepted(&world, ("POST", &update), body).await;
    assert_eq!(status(&world, CNI).await, "UPDATING");
    refused(&world, ("POST", &update), json!({}), "in progress").await;
    refused(&world, ("DELETE", CNI), Value::Null, "in progress").await;
    let id = started["update"]["id"].as_str().unwrap();
    let of = format!("/clusters/c/updates/{id}?addonName=vpc-cni");
    world.pass(60);
    let ended = accepted(&world, ("GET", &of), Value::Null).await;
    assert_eq!(ended["update"]["status"], "Successful");
    refused(&world, ("GET", &path), Value::Null, "No association found").await;

    accepted(&world, ("DELETE", CNI), Value::Null).await;
    assert_eq!(status(&world, CNI).await, "DELETING");
    world.pass(60);
    refused(
        &world,
        ("GET", CNI),
        Value::Null,
        "ResourceNotFoundException",
    )
    .await;
}

#[tokio::test]
async fn what_needs_nodes_is_degraded_without_them() {
    let (world, _) = world().await;
    accepted(&world, ADDONS, json!({ "addonName": "coredns" })).await;
    world.pass(60);
    let path = ("GET", "/clusters/c/addons/coredns");
    let addon = accepted(&world, path, Value::Null).await["addon"].clone();
    assert_eq!(addon["status"], "DEGRADED");
    assert_eq!(
        addon["health"]["issues"][0]["code"],
        "InsufficientNumberOfReplicas"
    );
    let cluster = accepted(&world, ("GET", "/clusters/c"), Value::Null).await;
    let subnets = cluster["cluster"]["resourcesVpcConfig"]["subnetIds"].clone();
    let role = world
        .role("nodes", "ec2.amazonaws.com", "AmazonEKSWorkerNodePolicy")
        .await;
    let group = json!({ "nodegroupName": "n", "nodeRole": role, "subnets": subnets });
    accepted(&world, ("POST", "/clusters/c/node-groups"), group).await;
    world.pass(180);
    assert_eq!(status(&world, path.1).await, "ACTIVE");
}

#[tokio::test]
async fn what_an_addon_cannot_be_is_refused() {
    let (world, role) = world().await;
    let wrong = |member: &str, value: Value| {
        let mut body = json!({ "addonName": "vpc-cni" });
        body[member] = value;
        body
    };
    let missing = "arn:aws:iam::123456789012:role/none";
    let account = |name: &str, role: &str| json!([{ "serviceAccount": name, "roleArn": role }]);
    let cases = [
        (json!({ "addonName": "nonsense" }), "is not supported"),
        (
            wrong("addonVersion", json!("v0")),
            "Addon version specified is not supported",
        ),
        (
            wrong("configurationValues", json!("{\"x\":1}")),
            "ConfigurationValue",
        ),
        (
            wrong("configurationValues", json!("[")),
            "ConfigurationValue",
        ),
        (
            wrong("resolveConflicts", json!("MAYBE")),
            "resolveConflicts",
        ),
        (
            wrong("serviceAccountRoleArn", json!(missing)),
            "does not exist",
        ),
        (
            wrong("podIdentityAssociations", account("aws-node", missing)),
            "does not exist",
        ),
        (
            wrong("podIdentityAssociations", account("other", &role)),
            "not supported",
        ),
        (wrong("nonsense", json!(1)), "unknown field"),
    ];
    for (body, text) in cases {
        refused(&world, ADDONS, body, text).await;
    }
    let nowhere = ("POST", "/clusters/none/addons");
    refused(
        &world,
        nowhere,
        json!({ "addonName": "vpc-cni" }),
        "No cluster found",
    )
    .await;
}

#[tokio::test]
async fn a_service_account_has_one_association() {
    let (world, role) = world().await;
    let create = ("POST", "/clusters/c/pod-identity-associations");
    let request = json!({
        "namespace": "n", "serviceAccount": "s", "roleArn": role, "clientRequestToken": "t", "tags": {"a": "1"},
    });
    let made = accepted(&world, create, request.clone()).await;
    assert_eq!(accepted(&world, create, request.clone()).await, made);
    let mut other = request.clone();
    other["clientRequestToken"] = json!("u");
    refused(&world, create, other, "Association already exists").await;
    let mut other = request;
    other["tags"] = json!({});
    refused(&world, create, other, "client request token").await;
    let id = made["association"]["associationId"].as_str().unwrap();
    let path = format!("{}/{id}", create.1);
    let policy = json!({ "policy": "{}" });
    refused(&world, ("POST", &path), policy, "disableSessionTags").await;
    let bounded = json!({ "policy": "{}", "disableSessionTags": true });
    let changed = accepted(&world, ("POST", &path), bounded).await;
    assert_eq!(changed["association"]["policy"], "{}");
    let none = json!({ "roleArn": "arn:aws:iam::123456789012:role/none" });
    refused(
        &world,
        ("POST", &path),
        none,
        "Role provided in the request does not exist.",
    )
    .await;
    let listed = accepted(&world, ("GET", create.1), Value::Null).await;
    assert!(listed["associations"][0].get("roleArn").is_none());
    accepted(&world, ("DELETE", "/clusters/c"), Value::Null).await;
    world.pass(900);
    let ledger = world.ledger().await;
    assert_eq!(
        ledger
            .live()
            .filter(|object| object.service == "eks")
            .count(),
        0
    );
}

#[tokio::test]
async fn fargate_profiles_come_one_at_a_time() {
    let (world, _) = world().await;
    let wrong = world
        .role(
            "wrong",
            "ec2.amazonaws.com",
            "AmazonEKSFargatePodExecutionRolePolicy",
        )
        .await;
    let service = "eks-fargate-pods.amazonaws.com";
    let policy = "AmazonEKSFargatePodExecutionRolePolicy";
    let role = world.role("fargate", service, policy).await;
    let create = ("POST", "/clusters/c/fargate-profiles");
    let request = |name: &str, role: &str| {
        json!({
            "fargateProfileName": name, "podExecutionRoleArn": role,
            "selectors": [{ "namespace": "kube-system" }],
        })
    };
    refused(
        &world,
        create,
        request("a", &wrong),
        "Misconfigured PodExecutionRole",
    )
    .await;
    let mut none = request("a", &role);
    none["selectors"] = json!([]);
    refused(&world, create, none, "selectors").await;
    accepted(&world, ADDONS, json!({ "addonName": "coredns" })).await;
    accepted(&world, create, request("a", &role)).await;
    refused(&world, create, request("b", &role), "in status CREATING").await;
    refused(&world, create, request("a", &role), "already exists").await;
    world.pass(90);
    // Pods on Fargate are as good as nodes.
    assert_eq!(status(&world, "/clusters/c/addons/coredns").await, "ACTIVE");
    refused(
        &world,
        ("DELETE", "/clusters/c"),
        Value::Null,
        "Fargate profiles",
    )
    .await;
    let one = ("DELETE", "/clusters/c/fargate-profiles/a");
    accepted(&world, one, Value::Null).await;
    refused(&world, create, request("b", &role), "in status DELETING").await;
    world.pass(90);
    refused(&world, one, Value::Null, "ResourceNotFoundException").await;
}

#[tokio::test]
async fn a_cluster_has_one_issuer_of_its_own() {
    let (world, _) = world().await;
    let at = |what: &str| format!("/clusters/c/identity-provider-configs/{what}");
    let oidc = |name: &str, url: &str| {
        json!({ "oidc": {
            "identityProviderConfigName": name, "issuerUrl": url, "clientId": "k",
        } })
    };
    let associate = at("associate");
    let associate = ("POST", associate.as_str());
    let good = oidc("people", "https://issuer.example.com");
    refused(&world, associate, oidc("people", "http://x"), "https://").await;
    accepted(&world, associate, good.clone()).await;
    refused(&world, associate, good, "already associated").await;
    let version = json!({ "version": "1.35" });
    refused(
        &world,
        ("POST", "/clusters/c/updates"),
        version,
        "in progress",
    )
    .await;
    let of = json!({ "identityProviderConfig": { "type": "oidc", "name": "people" } });
    let describe = at("describe");
    let describe = ("POST", describe.as_str());
    let read = accepted(&world, describe, of.clone()).await;
    assert_eq!(read["identityProviderConfig"]["oidc"]["status"], "CREATING");
    world.pass(900);
    let read = accepted(&world, describe, of.clone()).await;
    assert_eq!(read["identityProviderConfig"]["oidc"]["status"], "ACTIVE");
    let gone = at("disassociate");
    accepted(&world, ("POST", &gone), of.clone()).await;
    world.pass(900);
    refused(&world, describe, of, "ResourceNotFoundException").await;
}

#[tokio::test]
async fn encryption_is_added_once() {
    let (world, _) = world().await;
    let add = ("POST", "/clusters/c/encryption-config/associate");
    let config = |key: &str| json!({ "encryptionConfig": [{ "resources": ["secrets"], "provider": { "keyArn": key } }] });
    refused(&world, add, config("key"), "key's ARN").await;
    refused(
        &world,
        add,
        json!({ "encryptionConfig": [] }),
        "must not be empty",
    )
    .await;
    let made = world.json("kms", "CreateKey", json!({})).await.json();
    let key = made["KeyMetadata"]["Arn"].as_str().unwrap();
    let started = accepted(&world, add, config(key)).await;
    assert_eq!(started["update"]["type"], "AssociateEncryptionConfig");
    world.pass(1800);
    let cluster = accepted(&world, ("GET", "/clusters/c"), Value::Null).await;
    let told = &cluster["cluster"]["encryptionConfig"][0]["provider"]["keyArn"];
    assert_eq!(told, key);
    refused(&world, add, config(key), "already enabled").await;
}
