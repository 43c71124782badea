//! The rules of VPC endpoints, further blocks, egress-only gateways and launch templates.

use super::client::{Answer, World};

async fn refused(world: &World, form: &str, code: &str) {
    let answer = world.ec2(form).await;
    assert_eq!(answer.code(), code, "{form}: {}", answer.body);
}

async fn accepted(world: &World, form: &str) -> Answer {
    let answer = world.ec2(form).await;
    assert_eq!(answer.status, 200, "{form}: {}", answer.body);
    answer
}

#[tokio::test]
async fn a_gateway_endpoint_is_a_route() {
    let world = World::new().await;
    let (vpc, [subnet, _]) = world.network().await;
    let table = format!("Action=CreateRouteTable&VpcId={vpc}");
    let table = accepted(&world, &table).await.text("routeTableId");
    let create = |rest: &str| {
        format!("Action=CreateVpcEndpoint&VpcId={vpc}&ServiceName=com.amazonaws.eu-west-1.{rest}")
    };
    let made = accepted(&world, &create(&format!("s3&RouteTableId.1={table}"))).await;
    assert_eq!(made.text("state"), "available");
    let id = made.text("vpcEndpointId");
    let read = format!("Action=DescribeRouteTables&RouteTableId.1={table}");
    let read = accepted(&world, &read).await;
    assert!(read.text("destinationPrefixListId").starts_with("pl-"));
    let again = create(&format!("s3&RouteTableId.1={table}"));
    refused(&world, &again, "RouteAlreadyExists").await;
    refused(&world, &create("nonsense"), "InvalidServiceName").await;
    refused(&world, &create("sts"), "InvalidParameter").await;
    let wrong = create(&format!("s3&SubnetId.1={subnet}"));
    refused(&world, &wrong, "InvalidParameter").await;
    let delete_vpc = format!("Action=DeleteVpc&VpcId={vpc}");
    refused(&world, &delete_vpc, "DependencyViolation").await;
    let delete = format!("Action=DeleteVpcEndpoints&VpcEndpointId.1={id}");
    let gone = accepted(&world, &delete).await;
    assert_eq!(gone.count("resourceId"), 0);
    let gone = accepted(&world, &delete).await;
    assert_eq!(gone.text("code"), "InvalidVpcEndpoint.NotFound");
}

#[tokio::test]
async fn an_interface_endpoint_holds_its_subnets() {
    let world = World::new().await;
    let (vpc, [one, two]) = world.network().await;
    let create = |rest: &str| {
        format!(
            "Action=CreateVpcEndpoint&VpcId={vpc}&VpcEndpointType=Interface&ServiceName=com.amazonaws.eu-west-1.sts&SubnetId.1={one}{rest}"
        )
    };
    // Names of services need names of instances.
    refused(
        &world,
        &create("&PrivateDnsEnabled=true"),
        "InvalidParameter",
    )
    .await;
    let names = format!("Action=ModifyVpcAttribute&VpcId={vpc}&EnableDnsHostnames.Value=true");
    accepted(&world, &names).await;
    let token = create("&PrivateDnsEnabled=true&ClientToken=t");
    let made = accepted(&world, &token).await;
    assert_eq!(made.text("state"), "pending");
    let id = made.text("vpcEndpointId");
    assert_eq!(accepted(&world, &token).await.text("vpcEndpointId"), id);
    let second = create("&PrivateDnsEnabled=true");
    refused(&world, &second, "InvalidParameter").await;
    let modify = format!("Action=ModifyVpcEndpoint&VpcEndpointId={id}&AddSubnetId.1={two}");
    refused(&world, &modify, "IncorrectState").await;
    world.pass(60);
    accepted(&world, &modify).await;
    let read = format!("Action=DescribeVpcEndpoints&VpcEndpointId.1={id}");
    let read = accepted(&world, &read).await;
    assert_eq!(read.body.matches("eni-").count(), 2, "{}", read.body);
    let delete_subnet = format!("Action=DeleteSubnet&SubnetId={two}");
    refused(&world, &delete_subnet, "DependencyViolation").await;
    let delete = format!("Action=DeleteVpcEndpoints&VpcEndpointId.1={id}");
    accepted(&world, &delete).await;
    world.pass(60);
    accepted(&world, &delete_subnet).await;
}

#[tokio::test]
async fn a_network_has_up_to_five_blocks() {
    let world = World::new().await;
    let (vpc, _) = world.network().await;
    let add = |block: &str| format!("Action=AssociateVpcCidrBlock&VpcId={vpc}&CidrBlock={block}");
    refused(&world, &add("10.0.128.0/17"), "InvalidVpc.Range").await;
    refused(&world, &add("192.168.0.0/16"), "InvalidVpc.Range").await;
    refused(&world, &add("100.64.0.0/10"), "InvalidVpc.Range").await;
    let first = accepted(&world, &add("100.64.0.0/16")).await;
    let id = first.text("associationId");
    let subnet = format!("Action=CreateSubnet&VpcId={vpc}&CidrBlock=100.64.1.0/24");
    refused(&world, &subnet, "InvalidSubnet.Range").await;
    world.pass(5);
    let subnet = accepted(&world, &subnet).await.text("subnetId");
    for n in 1..=3 {
        accepted(&world, &add(&format!("10.{n}.0.0/16"))).await;
    }
    refused(&world, &add("10.9.0.0/16"), "CidrLimitExceeded").await;
    let remove = format!("Action=DisassociateVpcCidrBlock&AssociationId={id}");
    refused(&world, &remove, "InvalidCidrBlock.InUse").await;
    accepted(&world, &format!("Action=DeleteSubnet&SubnetId={subnet}")).await;
    accepted(&world, &remove).await;
    world.pass(5);
    refused(&world, &remove, "InvalidVpcCidrBlockAssociationID.NotFound").await;
    let read = format!("Action=DescribeVpcs&VpcId.1={vpc}");
    let primary = accepted(&world, &read).await.text("associationId");
    let remove = format!("Action=DisassociateVpcCidrBlock&AssociationId={primary}");
    refused(&world, &remove, "OperationNotPermitted").await;
}

#[tokio::test]
async fn an_egress_only_gateway_leads_ipv6_out() {
    let world = World::new().await;
    let (vpc, _) = world.network().await;
    let create = format!("Action=CreateEgressOnlyInternetGateway&VpcId={vpc}&ClientToken=t");
    let id = accepted(&world, &create)
        .await
        .text("egressOnlyInternetGatewayId");
    let again = accepted(&world, &create).await;
    assert_eq!(again.text("egressOnlyInternetGatewayId"), id);
    let table = format!("Action=CreateRouteTable&VpcId={vpc}");
    let table = accepted(&world, &table).await.text("routeTableId");
    let route = |to: &str| {
        format!("Action=CreateRoute&RouteTableId={table}&{to}&EgressOnlyInternetGatewayId={id}")
    };
    refused(
        &world,
        &route("DestinationCidrBlock=0.0.0.0/0"),
        "InvalidParameterValue",
    )
    .await;
    accepted(&world, &route("DestinationIpv6CidrBlock=::/0")).await;
    refused(
        &world,
        &format!("Action=DeleteVpc&VpcId={vpc}"),
        "DependencyViolation",
    )
    .await;
    let delete = format!("Action=DeleteEgressOnlyInternetGateway&EgressOnlyInternetGatewayId={id}");
    accepted(&world, &delete).await;
    refused(&world, &delete, "InvalidGatewayID.NotFound").await;
}

#[tokio::test]
async fn versions_of_a_template_do_not_change() {
    let world = World::new().await;
    let create = |name: &str, data: &str| {
        format!("Action=CreateLaunchTemplate&LaunchTemplateName={name}&LaunchTemplateData.{data}")
    };
    let made = accepted(&world, &create("one", "InstanceType=m7i.large")).await;
    let id = made.text("launchTemplateId");
    let again = create("one", "InstanceType=m7i.large");
    refused(
        &world,
        &again,
        "InvalidLaunchTemplateName.AlreadyExistsException",
    )
    .await;
    refused(&world, &create("two", "Nonsense=1"), "MissingParameter").await;
    let version = format!(
        "Action=CreateLaunchTemplateVersion&LaunchTemplateId={id}&ClientToken=t&LaunchTemplateData.InstanceType=m7g.large"
    );
    for _ in 0..2 {
        let made = accepted(&world, &version).await;
        assert_eq!(
            made.text("versionNumber"),
            "2",
            "one token makes one version"
        );
    }
    let read = |version: &str| {
        format!(
            "Action=DescribeLaunchTemplateVersions&LaunchTemplateId={id}&LaunchTemplateVersion.1={version}"
        )
    };
    let default = accepted(&world, &read("%24Default")).await;
    assert_eq!(default.text("instanceType"), "m7i.large");
    refused(
        &world,
        &read("7"),
        "InvalidLaunchTemplateId.VersionNotFound",
    )
    .await;
    let named = |name: &str| format!("Action=DescribeLaunchTemplates&LaunchTemplateName.1={name}");
    let found = world.ec2(&named("one")).await;
    assert_eq!(found.text("launchTemplateId"), id, "{}", found.body);
    let missing = "InvalidLaunchTemplateName.NotFoundException";
    refused(&world, &named("nobody"), missing).await;
    let delete = format!("Action=DeleteLaunchTemplate&LaunchTemplateId={id}");
    accepted(&world, &delete).await;
    refused(&world, &delete, "InvalidLaunchTemplateId.NotFound").await;
}
