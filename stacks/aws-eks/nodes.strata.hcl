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

  has_pools = length(local.node_pools) > 0
  only_auto = local.is_auto && !local.has_pools

  # Those with a node to begin with come first.
  pools_in_order = concat(
    [for name, pool in local.node_pools : name if max(pool.min_size, coalesce(pool.desired_size, 0)) > 0],
    [for name, pool in local.node_pools : name if max(pool.min_size, coalesce(pool.desired_size, 0)) == 0],
  )

  # What the first instance type of a pool says of all of them: Graviton, GPUs of NVIDIA, Inferentia and Trainium.
  machines = {
    for name, pool in local.node_pools : name => {
      arm    = can(regex("^([a-z]+[0-9]+g|a1\\.)", pool.instance_types[0]))
      gpu    = can(regex("^(p|g|gr)[0-9]", pool.instance_types[0])) && !startswith(pool.instance_types[0], "g4ad.")
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

  # The disk of an image that keeps the nodes' own data on another one than its system.
  disk_devices = {
    for name, pool in local.node_pools : name => (
      startswith(coalesce(pool.ami_type, "AL2023"), "BOTTLEROCKET") ? "/dev/xvdb" :
      startswith(coalesce(pool.ami_type, "AL2023"), "WINDOWS") ? "/dev/sda1" : "/dev/xvda"
    )
  }

  # Where nodes are. In another network of the cluster's own they go with the cluster, and need no other name.
  node_places = var.network != null ? local.node_subnet_ids : concat(stack.network[0].zones, [length(local.private_subnet_ids) > 0 ? "private" : "public"])

  # What a node group cannot change is part of its name: another one is made beside it before it goes and is drained.
  pool_names = {
    for name, pool in local.node_pools : name => join("-", [name, substr(sha256(jsonencode([
      pool.instance_types,
      pool.capacity_type,
      coalesce(pool.ami_type, local.ami_types[name]),
      local.node_places,
      aws_iam_role.node[0].arn,
      aws_launch_template.pool[name].id,
    ])), 0, 6)])
  }

  # Only pods that ask for a GPU run where one is.
  gpu_labels = { "nvidia.com/gpu.present" = "true" }
  gpu_taint  = { key = "nvidia.com/gpu", value = "true", effect = "NO_SCHEDULE" }
}

moved {
  from = aws_iam_role.node
  to   = aws_iam_role.node[0]
}

resource "aws_iam_role" "node" {
  count = local.has_pools ? 1 : 0

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
  for_each = toset([for policy in local.node_policies : policy if local.has_pools])

  role       = aws_iam_role.node[0].name
  policy_arn = "${local.policy_prefix}/${each.value}"
}

# Programs on a node ask it about itself by tokens only, so that what can be made to fetch a URL cannot fetch the node's role.
resource "aws_launch_template" "pool" {
  for_each = local.node_pools

  name = "${var.name}-${each.key}"
  tags = local.tags

  metadata_options = {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = var.metadata_hop_limit
  }

  block_device_mappings = [{
    device_name = local.disk_devices[each.key]

    ebs = {
      volume_size           = each.value.disk_size
      volume_type           = "gp3"
      encrypted             = true
      delete_on_termination = true
    }
  }]

  tag_specifications = [
    for kind in ["instance", "volume"] : {
      resource_type = kind
      tags          = merge(local.tags, { Name = "${var.name}-${each.key}" })
    }
  ]
}

resource "aws_eks_node_group" "pool" {
  for_each = local.node_pools

  cluster_name    = local.cluster_name
  node_group_name = local.pool_names[each.key]
  node_role_arn   = aws_iam_role.node[0].arn
  subnet_ids      = local.node_subnet_ids
  version         = aws_eks_cluster.main.version
  instance_types  = each.value.instance_types
  capacity_type   = each.value.capacity_type
  ami_type        = coalesce(each.value.ami_type, local.ami_types[each.key])
  labels          = merge({ for key, value in local.gpu_labels : key => value if local.machines[each.key].gpu }, each.value.labels)
  taint           = concat([for taint in [local.gpu_taint] : taint if local.machines[each.key].gpu], each.value.taints)
  tags            = local.tags

  launch_template = {
    id      = aws_launch_template.pool[each.key].id
    version = tostring(aws_launch_template.pool[each.key].latest_version)
  }

  scaling_config = {
    min_size     = each.value.min_size
    max_size     = each.value.max_size
    desired_size = coalesce(each.value.desired_size, each.value.min_size)
  }

  # A node that cannot pull images, get an address or get out never becomes ready.
  depends_on = [aws_iam_role_policy_attachment.node, aws_eks_addon.before_compute, stack.network]
}

# The successor of a node group is made before the group goes, since this wants it of all that it needs; but where another cluster takes
# the place of the one that it is on, which a word in the group itself would forbid.
resource "strata_data" "surge" {
  depends_on = [aws_eks_node_group.pool]

  lifecycle {
    create_before_destroy = true
  }
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

  cluster_name           = local.cluster_name
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
