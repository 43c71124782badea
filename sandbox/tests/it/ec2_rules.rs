//! EC2's rules: what it refuses, and what it makes by itself.

use super::client::World;

/// Sends a call that must be refused with this code.
async fn refused(world: &World, form: &str, code: &str) {
    let answer = world.ec2(form).await;
    assert_eq!(answer.code(), code, "{form}: {}", answer.body);
}

/// Sends a call that must succeed.
async fn accepted(world: &World, form: &str) -> super::client::Answer {
    let answer = world.ec2(form).await;
    assert_eq!(answer.status, 200, "{form}: {}", answer.body);
    answer
}

#[tokio::test]
async fn requests_must_have_the_right_shape() {
    let world = World::new().await;
    refused(&world, "Action=CreateVpc", "MissingParameter").await;
    refused(
        &world,
        "Action=CreateVpc&CidrBlock=10.0.0.0/16&Nonsense=1",
        "UnknownParameter",
    )
    .await;
    refused(
        &world,
        "Action=CreateVpc&CidrBlock=10.0.0.0",
        "InvalidParameterValue",
    )
    .await;
    refused(
        &world,
        "Action=CreateVpc&CidrBlock=10.0.0.0/8",
        "InvalidVpc.Range",
    )
    .await;
    refused(
        &world,
        "Action=CreateVpc&CidrBlock=10.0.0.0/16&InstanceTenancy=x",
        "InvalidParameterValue",
    )
    .await;
    refused(
        &world,
        "Action=CreateVpc&CidrBlock=10.0.0.0/16&DryRun=true",
        "DryRunOperation",
    )
    .await;
    refused(
        &world,
        "Action=DescribeVpcs&MaxResults=4",
        "InvalidParameterValue",
    )
    .await;
    refused(
        &world,
        "Action=DescribeVpcs&NextToken=x",
        "InvalidNextToken",
    )
    .await;
    refused(
        &world,
        "Action=DescribeVpcs&Filter.1.Name=x&Filter.1.Value.1=y",
        "InvalidParameterValue",
    )
    .await;
    refused(&world, "Action=RunInstances", "NotImplemented").await;
    let tags = |kind: &str, key: &str| {
        format!(
            "Action=CreateVpc&CidrBlock=10.0.0.0/16&TagSpecification.1.ResourceType={kind}&TagSpecification.1.Tag.1.Key={key}&TagSpecification.1.Tag.1.Value=v"
        )
    };
    refused(&world, &tags("subnet", "k"), "InvalidParameterValue").await;
    refused(&world, &tags("vpc", "aws:k"), "InvalidParameterValue").await;
    refused(
        &world,
        &tags("vpc", &"k".repeat(128)),
        "InvalidParameterValue",
    )
    .await;
    assert_eq!(world.ledger().await.objects, []);
    assert_eq!(
        world
            .raw(("POST", "/"), "eu-west-1/sqs", "Action=x")
            .await
            .status,
        501
    );
}

#[tokio::test]
async fn a_network_comes_and_goes_with_its_defaults() {
    let world = World::new().await;
    let vpc = accepted(&world, "Action=CreateVpc&CidrBlock=10.0.0.5/16").await;
    assert_eq!(
        (vpc.text("cidrBlock").as_str(), vpc.text("state").as_str()),
        ("10.0.0.0/16", "pending")
    );
    let vpc = vpc.text("vpcId");
    world.pass(1);
    assert_eq!(
        accepted(&world, "Action=DescribeVpcs").await.text("state"),
        "available"
    );
    let filter = format!("&Filter.1.Name=vpc-id&Filter.1.Value.1={vpc}");
    let tables = accepted(&world, &format!("Action=DescribeRouteTables{filter}")).await;
    assert_eq!(
        (
            tables.text("main").as_str(),
            tables.text("gatewayId").as_str()
        ),
        ("true", "local")
    );
    let groups = accepted(&world, &format!("Action=DescribeSecurityGroups{filter}")).await;
    assert_eq!(
        (
            groups.text("groupName").as_str(),
            groups.count("ipProtocol")
        ),
        ("default", 2)
    );
    refused(
        &world,
        &format!(
            "Action=DeleteSecurityGroup&GroupId={}",
            groups.text("groupId")
        ),
        "CannotDelete",
    )
    .await;
    accepted(&world, &format!("Action=DeleteVpc&VpcId={vpc}")).await;
    assert_eq!(world.ledger().await.live().count(), 0);
    refused(
        &world,
        &format!("Action=DeleteVpc&VpcId={vpc}"),
        "InvalidVpcID.NotFound",
    )
    .await;
}

#[tokio::test]
async fn regions_are_apart() {
    let world = World::new().await;
    let vpc = accepted(&world, "Action=CreateVpc&CidrBlock=10.0.0.0/16")
        .await
        .text("vpcId");
    let form = format!("Action=DescribeVpcs&VpcId.1={vpc}");
    let elsewhere = world.raw(("POST", "/"), "us-east-1/ec2", &form).await;
    assert_eq!(elsewhere.code(), "InvalidVpcID.NotFound");
}

#[tokio::test]
async fn subnets_lie_in_their_network_and_apart() {
    let world = World::new().await;
    let (vpc, [subnet, _]) = world.network().await;
    let create =
        |cidr: &str, rest: &str| format!("Action=CreateSubnet&VpcId={vpc}&CidrBlock={cidr}{rest}");
    refused(&world, &create("10.1.0.0/24", ""), "InvalidSubnet.Range").await;
    refused(
        &world,
        &create("10.0.0.128/25", ""),
        "InvalidSubnet.Conflict",
    )
    .await;
    refused(
        &world,
        &create("10.0.9.0/24", "&AvailabilityZone=eu-west-1z"),
        "InvalidParameterValue",
    )
    .await;
    refused(
        &world,
        "Action=CreateSubnet&VpcId=vpc-0&CidrBlock=10.0.0.0/24",
        "InvalidVpcID.NotFound",
    )
    .await;
    let by_id = accepted(
        &world,
        &create("10.0.9.0/24", "&AvailabilityZoneId=euw1-az3"),
    )
    .await;
    assert_eq!(by_id.text("availabilityZone"), "eu-west-1c");
    assert_eq!(by_id.text("availableIpAddressCount"), "251");
    let modify =
        format!("Action=ModifySubnetAttribute&SubnetId={subnet}&MapPublicIpOnLaunch.Value=true");
    refused(
        &world,
        &format!("{modify}&EnableDns64.Value=true"),
        "InvalidParameterCombination",
    )
    .await;
    accepted(&world, &modify).await;
    let read = accepted(
        &world,
        &format!("Action=DescribeSubnets&SubnetId.1={subnet}"),
    )
    .await;
    assert_eq!(read.text("mapPublicIpOnLaunch"), "true");
    refused(
        &world,
        &format!("Action=DeleteVpc&VpcId={vpc}"),
        "DependencyViolation",
    )
    .await;
}

#[tokio::test]
async fn gateways_and_routes() {
    let world = World::new().await;
    let (vpc, _) = world.network().await;
    let gateway = accepted(&world, "Action=CreateInternetGateway")
        .await
        .text("internetGatewayId");
    let table = accepted(&world, &format!("Action=CreateRouteTable&VpcId={vpc}"))
        .await
        .text("routeTableId");
    let route = |verb: &str, destination: &str, target: &str| {
        format!("Action={verb}&RouteTableId={table}&DestinationCidrBlock={destination}{target}")
    };
    let to_gateway = format!("&GatewayId={gateway}");
    refused(
        &world,
        &route("CreateRoute", "0.0.0.0/0", &to_gateway),
        "InvalidParameterValue",
    )
    .await;
    let attach = format!("InternetGateway&InternetGatewayId={gateway}&VpcId={vpc}");
    refused(
        &world,
        &format!("Action=Detach{attach}"),
        "Gateway.NotAttached",
    )
    .await;
    accepted(&world, &format!("Action=Attach{attach}")).await;
    refused(
        &world,
        &format!("Action=Attach{attach}"),
        "Resource.AlreadyAssociated",
    )
    .await;
    accepted(&world, &route("CreateRoute", "0.0.0.0/0", &to_gateway)).await;
    refused(
        &world,
        &route("CreateRoute", "0.0.0.0/0", &to_gateway),
        "RouteAlreadyExists",
    )
    .await;
    refused(
        &world,
        &route("CreateRoute", "10.0.0.0/16", &to_gateway),
        "RouteAlreadyExists",
    )
    .await;
    refused(
        &world,
        &route("CreateRoute", "1.0.0.0/8", ""),
        "MissingParameter",
    )
    .await;
    refused(
        &world,
        &route("DeleteRoute", "1.0.0.0/8", ""),
        "InvalidRoute.NotFound",
    )
    .await;
    refused(
        &world,
        &route("DeleteRoute", "10.0.0.0/16", ""),
        "InvalidParameterValue",
    )
    .await;
    let delete = format!("Action=DeleteInternetGateway&InternetGatewayId={gateway}");
    refused(&world, &delete, "DependencyViolation").await;
    accepted(&world, &format!("Action=Detach{attach}")).await;
    let read = accepted(
        &world,
        &format!("Action=DescribeRouteTables&RouteTableId.1={table}"),
    )
    .await;
    assert!(
        read.body.contains("<state>blackhole</state>"),
        "{}",
        read.body
    );
}

#[tokio::test]
async fn route_tables_and_their_associations() {
    let world = World::new().await;
    let (vpc, [subnet, _]) = world.network().await;
    let table = accepted(&world, &format!("Action=CreateRouteTable&VpcId={vpc}"))
        .await
        .text("routeTableId");
    let associate = format!("Action=AssociateRouteTable&RouteTableId={table}&SubnetId={subnet}");
    let association = accepted(&world, &associate).await.text("associationId");
    assert_eq!(
        accepted(&world, &associate).await.text("associationId"),
        association
    );
    let other = accepted(&world, &format!("Action=CreateRouteTable&VpcId={vpc}"))
        .await
        .text("routeTableId");
    let conflict = format!("Action=AssociateRouteTable&RouteTableId={other}&SubnetId={subnet}");
    refused(&world, &conflict, "Resource.AlreadyAssociated").await;
    refused(
        &world,
        &format!("Action=DeleteRouteTable&RouteTableId={table}"),
        "DependencyViolation",
    )
    .await;

    let replace = format!(
        "Action=ReplaceRouteTableAssociation&AssociationId={association}&RouteTableId={other}"
    );
    let replaced = accepted(&world, &replace).await.text("newAssociationId");
    assert_ne!(replaced, association);
    accepted(
        &world,
        &format!("Action=DeleteRouteTable&RouteTableId={table}"),
    )
    .await;
    accepted(
        &world,
        &format!("Action=DisassociateRouteTable&AssociationId={replaced}"),
    )
    .await;
    let live: Vec<String> = world
        .ledger()
        .await
        .live()
        .map(|o| o.kind.clone())
        .collect();
    assert!(!live.iter().any(|kind| kind == "route"), "{live:?}");
}

#[tokio::test]
async fn a_client_token_makes_one_route_table() {
    let world = World::new().await;
    let (vpc, _) = world.network().await;
    let create = |vpc: &str| format!("Action=CreateRouteTable&VpcId={vpc}&ClientToken=t");
    let first = accepted(&world, &create(&vpc)).await.text("routeTableId");
    assert_eq!(
        accepted(&world, &create(&vpc)).await.text("routeTableId"),
        first
    );
    refused(&world, &create("vpc-0"), "IdempotentParameterMismatch").await;
    let ledger = world.ledger().await;
    let tokens: Vec<_> = ledger
        .objects
        .iter()
        .filter_map(|o| o.client_token.as_deref())
        .collect();
    assert_eq!(tokens, ["t"]);
}

#[tokio::test]
async fn security_groups_and_their_rules() {
    let world = World::new().await;
    let (vpc, _) = world.network().await;
    let create = |name: &str| {
        format!("Action=CreateSecurityGroup&GroupName={name}&GroupDescription=d&VpcId={vpc}")
    };
    let one = accepted(&world, &create("one")).await.text("groupId");
    let two = accepted(&world, &create("two")).await.text("groupId");
    refused(&world, &create("one"), "InvalidGroup.Duplicate").await;
    refused(&world, &create("sg-x"), "InvalidParameterValue").await;
    refused(&world, &create("default"), "InvalidParameterValue").await;

    let rule = |verb: &str, peer: &str| {
        format!(
            "Action={verb}&GroupId={one}&IpPermissions.1.IpProtocol=6&IpPermissions.1.FromPort=443&IpPermissions.1.ToPort=443&IpPermissions.1.{peer}"
        )
    };
    let (wide, group) = (
        "IpRanges.1.CidrIp=10.0.0.5/8",
        format!("Groups.1.GroupId={two}"),
    );
    accepted(&world, &rule("AuthorizeSecurityGroupIngress", wide)).await;
    refused(
        &world,
        &rule("AuthorizeSecurityGroupIngress", wide),
        "InvalidPermission.Duplicate",
    )
    .await;
    refused(
        &world,
        &rule("AuthorizeSecurityGroupIngress", "IpRanges.1.CidrIp=x"),
        "InvalidParameterValue",
    )
    .await;
    refused(
        &world,
        &rule("AuthorizeSecurityGroupIngress", "Groups.1.GroupId=sg-0"),
        "InvalidGroup.NotFound",
    )
    .await;
    let added = accepted(&world, &rule("AuthorizeSecurityGroupIngress", &group)).await;
    let read = accepted(
        &world,
        &format!("Action=DescribeSecurityGroups&GroupId.1={one}"),
    )
    .await;
    assert!(read.body.contains("<ipProtocol>tcp</ipProtocol>"));
    assert!(read.body.contains("<cidrIp>10.0.0.0/8</cidrIp>"));
    // One entry for the two rules of the same traffic, and one for what may leave.
    assert_eq!(read.count("ipProtocol"), 2);

    refused(
        &world,
        &format!("Action=DeleteSecurityGroup&GroupId={two}"),
        "DependencyViolation",
    )
    .await;
    let id = added.text("securityGroupRuleId");
    let revoke =
        format!("Action=RevokeSecurityGroupIngress&GroupId={one}&SecurityGroupRuleId.1={id}");
    accepted(&world, &revoke).await;
    refused(&world, &revoke, "InvalidSecurityGroupRuleId.NotFound").await;
    refused(
        &world,
        &rule("RevokeSecurityGroupIngress", &group),
        "InvalidPermission.NotFound",
    )
    .await;
    refused(
        &world,
        &rule("RevokeSecurityGroupEgress", wide),
        "InvalidPermission.NotFound",
    )
    .await;
    accepted(&world, &format!("Action=DeleteSecurityGroup&GroupId={two}")).await;
}

#[tokio::test]
async fn authorizing_is_all_or_nothing() {
    let world = World::new().await;
    let (vpc, _) = world.network().await;
    let form = format!("Action=CreateSecurityGroup&GroupName=g&GroupDescription=d&VpcId={vpc}");
    let group = accepted(&world, &form).await.text("groupId");
    let before = world.ledger().await.live().count();
    let form = format!(
        "Action=AuthorizeSecurityGroupIngress&GroupId={group}&IpPermissions.1.IpProtocol=-1&IpPermissions.1.IpRanges.1.CidrIp=1.0.0.0/8&IpPermissions.2.IpProtocol=-1&IpPermissions.2.Groups.1.GroupId=sg-0"
    );
    refused(&world, &form, "InvalidGroup.NotFound").await;
    assert_eq!(world.ledger().await.live().count(), before);
}

#[tokio::test]
async fn tags_find_objects() {
    let world = World::new().await;
    let (vpc, [subnet, _]) = world.network().await;
    let tag = |id: &str, value: &str| {
        format!("Action=CreateTags&ResourceId.1={id}&Tag.1.Key=strata:op&Tag.1.Value={value}")
    };
    accepted(&world, &tag(&vpc, "1")).await;
    accepted(&world, &tag(&subnet, "2")).await;
    refused(&world, &tag("vpc-0", "1"), "InvalidVpcID.NotFound").await;
    refused(&world, &tag("nonsense", "1"), "InvalidID").await;
    let find = |value: &str| {
        format!("Action=DescribeSubnets&Filter.1.Name=tag:strata:op&Filter.1.Value.1={value}")
    };
    assert_eq!(accepted(&world, &find("2")).await.text("subnetId"), subnet);
    assert_eq!(accepted(&world, &find("1")).await.count("subnetId"), 0);
    assert_eq!(
        accepted(&world, "Action=DescribeTags")
            .await
            .count("resourceId"),
        2
    );
    accepted(
        &world,
        &format!("Action=DeleteTags&ResourceId.1={vpc}&Tag.1.Key=strata:op&Tag.1.Value=9"),
    )
    .await;
    assert_eq!(
        accepted(&world, "Action=DescribeTags")
            .await
            .count("resourceId"),
        2,
        "another value stays"
    );
    accepted(
        &world,
        &format!("Action=DeleteTags&ResourceId.1={vpc}&Tag.1.Key=strata:op"),
    )
    .await;
    assert_eq!(
        accepted(&world, "Action=DescribeTags")
            .await
            .text("resourceId"),
        subnet
    );
    let ledger = world.ledger().await;
    let tagged: Vec<_> = ledger
        .live()
        .filter(|o| !o.tags.is_empty())
        .map(|o| o.id.clone())
        .collect();
    assert_eq!(tagged, [subnet]);
}

#[tokio::test]
async fn nat_gateways_take_their_time() {
    let world = World::new().await;
    let (vpc, [subnet, _]) = world.network().await;
    let allocation = accepted(&world, "Action=AllocateAddress&Domain=vpc")
        .await
        .text("allocationId");
    let create = |token: &str| {
        format!(
            "Action=CreateNatGateway&SubnetId={subnet}&AllocationId={allocation}&ClientToken={token}"
        )
    };
    let state = format!("Action=DescribeNatGateways&Filter.1.Name=vpc-id&Filter.1.Value.1={vpc}");
    // Without a way out it is made, and fails.
    accepted(&world, &create("a")).await;
    world.pass(15);
    assert_eq!(
        accepted(&world, &state).await.text("failureCode"),
        "Gateway.NotAttached"
    );
    world.pass(3600);

    let gateway = accepted(&world, "Action=CreateInternetGateway")
        .await
        .text("internetGatewayId");
    let attach = format!("InternetGateway&InternetGatewayId={gateway}&VpcId={vpc}");
    accepted(&world, &format!("Action=Attach{attach}")).await;
    let nat = accepted(&world, &create("b")).await.text("natGatewayId");
    assert_eq!(
        accepted(&world, &create("b")).await.text("natGatewayId"),
        nat
    );
    refused(&world, &create("c"), "Resource.AlreadyAssociated").await;
    assert_eq!(accepted(&world, &state).await.text("state"), "pending");
    world.pass(100);
    assert_eq!(accepted(&world, &state).await.text("state"), "available");
    refused(
        &world,
        &format!("Action=ReleaseAddress&AllocationId={allocation}"),
        "InvalidIPAddress.InUse",
    )
    .await;
    refused(
        &world,
        &format!("Action=Detach{attach}"),
        "DependencyViolation",
    )
    .await;
    refused(
        &world,
        &format!("Action=DeleteSubnet&SubnetId={subnet}"),
        "DependencyViolation",
    )
    .await;
    accepted(
        &world,
        &format!("Action=DeleteNatGateway&NatGatewayId={nat}"),
    )
    .await;
    assert_eq!(accepted(&world, &state).await.text("state"), "deleting");
    world.pass(60);
    assert_eq!(accepted(&world, &state).await.text("state"), "deleted");
    assert!(
        !world.ledger().await.live().any(|o| o.kind == "natgateway"),
        "gone for the ledger"
    );
    accepted(
        &world,
        &format!("Action=ReleaseAddress&AllocationId={allocation}"),
    )
    .await;
    accepted(&world, &format!("Action=Detach{attach}")).await;
    world.pass(3600);
    assert_eq!(accepted(&world, &state).await.count("natGatewayId"), 0);
}
