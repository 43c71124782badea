locals {
  # The nodes of Auto Mode bring all of this themselves; those of pools need it beside them, too.
  default_addons = {
    for name, before_compute in {
      vpc-cni                = true
      kube-proxy             = true
      eks-pod-identity-agent = true
      coredns                = false
    } : name => { before_compute = before_compute } if var.addons == null && !local.only_auto && !(name == "eks-pod-identity-agent" && local.only_fargate)
  }

  # Its pods and the agent that gives them their role run on nodes of pools only.
  has_storage = var.default_storage_class && local.has_pools

  storage_addon = {
    for name in ["aws-ebs-csi-driver"] : name => {
      configuration = jsonencode({ defaultStorageClass = { enabled = true } })
    } if local.has_storage
  }

  # DNS on Fargate has to be told so.
  only_fargate = !local.has_pools && !local.is_auto && length(var.fargate_profiles) > 0
  dns          = local.only_fargate ? jsonencode({ computeType = "Fargate" }) : null

  chosen = merge(local.storage_addon, local.default_addons, coalesce(var.addons, {}))

  addons = {
    for name, addon in local.chosen : name => {
      version        = try(addon.version, null)
      configuration  = try(addon.configuration, null) != null ? addon.configuration : name == "coredns" ? local.dns : null
      role_arn       = try(addon.role_arn, null)
      before_compute = try(addon.before_compute, false)
    }
  }

  # Somebody's own role for the driver takes the place of ours.
  has_storage_role = local.has_storage && try(local.addons["aws-ebs-csi-driver"].role_arn, null) == null

  addon_identities = {
    aws-ebs-csi-driver = [for role in aws_iam_role.storage : { role_arn = role.arn, service_account = "ebs-csi-controller-sa" }]
  }
}

# At an upgrade they follow the control plane, minor by minor: these before the nodes, the others after them.
resource "aws_eks_addon" "before_compute" {
  for_each = { for name, addon in local.addons : name => addon if addon.before_compute }

  cluster_name             = local.cluster_name
  addon_name               = each.key
  addon_version            = each.value.version
  kubernetes_version       = aws_eks_cluster.main.version
  configuration_values     = each.value.configuration
  service_account_role_arn = each.value.role_arn
  tags                     = local.tags
}

resource "aws_eks_addon" "after_compute" {
  for_each = { for name, addon in local.addons : name => addon if !addon.before_compute }

  cluster_name             = local.cluster_name
  addon_name               = each.key
  addon_version            = each.value.version
  kubernetes_version       = aws_eks_cluster.main.version
  configuration_values     = each.value.configuration
  service_account_role_arn = each.value.role_arn
  pod_identity_association = lookup(local.addon_identities, each.key, [])
  tags                     = local.tags

  # Without a node that runs them they never become active.
  depends_on = [aws_eks_node_group.pool, aws_eks_fargate_profile.profile, aws_eks_addon.before_compute]
}

# The driver makes the volumes of claims.
resource "aws_iam_role" "storage" {
  count = local.has_storage_role ? 1 : 0

  name = "${var.name}-ebs-csi"
  tags = local.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
    }]
  })
}

resource "aws_iam_role_policy_attachment" "storage" {
  count = local.has_storage_role ? 1 : 0

  role       = aws_iam_role.storage[0].name
  policy_arn = "${local.policy_prefix}/service-role/AmazonEBSCSIDriverPolicy"
}

resource "aws_eks_pod_identity_association" "account" {
  for_each = var.pod_identities

  cluster_name    = local.cluster_name
  namespace       = each.value.namespace
  service_account = each.value.service_account
  role_arn        = each.value.role_arn
  tags            = local.tags
}
