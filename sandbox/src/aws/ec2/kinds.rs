//! What EC2's objects are made of. Their ids, names and tags are common to all objects.

use serde::{Deserialize, Serialize};

use crate::world::{Key, Kind, World};

use super::cidr::Cidr;
use super::{nat_gateway, vpc_cidr, vpc_endpoint};

/// A network.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Vpc {
    pub(crate) cidr: Cidr,
    pub(crate) cidr_association: String,
    pub(crate) tenancy: String,
    /// Until then it is `pending`.
    pub(crate) available_ms: u64,
    pub(crate) dhcp_options: String,
    pub(crate) dns_support: bool,
    pub(crate) dns_hostnames: bool,
    pub(crate) address_metrics: bool,
}

impl Kind for Vpc {
    const SERVICE: &'static str = "ec2";
    const TYPE: &'static str = "vpc";
}

/// A part of a network in one zone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Subnet {
    pub(crate) vpc: String,
    pub(crate) cidr: Cidr,
    pub(crate) zone: String,
    pub(crate) available_ms: u64,
    pub(crate) public_ip_on_launch: bool,
    pub(crate) ipv6_on_creation: bool,
    pub(crate) dns64: bool,
    pub(crate) hostname_type: String,
    pub(crate) dns_a_record: bool,
    pub(crate) dns_aaaa_record: bool,
}

impl Kind for Subnet {
    const SERVICE: &'static str = "ec2";
    const TYPE: &'static str = "subnet";
}

/// An internet gateway; what it is attached to is an object of its own.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct InternetGateway {}

impl Kind for InternetGateway {
    const SERVICE: &'static str = "ec2";
    const TYPE: &'static str = "internet-gateway";
}

/// An internet gateway on a network; the id is `gateway/vpc`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct GatewayAttachment {
    pub(crate) gateway: String,
    pub(crate) vpc: String,
}

impl Kind for GatewayAttachment {
    const SERVICE: &'static str = "ec2";
    const TYPE: &'static str = "internet-gateway-attachment";
}

/// A route table; its routes and associations are objects of their own.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RouteTable {
    pub(crate) vpc: String,
}

impl Kind for RouteTable {
    const SERVICE: &'static str = "ec2";
    const TYPE: &'static str = "route-table";
}

/// A route other than the local one; the id is `table/destination`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Route {
    pub(crate) destination: String,
    pub(crate) ipv6: bool,
    /// The member that names the target in answers, such as `natGatewayId`.
    pub(crate) target_member: String,
    pub(crate) target: String,
}

impl Kind for Route {
    const SERVICE: &'static str = "ec2";
    const TYPE: &'static str = "route";
}

/// Which route table a subnet, or a network as a whole, uses.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RouteAssociation {
    pub(crate) table: String,
    /// Nothing for the main association of a network.
    pub(crate) subnet: Option<String>,
    pub(crate) vpc: String,
}

impl Kind for RouteAssociation {
    const SERVICE: &'static str = "ec2";
    const TYPE: &'static str = "route-table-association";
}

/// A security group; its rules are objects of their own.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SecurityGroup {
    pub(crate) vpc: String,
    pub(crate) description: String,
}

impl Kind for SecurityGroup {
    const SERVICE: &'static str = "ec2";
    const TYPE: &'static str = "security-group";
}

/// The other side of a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Peer {
    Ipv4(String),
    Ipv6(String),
    Group(String),
    PrefixList(String),
}

/// What a rule lets through.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Traffic {
    /// `tcp`, `udp`, `icmp`, `icmpv6`, a number, or `-1` for all.
    pub(crate) protocol: String,
    pub(crate) from_port: Option<i32>,
    pub(crate) to_port: Option<i32>,
}

/// One rule of a security group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SecurityGroupRule {
    pub(crate) group: String,
    pub(crate) egress: bool,
    pub(crate) traffic: Traffic,
    pub(crate) peer: Peer,
    pub(crate) description: Option<String>,
}

impl Kind for SecurityGroupRule {
    const SERVICE: &'static str = "ec2";
    const TYPE: &'static str = "security-group-rule";
}

/// A public address.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Address {
    pub(crate) public_ip: String,
    /// The network interface that has it, and the id of that association.
    pub(crate) used_by: Option<(String, String)>,
}

impl Kind for Address {
    const SERVICE: &'static str = "ec2";
    const TYPE: &'static str = "elastic-ip";
}

/// A NAT gateway. Deleted ones stay visible for a while.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct NatGateway {
    pub(crate) vpc: String,
    pub(crate) subnet: String,
    pub(crate) public: bool,
    pub(crate) allocation: Option<String>,
    pub(crate) public_ip: Option<String>,
    pub(crate) private_ip: String,
    pub(crate) interface: String,
    pub(crate) state: NatState,
    /// When the state ends by itself.
    pub(crate) until_ms: Option<u64>,
    pub(crate) failure: Option<(String, String)>,
    pub(crate) deleted_ms: Option<u64>,
}

/// Where a NAT gateway stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum NatState {
    Pending,
    Available,
    Failed,
    Deleting,
    Deleted,
}

impl Kind for NatGateway {
    const SERVICE: &'static str = "ec2";
    const TYPE: &'static str = "natgateway";

    fn due_ms(&self) -> Option<u64> {
        self.until_ms
    }

    fn settle(world: &mut World, key: &Key) {
        nat_gateway::settle(world, key);
    }
}

/// An egress-only internet gateway.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct EgressOnlyGateway {
    pub(crate) vpc: String,
}

impl Kind for EgressOnlyGateway {
    const SERVICE: &'static str = "ec2";
    const TYPE: &'static str = "egress-only-internet-gateway";
}

/// A further block of a network.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CidrAssociation {
    pub(crate) vpc: String,
    pub(crate) cidr: Cidr,
    pub(crate) state: CidrState,
    /// When the state ends by itself.
    pub(crate) until_ms: Option<u64>,
}

/// Where a further block stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CidrState {
    Associating,
    Associated,
    Disassociating,
}

impl Kind for CidrAssociation {
    const SERVICE: &'static str = "ec2";
    const TYPE: &'static str = "vpc-cidr-block-association";

    fn due_ms(&self) -> Option<u64> {
        self.until_ms
    }

    fn settle(world: &mut World, key: &Key) {
        vpc_cidr::settle(world, key);
    }
}

/// A VPC endpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct VpcEndpoint {
    pub(crate) vpc: String,
    /// Such as `com.amazonaws.eu-west-1.s3`.
    pub(crate) service: String,
    pub(crate) is_gateway: bool,
    pub(crate) policy: String,
    pub(crate) tables: Vec<String>,
    pub(crate) subnets: Vec<String>,
    pub(crate) groups: Vec<String>,
    pub(crate) private_dns: bool,
    pub(crate) state: EndpointState,
    /// When the state ends by itself.
    pub(crate) until_ms: Option<u64>,
}

/// Where a VPC endpoint stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EndpointState {
    Pending,
    Available,
    Deleting,
}

impl Kind for VpcEndpoint {
    const SERVICE: &'static str = "ec2";
    const TYPE: &'static str = "vpc-endpoint";

    fn due_ms(&self) -> Option<u64> {
        self.until_ms
    }

    fn settle(world: &mut World, key: &Key) {
        vpc_endpoint::settle(world, key);
    }
}

/// A launch template.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LaunchTemplate {
    pub(crate) versions: Vec<TemplateVersion>,
    pub(crate) default_version: u64,
    pub(crate) latest_version: u64,
}

/// A version of a launch template.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TemplateVersion {
    pub(crate) number: u64,
    pub(crate) description: Option<String>,
    /// As it is told.
    pub(crate) data: serde_json::Value,
    pub(crate) created_ms: u64,
}

impl Kind for LaunchTemplate {
    const SERVICE: &'static str = "ec2";
    const TYPE: &'static str = "launch-template";
}

/// A network interface.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct NetworkInterface {
    pub(crate) vpc: String,
    pub(crate) subnet: String,
    pub(crate) zone: String,
    pub(crate) description: String,
    /// Who holds it, such as `eks/demo`: then it is in use. Empty for one that is free.
    pub(crate) holder: String,
    /// What EC2 calls its kind: `interface`, `natGateway`.
    pub(crate) interface_type: String,
    pub(crate) private_ip: String,
    pub(crate) mac: String,
    pub(crate) groups: Vec<String>,
}

impl Kind for NetworkInterface {
    const SERVICE: &'static str = "ec2";
    const TYPE: &'static str = "network-interface";
}
