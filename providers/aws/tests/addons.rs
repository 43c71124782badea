//! Which version of Kubernetes an add-on keeps pace with, where nobody recorded one.

use serde_json::json;
use strata_model::provider::{Observation, ReadPurpose, ReadRequest};
use strata_model::{AttributePath, Type, Value};

use crate::world::{Live, Outcome, World};

const TYPE: &str = "aws_eks_addon";

/// A refresh learns it from the cluster, which it asks once for all; an upgrade starts there.
pub(crate) async fn learned(world: &World) -> Outcome {
    let needs = crate::cases::with_cluster(world).await?;
    let config = |name: &str| json!({"cluster_name": needs["cluster"], "addon_name": name});
    let mut made = Vec::new();
    for name in ["vpc-cni", "kube-proxy"] {
        made.push(world.create(TYPE, &config(name)).await?);
    }
    for live in &made {
        expect_version(live, &live.value)?;
    }
    let path = AttributePath::attribute("kubernetes_version");
    let forget = |live: &Live| live.value.with_at(&path, Value::null_of(Type::String));
    let forgotten: Vec<Value> = made.iter().map(forget).collect();
    let requests = made
        .iter()
        .zip(&forgotten)
        .map(|(live, recorded)| ReadRequest {
            purpose: ReadPurpose::Refresh,
            resource_type: TYPE,
            id: Some(&live.id),
            recorded: Some(recorded),
            config: None,
        });
    let requests: Vec<ReadRequest<'_>> = requests.collect();
    let mark = world.proxy.mark();
    let seen = world.connection.read(&requests).await;
    let mut calls = world.proxy.calls_since(mark);
    calls.sort_unstable();
    // One look at each add-on, and one at their cluster.
    if calls != ["GET clusters", "GET clusters addons", "GET clusters addons"] {
        return Err(format!("two add-ons of one cluster took {calls:?}"));
    }
    for (live, seen) in made.iter().zip(&seen) {
        let Observation::Present(object) = seen else {
            return Err(format!("{} is not seen: {seen:?}", live.id));
        };
        expect_version(live, &object.attributes)?;
        if live.text("addon_name") != "kube-proxy" {
            continue;
        }
        let mut rises = config("kube-proxy");
        rises["kubernetes_version"] = json!("1.35");
        let rises = world.arguments(TYPE, &rises);
        let change = world.plan(TYPE, Some(&object.attributes), &rises)?;
        let stages: Vec<&str> = change.stages.iter().map(|stage| &*stage.label).collect();
        if stages != ["version 1.34", "version 1.35"] {
            return Err(format!("the upgrade has the stages {stages:?}"));
        }
    }
    world.sweep(0).await
}

fn expect_version(live: &Live, seen: &Value) -> Outcome {
    match seen.get("kubernetes_version").and_then(Value::as_str) {
        Some("1.33") => Ok(()),
        other => Err(format!("{} keeps pace with {other:?}", live.id)),
    }
}
