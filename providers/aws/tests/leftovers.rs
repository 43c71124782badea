//! What others put into a network, and what becomes of it when the network goes.

use serde_json::json;
use strata_model::provider::{ApplyError, ProviderErrorKind};
use tokio::process::Command;

use crate::world::{Live, Outcome, World};

/// Runs the AWS command line as somebody else would; returns the text that `query` picks.
async fn outside(world: &World, arguments: &[&str], query: &str) -> Result<String, String> {
    let output = Command::new("aws")
        .args(["--endpoint-url", &world.proxy.url(), "--output", "text"])
        .args(["--query", query, "ec2"])
        .args(arguments)
        .env("AWS_ACCESS_KEY_ID", "outside")
        .env("AWS_SECRET_ACCESS_KEY", "outside")
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .output()
        .await
        .map_err(|error| format!("aws: {error}; install it with: python3 -m pip install awscli"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A free interface in a subnet; its id.
async fn interface(world: &World, subnet: &Live, description: &str) -> Result<String, String> {
    let arguments = [
        "create-network-interface",
        "--subnet-id",
        &subnet.id,
        "--description",
        description,
    ];
    outside(world, &arguments, "NetworkInterface.NetworkInterfaceId").await
}

async fn network(world: &World) -> Result<(Live, Live), String> {
    let config = json!({"cidr_block": "10.7.0.0/16", "tags": {"Name": "left"}});
    let vpc = world.create("aws_vpc", &config).await?;
    let config = json!({"vpc_id": vpc.id, "cidr_block": "10.7.1.0/24"});
    let subnet = world.create("aws_subnet", &config).await?;
    Ok((vpc, subnet))
}

/// A subnet goes although the plugin of a cluster left a free interface in it.
pub(crate) async fn removed(world: &World) -> Outcome {
    let (vpc, subnet) = network(world).await?;
    let left = interface(world, &subnet, "aws-K8S-i-0123456789abcdef0").await?;
    let deleted = world.delete(&subnet).await;
    deleted.map_err(|error| format!("the subnet stays: {error:?}"))?;
    let arguments = ["describe-network-interfaces", "--filters"];
    let filter = format!("Name=network-interface-id,Values={left}");
    let query = "NetworkInterfaces[].NetworkInterfaceId";
    let still = outside(world, &[&arguments[..], &[&filter]].concat(), query).await?;
    if !still.is_empty() {
        return Err(format!("{still} is still there"));
    }
    let deleted = world.delete(&vpc).await;
    deleted
        .map(|_| ())
        .map_err(|error| format!("the network stays: {error:?}"))
}

/// An interface of somebody else stays, and the refusal names it; so it does a group of somebody else.
pub(crate) async fn named(world: &World) -> Outcome {
    let (vpc, subnet) = network(world).await?;
    let foreign = interface(world, &subnet, "ELB app/k8s-web/1").await?;
    expect_named(
        &world.delete(&subnet).await,
        &[&foreign, "ELB app/k8s-web/1"],
    )?;
    let arguments = [
        "delete-network-interface",
        "--network-interface-id",
        &foreign,
    ];
    outside(world, &arguments, "@").await?;
    world
        .delete(&subnet)
        .await
        .map_err(|error| format!("the subnet stays: {error:?}"))?;
    let arguments = [
        "create-security-group",
        "--vpc-id",
        &vpc.id,
        "--group-name",
        "k8s-elb-a1",
        "--description",
        "of a load balancer",
    ];
    let group = outside(world, &arguments, "GroupId").await?;
    expect_named(&world.delete(&vpc).await, &[&group, "k8s-elb-a1"])?;
    outside(world, &["delete-security-group", "--group-id", &group], "@").await?;
    let deleted = world.delete(&vpc).await;
    deleted
        .map(|_| ())
        .map_err(|error| format!("the network stays: {error:?}"))
}

fn expect_named<T: std::fmt::Debug>(result: &Result<T, ApplyError>, texts: &[&str]) -> Outcome {
    match result {
        Err(error) if error.error.kind == ProviderErrorKind::Dependency => {
            let message = &error.error.message;
            match texts.iter().find(|text| !message.contains(**text)) {
                None => Ok(()),
                Some(text) => Err(format!("{text} is not named: {message}")),
            }
        }
        other => Err(format!("not refused as held: {other:?}")),
    }
}
