"""A tour through every emulated operation with boto3 and the aws command line.

    tour.py URL
"""

import json
import os
import subprocess
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

URL = sys.argv[1]
SETTINGS = dict(
    region_name="eu-west-1",
    endpoint_url=URL,
    aws_access_key_id="test",
    aws_secret_access_key="test",
    config=Config(retries={"max_attempts": 0}),
)
ec2, iam, sts, eks, kms, logs, ecr, ssm, quotas, index = (
    boto3.client(name, **SETTINGS)
    for name in ("ec2", "iam", "sts", "eks", "kms", "logs", "ecr", "ssm", "service-quotas", "resourcegroupstaggingapi"))


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        assert error.response["ResponseMetadata"]["RequestId"]
        return
    raise AssertionError(f"{call} was not refused with {code}")


def wait(what, until, limit=30):
    end = time.monotonic() + limit
    while not until():
        assert time.monotonic() < end, f"no end of waiting for {what}"
        time.sleep(0.02)


def tags(kind, **values):
    return [{"ResourceType": kind, "Tags": [{"Key": k, "Value": v} for k, v in values.items()]}]


def trust(service):
    return json.dumps({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
    })


def network():
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tags("vpc", Name="tour"))["Vpc"]["VpcId"]
    ec2.get_waiter("vpc_available").wait(VpcIds=[vpc], WaiterConfig={"Delay": 0, "MaxAttempts": 100})
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    for name in ("enableDnsSupport", "enableDnsHostnames"):
        answer = ec2.describe_vpc_attribute(VpcId=vpc, Attribute=name)
        assert answer[name[0].upper() + name[1:]]["Value"] is True
    zones = [z["ZoneName"] for z in ec2.describe_availability_zones(
        Filters=[{"Name": "state", "Values": ["available"]}])["AvailabilityZones"]]
    attributes = {a["AttributeName"]: a["AttributeValues"][0]["AttributeValue"]
                  for a in ec2.describe_account_attributes()["AccountAttributes"]}
    assert int(attributes["vpc-max-elastic-ips"]) > 0 and attributes["supported-platforms"] == "VPC"
    wanted = [{"Name": "instance-type", "Values": ["m7i.large", "p5.48xlarge", "none.large"]}]
    offers = list(ec2.get_paginator("describe_instance_type_offerings").paginate(
        LocationType="availability-zone", Filters=wanted, PaginationConfig={"PageSize": 5}).search("InstanceTypeOfferings"))
    assert sorted(o["InstanceType"] for o in offers) == ["m7i.large"] * len(zones) + ["p5.48xlarge"] * 2
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=zone,
                          TagSpecifications=tags("subnet", Name=zone))["Subnet"]["SubnetId"]
        for n, zone in enumerate(zones)
    ]
    ec2.modify_subnet_attribute(SubnetId=subnets[0], MapPublicIpOnLaunch={"Value": True})
    found = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}, {"Name": "tag:Name", "Values": zones[:1]}])
    assert found["Subnets"][0]["MapPublicIpOnLaunch"] is True
    return vpc, subnets


def routing(vpc, subnets):
    gateway = ec2.create_internet_gateway(TagSpecifications=tags("internet-gateway", Name="tour"))
    gateway = gateway["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    filters = [{"Name": "attachment.vpc-id", "Values": [vpc]}]
    assert ec2.describe_internet_gateways(Filters=filters)["InternetGateways"][0]["Attachments"][0]["State"] == "available"
    tables = [ec2.create_route_table(VpcId=vpc, ClientToken=f"tour-{n}")["RouteTable"]["RouteTableId"] for n in range(2)]
    ec2.create_route(RouteTableId=tables[0], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    ec2.create_route(RouteTableId=tables[0], DestinationIpv6CidrBlock="::/0", GatewayId=gateway)
    ec2.replace_route(RouteTableId=tables[0], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    ec2.delete_route(RouteTableId=tables[0], DestinationIpv6CidrBlock="::/0")
    association = ec2.associate_route_table(RouteTableId=tables[0], SubnetId=subnets[0])["AssociationId"]
    routes = ec2.describe_route_tables(RouteTableIds=tables[:1])["RouteTables"][0]["Routes"]
    assert [r["GatewayId"] for r in routes] == ["local", gateway]
    address = ec2.allocate_address(Domain="vpc", TagSpecifications=tags("elastic-ip", Name="tour"))["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=subnets[0], AllocationId=address, ClientToken="tour",
                                 TagSpecifications=tags("natgateway", Name="tour"))["NatGateway"]["NatGatewayId"]
    state = lambda: ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"][0]["State"]
    wait("the NAT gateway", lambda: state() == "available")
    ec2.create_route(RouteTableId=tables[1], DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
    assert ec2.describe_addresses(AllocationIds=[address])["Addresses"][0]["AssociationId"]
    assert ec2.describe_network_interfaces(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkInterfaces"]
    refused("InvalidIPAddress.InUse", ec2.release_address, AllocationId=address)
    held = ec2.describe_network_interfaces(Filters=[{"Name": "status", "Values": ["in-use"]}])["NetworkInterfaces"][0]
    refused("InvalidParameterValue", ec2.delete_network_interface, NetworkInterfaceId=held["NetworkInterfaceId"])
    free = ec2.create_network_interface(SubnetId=subnets[0], Description="aws-K8S-i-1", ClientToken="tour",
                                        TagSpecifications=tags("network-interface", Name="tour"))["NetworkInterface"]
    assert free["Status"] == "available" and free["Groups"], free
    ec2.delete_network_interface(NetworkInterfaceId=free["NetworkInterfaceId"])
    refused("InvalidNetworkInterfaceID.NotFound", ec2.delete_network_interface, NetworkInterfaceId=free["NetworkInterfaceId"])

    out = ec2.create_egress_only_internet_gateway(VpcId=vpc, ClientToken="tour")["EgressOnlyInternetGateway"]
    out = out["EgressOnlyInternetGatewayId"]
    ec2.create_route(RouteTableId=tables[1], DestinationIpv6CidrBlock="::/0", EgressOnlyInternetGatewayId=out)
    found = ec2.describe_egress_only_internet_gateways(EgressOnlyInternetGatewayIds=[out])
    assert found["EgressOnlyInternetGateways"][0]["Attachments"][0]["VpcId"] == vpc
    block = ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="10.9.0.0/16")["CidrBlockAssociation"]["AssociationId"]
    blocks = lambda: ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["CidrBlockAssociationSet"]
    wait("the block", lambda: [b["CidrBlockState"]["State"] for b in blocks()] == ["associated"] * 2)
    refused("InvalidVpc.Range", ec2.associate_vpc_cidr_block, VpcId=vpc, CidrBlock="192.168.0.0/16")

    service = lambda name: f"com.amazonaws.eu-west-1.{name}"
    gateway_end = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=service("s3"), RouteTableIds=tables[:1])["VpcEndpoint"]
    lists = [r.get("DestinationPrefixListId") for r in ec2.describe_route_tables(RouteTableIds=tables[:1])["RouteTables"][0]["Routes"]]
    assert any(lists), lists
    inner = ec2.create_vpc_endpoint(
        VpcId=vpc, ServiceName=service("sts"), VpcEndpointType="Interface", SubnetIds=subnets[:1],
        PrivateDnsEnabled=True, ClientToken="tour", TagSpecifications=tags("vpc-endpoint", Name="tour"))["VpcEndpoint"]
    ends = lambda: {e["VpcEndpointId"]: e for e in ec2.describe_vpc_endpoints(Filters=filters_of(vpc))["VpcEndpoints"]}
    wait("the endpoint", lambda: ends()[inner["VpcEndpointId"]]["State"] == "available")
    ec2.modify_vpc_endpoint(VpcEndpointId=inner["VpcEndpointId"], AddSubnetIds=subnets[1:2])
    assert len(ends()[inner["VpcEndpointId"]]["NetworkInterfaceIds"]) == 2
    refused("InvalidServiceName", ec2.create_vpc_endpoint, VpcId=vpc, ServiceName=service("nonsense"))

    yield
    ec2.delete_vpc_endpoints(VpcEndpointIds=[gateway_end["VpcEndpointId"], inner["VpcEndpointId"]])
    wait("the end of the endpoints", lambda: not ends())
    assert ec2.delete_vpc_endpoints(VpcEndpointIds=["vpce-0"])["Unsuccessful"]
    ec2.disassociate_vpc_cidr_block(AssociationId=block)
    ec2.delete_route(RouteTableId=tables[1], DestinationIpv6CidrBlock="::/0")
    ec2.delete_egress_only_internet_gateway(EgressOnlyInternetGatewayId=out)
    ec2.delete_nat_gateway(NatGatewayId=nat)
    wait("the end of the NAT gateway", lambda: state() == "deleted")
    ec2.release_address(AllocationId=address)
    replaced = ec2.replace_route_table_association(AssociationId=association, RouteTableId=tables[1])["NewAssociationId"]
    ec2.disassociate_route_table(AssociationId=replaced)
    for table in tables:
        ec2.delete_route_table(RouteTableId=table)
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.delete_internet_gateway(InternetGatewayId=gateway)


def filters_of(vpc):
    return [{"Name": "vpc-id", "Values": [vpc]}]


def templates():
    data = {
        "InstanceType": "m7i.large", "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 2},
        "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 50, "VolumeType": "gp3", "Encrypted": True}}],
        "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "b"}]}],
        "SecurityGroupIds": ["sg-0"], "Monitoring": {"Enabled": True}, "IamInstanceProfile": {"Name": "tour"},
    }
    made = ec2.create_launch_template(LaunchTemplateName="tour", LaunchTemplateData=data, VersionDescription="first",
                                      ClientToken="tour", TagSpecifications=tags("launch-template", Name="tour"))
    of = dict(LaunchTemplateId=made["LaunchTemplate"]["LaunchTemplateId"])
    refused("InvalidLaunchTemplateName.AlreadyExistsException", ec2.create_launch_template,
            LaunchTemplateName="tour", LaunchTemplateData=data)
    ec2.create_launch_template_version(**of, LaunchTemplateData=dict(data, InstanceType="m7g.large"))
    read = ec2.describe_launch_template_versions(**of, Versions=["$Latest"])["LaunchTemplateVersions"][0]
    assert (read["VersionNumber"], read["LaunchTemplateData"]["InstanceType"]) == (2, "m7g.large")
    both = ec2.describe_launch_template_versions(Versions=["$Latest", "$Default"])["LaunchTemplateVersions"]
    assert [version["VersionNumber"] for version in both] == [1, 2]
    refused("MissingParameter", ec2.describe_launch_template_versions, Versions=["1"])
    ec2.modify_launch_template(**of, DefaultVersion="2")
    gone = ec2.delete_launch_template_versions(**of, Versions=["1", "2", "9"])
    assert [len(gone[key]) for key in ("SuccessfullyDeletedLaunchTemplateVersions",
                                       "UnsuccessfullyDeletedLaunchTemplateVersions")] == [1, 2]
    found = ec2.describe_launch_templates(Filters=[{"Name": "launch-template-name", "Values": ["tour"]}])
    assert found["LaunchTemplates"][0]["DefaultVersionNumber"] == 2
    ec2.delete_launch_template(**of)
    refused("InvalidLaunchTemplateId.NotFound", ec2.describe_launch_template_versions, **of)


def groups(vpc):
    one, two = (
        ec2.create_security_group(GroupName=name, Description="tour", VpcId=vpc,
                                  TagSpecifications=tags("security-group", Name=name))["GroupId"]
        for name in ("one", "two")
    )
    permission = {
        "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443,
        "IpRanges": [{"CidrIp": "203.0.113.0/24", "Description": "office"}],
        "Ipv6Ranges": [{"CidrIpv6": "2001:db8::/32"}],
        "UserIdGroupPairs": [{"GroupId": two}],
    }
    made = ec2.authorize_security_group_ingress(
        GroupId=one, IpPermissions=[permission], TagSpecifications=tags("security-group-rule", Name="rule"))
    assert len(made["SecurityGroupRules"]) == 3
    refused("InvalidPermission.Duplicate", ec2.authorize_security_group_ingress, GroupId=one, IpPermissions=[permission])
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.revoke_security_group_egress(GroupId=one, IpPermissions=[everything])
    ec2.authorize_security_group_egress(GroupId=one, IpPermissions=[everything])
    read = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["one"]}])["SecurityGroups"][0]
    assert read["IpPermissions"][0]["UserIdGroupPairs"][0]["GroupId"] == two
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [one]}])["SecurityGroupRules"]
    assert len(rules) == 4
    refused("DependencyViolation", ec2.delete_security_group, GroupId=two)
    ec2.revoke_security_group_ingress(
        GroupId=one, SecurityGroupRuleIds=[r["SecurityGroupRuleId"] for r in rules if not r["IsEgress"]])

    yield
    for group in (two, one):
        ec2.delete_security_group(GroupId=group)


def tagging(vpc):
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}])
    read = ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [vpc]}])["Tags"]
    assert {t["Key"]: t["Value"] for t in read} == {"Name": "tour", "a": "1", "b": ""}
    ec2.delete_tags(Resources=[vpc], Tags=[{"Key": "a"}, {"Key": "b"}])


def roles():
    arns = {}
    for name, service, policy in (
            ("cluster", "eks", "AmazonEKSClusterPolicy"), ("node", "ec2", "AmazonEKSWorkerNodePolicy"),
            ("fargate", "eks-fargate-pods", "AmazonEKSFargatePodExecutionRolePolicy")):
        role = iam.create_role(RoleName=f"tour-{name}", AssumeRolePolicyDocument=trust(f"{service}.amazonaws.com"),
                               Description="tour", Tags=[{"Key": "Name", "Value": name}])["Role"]
        assert role["AssumeRolePolicyDocument"]["Statement"][0]["Effect"] == "Allow"
        iam.attach_role_policy(RoleName=f"tour-{name}", PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
        arns[name] = role["Arn"]
    name = "tour-node"
    iam.update_role(RoleName=name, MaxSessionDuration=7200)
    iam.update_role_description(RoleName=name, Description="other")
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust("ec2.amazonaws.com"))
    iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary="arn:aws:iam::aws:policy/PowerUserAccess")
    iam.delete_role_permissions_boundary(RoleName=name)
    refused("NoSuchEntity", iam.delete_role_permissions_boundary, RoleName=name)
    iam.tag_role(RoleName=name, Tags=[{"Key": "a", "Value": "1"}])
    iam.untag_role(RoleName=name, TagKeys=["a"])
    assert iam.list_role_tags(RoleName=name)["Tags"] == [{"Key": "Name", "Value": "node"}]
    assert iam.get_role(RoleName=name)["Role"]["Description"] == "other"
    assert [r["RoleName"] for r in iam.list_roles()["Roles"]] == ["tour-cluster", "tour-fargate", "tour-node"]
    pages = iam.get_paginator("list_roles").paginate(PaginationConfig={"PageSize": 1})
    assert sum(len(page["Roles"]) for page in pages) == 3
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert [a["PolicyName"] for a in attached] == ["AmazonEKSWorkerNodePolicy"]
    assert iam.get_policy(PolicyArn=attached[0]["PolicyArn"])["Policy"]["Path"] == "/"
    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == []
    refused("DeleteConflict", iam.delete_role, RoleName=name)
    refused("NoSuchEntity", iam.get_role, RoleName="nobody")
    refused("EntityAlreadyExists", iam.create_role, RoleName=name, AssumeRolePolicyDocument=trust("x"))
    assert sts.get_caller_identity()["Account"] == "123456789012"
    session = sts.assume_role(RoleArn=arns["node"], RoleSessionName="tour")["Credentials"]
    settings = dict(SETTINGS, aws_access_key_id=session["AccessKeyId"],
                    aws_secret_access_key=session["SecretAccessKey"], aws_session_token=session["SessionToken"])
    who = boto3.client("sts", **settings).get_caller_identity()["Arn"]
    assert who == "arn:aws:sts::123456789012:assumed-role/tour-node/tour"

    yield arns
    for role in iam.list_roles()["Roles"]:
        for policy in iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=role["RoleName"], PolicyArn=policy["PolicyArn"])
        iam.delete_role(RoleName=role["RoleName"])


def allow(*actions):
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def policies(arns):
    made = iam.create_policy(PolicyName="tour", Path="/a/", PolicyDocument=allow("s3:GetObject"), Description="tour",
                             Tags=[{"Key": "Name", "Value": "tour"}])["Policy"]
    of = dict(PolicyArn=made["Arn"])
    refused("EntityAlreadyExists", iam.create_policy, PolicyName="tour", PolicyDocument=allow("s3:*"))
    version = iam.create_policy_version(**of, PolicyDocument=allow("s3:*"), SetAsDefault=True)["PolicyVersion"]["VersionId"]
    read = iam.get_policy_version(**of, VersionId=iam.get_policy(**of)["Policy"]["DefaultVersionId"])["PolicyVersion"]
    assert read["Document"]["Statement"][0]["Action"] == ["s3:*"]
    assert len(iam.list_policy_versions(**of)["Versions"]) == 2
    refused("DeleteConflict", iam.delete_policy, **of)
    iam.set_default_policy_version(**of, VersionId="v1")
    iam.delete_policy_version(**of, VersionId=version)
    iam.tag_policy(**of, Tags=[{"Key": "a", "Value": "1"}])
    iam.untag_policy(**of, TagKeys=["a"])
    assert iam.list_policy_tags(**of)["Tags"] == [{"Key": "Name", "Value": "tour"}]
    listed = iam.list_policies(Scope="Local")["Policies"]
    assert [(p["Arn"], p["DefaultVersionId"], "Tags" in p) for p in listed] == [(made["Arn"], "v1", False)]
    assert iam.list_policies(OnlyAttached=True, Scope="Local")["Policies"] == []
    managed = iam.get_paginator("list_policies").paginate(Scope="AWS", PaginationConfig={"PageSize": 100})
    assert any(p["PolicyName"] == "AmazonEKSClusterPolicy" for page in managed for p in page["Policies"])
    iam.attach_role_policy(RoleName="tour-node", **of)
    refused("DeleteConflict", iam.delete_policy, **of)
    iam.detach_role_policy(RoleName="tour-node", **of)
    iam.delete_policy(**of)
    refused("NoSuchEntity", iam.get_policy, **of)

    of = dict(InstanceProfileName="tour")
    iam.create_instance_profile(**of, Tags=[{"Key": "Name", "Value": "tour"}])
    iam.add_role_to_instance_profile(**of, RoleName="tour-node")
    refused("LimitExceeded", iam.add_role_to_instance_profile, **of, RoleName="tour-cluster")
    profiles = iam.list_instance_profiles_for_role(RoleName="tour-node")["InstanceProfiles"]
    assert [p["InstanceProfileName"] for p in profiles] == ["tour"]
    assert iam.get_instance_profile(**of)["InstanceProfile"]["Roles"][0]["Arn"] == arns["node"]
    refused("DeleteConflict", iam.delete_instance_profile, **of)
    iam.tag_instance_profile(**of, Tags=[{"Key": "a", "Value": "1"}])
    iam.untag_instance_profile(**of, TagKeys=["a"])
    assert iam.list_instance_profile_tags(**of)["Tags"] == [{"Key": "Name", "Value": "tour"}]
    listed = iam.list_instance_profiles(PathPrefix="/")["InstanceProfiles"]
    assert [(p["InstanceProfileName"], "Tags" in p) for p in listed] == [("tour", False)]
    iam.remove_role_from_instance_profile(**of, RoleName="tour-node")
    iam.delete_instance_profile(**of)

    issuer = dict(Url="https://oidc.example.com/id/A", ClientIDList=["sts.amazonaws.com"])
    arn = iam.create_open_id_connect_provider(**issuer)["OpenIDConnectProviderArn"]
    of = dict(OpenIDConnectProviderArn=arn)
    refused("EntityAlreadyExists", iam.create_open_id_connect_provider, **issuer)
    assert [p["Arn"] for p in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]] == [arn]
    iam.add_client_id_to_open_id_connect_provider(**of, ClientID="a")
    iam.remove_client_id_from_open_id_connect_provider(**of, ClientID="a")
    iam.update_open_id_connect_provider_thumbprint(**of, ThumbprintList=["0" * 40])
    iam.tag_open_id_connect_provider(**of, Tags=[{"Key": "a", "Value": "1"}])
    assert iam.list_open_id_connect_provider_tags(**of)["Tags"] == [{"Key": "a", "Value": "1"}]
    iam.untag_open_id_connect_provider(**of, TagKeys=["a"])
    read = iam.get_open_id_connect_provider(**of)
    assert (read["Url"], read["ThumbprintList"]) == ("oidc.example.com/id/A", ["0" * 40])
    iam.delete_open_id_connect_provider(**of)
    refused("NoSuchEntity", iam.get_open_id_connect_provider, **of)


def key_policy(service):
    root = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "kms:*", "Resource": "*"}
    use = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "kms:Encrypt*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [root, use]})


def keys():
    made = kms.create_key(Description="tour", Tags=[{"TagKey": "Name", "TagValue": "tour"}],
                          Policy=key_policy("logs.eu-west-1.amazonaws.com"))["KeyMetadata"]
    of = dict(KeyId=made["KeyId"])
    kms.update_key_description(**of, Description="other")
    assert kms.describe_key(**of)["KeyMetadata"]["Description"] == "other"
    kms.put_key_policy(**of, Policy=key_policy("logs.eu-west-1.amazonaws.com"))
    assert "logs.eu-west-1" in kms.get_key_policy(**of)["Policy"]
    kms.enable_key_rotation(**of, RotationPeriodInDays=90)
    assert kms.get_key_rotation_status(**of)["RotationPeriodInDays"] == 90
    kms.disable_key(**of)
    refused("DisabledException", kms.disable_key_rotation, **of)
    kms.enable_key(**of)
    kms.disable_key_rotation(**of)
    kms.tag_resource(**of, Tags=[{"TagKey": "a", "TagValue": "1"}])
    kms.untag_resource(**of, TagKeys=["a"])
    assert kms.list_resource_tags(**of)["Tags"] == [{"TagKey": "Name", "TagValue": "tour"}]
    assert [one["KeyArn"] for one in kms.list_keys()["Keys"]] == [made["Arn"]]
    kms.create_alias(AliasName="alias/tour", TargetKeyId=made["Arn"])
    refused("AlreadyExistsException", kms.create_alias, AliasName="alias/tour", TargetKeyId=made["Arn"])
    assert kms.describe_key(KeyId="alias/tour")["KeyMetadata"]["Arn"] == made["Arn"]
    other = kms.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    kms.update_alias(AliasName="alias/tour", TargetKeyId=other)
    assert kms.list_aliases(KeyId=other)["Aliases"][0]["AliasName"] == "alias/tour"
    kms.delete_alias(AliasName="alias/tour")
    refused("NotFoundException", kms.delete_alias, AliasName="alias/tour")
    kms.schedule_key_deletion(KeyId=other, PendingWindowInDays=7)
    kms.cancel_key_deletion(KeyId=other)
    kms.schedule_key_deletion(KeyId=other)

    group = dict(logGroupName="/tour/a")
    logs.create_log_group(**group, kmsKeyId=made["Arn"], tags={"Name": "tour"}, logGroupClass="INFREQUENT_ACCESS")
    refused("ResourceAlreadyExistsException", logs.create_log_group, **group)
    logs.put_retention_policy(**group, retentionInDays=30)
    logs.disassociate_kms_key(**group)
    logs.associate_kms_key(**group, kmsKeyId=made["Arn"])
    read = logs.describe_log_groups(logGroupNamePrefix="/tour/")["logGroups"][0]
    assert (read["retentionInDays"], read["kmsKeyId"]) == (30, made["Arn"])
    logs.delete_retention_policy(**group)
    logs.tag_resource(resourceArn=read["logGroupArn"], tags={"a": "1"})
    logs.untag_resource(resourceArn=read["logGroupArn"], tagKeys=["a"])
    assert logs.list_tags_for_resource(resourceArn=read["logGroupArn"])["tags"] == {"Name": "tour"}
    logs.delete_log_group(**group)
    refused("ResourceNotFoundException", logs.delete_log_group, **group)

    yield made["Arn"]
    kms.schedule_key_deletion(**of)
    refused("KMSInvalidStateException", kms.schedule_key_deletion, **of)


def told(arns):
    answer = index.get_resources(ResourceARNList=arns)
    return {resource["ResourceARN"]: resource["Tags"] for resource in answer["ResourceTagMappingList"]}


def repositories(key):
    of = dict(repositoryName="tour/a")
    made = ecr.create_repository(**of, tags=[{"Key": "Name", "Value": "tour"}], imageScanningConfiguration={"scanOnPush": True},
                                 encryptionConfiguration={"encryptionType": "KMS", "kmsKey": key})["repository"]
    refused("RepositoryAlreadyExistsException", ecr.create_repository, **of)
    ecr.put_image_tag_mutability(**of, imageTagMutability="IMMUTABLE")
    ecr.put_image_scanning_configuration(**of, imageScanningConfiguration={"scanOnPush": False})
    read = ecr.describe_repositories(repositoryNames=["tour/a"])["repositories"][0]
    wait("the index of tags", lambda: told([made["repositoryArn"]]))
    assert told([made["repositoryArn"]]) == {made["repositoryArn"]: [{"Key": "Name", "Value": "tour"}]}
    pages = index.get_paginator("get_resources").paginate(
        ResourceTypeFilters=["ecr", "logs:log-group"], TagFilters=[{"Key": "Name", "Values": ["tour", "other"]}], ResourcesPerPage=1)
    assert [r["ResourceARN"] for page in pages for r in page["ResourceTagMappingList"]] == [made["repositoryArn"]]
    refused("InvalidParameterException", index.get_resources, ResourceARNList=[made["repositoryArn"]], ResourcesPerPage=1)
    assert (read["imageTagMutability"], read["encryptionConfiguration"]["kmsKey"]) == ("IMMUTABLE", key)
    arn = made["repositoryArn"]
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "a", "Value": "1"}])
    ecr.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "Name", "Value": "tour"}]
    ecr.put_image(**of, imageManifest="{}", imageTag="v1")
    refused("RepositoryNotEmptyException", ecr.delete_repository, **of)
    ecr.delete_repository(**of, force=True)
    refused("RepositoryNotFoundException", ecr.describe_repositories, repositoryNames=["tour/a"])


def images():
    name = "/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/arm64/standard/recommended/image_id"
    assert ssm.get_parameter(Name=name)["Parameter"]["Value"].startswith("ami-")
    refused("ParameterNotFound", ssm.get_parameter, Name="/tour")


def limits():
    of = {"ServiceCode": "vpc", "QuotaCode": "L-F678F1CE"}
    assert quotas.get_aws_default_service_quota(**of)["Quota"]["Value"] == 5
    assert quotas.get_service_quota(**of)["Quota"]["Value"] == 100
    of = {"ServiceCode": "eks", "QuotaCode": "L-1194D53C"}
    assert quotas.get_aws_default_service_quota(**of)["Quota"]["QuotaName"] == "Clusters"
    refused("NoSuchResourceException", quotas.get_service_quota, **of)


def updated(name, update, **of):
    read = lambda: eks.describe_update(name=name, updateId=update["id"], **of)["update"]
    wait(f"the {update['type']}", lambda: read()["status"] != "InProgress")
    assert read()["status"] == "Successful", read()


def cluster(arns, subnets, key):
    name = "tour"
    assert any(v["defaultVersion"] for v in eks.describe_cluster_versions()["clusterVersions"])
    request = dict(
        name=name, version="1.34", roleArn=arns["cluster"],
        resourcesVpcConfig={"subnetIds": subnets, "publicAccessCidrs": ["203.0.113.0/24"]},
        accessConfig={"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False},
        logging={"clusterLogging": [{"types": ["api", "audit"], "enabled": True}]},
        upgradePolicy={"supportType": "STANDARD"}, bootstrapSelfManagedAddons=False,
        encryptionConfig=[{"resources": ["secrets"], "provider": {"keyArn": key}}],
        tags={"Name": name}, clientRequestToken="tour",
    )
    made = eks.create_cluster(**request)["cluster"]
    assert made["status"] == "CREATING"
    assert eks.create_cluster(**request)["cluster"]["createdAt"] == made["createdAt"]
    refused("ResourceInUseException", eks.create_cluster, **dict(request, clientRequestToken="other"))
    wait("the cluster", lambda: eks.describe_cluster(name=name)["cluster"]["status"] == "ACTIVE")
    read = eks.describe_cluster(name=name)["cluster"]
    assert read["certificateAuthority"]["data"] and read["identity"]["oidc"]["issuer"]
    assert eks.list_clusters()["clusters"] == [name]
    for change in (
        {"resourcesVpcConfig": {"endpointPrivateAccess": True}},
        {"logging": {"clusterLogging": [{"types": ["audit"], "enabled": False}]}},
        {"upgradePolicy": {"supportType": "EXTENDED"}},
        {"zonalShiftConfig": {"enabled": True}},
        {"resourcesVpcConfig": {"subnetIds": subnets[:2]}},
    ):
        updated(name, eks.update_cluster_config(name=name, **change)["update"])
        refused("InvalidParameterException", eks.update_cluster_config, name=name, **change)
    refused("InvalidParameterException", eks.associate_encryption_config, clusterName=name,
            encryptionConfig=request["encryptionConfig"])
    update = eks.update_cluster_version(name=name, version="1.35")["update"]
    refused("ResourceInUseException", eks.update_cluster_config, name=name, deletionProtection=True)
    updated(name, update)
    assert update["id"] in eks.list_updates(name=name)["updateIds"]
    arn = read["arn"]
    eks.tag_resource(resourceArn=arn, tags={"a": "1"})
    eks.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert eks.list_tags_for_resource(resourceArn=arn)["tags"] == {"Name": name}

    principal = dict(clusterName=name, principalArn=arns["node"])
    eks.create_access_entry(**principal, kubernetesGroups=["viewers"], tags={"Name": "tour"}, clientRequestToken="entry")
    eks.update_access_entry(**principal, username="tourist")
    assert eks.describe_access_entry(**principal)["accessEntry"]["kubernetesGroups"] == ["viewers"]
    assert eks.list_access_entries(clusterName=name)["accessEntries"] == [arns["node"]]
    policy = eks.list_access_policies()["accessPolicies"][0]["arn"]
    eks.associate_access_policy(**principal, policyArn=policy, accessScope={"type": "namespace", "namespaces": ["a"]})
    associated = eks.list_associated_access_policies(**principal)["associatedAccessPolicies"]
    assert [one["policyArn"] for one in associated] == [policy]
    eks.disassociate_access_policy(**principal, policyArn=policy)
    eks.delete_access_entry(**principal)
    refused("ResourceNotFoundException", eks.describe_access_entry, **principal)

    identity = dict(clusterName=name, namespace="apps", serviceAccount="app", roleArn=arns["node"])
    made = eks.create_pod_identity_association(**identity, tags={"Name": "tour"}, clientRequestToken="app")["association"]
    of = dict(clusterName=name, associationId=made["associationId"])
    refused("ResourceInUseException", eks.create_pod_identity_association, **identity)
    eks.update_pod_identity_association(**of, targetRoleArn=arns["cluster"])
    assert eks.describe_pod_identity_association(**of)["association"]["externalId"]
    listed = eks.list_pod_identity_associations(clusterName=name, namespace="apps")["associations"]
    assert [one["associationId"] for one in listed] == [made["associationId"]]
    eks.tag_resource(resourceArn=made["associationArn"], tags={"a": "1"})
    eks.delete_pod_identity_association(**of)

    offered = eks.describe_addon_versions(kubernetesVersion="1.35", addonName="vpc-cni")["addons"][0]["addonVersions"]
    assert len(offered) == 2 and not offered[0]["compatibilities"][0]["defaultVersion"]
    settings = eks.describe_addon_configuration(addonName="vpc-cni", addonVersion=offered[0]["addonVersion"])
    assert settings["podIdentityConfiguration"][0]["serviceAccount"] == "aws-node"
    of = dict(clusterName=name, addonName="vpc-cni")
    state = lambda: eks.describe_addon(**of)["addon"]["status"]
    eks.create_addon(**of, configurationValues='{"env": {"A": "1"}}', tags={"Name": "tour"}, clientRequestToken="cni",
                     podIdentityAssociations=[{"serviceAccount": "aws-node", "roleArn": arns["node"]}])
    wait("the add-on", lambda: state() == "ACTIVE")
    update = eks.update_addon(**of, addonVersion=offered[0]["addonVersion"], podIdentityAssociations=[])["update"]
    updated(name, update, addonName="vpc-cni")
    assert eks.list_addons(clusterName=name)["addons"] == ["vpc-cni"]
    assert eks.list_pod_identity_associations(clusterName=name)["associations"] == []
    eks.create_addon(clusterName=name, addonName="coredns")
    of_dns = dict(clusterName=name, addonName="coredns")
    wait("the add-on without nodes", lambda: eks.describe_addon(**of_dns)["addon"]["status"] == "DEGRADED")
    eks.delete_addon(**of_dns)
    eks.delete_addon(**of, preserve=True)
    wait("the end of the add-ons", lambda: eks.list_addons(clusterName=name)["addons"] == [])
    refused("ResourceNotFoundException", eks.describe_addon, **of)

    of = dict(clusterName=name, fargateProfileName="tour")
    eks.create_fargate_profile(**of, podExecutionRoleArn=arns["fargate"], subnets=subnets[1:],
                               selectors=[{"namespace": "apps", "labels": {"a": "b"}}], tags={"Name": "tour"})
    state = lambda: eks.describe_fargate_profile(**of)["fargateProfile"]["status"]
    wait("the Fargate profile", lambda: state() == "ACTIVE")
    assert eks.list_fargate_profiles(clusterName=name)["fargateProfileNames"] == ["tour"]
    refused("InvalidParameterException", eks.create_fargate_profile, clusterName=name, fargateProfileName="public",
            podExecutionRoleArn=arns["fargate"], subnets=subnets[:1], selectors=[{"namespace": "apps"}])
    eks.delete_fargate_profile(**of)
    wait("the end of the Fargate profile", lambda: not eks.list_fargate_profiles(clusterName=name)["fargateProfileNames"])

    issuer = {"identityProviderConfigName": "tour", "issuerUrl": "https://issuer.example.com", "clientId": "tour",
              "requiredClaims": {"a": "b"}}
    updated(name, eks.associate_identity_provider_config(clusterName=name, oidc=issuer, tags={"Name": "tour"})["update"])
    of = dict(clusterName=name, identityProviderConfig={"type": "oidc", "name": "tour"})
    config = eks.describe_identity_provider_config(**of)["identityProviderConfig"]["oidc"]
    assert config["status"] == "ACTIVE" and config["issuerUrl"] == issuer["issuerUrl"]
    assert eks.list_identity_provider_configs(clusterName=name)["identityProviderConfigs"][0]["name"] == "tour"
    updated(name, eks.disassociate_identity_provider_config(**of)["update"])
    refused("ResourceNotFoundException", eks.describe_identity_provider_config, **of)

    nodes = "nodes"
    of = dict(clusterName=name, nodegroupName=nodes)
    template = ec2.create_launch_template(LaunchTemplateName="tour-nodes", LaunchTemplateData={"InstanceType": "m7i.large"})
    template = template["LaunchTemplate"]["LaunchTemplateId"]
    ec2.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData={"InstanceType": "m7i.xlarge"})
    of_template = dict(clusterName=name, nodegroupName="template", subnets=subnets, nodeRole=arns["node"])
    refused("InvalidParameterException", eks.create_nodegroup, **of_template, diskSize=20,
            launchTemplate={"id": template})
    eks.create_nodegroup(**of_template, launchTemplate={"id": template, "version": "1"})
    of_template = dict(clusterName=name, nodegroupName="template")
    wait("the node group", lambda: eks.describe_nodegroup(**of_template)["nodegroup"]["status"] == "ACTIVE")
    newer = {"name": "tour-nodes", "version": "2"}
    update = eks.update_nodegroup_version(**of_template, launchTemplate=newer)["update"]
    updated(name, update, nodegroupName="template")
    read = eks.describe_nodegroup(**of_template)["nodegroup"]
    assert read["launchTemplate"]["version"] == "2" and "diskSize" not in read, read
    eks.delete_nodegroup(**of_template)
    wait("the end of the node group", lambda: eks.list_nodegroups(clusterName=name)["nodegroups"] == [])
    ec2.delete_launch_template(LaunchTemplateId=template)
    eks.create_nodegroup(
        **of, subnets=subnets, nodeRole=arns["node"], version="1.34", labels={"a": "1"}, tags={"Name": nodes},
        taints=[{"key": "k", "value": "v", "effect": "NO_SCHEDULE"}],
        scalingConfig={"minSize": 1, "maxSize": 3, "desiredSize": 2}, capacityType="SPOT", instanceTypes=["m7g.large"],
        amiType="AL2023_ARM_64_STANDARD", diskSize=50, updateConfig={"maxUnavailable": 1},
    )
    wait("the node group", lambda: eks.describe_nodegroup(**of)["nodegroup"]["status"] == "ACTIVE")
    assert eks.list_nodegroups(clusterName=name)["nodegroups"] == [nodes]
    change = {"labels": {"addOrUpdateLabels": {"b": "2"}, "removeLabels": ["a"]}, "scalingConfig": {"maxSize": 5}}
    updated(name, eks.update_nodegroup_config(**of, **change)["update"], nodegroupName=nodes)
    updated(name, eks.update_nodegroup_version(**of, version="1.35")["update"], nodegroupName=nodes)
    read = eks.describe_nodegroup(**of)["nodegroup"]
    assert (read["labels"], read["version"], read["scalingConfig"]["maxSize"]) == ({"b": "2"}, "1.35", 5)
    eks.tag_resource(resourceArn=read["nodegroupArn"], tags={"a": "1"})
    refused("ResourceInUseException", eks.delete_cluster, name=name)

    yield
    eks.delete_nodegroup(**of)
    wait("the end of the node group", lambda: eks.list_nodegroups(clusterName=name)["nodegroups"] == [])
    refused("ResourceNotFoundException", eks.describe_nodegroup, **of)
    eks.delete_cluster(name=name)
    wait("the end of the cluster", lambda: eks.list_clusters()["clusters"] == [])
    refused("ResourceNotFoundException", eks.describe_cluster, name=name)


def command_line():
    environment = dict(os.environ, AWS_ENDPOINT_URL=URL, AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test",
                       AWS_DEFAULT_REGION="eu-west-1", AWS_PAGER="", AWS_CONFIG_FILE="/nonexistent",
                       AWS_SHARED_CREDENTIALS_FILE="/nonexistent")

    def aws(*arguments):
        done = subprocess.run(["aws", "--output", "json", *arguments], env=environment, check=True, capture_output=True)
        return json.loads(done.stdout)

    assert aws("sts", "get-caller-identity")["Account"] == "123456789012"
    assert aws("ec2", "describe-vpcs", "--filters", "Name=tag:Name,Values=tour")["Vpcs"][0]["State"] == "available"
    assert aws("iam", "get-role", "--role-name", "tour-node")["Role"]["Path"] == "/"
    assert aws("eks", "describe-cluster", "--name", "tour")["cluster"]["version"] == "1.35"
    assert aws("logs", "describe-log-groups")["logGroups"][0]["logGroupName"] == "/aws/eks/tour/cluster"


def main():
    vpc, subnets = network()
    tagging(vpc)
    templates()
    parts = [routing(vpc, subnets), groups(vpc), roles()]
    results = [next(part) for part in parts]
    policies(results[2])
    parts.append(keys())
    key = next(parts[-1])
    repositories(key)
    images()
    limits()
    parts.append(cluster(results[2], subnets, key))
    next(parts[-1])
    command_line()
    refused("DependencyViolation", ec2.delete_vpc, VpcId=vpc)
    for part in reversed(parts):
        assert next(part, "done") == "done"
    for subnet in subnets:
        ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc)
    refused("InvalidVpcID.NotFound", ec2.describe_vpcs, VpcIds=[vpc])
    print("the tour is complete")


if __name__ == "__main__":
    main()
