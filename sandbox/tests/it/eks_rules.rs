//! EKS's rules: what it refuses, how long things take, and that one update runs at a time.

use serde_json::{Value, json};

use super::client::World;

async fn refused(
    world: &World,
    (method, path): (&str, &str),
    body: Value,
    expected: (u16, &str, &str),
) {
    let answer = world.eks(method, path, body).await;
    let (status, code, text) = expected;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (status, code),
        "{path}: {}",
        answer.body
    );
    assert!(answer.message().contains(text), "{}", answer.message());
    assert_eq!(answer.headers["x-amzn-errortype"], code);
}

async fn accepted(world: &World, (method, path): (&str, &str), body: Value) -> Value {
    let answer = world.eks(method, path, body).await;
    assert_eq!(answer.status, 200, "{method} {path}: {}", answer.body);
    answer.json()
}

const INVALID: &str = "InvalidParameterException";
const IN_USE: &str = "ResourceInUseException";
const NOT_FOUND: &str = "ResourceNotFoundException";

fn with(mut request: Value, pointer: &str, value: Value) -> Value {
    *request.pointer_mut(pointer).unwrap() = value;
    request
}

#[tokio::test]
async fn a_request_for_a_cluster_must_be_right() {
    let world = World::new().await;
    let good = world.cluster_request("demo").await;
    let subnets = good["resourcesVpcConfig"]["subnetIds"].clone();
    let create = ("POST", "/clusters");
    let bad = |pointer: &str, value: Value| with(good.clone(), pointer, value);
    let ids = "/resourcesVpcConfig/subnetIds";
    refused(
        &world,
        create,
        bad("/name", json!("-x")),
        (400, INVALID, "must begin"),
    )
    .await;
    refused(
        &world,
        create,
        bad("/version", json!("1.9")),
        (400, INVALID, "unsupported Kubernetes version 1.9"),
    )
    .await;
    refused(
        &world,
        create,
        bad(ids, json!([subnets[0]])),
        (400, INVALID, "at least two different AZs"),
    )
    .await;
    refused(
        &world,
        create,
        bad(ids, json!([subnets[0], "subnet-0"])),
        (400, INVALID, "does not exist"),
    )
    .await;
    refused(
        &world,
        create,
        bad("/roleArn", json!("arn:aws:iam::123456789012:role/no")),
        (400, INVALID, "does not exist"),
    )
    .await;
    refused(
        &world,
        create,
        json!({ "name": "x" }),
        (400, INVALID, "missing field"),
    )
    .await;
    let mut unknown = good.clone();
    unknown["nonsense"] = json!(1);
    refused(
        &world,
        create,
        unknown,
        (400, INVALID, "unknown field `nonsense`"),
    )
    .await;
    let closed = json!({ "subnetIds": subnets, "endpointPublicAccess": false });
    refused(
        &world,
        create,
        bad("/resourcesVpcConfig", closed),
        (400, INVALID, "cannot both be disabled"),
    )
    .await;
    let private = json!({ "subnetIds": subnets, "publicAccessCidrs": ["10.0.0.0/8"] });
    refused(
        &world,
        create,
        bad("/resourcesVpcConfig", private),
        (400, INVALID, "publicAccessCidrs"),
    )
    .await;
    let mut overlap = good.clone();
    overlap["kubernetesNetworkConfig"] = json!({ "serviceIpv4Cidr": "10.0.0.0/16" });
    refused(&world, create, overlap, (400, INVALID, "conflicts")).await;
    assert!(
        !world
            .ledger()
            .await
            .objects
            .iter()
            .any(|o| o.service == "eks")
    );
}

#[tokio::test]
async fn a_role_must_be_right() {
    let world = World::new().await;
    let good = world.cluster_request("demo").await;
    let create = ("POST", "/clusters");
    let bad = |value: Value| with(good.clone(), "/roleArn", value);
    let nobody = json!("arn:aws:iam::123456789012:role/nobody");
    refused(
        &world,
        create,
        bad(nobody),
        (400, INVALID, "does not exist"),
    )
    .await;
    refused(
        &world,
        create,
        bad(json!("nonsense")),
        (400, INVALID, "Invalid roleArn"),
    )
    .await;
    let wrong = world
        .role("wrong", "ec2.amazonaws.com", "AmazonEKSClusterPolicy")
        .await;
    refused(
        &world,
        create,
        bad(json!(wrong)),
        (400, INVALID, "trusted entity is not correct"),
    )
    .await;
    let bare = world
        .role("bare", "eks.amazonaws.com", "ReadOnlyAccess")
        .await;
    refused(
        &world,
        create,
        bad(json!(bare)),
        (400, INVALID, "EKS Managed Policies"),
    )
    .await;
    assert!(
        !world
            .ledger()
            .await
            .objects
            .iter()
            .any(|o| o.service == "eks")
    );
}

#[tokio::test]
async fn a_cluster_takes_its_time_to_come_and_go() {
    let world = World::new().await;
    let request = world.cluster_request("demo").await;
    let path = ("GET", "/clusters/demo");
    let made = accepted(&world, ("POST", "/clusters"), request.clone()).await;
    assert_eq!(made["cluster"]["status"], "CREATING");
    assert!(made["cluster"].get("endpoint").is_none());
    refused(
        &world,
        ("DELETE", "/clusters/demo"),
        Value::Null,
        (409, IN_USE, "being created"),
    )
    .await;
    refused(
        &world,
        ("POST", "/clusters"),
        request.clone(),
        (409, IN_USE, "already exists"),
    )
    .await;
    world.pass(599);
    assert_eq!(
        accepted(&world, path, Value::Null).await["cluster"]["status"],
        "CREATING"
    );
    world.pass(1);
    let cluster = accepted(&world, path, Value::Null).await["cluster"].clone();
    assert_eq!(cluster["status"], "ACTIVE");
    assert!(
        cluster["endpoint"]
            .as_str()
            .unwrap()
            .starts_with("https://")
    );

    // What EKS put into the subnets and groups holds them.
    let subnet = request["resourcesVpcConfig"]["subnetIds"][0]
        .as_str()
        .unwrap()
        .to_owned();
    let delete = format!("Action=DeleteSubnet&SubnetId={subnet}");
    assert_eq!(world.ec2(&delete).await.code(), "DependencyViolation");
    accepted(&world, ("DELETE", "/clusters/demo"), Value::Null).await;
    assert_eq!(
        accepted(&world, path, Value::Null).await["cluster"]["status"],
        "DELETING"
    );
    world.pass(300);
    refused(
        &world,
        path,
        Value::Null,
        (404, NOT_FOUND, "No cluster found for name: demo"),
    )
    .await;
    assert_eq!(world.ec2(&delete).await.status, 200);
    let ledger = world.ledger().await;
    let left: Vec<_> = ledger
        .live()
        .filter(|o| o.service == "eks" || o.kind == "network-interface")
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_client_token_makes_one_cluster() {
    let world = World::new().await;
    let mut request = world.cluster_request("demo").await;
    request["clientRequestToken"] = json!("t");
    let create = ("POST", "/clusters");
    let first = accepted(&world, create, request.clone()).await;
    assert_eq!(accepted(&world, create, request.clone()).await, first);
    let other = with(request.clone(), "/version", json!("1.35"));
    refused(
        &world,
        create,
        other,
        (400, INVALID, "client request token"),
    )
    .await;
    let ledger = world.ledger().await;
    let clusters: Vec<_> = ledger
        .objects
        .iter()
        .filter(|o| o.kind == "cluster")
        .collect();
    assert_eq!(
        (clusters.len(), clusters[0].client_token.as_deref()),
        (1, Some("t"))
    );
}

#[tokio::test]
async fn one_kind_of_update_at_a_time() {
    let world = World::new().await;
    world.cluster("demo").await;
    let config = ("POST", "/clusters/demo/update-config");
    let logging =
        json!({ "logging": { "clusterLogging": [{ "types": ["api"], "enabled": true }] } });
    let endpoint = json!({ "resourcesVpcConfig": { "endpointPrivateAccess": true } });
    let mut both = logging.clone();
    both["resourcesVpcConfig"] = endpoint["resourcesVpcConfig"].clone();
    refused(
        &world,
        config,
        both,
        (400, INVALID, "Only one type of update can be allowed"),
    )
    .await;
    refused(
        &world,
        config,
        json!({}),
        (400, INVALID, "Only one type of update"),
    )
    .await;
    let off = json!({ "logging": { "clusterLogging": [{ "types": ["api"], "enabled": false }] } });
    refused(
        &world,
        config,
        off,
        (400, INVALID, "No changes needed for the logging config"),
    )
    .await;
    let same = json!({ "resourcesVpcConfig": { "publicAccessCidrs": ["0.0.0.0/0"] } });
    refused(
        &world,
        config,
        same,
        (400, INVALID, "already at the desired configuration"),
    )
    .await;

    let update = accepted(&world, config, endpoint).await["update"].clone();
    assert_eq!(
        (&update["type"], &update["status"]),
        (&json!("EndpointAccessUpdate"), &json!("InProgress"))
    );
    refused(
        &world,
        config,
        logging.clone(),
        (409, IN_USE, "currently has update"),
    )
    .await;
    refused(
        &world,
        ("DELETE", "/clusters/demo"),
        Value::Null,
        (409, IN_USE, "currently has update"),
    )
    .await;
    let cluster = accepted(&world, ("GET", "/clusters/demo"), Value::Null).await;
    assert_eq!(cluster["cluster"]["status"], "UPDATING");
    assert_eq!(
        cluster["cluster"]["resourcesVpcConfig"]["endpointPrivateAccess"],
        false
    );
    world.pass(300);
    let path = format!("/clusters/demo/updates/{}", update["id"].as_str().unwrap());
    assert_eq!(
        accepted(&world, ("GET", &path), Value::Null).await["update"]["status"],
        "Successful"
    );
    let cluster = accepted(&world, ("GET", "/clusters/demo"), Value::Null).await;
    assert_eq!(
        cluster["cluster"]["resourcesVpcConfig"]["endpointPrivateAccess"],
        true
    );
    accepted(&world, config, logging).await;
    world.pass(300);
    let list = accepted(&world, ("GET", "/clusters/demo/updates"), Value::Null).await;
    assert_eq!(list["updateIds"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn access_modes_only_move_forward() {
    let world = World::new().await;
    world.cluster("demo").await;
    let config = ("POST", "/clusters/demo/update-config");
    let mode = |mode: &str| json!({ "accessConfig": { "authenticationMode": mode } });
    accepted(&world, config, mode("API")).await;
    world.pass(60);
    refused(
        &world,
        config,
        mode("CONFIG_MAP"),
        (400, INVALID, "Unsupported authentication mode"),
    )
    .await;
    refused(
        &world,
        config,
        mode("API"),
        (400, INVALID, "No changes detected"),
    )
    .await;
    refused(&world, config, mode("x"), (400, INVALID, "must be one of")).await;
}

#[tokio::test]
async fn versions_rise_by_one_and_nodes_follow() {
    let world = World::new().await;
    let cluster = world.cluster("demo").await;
    let role = world
        .role("node", "ec2.amazonaws.com", "AmazonEKSWorkerNodePolicy")
        .await;
    let groups = "/clusters/demo/node-groups";
    let subnets = &cluster["resourcesVpcConfig"]["subnetIds"];
    let group = json!({ "nodegroupName": "a", "subnets": subnets, "nodeRole": role });
    accepted(&world, ("POST", groups), group.clone()).await;
    world.pass(180);
    let updates = ("POST", "/clusters/demo/updates");
    let to = |version: &str| json!({ "version": version });
    refused(
        &world,
        updates,
        to("1.36"),
        (
            400,
            INVALID,
            "Unsupported Kubernetes minor version update from 1.34 to 1.36",
        ),
    )
    .await;
    refused(
        &world,
        updates,
        to("1.33"),
        (400, INVALID, "Unsupported Kubernetes minor version update"),
    )
    .await;
    refused(
        &world,
        updates,
        to("1.34"),
        (400, INVALID, "already at the desired configuration"),
    )
    .await;
    accepted(&world, updates, to("1.35")).await;
    world.pass(480);
    refused(
        &world,
        updates,
        to("1.36"),
        (
            400,
            "InvalidRequestException",
            "Nodegroup(s) a must be updated",
        ),
    )
    .await;

    let version = ("POST", "/clusters/demo/node-groups/a/update-version");
    refused(
        &world,
        version,
        to("1.36"),
        (400, INVALID, "cannot be newer"),
    )
    .await;
    refused(&world, version, to("1.33"), (400, INVALID, "downgraded")).await;
    accepted(&world, version, to("1.35")).await;
    let config = ("POST", "/clusters/demo/node-groups/a/update-config");
    let grow = json!({ "scalingConfig": { "maxSize": 5 } });
    refused(
        &world,
        config,
        grow.clone(),
        (409, IN_USE, "currently has update"),
    )
    .await;
    world.pass(420);
    accepted(&world, config, grow.clone()).await;
    world.pass(60);
    refused(&world, config, grow, (400, INVALID, "No changes detected")).await;
    let read = accepted(&world, ("GET", "/clusters/demo/node-groups/a"), Value::Null).await;
    assert_eq!(
        (
            &read["nodegroup"]["version"],
            &read["nodegroup"]["scalingConfig"]["maxSize"]
        ),
        (&json!("1.35"), &json!(5))
    );
    accepted(&world, updates, to("1.36")).await;
}

#[tokio::test]
async fn node_groups() {
    let world = World::new().await;
    let cluster = world.cluster("demo").await;
    let role = world
        .role("node", "ec2.amazonaws.com", "AmazonEKSWorkerNodePolicy")
        .await;
    let create = ("POST", "/clusters/demo/node-groups");
    let subnets = &cluster["resourcesVpcConfig"]["subnetIds"];
    let good =
        json!({ "nodegroupName": "a", "subnets": subnets, "nodeRole": role, "version": "1.34" });
    refused(
        &world,
        ("POST", "/clusters/no/node-groups"),
        good.clone(),
        (404, NOT_FOUND, "No cluster found"),
    )
    .await;
    refused(
        &world,
        create,
        with(good.clone(), "/version", json!("1.35")),
        (400, INVALID, "is invalid"),
    )
    .await;
    refused(
        &world,
        create,
        with(good.clone(), "/subnets", json!(["subnet-0"])),
        (400, INVALID, "does not exist"),
    )
    .await;
    let mut sized = good.clone();
    sized["scalingConfig"] = json!({ "minSize": 3, "maxSize": 2, "desiredSize": 3 });
    refused(&world, create, sized, (400, INVALID, "can't be greater")).await;
    let made = accepted(&world, create, good.clone()).await;
    assert_eq!(made["nodegroup"]["status"], "CREATING");
    refused(&world, create, good, (409, IN_USE, "already exists")).await;
    world.pass(180);
    refused(
        &world,
        ("DELETE", "/clusters/demo"),
        Value::Null,
        (409, IN_USE, "nodegroups attached"),
    )
    .await;
    let taint = json!({ "taints": { "addOrUpdateTaints": [{ "key": "k", "value": "v", "effect": "NO_SCHEDULE" }] }, "labels": { "addOrUpdateLabels": { "l": "1" } } });
    accepted(
        &world,
        ("POST", "/clusters/demo/node-groups/a/update-config"),
        taint,
    )
    .await;
    world.pass(60);
    let path = ("GET", "/clusters/demo/node-groups/a");
    let read = accepted(&world, path, Value::Null).await["nodegroup"].clone();
    assert_eq!(
        (
            &read["status"],
            &read["labels"]["l"],
            &read["taints"][0]["key"]
        ),
        (&json!("ACTIVE"), &json!("1"), &json!("k"))
    );
    accepted(
        &world,
        ("DELETE", "/clusters/demo/node-groups/a"),
        Value::Null,
    )
    .await;
    world.pass(240);
    refused(
        &world,
        path,
        Value::Null,
        (404, NOT_FOUND, "No node group found for name: a"),
    )
    .await;
}

#[tokio::test]
async fn tags_change_during_an_update() {
    let world = World::new().await;
    let cluster = world.cluster("demo").await;
    accepted(
        &world,
        ("POST", "/clusters/demo/updates"),
        json!({ "version": "1.35" }),
    )
    .await;
    let arn = cluster["arn"].as_str().unwrap().replace('/', "%2F");
    let path = format!("/tags/{arn}");
    accepted(
        &world,
        ("POST", &path),
        json!({ "tags": { "a": "1", "b": "2" } }),
    )
    .await;
    accepted(
        &world,
        ("DELETE", &format!("{path}?tagKeys=a")),
        Value::Null,
    )
    .await;
    assert_eq!(
        accepted(&world, ("GET", &path), Value::Null).await,
        json!({ "tags": { "b": "2" } })
    );
    refused(
        &world,
        ("POST", &path),
        json!({ "tags": { "aws:a": "1" } }),
        (400, INVALID, "aws:"),
    )
    .await;
    let gone = path.replace("demo", "gone");
    refused(
        &world,
        ("GET", &gone),
        Value::Null,
        (404, NOT_FOUND, "not found"),
    )
    .await;
}

#[tokio::test]
async fn the_interfaces_of_a_control_plane_follow_its_subnets() {
    let world = World::new().await;
    let request = world.cluster_request("demo").await;
    accepted(&world, ("POST", "/clusters"), request.clone()).await;
    world.pass(600);
    let old = &request["resourcesVpcConfig"]["subnetIds"];
    let made = accepted(&world, ("GET", "/clusters/demo"), Value::Null).await;
    let vpc = made["cluster"]["resourcesVpcConfig"]["vpcId"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut new = Vec::new();
    for (block, zone) in [("10.0.200.0/24", "a"), ("10.0.201.0/24", "b")] {
        let create = format!(
            "Action=CreateSubnet&VpcId={vpc}&CidrBlock={block}&AvailabilityZone=eu-west-1{zone}"
        );
        new.push(world.ec2(&create).await.text("subnetId"));
    }
    let config = ("POST", "/clusters/demo/update-config");
    let wanted = json!({ "resourcesVpcConfig": { "subnetIds": new } });
    accepted(&world, config, wanted).await;
    let first = old[0].as_str().unwrap();
    let delete = format!("Action=DeleteSubnet&SubnetId={first}");
    assert_eq!(world.ec2(&delete).await.code(), "DependencyViolation");
    world.pass(300);
    assert_eq!(world.ec2(&delete).await.status, 200);
    let delete = format!("Action=DeleteSubnet&SubnetId={}", new[0]);
    assert_eq!(world.ec2(&delete).await.code(), "DependencyViolation");
}

#[tokio::test]
async fn deletion_protection() {
    let world = World::new().await;
    world.cluster("demo").await;
    let config = ("POST", "/clusters/demo/update-config");
    accepted(&world, config, json!({ "deletionProtection": true })).await;
    world.pass(10);
    refused(
        &world,
        ("DELETE", "/clusters/demo"),
        Value::Null,
        (400, "InvalidRequestException", "deletion protection"),
    )
    .await;
    accepted(&world, config, json!({ "deletionProtection": false })).await;
    world.pass(10);
    accepted(&world, ("DELETE", "/clusters/demo"), Value::Null).await;
}

#[tokio::test]
async fn what_is_not_emulated_says_so() {
    let world = World::new().await;
    world.cluster("demo").await;
    let answer = world
        .eks("GET", "/clusters/demo/insights", Value::Null)
        .await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (501, "NotImplemented")
    );
    assert!(answer.message().contains("/clusters/demo/insights"));
}
