//! The rules of access entries and of EKS's policies on them.

use serde_json::{Value, json};

use super::client::World;

const VIEW: &str = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy";

/// A path with a principal in it.
fn of(principal: &str, rest: &str) -> String {
    let principal = principal.replace(':', "%3A").replace('/', "%2F");
    format!("/clusters/c/access-entries/{principal}{rest}")
}

/// A cluster `c` whose access entries count, and a role.
async fn world() -> (World, String) {
    let world = World::new().await;
    let mut request = world.cluster_request("c").await;
    request["accessConfig"] = json!({ "authenticationMode": "API" });
    let made = world.eks("POST", "/clusters", request).await;
    assert_eq!(made.status, 200, "{}", made.body);
    world.pass(600);
    let role = world
        .role("user", "ec2.amazonaws.com", "AmazonEKSWorkerNodePolicy")
        .await;
    (world, role)
}

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

#[tokio::test]
async fn an_entry_is_made_changed_and_removed() {
    let (world, role) = world().await;
    let create = ("POST", "/clusters/c/access-entries");
    let request =
        json!({ "principalArn": role, "clientRequestToken": "t", "tags": {"a": "1", "b": "2"} });
    let made = accepted(&world, create, request.clone()).await;
    let entry = &made["accessEntry"];
    assert_eq!(entry["type"], "STANDARD");
    let name = "arn:aws:sts::123456789012:assumed-role/user/{{SessionName}}";
    assert_eq!(entry["username"], name);
    assert_eq!(
        accepted(&world, create, request).await,
        made,
        "the same token"
    );
    let other = json!({ "principalArn": role, "clientRequestToken": "u" });
    refused(&world, create, other, "already in use").await;
    let path = of(&role, "");
    let change = json!({ "kubernetesGroups": ["viewers"], "username": "me" });
    accepted(&world, ("POST", &path), change).await;
    let read = accepted(&world, ("GET", &path), Value::Null).await;
    assert_eq!(read["accessEntry"]["kubernetesGroups"], json!(["viewers"]));
    let listed = accepted(&world, ("GET", create.1), Value::Null).await;
    assert_eq!(listed["accessEntries"], json!([role]));
    accepted(&world, ("DELETE", &path), Value::Null).await;
    refused(
        &world,
        ("GET", &path),
        Value::Null,
        "ResourceNotFoundException",
    )
    .await;
    refused(
        &world,
        ("DELETE", &path),
        Value::Null,
        "ResourceNotFoundException",
    )
    .await;
}

#[tokio::test]
async fn what_cannot_be_an_entry_is_refused() {
    let (world, role) = world().await;
    let create = ("POST", "/clusters/c/access-entries");
    let cases = [
        (
            json!({ "principalArn": "arn:aws:iam::123456789012:role/none" }),
            "invalid principal",
        ),
        (json!({ "principalArn": "someone" }), "invalid principal"),
        (
            json!({ "principalArn": role, "kubernetesGroups": ["system:masters"] }),
            "system:",
        ),
        (
            json!({ "principalArn": role, "type": "EC2_LINUX", "username": "a" }),
            "EC2_LINUX",
        ),
        (
            json!({ "principalArn": role, "type": "OTHER" }),
            "must be one of",
        ),
        (
            json!({ "principalArn": role, "nonsense": 1 }),
            "unknown field",
        ),
    ];
    for (body, text) in cases {
        refused(&world, create, body, text).await;
    }
    let missing = ("POST", "/clusters/none/access-entries");
    let body = json!({ "principalArn": role });
    refused(&world, missing, body, "No cluster found for name: none.").await;
}

#[tokio::test]
async fn a_cluster_of_the_config_map_has_no_entries() {
    let world = World::new().await;
    world.cluster("c").await;
    let role = world
        .role("user", "ec2.amazonaws.com", "AmazonEKSWorkerNodePolicy")
        .await;
    let body = json!({ "principalArn": role });
    let create = ("POST", "/clusters/c/access-entries");
    refused(&world, create, body, "authentication mode").await;
}

#[tokio::test]
async fn policies_are_put_on_entries() {
    let (world, role) = world().await;
    let policies = of(&role, "/access-policies");
    let wanted = json!({ "policyArn": VIEW, "accessScope": { "type": "cluster" } });
    refused(
        &world,
        ("POST", &policies),
        wanted.clone(),
        "ResourceNotFoundException",
    )
    .await;
    let body = json!({ "principalArn": role });
    accepted(&world, ("POST", "/clusters/c/access-entries"), body).await;
    for (policy, scope) in [
        (VIEW, json!({ "type": "namespace" })),
        (VIEW, json!({ "type": "cluster", "namespaces": ["a"] })),
        (VIEW, json!({ "type": "other" })),
        (
            "arn:aws:eks::aws:cluster-access-policy/None",
            json!({ "type": "cluster" }),
        ),
    ] {
        let body = json!({ "policyArn": policy, "accessScope": scope });
        refused(
            &world,
            ("POST", &policies),
            body,
            "InvalidParameterException",
        )
        .await;
    }
    accepted(&world, ("POST", &policies), wanted).await;
    let narrower =
        json!({ "policyArn": VIEW, "accessScope": { "type": "namespace", "namespaces": ["a"] } });
    accepted(&world, ("POST", &policies), narrower).await;
    let listed = accepted(&world, ("GET", &policies), Value::Null).await;
    let listed = listed["associatedAccessPolicies"].as_array().unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["accessScope"]["namespaces"], json!(["a"]));
    let one = of(
        &role,
        &format!(
            "/access-policies/{}",
            VIEW.replace(':', "%3A").replace('/', "%2F")
        ),
    );
    accepted(&world, ("DELETE", &one), Value::Null).await;
    refused(
        &world,
        ("DELETE", &one),
        Value::Null,
        "ResourceNotFoundException",
    )
    .await;
    accepted(&world, ("DELETE", "/clusters/c"), Value::Null).await;
    world.pass(900);
    let ledger = world.ledger().await;
    let left = ledger
        .live()
        .filter(|object| object.service == "eks")
        .count();
    assert_eq!(left, 0, "what is in a cluster goes with it");
}
