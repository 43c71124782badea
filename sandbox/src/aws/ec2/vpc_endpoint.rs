//! VPC endpoints: ways to services of AWS that do not leave the network.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::aws::ACCOUNT;
use crate::aws::error::{Answer, AwsError};
use crate::aws::params::Params;
use crate::aws::service::{Cx, QueryOperation};
use crate::aws::time::iso_millis;
use crate::aws::token::{Seen, Use};
use crate::world::{Key, New, Object, World};

use super::describe::{Describe, find};
use super::kinds::{EndpointState, RouteTable, SecurityGroup, Subnet, Vpc, VpcEndpoint};
use super::network_interface::{Interface, add_interface, remove_interfaces};
use super::route_table::token_mismatch;
use super::security_group::default_group;
use super::tagging;

pub(super) const OPERATIONS: &[QueryOperation] = &[
    QueryOperation::write("CreateVpcEndpoint", create),
    QueryOperation::read("DescribeVpcEndpoints", describe),
    QueryOperation::write("ModifyVpcEndpoint", modify),
    QueryOperation::write("DeleteVpcEndpoints", delete),
];

/// How long it takes, in the cloud's seconds. A gateway endpoint takes no time.
const CREATE_SECONDS: u64 = 60;
const CHANGE_SECONDS: u64 = 30;
const DELETE_SECONDS: u64 = 60;

/// The services with gateway endpoints.
const GATEWAYS: [&str; 2] = ["dynamodb", "s3"];
/// The services with interface endpoints.
const INTERFACES: [&str; 24] = [
    "autoscaling",
    "cloudformation",
    "dynamodb",
    "ebs",
    "ec2",
    "ec2messages",
    "ecr.api",
    "ecr.dkr",
    "eks",
    "eks-auth",
    "elasticfilesystem",
    "elasticloadbalancing",
    "guardduty-data",
    "kms",
    "logs",
    "monitoring",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "ssmmessages",
    "sts",
    "xray",
];

const EVERYTHING: &str =
    r#"{"Statement":[{"Action":"*","Effect":"Allow","Principal":"*","Resource":"*"}]}"#;

/// The last part of a service's name, where it is one of this region.
fn service_of<'a>(region: &str, name: &'a str) -> Option<&'a str> {
    name.strip_prefix("com.amazonaws.")?
        .strip_prefix(region)?
        .strip_prefix('.')
}

/// The list of addresses of a gateway service.
pub(super) fn prefix_list(region: &str, service: &str) -> Option<String> {
    let known = service_of(region, service).filter(|known| GATEWAYS.contains(known))?;
    let seed = known.len() as u64;
    let number = crate::ids::Seeded::new(seed, &[region.len() as u64]).next();
    Some(format!("pl-{:08x}", number & 0xffff_ffff))
}

fn create(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let request = p.canonical();
    let vpc = p.req("VpcId")?;
    let service = p.req("ServiceName")?;
    let kind = p.one_of("VpcEndpointType", &["Gateway", "Interface"])?;
    let policy = p.opt("PolicyDocument").filter(|text| !text.is_empty());
    let tables = p.list("RouteTableId");
    let subnets = p.list("SubnetId");
    let groups = p.list("SecurityGroupId");
    let private_dns = p.bool("PrivateDnsEnabled")?;
    let token = p.opt("ClientToken");
    let tags = tagging::take_specification(p, "vpc-endpoint")?;
    p.finish()?;
    let region = cx.region.clone();
    let used = Use {
        region: &region,
        operation: "CreateVpcEndpoint",
        token: token.as_deref(),
        request: &request,
    };
    match used.seen(cx.world) {
        Seen::New => {}
        Seen::Same(id) => {
            let endpoint = find::<VpcEndpoint>(cx, &id)?;
            return Ok(json!({ "vpcEndpoint": view(cx.world, endpoint), "clientToken": token }));
        }
        Seen::Other => return Err(token_mismatch()),
    }
    find::<Vpc>(cx, &vpc)?;
    let is_gateway = kind.as_deref() != Some("Interface");
    check_service(cx, &service, is_gateway)?;
    let mut endpoint = VpcEndpoint {
        vpc,
        service,
        is_gateway,
        policy: policy.unwrap_or_else(|| EVERYTHING.to_owned()),
        tables,
        subnets,
        groups,
        private_dns: private_dns.unwrap_or(!is_gateway),
        state: if is_gateway {
            EndpointState::Available
        } else {
            EndpointState::Pending
        },
        until_ms: (!is_gateway).then(|| cx.world.after_seconds(CREATE_SECONDS)),
    };
    if !is_gateway && endpoint.groups.is_empty() {
        endpoint.groups.extend(default_group(cx, &endpoint.vpc));
    }
    check(cx, "", &endpoint)?;
    let id = cx.world.new_id("vpce");
    let new = New::plain(&region, id, endpoint)
        .tags(tags)
        .token(token.clone());
    let endpoint = cx.world.insert(new);
    used.remember(cx.world, &endpoint.id);
    place_interfaces(cx.world, &endpoint);
    Ok(json!({ "vpcEndpoint": view(cx.world, &endpoint), "clientToken": token }))
}

fn check_service(cx: &Cx<'_>, service: &str, is_gateway: bool) -> Result<(), AwsError> {
    let offered: &[&str] = if is_gateway { &GATEWAYS } else { &INTERFACES };
    match service_of(&cx.region, service) {
        Some(known) if offered.contains(&known) => Ok(()),
        Some(known) if is_gateway && INTERFACES.contains(&known) => Err(AwsError::new(
            "InvalidParameter",
            format!(
                "Endpoint type (Gateway) does not match available service types ([Interface]) of {service}."
            ),
        )),
        Some(_) | None => Err(AwsError::new(
            "InvalidServiceName",
            format!("The Vpc Endpoint Service '{service}' does not exist"),
        )),
    }
}

fn invalid(text: impl Into<String>) -> AwsError {
    AwsError::new("InvalidParameter", text)
}

/// Judges an endpoint as it is to be; `id` is its own, once it has one.
fn check(cx: &Cx<'_>, id: &str, endpoint: &VpcEndpoint) -> Result<(), AwsError> {
    let policy: Result<Value, _> = serde_json::from_str(&endpoint.policy);
    if !policy.is_ok_and(|policy| policy.get("Statement").is_some()) {
        return Err(AwsError::new(
            "InvalidPolicyDocument",
            "The policy document is not valid",
        ));
    }
    if endpoint.is_gateway {
        check_gateway(cx, id, endpoint)
    } else {
        check_interface(cx, id, endpoint)
    }
}

fn check_gateway(cx: &Cx<'_>, id: &str, endpoint: &VpcEndpoint) -> Result<(), AwsError> {
    if !endpoint.subnets.is_empty() || !endpoint.groups.is_empty() || endpoint.private_dns {
        return Err(invalid(
            "Subnets, security groups and private DNS are for endpoints of type Interface",
        ));
    }
    for table in &endpoint.tables {
        if find::<RouteTable>(cx, table)?.body.vpc != endpoint.vpc {
            let text = format!(
                "Route table {table} does not belong to VPC {}",
                endpoint.vpc
            );
            return Err(AwsError::new("InvalidParameter", text));
        }
        let mut others = cx.world.all::<VpcEndpoint>(&cx.region);
        let taken = others.any(|other| {
            other.id != id
                && other.body.service == endpoint.service
                && other.body.tables.contains(table)
        });
        if taken {
            let list = prefix_list(&cx.region, &endpoint.service).unwrap_or_default();
            let text = format!(
                "route table {table} already has a route with destination-prefix-list-id {list}"
            );
            return Err(AwsError::new("RouteAlreadyExists", text));
        }
    }
    Ok(())
}

fn check_interface(cx: &Cx<'_>, id: &str, endpoint: &VpcEndpoint) -> Result<(), AwsError> {
    if !endpoint.tables.is_empty() {
        return Err(invalid("Route tables are for endpoints of type Gateway"));
    }
    let mut zones = BTreeSet::new();
    for subnet in &endpoint.subnets {
        let body = &find::<Subnet>(cx, subnet)?.body;
        if body.vpc != endpoint.vpc {
            let text = format!("Subnet {subnet} does not belong to VPC {}", endpoint.vpc);
            return Err(invalid(text));
        }
        if !zones.insert(body.zone.clone()) {
            let text = format!(
                "Found another VPC endpoint subnet in the availability zone of {subnet}. VPC endpoint subnets should be in different availability zones supported by the VPC endpoint service."
            );
            return Err(AwsError::new("DuplicateSubnetsInSameZone", text));
        }
    }
    if endpoint.groups.is_empty() {
        return Err(invalid("An endpoint must have at least one security group"));
    }
    for group in &endpoint.groups {
        if find::<SecurityGroup>(cx, group)?.body.vpc != endpoint.vpc {
            let text = format!(
                "Security group {group} does not belong to VPC {}",
                endpoint.vpc
            );
            return Err(invalid(text));
        }
    }
    if !endpoint.private_dns {
        return Ok(());
    }
    let vpc = &find::<Vpc>(cx, &endpoint.vpc)?.body;
    if !vpc.dns_support || !vpc.dns_hostnames {
        return Err(invalid(format!(
            "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for {}",
            endpoint.vpc
        )));
    }
    let mut others = cx.world.all::<VpcEndpoint>(&cx.region);
    let conflict = others.any(|other| {
        let body = &other.body;
        other.id != id
            && body.private_dns
            && (&body.vpc, &body.service) == (&endpoint.vpc, &endpoint.service)
    });
    if conflict {
        return Err(invalid(format!(
            "private-dns-enabled cannot be set because there is already a conflicting DNS domain for {} in the VPC {}",
            endpoint.service, endpoint.vpc
        )));
    }
    Ok(())
}

fn holder(endpoint: &str) -> String {
    format!("endpoint/{endpoint}")
}

/// Puts the interfaces of an endpoint into its subnets, in place of those that it has.
fn place_interfaces(world: &mut World, endpoint: &Object<VpcEndpoint>) {
    remove_interfaces(world, &endpoint.region, &holder(&endpoint.id));
    for subnet in &endpoint.body.subnets {
        add_interface(
            world,
            Interface {
                region: &endpoint.region,
                subnet,
                description: &format!("VPC Endpoint Interface {}", endpoint.id),
                holder: &holder(&endpoint.id),
                interface_type: "vpc_endpoint",
                groups: &endpoint.body.groups,
            },
        );
    }
}

/// Ends the present state of an endpoint.
pub(super) fn settle(world: &mut World, key: &Key) {
    let Some(endpoint) = world.raw::<VpcEndpoint>(&key.region, &key.id) else {
        return;
    };
    let due = endpoint.body.until_ms;
    if due.is_none_or(|until| until > world.now_ms()) {
        return;
    }
    if endpoint.body.state == EndpointState::Deleting {
        remove_interfaces(world, &key.region, &holder(&key.id));
        world.remove::<VpcEndpoint>(&key.region, &key.id);
        return;
    }
    world.update::<VpcEndpoint>(&key.region, &key.id, |endpoint| {
        endpoint.body.state = EndpointState::Available;
        endpoint.body.until_ms = None;
    });
}

fn describe(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    Describe::<VpcEndpoint> {
        ids: "VpcEndpointId",
        set: "vpcEndpointSet",
        filters: &[
            "vpc-endpoint-id",
            "vpc-endpoint-type",
            "vpc-id",
            "service-name",
            "vpc-endpoint-state",
        ],
        values: |_world, endpoint, name| match name {
            "vpc-endpoint-id" => vec![endpoint.id.clone()],
            "vpc-endpoint-type" => vec![kind(&endpoint.body).to_owned()],
            "vpc-id" => vec![endpoint.body.vpc.clone()],
            "service-name" => vec![endpoint.body.service.clone()],
            "vpc-endpoint-state" => vec![state(&endpoint.body).to_owned()],
            _ => Vec::new(),
        },
        view,
        page: (1, 1000),
    }
    .run(cx, p)
}

fn kind(endpoint: &VpcEndpoint) -> &'static str {
    if endpoint.is_gateway {
        "Gateway"
    } else {
        "Interface"
    }
}

fn state(endpoint: &VpcEndpoint) -> &'static str {
    match endpoint.state {
        EndpointState::Pending => "pending",
        EndpointState::Available => "available",
        EndpointState::Deleting => "deleting",
    }
}

fn view(world: &World, endpoint: &Object<VpcEndpoint>) -> Value {
    let body = &endpoint.body;
    let region = &endpoint.region;
    let holder = holder(&endpoint.id);
    let interfaces: Vec<&str> = world
        .all::<super::kinds::NetworkInterface>(region)
        .filter(|interface| interface.body.holder == holder)
        .map(|interface| interface.id.as_str())
        .collect();
    let groups: Vec<Value> = body
        .groups
        .iter()
        .map(|id| {
            let group = world.raw::<SecurityGroup>(region, id);
            json!({ "groupId": id, "groupName": group.and_then(|group| group.name.as_ref()) })
        })
        .collect();
    let service = service_of(region, &body.service).unwrap_or_default();
    let mut names = Vec::new();
    if !body.is_gateway {
        names.push(format!(
            "{}-x.{service}.{region}.vpce.amazonaws.com",
            endpoint.id
        ));
        if body.private_dns {
            names.push(format!("{service}.{region}.amazonaws.com"));
        }
    }
    let names: Vec<Value> = names
        .into_iter()
        .map(|name| json!({ "dnsName": name, "hostedZoneId": "Z00000000SANDBOX" }))
        .collect();
    json!({
        "vpcEndpointId": endpoint.id,
        "vpcEndpointType": kind(body),
        "vpcId": body.vpc,
        "serviceName": body.service,
        "state": state(body),
        "policyDocument": body.policy,
        "routeTableIdSet": body.tables,
        "subnetIdSet": body.subnets,
        "groupSet": groups,
        "ipAddressType": (!body.is_gateway).then_some("ipv4"),
        "privateDnsEnabled": body.private_dns,
        "requesterManaged": false,
        "networkInterfaceIdSet": interfaces,
        "dnsEntrySet": names,
        "creationTimestamp": iso_millis(endpoint.created_ms),
        "tagSet": tagging::view(&endpoint.tags),
        "ownerId": ACCOUNT,
    })
}

/// Takes what is added to a list, and what is removed from it.
fn changed(p: &mut Params, name: &str, list: &[String]) -> Vec<String> {
    let added = p.list(&format!("Add{name}"));
    let removed = p.list(&format!("Remove{name}"));
    let kept = list.iter().filter(|one| !removed.contains(one));
    let mut after: Vec<String> = kept.cloned().collect();
    for one in added {
        if !after.contains(&one) {
            after.push(one);
        }
    }
    after
}

fn modify(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let id = p.req("VpcEndpointId")?;
    let before = find::<VpcEndpoint>(cx, &id)?.clone();
    let mut after = before.body.clone();
    after.tables = changed(p, "RouteTableId", &after.tables);
    after.subnets = changed(p, "SubnetId", &after.subnets);
    after.groups = changed(p, "SecurityGroupId", &after.groups);
    if p.bool("ResetPolicy")?.unwrap_or_default() {
        EVERYTHING.clone_into(&mut after.policy);
    }
    if let Some(policy) = p.opt("PolicyDocument") {
        after.policy = policy;
    }
    after.private_dns = p.bool("PrivateDnsEnabled")?.unwrap_or(after.private_dns);
    p.finish()?;
    if before.body.state != EndpointState::Available {
        let text = format!("VpcEndpoint {id} is in {} state", state(&before.body));
        return Err(AwsError::new("IncorrectState", text));
    }
    check(cx, &id, &after)?;
    let moves = after.subnets != before.body.subnets;
    if moves || after.private_dns != before.body.private_dns {
        after.state = EndpointState::Pending;
        after.until_ms = Some(cx.world.after_seconds(CHANGE_SECONDS));
    }
    let region = cx.region.clone();
    let changed = cx
        .world
        .update::<VpcEndpoint>(&region, &id, |endpoint| endpoint.body = after);
    if let Some(endpoint) = changed.filter(|_| moves) {
        place_interfaces(cx.world, &endpoint);
    }
    Ok(json!({ "return": true }))
}

fn delete(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let ids = p.list("VpcEndpointId");
    p.finish()?;
    if ids.is_empty() {
        return Err(p.missing("VpcEndpointId"));
    }
    let region = cx.region.clone();
    let mut unsuccessful = Vec::new();
    for id in ids {
        let Some(endpoint) = cx.world.get::<VpcEndpoint>(&region, &id) else {
            let text = format!("The Vpc Endpoint Id '{id}' does not exist");
            let error = json!({ "code": "InvalidVpcEndpoint.NotFound", "message": text });
            unsuccessful.push(json!({ "error": error, "resourceId": id }));
            continue;
        };
        if endpoint.body.is_gateway {
            cx.world.remove::<VpcEndpoint>(&region, &id);
            continue;
        }
        let until_ms = Some(cx.world.after_seconds(DELETE_SECONDS));
        cx.world.update::<VpcEndpoint>(&region, &id, |endpoint| {
            if endpoint.body.state != EndpointState::Deleting {
                endpoint.body.state = EndpointState::Deleting;
                endpoint.body.until_ms = until_ms;
            }
        });
    }
    Ok(json!({ "unsuccessful": unsuccessful }))
}
