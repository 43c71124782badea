//! What cannot hold on moto, with the reason.

use crate::report::Skip;

/// Cases by name, `*` for any characters.
pub(crate) const SKIPPED: &[Skip] = &[
    Skip::not_run("*/pages", "moto cuts none of these lists into pages"),
    Skip::not_run("*/late", "moto shows every change at once"),
    Skip::not_run("*/newer", "moto adds no members to its answers"),
    Skip::not_run("*/reordered", "moto tells its lists in one order"),
    Skip::fails(
        "leftovers/*",
        "moto deletes a subnet with interfaces in it, and keeps them",
    ),
    Skip::fails(
        "aws_eip/create",
        "moto's DescribeTags says vpc-elastic-ip where EC2 says elastic-ip",
    ),
    Skip::fails(
        "aws_nat_gateway (private)/create",
        "moto's DescribeTags says nat-gateway where EC2 says natgateway",
    ),
    Skip::fails(
        "aws_nat_gateway (private)/two ops",
        "moto ignores the filter by tag of DescribeNatGateways",
    ),
    Skip::not_run(
        "aws_nat_gateway/*",
        "moto never frees the address of a deleted gateway, so that there is none for the next",
    ),
    Skip::not_run("aws_eks_access_entry/*", "moto has no access entries"),
    Skip::not_run(
        "aws_eks_access_policy_association/*",
        "moto has no access entries",
    ),
    Skip::fails(
        "aws_egress_only_internet_gateway/two ops",
        "moto ignores the filter by tag of DescribeEgressOnlyInternetGateways",
    ),
    Skip::not_run(
        "aws_launch_template*/default tags",
        "moto's launch templates keep the tags that they were made with",
    ),
    Skip::not_run(
        "aws_launch_template*/controller tag",
        "moto's launch templates keep the tags that they were made with",
    ),
    Skip::not_run(
        "aws_launch_template/update/tags*",
        "moto's launch templates keep the tags that they were made with",
    ),
    Skip::fails(
        "aws_vpc_ipv4_cidr_block_association/create twice",
        "moto takes the same block twice",
    ),
    Skip::fails(
        "aws_vpc_ipv4_cidr_block_association/read",
        "moto does not find several networks by the ids of their blocks",
    ),
    Skip::not_run(
        "data/versions",
        "moto has neither DescribeClusterVersions nor DescribeAddonVersions",
    ),
    Skip::not_run(
        "refresh/*",
        "of these types moto's index of tags tells only log groups, and every change at once",
    ),
    Skip::not_run("logs/delivery", "moto's clusters write no logs"),
    Skip::fails("data/cluster", "moto's clusters do not tell their network"),
    Skip::fails(
        "data/networks",
        "moto finds 8 networks by a tag that two carry",
    ),
    Skip::not_run(
        "aws_vpc_endpoint*",
        "moto breaks down in DescribeVpcEndpoints with a filter by id",
    ),
    Skip::fails(
        "aws_eks_fargate_profile/default tags",
        "moto has no tags of Fargate profiles",
    ),
    Skip::fails(
        "aws_eks_fargate_profile/controller tag",
        "moto has no tags of Fargate profiles",
    ),
    Skip::fails(
        "aws_eks_fargate_profile/update/tags*",
        "moto has no tags of Fargate profiles",
    ),
    Skip::fails(
        "aws_eks_cluster (encrypted)/import",
        "moto's clusters have neither access mode nor support policy",
    ),
    Skip::not_run("aws_eks_cluster (auto)*", "moto has no Auto Mode"),
    Skip::not_run(
        "aws_eks_cluster/update/zonal_shift_config*",
        "moto has no zonal shift",
    ),
    Skip::not_run(
        "aws_kms_key*",
        "moto keeps every key that is to be deleted, and a search looks at the tags of all",
    ),
    Skip::not_run(
        "aws_cloudwatch_log_group/update/kms_key_id*",
        "moto has no AssociateKmsKey",
    ),
    Skip::not_run(
        "aws_cloudwatch_log_group (encrypted)*",
        "moto's log groups are all of one class",
    ),
    Skip::not_run(
        "aws_ecr_repository (encrypted)/update/image_scanning_configuration*",
        "moto leaves scans on where a request leaves scanOnPush out, which is false by the service's model",
    ),
    Skip::not_run(
        "aws_iam_openid_connect_provider/update/client_id_list*",
        "moto breaks down in AddClientIDToOpenIDConnectProvider",
    ),
    Skip::not_run("aws_eks_addon*", "moto has no add-ons"),
    Skip::not_run(
        "aws_eks_identity_provider_config*",
        "moto has no identity provider configs",
    ),
    Skip::not_run(
        "aws_eks_pod_identity_association*",
        "moto has no pod identity associations",
    ),
    Skip::not_run(
        "aws_eks_cluster/update/encryption_config*",
        "moto has no AssociateEncryptionConfig",
    ),
    Skip::not_run(
        "aws_eks_cluster/protection",
        "moto's clusters have no deletion protection",
    ),
    Skip::fails(
        "aws_eks_cluster/import",
        "moto's clusters have neither access mode nor support policy",
    ),
    Skip::not_run(
        "aws_eks_cluster/update/version*",
        "moto has no UpdateClusterVersion",
    ),
    Skip::not_run(
        "aws_eks_cluster/update/vpc_config.*",
        "moto's UpdateClusterConfig overwrites the whole network",
    ),
    Skip::not_run(
        "aws_eks_cluster/update/access_config.*",
        "moto's UpdateClusterConfig leaves the access mode alone",
    ),
    Skip::not_run(
        "aws_eks_cluster/update/upgrade_policy.*",
        "moto's clusters have no support policy",
    ),
    Skip::fails(
        "aws_eks_node_group/import",
        "moto's node groups do not tell their update limits",
    ),
    Skip::not_run(
        "aws_eks_node_group*/update/*",
        "moto has neither UpdateNodegroupVersion nor DescribeUpdate, nor tags of node groups",
    ),
    Skip::fails(
        "aws_eks_node_group*/default tags",
        "moto has no tags of node groups",
    ),
    Skip::fails(
        "aws_eks_node_group*/controller tag",
        "moto has no tags of node groups",
    ),
];
