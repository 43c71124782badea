//! EC2, as far as networks need it.

mod account;
mod address;
mod cidr;
mod describe;
mod egress_only_gateway;
mod filter;
mod instance_type;
mod internet_gateway;
mod kinds;
mod launch_template;
mod launch_template_data;
mod nat_gateway;
mod network_interface;
mod route;
mod route_association;
mod route_table;
mod security_group;
mod security_group_rule;
mod subnet;
mod tagging;
mod vpc;
mod vpc_cidr;
mod vpc_endpoint;
mod zone;

pub(super) use account::{MOST_ADDRESSES, MOST_VPCS};
pub(super) use cidr::Cidr;
pub(super) use instance_type::unknown_types;
pub(super) use kinds::{LaunchTemplate, SecurityGroup, Subnet, TemplateVersion, Vpc};
pub(super) use network_interface::{Interface, add_interface, remove_interfaces};
pub(super) use route::leads_out;
pub(super) use security_group::{add_cluster_group, remove_group};

use super::service::{Api, Dialect, Service};

/// The service.
pub(super) static SERVICE: Service = Service {
    name: "ec2",
    global: false,
    api: Api::Query {
        dialect: Dialect::Ec2,
        tables: &[
            vpc::OPERATIONS,
            subnet::OPERATIONS,
            internet_gateway::OPERATIONS,
            route_table::OPERATIONS,
            route::OPERATIONS,
            route_association::OPERATIONS,
            security_group::OPERATIONS,
            security_group_rule::OPERATIONS,
            address::OPERATIONS,
            nat_gateway::OPERATIONS,
            egress_only_gateway::OPERATIONS,
            launch_template::OPERATIONS,
            vpc_cidr::OPERATIONS,
            vpc_endpoint::OPERATIONS,
            network_interface::OPERATIONS,
            tagging::OPERATIONS,
            zone::OPERATIONS,
            account::OPERATIONS,
            instance_type::OPERATIONS,
        ],
    },
    register: |world| {
        world.register::<kinds::Vpc>();
        world.register::<kinds::Subnet>();
        world.register::<kinds::InternetGateway>();
        world.register::<kinds::GatewayAttachment>();
        world.register::<kinds::RouteTable>();
        world.register::<kinds::Route>();
        world.register::<kinds::RouteAssociation>();
        world.register::<kinds::SecurityGroup>();
        world.register::<kinds::SecurityGroupRule>();
        world.register::<kinds::Address>();
        world.register::<kinds::NatGateway>();
        world.register::<kinds::NetworkInterface>();
        world.register::<kinds::EgressOnlyGateway>();
        world.register::<kinds::CidrAssociation>();
        world.register::<kinds::VpcEndpoint>();
        world.register::<kinds::LaunchTemplate>();
    },
};
