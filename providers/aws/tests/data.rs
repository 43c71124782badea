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
