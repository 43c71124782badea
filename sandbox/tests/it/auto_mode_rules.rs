//! Auto Mode: on or off as a whole, by roles that can, and for clusters that it fits.

use serde_json::{Value, json};

use super::client::World;

/// A request for a cluster with Auto Mode, whose role has nothing for it yet, and the role's name.
async fn request(world: &World) -> (Value, &'static str) {
    let mut request = world.cluster_request("auto").await;
    let node_role = world
        .role(
            "auto-node",
            "ec2.amazonaws.com",
            "AmazonEKSWorkerNodeMinimalPolicy",
        )
        .await;
    request["accessConfig"] = json!({ "authenticationMode": "API" });
    request["bootstrapSelfManagedAddons"] = json!(false);
    request["computeConfig"] = json!({
        "enabled": true, "nodePools": ["general-purpose", "system"], "nodeRoleArn": node_role,
    });
    request["kubernetesNetworkConfig"] = json!({ "elasticLoadBalancing": { "enabled": true } });
    request["storageConfig"] = json!({ "blockStorage": { "enabled": true } });
    (request, "auto-cluster")
}

async fn allow(world: &World, role: &str) {
    for policy in ["Compute", "BlockStorage", "LoadBalancing", "Networking"] {
        let arn = format!("arn:aws:iam::aws:policy/AmazonEKS{policy}Policy");
        let form = format!("Action=AttachRolePolicy&RoleName={role}&PolicyArn={arn}");
        assert_eq!(world.iam(&form).await.status, 200);
    }
}

#[tokio::test]
async fn what_auto_mode_needs() {
    let world = World::new().await;
    let (good, role) = request(&world).await;
    let refused = async |body: Value, text: &str| {
        let answer = world.eks("POST", "/clusters", body).await;
        assert_eq!(answer.status, 400, "{}", answer.body);
        assert!(answer.message().contains(text), "{}", answer.message());
    };
    refused(good.clone(), "AmazonEKSComputePolicy").await;
    allow(&world, role).await;
    let changed = |pointer: &str, value: Value| {
        let mut body = good.clone();
        *body.pointer_mut(pointer).unwrap() = value;
        body
    };
    let off = json!(false);
    let whole = "fully enabled or fully disabled";
    refused(changed("/storageConfig/blockStorage/enabled", off), whole).await;
    refused(
        changed("/bootstrapSelfManagedAddons", json!(true)),
        "bootstrapSelfManagedAddons",
    )
    .await;
    refused(
        changed("/accessConfig/authenticationMode", json!("CONFIG_MAP")),
        "authentication mode",
    )
    .await;
    refused(
        changed("/computeConfig/nodePools", json!(["mine"])),
        "general-purpose",
    )
    .await;
    refused(
        changed("/computeConfig/nodePools", json!([])),
        "nodeRoleArn and nodePools",
    )
    .await;
    let made = world.eks("POST", "/clusters", good).await;
    assert_eq!(made.status, 200, "{}", made.body);
    assert_eq!(made.json()["cluster"]["computeConfig"]["enabled"], true);
}

#[tokio::test]
async fn auto_mode_goes_off_in_one_call() {
    let world = World::new().await;
    let (good, role) = request(&world).await;
    allow(&world, role).await;
    world.eks("POST", "/clusters", good).await;
    world.pass(600);
    let update = async |body: Value| {
        world
            .eks("POST", "/clusters/auto/update-config", body)
            .await
    };
    let half =
        update(json!({ "computeConfig": { "enabled": true, "nodePools": ["system"] } })).await;
    assert_eq!(half.status, 400, "{}", half.body);
    let off = json!({
        "computeConfig": { "enabled": false },
        "kubernetesNetworkConfig": { "elasticLoadBalancing": { "enabled": false } },
        "storageConfig": { "blockStorage": { "enabled": false } },
    });
    let started = update(off.clone()).await;
    assert_eq!(started.status, 200, "{}", started.body);
    assert_eq!(started.json()["update"]["type"], "AutoModeUpdate");
    world.pass(120);
    let read = world.eks("GET", "/clusters/auto", Value::Null).await.json();
    assert_eq!(
        read["cluster"]["computeConfig"],
        json!({ "enabled": false })
    );
    let again = update(off).await;
    assert!(
        again.message().contains("No changes detected"),
        "{}",
        again.body
    );
}
