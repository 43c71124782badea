data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  policy_prefix        = "arn:${data.aws_partition.current.partition}:iam::aws:policy"
  access_policy_prefix = "arn:${data.aws_partition.current.partition}:eks::aws:cluster-access-policy"

  is_auto = var.auto_mode != null

  # Known only once the cluster stands: what is on a cluster goes with it when another takes its place, under whatever name.
  cluster_name = element(split("/", aws_eks_cluster.main.arn), 1)

  cluster_policies = toset(concat(["AmazonEKSClusterPolicy"], !local.is_auto ? [] : [
    "AmazonEKSComputePolicy",
    "AmazonEKSBlockStoragePolicy",
    "AmazonEKSLoadBalancingPolicy",
    "AmazonEKSNetworkingPolicy",
  ]))
}

resource "aws_iam_role" "cluster" {
  name = "${var.name}-cluster"
  tags = local.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
    }]
  })
}

resource "aws_iam_role_policy_attachment" "cluster" {
  for_each = local.cluster_policies

  role       = aws_iam_role.cluster.name
  policy_arn = "${local.policy_prefix}/${each.value}"
}

# Made before the cluster, or EKS makes it, and keeps everything for ever.
resource "aws_cloudwatch_log_group" "control_plane" {
  count = length(var.log_types) > 0 ? 1 : 0

  name              = "/aws/eks/${var.name}/cluster"
  retention_in_days = var.log_retention_days
  tags              = local.tags
}

resource "aws_eks_cluster" "main" {
  name     = var.name
  role_arn = aws_iam_role.cluster.arn
  version  = var.kubernetes_version
  tags     = local.tags

  enabled_cluster_log_types     = var.log_types
  bootstrap_self_managed_addons = length(local.addons) == 0 && !local.is_auto
  deletion_protection           = var.deletion_protection

  vpc_config = {
    vpc_id                  = local.vpc_id
    subnet_ids              = local.node_subnet_ids
    endpoint_private_access = true
    endpoint_public_access  = length(var.public_access_cidrs) > 0
    public_access_cidrs     = length(var.public_access_cidrs) > 0 ? var.public_access_cidrs : null
  }

  kubernetes_network_config = {
    service_ipv4_cidr      = var.service_cidr
    elastic_load_balancing = local.is_auto ? { enabled = true } : null
  }

  access_config = {
    authentication_mode                         = "API"
    bootstrap_cluster_creator_admin_permissions = false
  }

  upgrade_policy = { support_type = var.support_type }

  encryption_config = var.secrets_key_arn == null ? null : {
    provider  = { key_arn = var.secrets_key_arn }
    resources = ["secrets"]
  }

  zonal_shift_config = { enabled = var.zonal_shift }

  compute_config = !local.is_auto ? null : {
    enabled       = true
    node_pools    = var.auto_mode.node_pools
    node_role_arn = length(var.auto_mode.node_pools) > 0 ? aws_iam_role.auto_node[0].arn : null
  }

  storage_config = local.is_auto ? { block_storage = { enabled = true } } : null

  # Without the policies EKS cannot make the cluster, nor clean up after it. The network, its way out included, is there
  # before the cluster and goes after it: what still runs in the cluster when it is deleted can reach AWS to the end.
  depends_on = [aws_iam_role_policy_attachment.cluster, aws_cloudwatch_log_group.control_plane, stack.network]
}

# Only who stands here may use the cluster: its creator gets no rights by having made it.
resource "aws_eks_access_entry" "principal" {
  for_each = var.access

  cluster_name      = local.cluster_name
  principal_arn     = each.value.principal_arn
  kubernetes_groups = each.value.kubernetes_groups
  tags              = local.tags
}

resource "aws_eks_access_policy_association" "principal" {
  for_each = { for name, entry in var.access : name => entry if entry.policy != null }

  cluster_name  = local.cluster_name
  principal_arn = aws_eks_access_entry.principal[each.key].principal_arn
  policy_arn    = "${local.access_policy_prefix}/${each.value.policy}"

  access_scope = {
    type       = length(each.value.namespaces) > 0 ? "namespace" : "cluster"
    namespaces = length(each.value.namespaces) > 0 ? each.value.namespaces : null
  }
}

data "aws_caller_identity" "current" {}

# An access entry names a role, not a session of it.
data "aws_iam_session_context" "current" {
  arn = data.aws_caller_identity.current.arn
}

resource "aws_eks_access_entry" "caller" {
  count = var.caller_is_admin ? 1 : 0

  cluster_name  = local.cluster_name
  principal_arn = data.aws_iam_session_context.current.issuer_arn
  tags          = local.tags

  # Who made the cluster keeps the access; a run by somebody else does not move it.
  lifecycle {
    ignore_changes = [principal_arn]

    postcondition {
      condition     = !contains([for entry in var.access : entry.principal_arn], self.principal_arn)
      error_message = "The input access names ${self.principal_arn}, which administers the cluster as its maker: say caller_is_admin = false, or leave the entry out."
    }
  }
}

resource "aws_eks_access_policy_association" "caller" {
  count = var.caller_is_admin ? 1 : 0

  cluster_name  = local.cluster_name
  principal_arn = aws_eks_access_entry.caller[0].principal_arn
  policy_arn    = "${local.access_policy_prefix}/AmazonEKSClusterAdminPolicy"

  access_scope = { type = "cluster" }
}
