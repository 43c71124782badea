data "aws_partition" "current" {}

locals {
  policy_prefix        = "arn:${data.aws_partition.current.partition}:iam::aws:policy"
  access_policy_prefix = "arn:${data.aws_partition.current.partition}:eks::aws:cluster-access-policy"

  node_policies = toset([
    "AmazonEKSWorkerNodePolicy",
    "AmazonEKS_CNI_Policy",
    "AmazonEC2ContainerRegistryPullOnly",
  ])
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
  role       = aws_iam_role.cluster.name
  policy_arn = "${local.policy_prefix}/AmazonEKSClusterPolicy"
}

resource "aws_eks_cluster" "main" {
  name     = var.name
  role_arn = aws_iam_role.cluster.arn
  version  = var.kubernetes_version
  tags     = local.tags

  enabled_cluster_log_types     = var.log_types
  bootstrap_self_managed_addons = length(var.addons) == 0

  vpc_config = {
    subnet_ids              = local.node_subnet_ids
    endpoint_private_access = true
    endpoint_public_access  = length(var.public_access_cidrs) > 0
    public_access_cidrs     = length(var.public_access_cidrs) > 0 ? var.public_access_cidrs : null
  }

  access_config = {
    authentication_mode                         = "API"
    bootstrap_cluster_creator_admin_permissions = false
  }

  # Without the policy EKS cannot make the cluster, nor clean up after it.
  depends_on = [aws_iam_role_policy_attachment.cluster]
}

resource "aws_iam_role" "node" {
  name = "${var.name}-node"
  tags = local.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "node" {
  for_each = local.node_policies

  role       = aws_iam_role.node.name
  policy_arn = "${local.policy_prefix}/${each.value}"
}

resource "aws_eks_node_group" "pool" {
  for_each = var.node_pools

  cluster_name    = aws_eks_cluster.main.name
  node_group_name = each.key
  node_role_arn   = aws_iam_role.node.arn
  subnet_ids      = local.node_subnet_ids
  version         = aws_eks_cluster.main.version
  instance_types  = each.value.instance_types
  capacity_type   = each.value.capacity_type
  disk_size       = each.value.disk_size
  ami_type        = each.value.ami_type
  taint           = each.value.taints
  labels          = each.value.labels
  tags            = local.tags

  scaling_config = {
    min_size     = each.value.min_size
    max_size     = each.value.max_size
    desired_size = coalesce(each.value.desired_size, each.value.min_size)
  }

  # A node that cannot pull images, get an address or get out never becomes ready.
  depends_on = [aws_iam_role_policy_attachment.node, aws_eks_addon.before_compute, stack.network]
}

resource "aws_eks_addon" "before_compute" {
  for_each = { for name, addon in var.addons : name => addon if addon.before_compute }

  cluster_name             = aws_eks_cluster.main.name
  addon_name               = each.key
  addon_version            = each.value.version
  configuration_values     = each.value.configuration
  service_account_role_arn = each.value.role_arn
  tags                     = local.tags
}

resource "aws_eks_addon" "after_compute" {
  for_each = { for name, addon in var.addons : name => addon if !addon.before_compute }

  cluster_name             = aws_eks_cluster.main.name
  addon_name               = each.key
  addon_version            = each.value.version
  configuration_values     = each.value.configuration
  service_account_role_arn = each.value.role_arn
  tags                     = local.tags

  # Without a node that runs them they never become active.
  depends_on = [aws_eks_node_group.pool]
}

resource "aws_eks_pod_identity_association" "account" {
  for_each = var.pod_identities

  cluster_name    = aws_eks_cluster.main.name
  namespace       = each.value.namespace
  service_account = each.value.service_account
  role_arn        = each.value.role_arn
  tags            = local.tags
}

# Only who stands here may use the cluster: its creator gets no rights by having made it.
resource "aws_eks_access_entry" "principal" {
  for_each = var.access

  cluster_name      = aws_eks_cluster.main.name
  principal_arn     = each.value.principal_arn
  kubernetes_groups = each.value.kubernetes_groups
  tags              = local.tags
}

resource "aws_eks_access_policy_association" "principal" {
  for_each = { for name, entry in var.access : name => entry if entry.policy != null }

  cluster_name  = aws_eks_cluster.main.name
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

  cluster_name  = aws_eks_cluster.main.name
  principal_arn = data.aws_iam_session_context.current.issuer_arn
  tags          = local.tags

  # Who made the cluster keeps the access; a run by somebody else does not move it.
  lifecycle {
    ignore_changes = [principal_arn]
  }
}

resource "aws_eks_access_policy_association" "caller" {
  count = var.caller_is_admin ? 1 : 0

  cluster_name  = aws_eks_cluster.main.name
  principal_arn = aws_eks_access_entry.caller[0].principal_arn
  policy_arn    = "${local.access_policy_prefix}/AmazonEKSClusterAdminPolicy"

  access_scope = { type = "cluster" }
}
