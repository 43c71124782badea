locals {
  node_policies = toset([
    "AmazonEKSWorkerNodePolicy",
    "AmazonEKS_CNI_Policy",
    "AmazonEC2ContainerRegistryPullOnly",
  ])

  # Pods need something to run on.
  needs_default_pool = var.node_pools == null && !local.is_auto && length(var.fargate_profiles) == 0

  default_pool = {
    instance_types = ["m7i.large"]
    capacity_type  = "ON_DEMAND"
    disk_size      = 50
    min_size       = 1
    max_size       = 3
    desired_size   = null
    labels         = {}
    ami_type       = null
    taints         = []
  }

  node_pools = merge(
    { for name in ["system"] : name => local.default_pool if local.needs_default_pool },
    { for name, pool in coalesce(var.node_pools, {}) : name => pool },
  )

  # What the first instance type of a pool says of all of them: Graviton, GPUs of NVIDIA, Inferentia and Trainium.
  machines = {
    for name, pool in local.node_pools : name => {
      arm    = can(regex("^([a-z]+[0-9]+g|a1\\.)", pool.instance_types[0]))
      gpu    = can(regex("^(p|g|gr)[0-9]", pool.instance_types[0]))
      neuron = can(regex("^(inf|trn)[0-9]", pool.instance_types[0]))
    }
  }

  ami_types = {
    for name, machine in local.machines : name => (
      machine.gpu ? (machine.arm ? "AL2023_ARM_64_NVIDIA" : "AL2023_x86_64_NVIDIA") :
      machine.neuron ? "AL2023_x86_64_NEURON" :
      machine.arm ? "AL2023_ARM_64_STANDARD" : "AL2023_x86_64_STANDARD"
    )
  }

  # Only pods that ask for a GPU run where one is.
  gpu_labels = { "nvidia.com/gpu.present" = "true" }
  gpu_taint  = { key = "nvidia.com/gpu", value = "true", effect = "NO_SCHEDULE" }
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
  for_each = local.node_pools

  cluster_name    = aws_eks_cluster.main.name
  node_group_name = each.key
  node_role_arn   = aws_iam_role.node.arn
  subnet_ids      = local.node_subnet_ids
  version         = aws_eks_cluster.main.version
  instance_types  = each.value.instance_types
  capacity_type   = each.value.capacity_type
  disk_size       = each.value.disk_size
  ami_type        = coalesce(each.value.ami_type, local.ami_types[each.key])
  labels          = merge({ for key, value in local.gpu_labels : key => value if local.machines[each.key].gpu }, each.value.labels)
  taint           = concat([for taint in [local.gpu_taint] : taint if local.machines[each.key].gpu], each.value.taints)
  tags            = local.tags

  scaling_config = {
    min_size     = each.value.min_size
    max_size     = each.value.max_size
    desired_size = coalesce(each.value.desired_size, each.value.min_size)
  }

  # A node that cannot pull images, get an address or get out never becomes ready.
  depends_on = [aws_iam_role_policy_attachment.node, aws_eks_addon.before_compute, stack.network]
}

# --- Fargate

resource "aws_iam_role" "fargate" {
  count = length(var.fargate_profiles) > 0 ? 1 : 0

  name = "${var.name}-fargate"
  tags = local.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "eks-fargate-pods.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "fargate" {
  count = length(var.fargate_profiles) > 0 ? 1 : 0

  role       = aws_iam_role.fargate[0].name
  policy_arn = "${local.policy_prefix}/AmazonEKSFargatePodExecutionRolePolicy"
}

resource "aws_eks_fargate_profile" "profile" {
  for_each = var.fargate_profiles

  cluster_name           = aws_eks_cluster.main.name
  fargate_profile_name   = each.key
  pod_execution_role_arn = aws_iam_role.fargate[0].arn
  subnet_ids             = local.private_subnet_ids
  selector               = each.value.selectors
  tags                   = local.tags

  depends_on = [aws_iam_role_policy_attachment.fargate, aws_eks_addon.before_compute, stack.network]
}

# --- Auto Mode

resource "aws_iam_role" "auto_node" {
  count = local.is_auto ? 1 : 0

  name = "${var.name}-auto-node"
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

resource "aws_iam_role_policy_attachment" "auto_node" {
  for_each = toset(local.is_auto ? ["AmazonEKSWorkerNodeMinimalPolicy", "AmazonEC2ContainerRegistryPullOnly"] : [])

  role       = aws_iam_role.auto_node[0].name
  policy_arn = "${local.policy_prefix}/${each.value}"
}
