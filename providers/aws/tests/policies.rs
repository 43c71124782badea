//! What a refresh of policies reads.

use serde_json::json;
use strata_model::provider::Object;

use crate::world::{Live, Outcome, World};

/// The document of a version is read once; that of another version, which somebody put in force, is seen.
pub(crate) async fn documents(world: &World) -> Outcome {
    let document = |action: &str| {
        let statement = json!({"Effect": "Allow", "Action": action, "Resource": "*"});
        json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
    };
    let name = format!("documents-{}", world.number());
    let config = |action: &str| json!({"name": name, "policy": document(action)});
    let first = world
        .create("aws_iam_policy", &config("ec2:DescribeVpcs"))
        .await?;
    let changed = world.arguments("aws_iam_policy", &config("ec2:DescribeSubnets"));
    expect(world, &first, ["GetPolicy"]).await?;
    let (second, _) = world.update(&first, &changed).await?;
    let seen = expect(world, &second, ["GetPolicy"]).await?;
    if seen.attributes != second.value {
        return Err(format!("a refresh sees {:?}", seen.attributes));
    }
    // For whoever recorded the first version, the second one is drift.
    let seen = expect(world, &first, ["GetPolicy", "GetPolicyVersion"]).await?;
    for name in ["policy", "default_version"] {
        if seen.attributes.get(name) != second.value.get(name) {
            return Err(format!("the drift of {name} is not seen: {seen:?}"));
        }
    }
    world.sweep(0).await
}

/// Refreshes, and checks with which calls.
async fn expect<const N: usize>(
    world: &World,
    live: &Live,
    expected: [&str; N],
) -> Outcome<Object> {
    let mark = world.proxy.mark();
    let seen = world.present(live).await?;
    let calls = world.proxy.calls_since(mark);
    if calls != expected {
        return Err(format!("{calls:?} instead of {expected:?}"));
    }
    Ok(seen)
}
