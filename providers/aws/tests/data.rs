//! Data sources, on the sandbox and on moto.

use serde_json::{Value as Json, json};
use strata_model::provider::{Observation, ReadPurpose, ReadRequest};
use strata_model::{Mode, Value};

use crate::world::{Outcome, World};

/// Reads a data source.
async fn read(world: &World, name: &str, arguments: &Json) -> Result<Value, String> {
    let config = world.arguments_of((Mode::Data, name), arguments);
    let request = ReadRequest {
        purpose: ReadPurpose::Data,
        resource_type: name,
        id: None,
        recorded: None,
        config: Some(&config),
    };
    match world.connection.read(&[request]).await.pop() {
        Some(Observation::Present(object)) => Ok(object.attributes),
        other => Err(format!("{other:?}")),
    }
}

fn is(value: &Value, path: &str, expected: &Json) -> Outcome {
    let told = path
        .split('.')
        .try_fold(value, |value, name| value.get(name))
        .map_or(Json::Null, Value::to_json);
    if told == *expected {
        return Ok(());
    }
    Err(format!("{path} is {told}, not {expected}"))
}

/// Networks are found by what is known of them, and only if that fits one.
pub(crate) async fn networks(world: &World) -> Outcome {
    let mut ids = Vec::new();
    for (name, block) in [("one", "10.1.0.0/16"), ("two", "10.2.0.0/16")] {
        let config = json!({
            "cidr_block": block, "enable_dns_hostnames": true, "tags": {"Name": name, "of": "data"},
        });
        ids.push(world.create("aws_vpc", &config).await?.id);
    }
    for at in 0..2 {
        let config = json!({
            "vpc_id": ids[0], "cidr_block": format!("10.1.{at}.0/24"), "tags": {"of": format!("data-{at}")},
        });
        ids.push(world.create("aws_subnet", &config).await?.id);
    }
    let by_filter = json!({"filter": [{"name": "tag:Name", "values": ["one"]}]});
    for arguments in [
        json!({"id": ids[0]}),
        json!({"tags": {"Name": "one"}}),
        json!({"cidr_block": "10.1.0.0/16"}),
        by_filter,
    ] {
        let vpc = read(world, "aws_vpc", &arguments).await?;
        is(&vpc, "id", &json!(ids[0]))?;
        is(&vpc, "cidr_block", &json!("10.1.0.0/16"))?;
        is(&vpc, "enable_dns_hostnames", &json!(true))?;
        is(&vpc, "tags.Name", &json!("one"))?;
    }
    for (arguments, text) in [
        (json!({"tags": {"of": "data"}}), "2 VPCs fit"),
        (json!({"tags": {"of": "nothing"}}), "no VPC fits"),
    ] {
        match read(world, "aws_vpc", &arguments).await {
            Err(why) if why.contains(text) => {}
            other => return Err(format!("{arguments}: {other:?}")),
        }
    }
    let of_vpc = json!({"filter": [{"name": "vpc-id", "values": [ids[0]]}]});
    let subnets = read(world, "aws_subnets", &of_vpc).await?;
    let mut expected = ids[2..].to_vec();
    expected.sort_unstable();
    is(&subnets, "ids", &json!(expected))?;
    let tagged = json!({"tags": {"of": "data-1"}});
    let subnets = read(world, "aws_subnets", &tagged).await?;
    is(&subnets, "ids", &json!([ids[3]]))?;
    world.sweep(0).await
}

/// A cluster that another made is told as the resource tells its own.
pub(crate) async fn cluster(world: &World) -> Outcome {
    let needs = crate::cases::with_cluster(world).await?;
    let name = needs["cluster"].clone();
    let told = read(world, "aws_eks_cluster", &json!({"name": name})).await?;
    is(&told, "id", &json!(name))?;
    is(&told, "version", &json!("1.33"))?;
    is(&told, "vpc_config.vpc_id", &json!(needs["vpc"]))?;
    is(&told, "tags.Name", &json!(name))?;
    for path in [
        "endpoint",
        "certificate_authority.data",
        "identity.oidc.issuer",
    ] {
        if is(&told, path, &Json::Null).is_ok() {
            return Err(format!("{path} is not told"));
        }
    }
    match read(world, "aws_eks_cluster", &json!({"name": "none"})).await {
        Err(why) if why.contains("there is no EKS cluster none") => {}
        other => return Err(format!("a cluster that is not there: {other:?}")),
    }
    world.sweep(0).await
}

/// The image that AWS publishes is told; its value is secret, and the same without that mark.
pub(crate) async fn parameters(world: &World) -> Outcome {
    let name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64";
    let told = read(world, "aws_ssm_parameter", &json!({"name": name})).await?;
    is(&told, "id", &json!(name))?;
    is(&told, "type", &json!("String"))?;
    let value = told.get("value").ok_or("no value")?;
    if !value.is_secret() {
        return Err("the value is no secret".to_owned());
    }
    let plain = told.get("insecure_value").and_then(Value::as_str);
    if !plain.is_some_and(|plain| plain.starts_with("ami-")) || plain != value.as_str() {
        return Err(format!("the plain value is {plain:?}"));
    }
    match read(
        world,
        "aws_ssm_parameter",
        &json!({"name": "/nothing/here"}),
    )
    .await
    {
        Err(why) if why.contains("there is no SSM parameter /nothing/here") => Ok(()),
        other => Err(format!("a parameter that is not there: {other:?}")),
    }
}

/// The versions of Kubernetes are told from the newest, and of add-ons the default and the newest.
pub(crate) async fn versions(world: &World) -> Outcome {
    let name = "aws_eks_cluster_versions";
    let told = read(world, name, &json!({})).await?;
    let all = told.get("cluster_versions").map(Value::to_json);
    let all = all
        .and_then(|all| all.as_array().cloned())
        .unwrap_or_default();
    let versions: Vec<_> = all.iter().map(|one| &one["cluster_version"]).collect();
    if versions.len() < 3 || versions.first() != Some(&&json!("1.36")) {
        return Err(format!("the versions are {versions:?}"));
    }
    let default = read(world, name, &json!({"default_only": true})).await?;
    let default = default.get("cluster_versions").map(Value::to_json);
    let default = default.unwrap_or_default();
    if default[0]["cluster_version"] != json!("1.35") || default[0]["default_version"] != true {
        return Err(format!("the default version is {default}"));
    }
    let extended = json!({"version_status": "EXTENDED_SUPPORT"});
    let extended = read(world, name, &extended).await?;
    let extended = extended
        .get("cluster_versions")
        .map(Value::to_json)
        .unwrap_or_default();
    if extended[0]["version_status"] != json!("EXTENDED_SUPPORT")
        || extended[0]["end_of_standard_support_date"]
            .as_str()
            .is_none()
    {
        return Err(format!("in extended support is {extended}"));
    }
    let of = |most_recent: bool| json!({"addon_name": "vpc-cni", "kubernetes_version": "1.35", "most_recent": most_recent});
    let name = "aws_eks_addon_version";
    let newest = read(world, name, &of(true)).await?;
    is(&newest, "version", &json!("v1.20.4-eksbuild.1"))?;
    let default = read(world, name, &of(false)).await?;
    is(&default, "version", &json!("v1.20.3-eksbuild.1"))?;
    let none = json!({"addon_name": "nonsense", "kubernetes_version": "1.35"});
    match read(world, name, &none).await {
        Err(why) if why.contains("there is no version of the EKS add-on nonsense") => Ok(()),
        other => Err(format!("an add-on that is not there: {other:?}")),
    }
}
