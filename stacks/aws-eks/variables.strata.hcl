variable "name" {
  type        = string
  description = "Name of the cluster; also the prefix of everything around it."

  validation {
    condition     = can(regex("^[0-9A-Za-z][A-Za-z0-9-_]{0,55}$", var.name))
    error_message = "A name begins with a letter or digit and has at most 56 letters, digits, dashes and underscores: roles are named by it, too."
  }

  validation {
    condition     = var.auto_mode == null || length(var.name) <= 54
    error_message = "With Auto Mode a name has at most 54 characters: the role of its nodes is named by it, too."
  }
}

variable "kubernetes_version" {
  type        = string
  default     = "1.35"
  description = "Kubernetes minor version of the control plane and the nodes, such as 1.35."

  validation {
    condition     = can(regex("^1\\.[0-9]+$", var.kubernetes_version))
    error_message = "A version is a minor such as \"1.35\"."
  }
}

variable "network" {
  description = "A network that exists, such as the outputs of a stack `aws-network`. Without it the cluster gets one of its own, by `cidr_block`, `zone_count` and `nat_gateways`. Nodes are in its private subnets, or in the public ones where there are no others."
  default     = null

  type = object({
    vpc_id             = string
    private_subnet_ids = optional(list(string), [])
    public_subnet_ids  = optional(list(string), [])
  })

  validation {
    condition     = var.network == null || length(var.network.private_subnet_ids) > 1 || (length(var.network.private_subnet_ids) == 0 && length(var.network.public_subnet_ids) > 1)
    error_message = "EKS needs subnets in at least two zones."
  }
}

variable "cidr_block" {
  type        = string
  default     = "10.0.0.0/16"
  description = "IPv4 addresses of the network; each zone gets a block that is 4 bits smaller. Another one makes another network, and another cluster in it."

  validation {
    condition     = can(cidrhost(var.cidr_block, 0))
    error_message = "This must be an IPv4 block such as 10.0.0.0/16."
  }
}

variable "zone_count" {
  type        = number
  default     = 3
  description = "Availability zones that the network spans, the first ones of the region."

  validation {
    condition     = var.zone_count >= 2 && var.zone_count <= 6
    error_message = "EKS needs at least two zones; at most six are supported."
  }
}

variable "nat_gateways" {
  type        = string
  default     = "single"
  description = "NAT gateways for the nodes: `single` for all zones, one `per_zone`, or `none`, which puts the nodes into the public subnets, unless there are private ones all the same."

  validation {
    condition     = contains(["single", "per_zone", "none"], var.nat_gateways)
    error_message = "This must be single, per_zone or none."
  }
}

variable "private_subnets" {
  type        = bool
  default     = null
  description = "Whether there are private subnets; if left out, where there are NAT gateways. Without these, what is in them reaches AWS by endpoints, and nothing else."

  validation {
    condition     = var.private_subnets != false || var.nat_gateways == "none"
    error_message = "NAT gateways serve private subnets: say nat_gateways = \"none\" to do without."
  }
}

variable "gateway_endpoints" {
  type        = set(string)
  default     = ["s3"]
  description = "Services of AWS that are reached by a route instead of the NAT gateways, at no cost: `s3`, `dynamodb`."

  validation {
    condition     = alltrue([for service in var.gateway_endpoints : contains(["s3", "dynamodb"], service)])
    error_message = "There are gateway endpoints for s3 and dynamodb only."
  }
}

variable "interface_endpoints" {
  type        = set(string)
  default     = []
  description = "Services of AWS that are reached by an interface in each zone, such as `ecr.api`, `ecr.dkr`, `ec2`, `eks`, `eks-auth`, `sts` and `logs`, which nodes without a NAT gateway need."

  validation {
    condition     = alltrue([for service in var.interface_endpoints : can(regex("^[a-z0-9][a-z0-9.-]*$", service))])
    error_message = "A service is named without its region, such as ecr.api."
  }
}

variable "service_cidr" {
  type        = string
  default     = null
  description = "IPv4 addresses of services in the cluster, outside the network; EKS chooses some if left out. Another one makes another cluster."

  validation {
    condition     = var.service_cidr == null || can(cidrnetmask(var.service_cidr))
    error_message = "This must be an IPv4 block such as 172.20.0.0/16."
  }

  validation {
    condition     = var.service_cidr == null || !can(cidrnetmask(var.service_cidr)) || anytrue([for block in ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"] : cidrcontains(block, coalesce(var.service_cidr, block))])
    error_message = "Services have addresses within 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16."
  }

  validation {
    condition     = var.service_cidr == null || contains(range(12, 25), tonumber(try(split("/", var.service_cidr)[1], 24)))
    error_message = "The block of services is a /24 at the smallest and a /12 at the largest."
  }

  validation {
    condition     = var.network != null || try(!cidrcontains(var.cidr_block, var.service_cidr) && !cidrcontains(var.service_cidr, var.cidr_block), true)
    error_message = "The block of services must not overlap that of the network, cidr_block."
  }
}

variable "support_type" {
  type        = string
  default     = "STANDARD"
  description = "What happens when the standard support of the Kubernetes version ends: with `STANDARD` EKS upgrades the cluster, with `EXTENDED` it stays, and costs more."

  validation {
    condition     = contains(["STANDARD", "EXTENDED"], var.support_type)
    error_message = "This must be STANDARD or EXTENDED."
  }
}

variable "deletion_protection" {
  type        = bool
  default     = false
  description = "Whether EKS refuses to delete the cluster until this is said to be false again."
}

variable "zonal_shift" {
  type        = bool
  default     = false
  description = "Whether AWS may move the cluster's traffic out of a zone that is impaired."
}

variable "secrets_key_arn" {
  type        = string
  default     = null
  description = "ARN of a KMS key by which the secrets of the cluster are encrypted, beyond what EKS does by itself. It can be added, and not be taken away."

  validation {
    condition     = var.secrets_key_arn == null || can(regex("^arn:[a-z-]+:kms:", var.secrets_key_arn))
    error_message = "This must be the ARN of a KMS key."
  }
}

variable "access" {
  description = "Principals of IAM that may use the cluster, by a name of your choice. A policy is one of EKS's, such as AmazonEKSClusterAdminPolicy; with namespaces it holds in these only."

  type = map(object({
    principal_arn     = string
    policy            = optional(string)
    namespaces        = optional(set(string), [])
    kubernetes_groups = optional(set(string), [])
  }))

  default = {}

  validation {
    condition     = alltrue([for entry in var.access : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/", entry.principal_arn))])
    error_message = "A principal is the ARN of a role or user of IAM. A session is not one: name its role."
  }

  validation {
    condition     = length(distinct([for entry in var.access : entry.principal_arn])) == length(var.access)
    error_message = "A principal has one entry: two name the same."
  }

  validation {
    condition     = alltrue([for entry in var.access : contains(["AmazonEKSAdminPolicy", "AmazonEKSAdminViewPolicy", "AmazonEKSClusterAdminPolicy", "AmazonEKSEditPolicy", "AmazonEKSSecretReaderPolicy", "AmazonEKSViewPolicy"], coalesce(entry.policy, "AmazonEKSViewPolicy"))])
    error_message = "A policy is AmazonEKSClusterAdminPolicy, AmazonEKSAdminPolicy, AmazonEKSAdminViewPolicy, AmazonEKSEditPolicy, AmazonEKSViewPolicy or AmazonEKSSecretReaderPolicy."
  }
}

variable "caller_is_admin" {
  type        = bool
  default     = true
  description = "Whether the role or user that makes the cluster administers it. Say false where `access` names it already."

  validation {
    condition     = var.caller_is_admin || anytrue([for entry in var.access : entry.policy == "AmazonEKSClusterAdminPolicy" && length(entry.namespaces) == 0])
    error_message = "Somebody must be able to administer the cluster: give one entry of `access` the policy AmazonEKSClusterAdminPolicy, without namespaces."
  }
}

variable "log_types" {
  type        = set(string)
  default     = []
  description = "Logs of the control plane that go to CloudWatch."

  validation {
    condition     = alltrue([for kind in var.log_types : contains(["api", "audit", "authenticator", "controllerManager", "scheduler"], kind)])
    error_message = "There are api, audit, authenticator, controllerManager and scheduler."
  }
}

variable "log_retention_days" {
  type        = number
  default     = 90
  description = "For how many days the logs of the control plane are kept."

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "CloudWatch keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545 or 731 days, or for 3 years and more by a number that it knows."
  }
}

variable "public_access_cidrs" {
  type        = set(string)
  description = "Who may reach the cluster's API from the internet, as IPv4 blocks; none makes it private only."

  validation {
    condition     = alltrue([for cidr in var.public_access_cidrs : can(cidrnetmask(cidr))])
    error_message = "Each entry must be an IPv4 block such as 203.0.113.0/24."
  }

  validation {
    condition     = !anytrue(flatten([for cidr in var.public_access_cidrs : [for block in ["10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/3"] : try(cidrcontains(block, cidr), false)]]))
    error_message = "EKS takes no private or reserved blocks here: from there the API is reached inside the network."
  }
}

variable "node_pools" {
  description = "Managed node groups by name; one named `system` if left out, unless there are Fargate profiles or Auto Mode. What cannot be changed in place, such as instance types, makes a new node group before the old one is drained and goes; six digits in its name tell them apart. A pool whose first instance type has Graviton processors or GPUs gets the image for them, and one with GPUs the taint `nvidia.com/gpu` and the label `nvidia.com/gpu.present`. With `capacity_type` SPOT several instance types keep it from running dry."

  type = map(object({
    instance_types = optional(list(string), ["m7i.large"])
    capacity_type  = optional(string, "ON_DEMAND")
    disk_size      = optional(number, 50)
    min_size       = optional(number, 1)
    max_size       = optional(number, 3)
    desired_size   = optional(number)
    labels         = optional(map(string), {})
    ami_type       = optional(string)

    taints = optional(list(object({
      key    = string
      value  = optional(string)
      effect = string
    })), [])
  }))

  default = null

  validation {
    condition     = alltrue([for name in keys(coalesce(var.node_pools, {})) : can(regex("^[0-9A-Za-z][A-Za-z0-9-_]{0,55}$", name))])
    error_message = "The name of a pool begins with a letter or digit and has at most 56 letters, digits, dashes and underscores."
  }

  validation {
    condition     = alltrue([for pool in coalesce(var.node_pools, {}) : pool.min_size <= pool.max_size])
    error_message = "A pool's min_size must not be above its max_size, as it is in ${join(", ", [for name, pool in coalesce(var.node_pools, {}) : name if pool.min_size > pool.max_size])}."
  }

  validation {
    condition     = alltrue([for pool in coalesce(var.node_pools, {}) : contains(["ON_DEMAND", "SPOT"], pool.capacity_type)])
    error_message = "The capacity_type of a pool is ON_DEMAND or SPOT."
  }

  validation {
    condition     = alltrue([for pool in coalesce(var.node_pools, {}) : can(regex("^(AL2023_(x86_64_(STANDARD|NEURON|NVIDIA)|ARM_64_(STANDARD|NVIDIA))|AL2_(x86_64|x86_64_GPU|ARM_64)|BOTTLEROCKET_(ARM_64|x86_64)(_NVIDIA)?(_FIPS)?|WINDOWS_(CORE|FULL)_(2019|2022|2025)_x86_64)$", coalesce(pool.ami_type, "AL2023_x86_64_STANDARD")))])
    error_message = "An ami_type is one of EKS's, such as AL2023_x86_64_STANDARD, AL2023_ARM_64_STANDARD, BOTTLEROCKET_x86_64, BOTTLEROCKET_ARM_64 or WINDOWS_CORE_2022_x86_64."
  }

  validation {
    condition     = alltrue([for pool in coalesce(var.node_pools, {}) : length(pool.instance_types) > 0])
    error_message = "A pool needs at least one instance type."
  }

  validation {
    condition     = alltrue([for pool in coalesce(var.node_pools, {}) : length(distinct([for machine in pool.instance_types : can(regex("^([a-z]+[0-9]+g|a1\\.)", machine))])) <= 1])
    error_message = "A pool has one image, for one kind of processor: put the instance types with Graviton (such as m7g) and those without into pools of their own, in ${join(", ", [for name, pool in coalesce(var.node_pools, {}) : name if length(distinct([for machine in pool.instance_types : can(regex("^([a-z]+[0-9]+g|a1\\.)", machine))])) > 1])}."
  }

  validation {
    condition     = alltrue(flatten([for pool in coalesce(var.node_pools, {}) : pool.ami_type == null ? [] : [for machine in pool.instance_types : can(regex("ARM_64", pool.ami_type)) == can(regex("^([a-z]+[0-9]+g|a1\\.)", machine))]]))
    error_message = "An ami_type with ARM_64 is for instance types with Graviton (such as m7g), and those need one: leave ami_type out, and the pool gets what fits."
  }

  validation {
    condition     = alltrue(flatten([for pool in coalesce(var.node_pools, {}) : [for taint in pool.taints : contains(["NO_SCHEDULE", "NO_EXECUTE", "PREFER_NO_SCHEDULE"], taint.effect)]]))
    error_message = "The effect of a taint is NO_SCHEDULE, NO_EXECUTE or PREFER_NO_SCHEDULE."
  }
}

variable "metadata_hop_limit" {
  type        = number
  default     = 1
  description = "How many hops the answers of a node's metadata service (IMDSv2, always with tokens) may go: with 1 they reach the node and pods on its own network only, with 2 all pods, which then can take on the node's role."

  validation {
    condition     = var.metadata_hop_limit >= 1 && var.metadata_hop_limit <= 64
    error_message = "The limit is 1 to 64 hops."
  }
}

variable "fargate_profiles" {
  description = "Pods that run on Fargate instead of nodes, by a name of your choice: those of a namespace, or of it and with labels. They need private subnets. Without node groups, one has to take the namespace kube-system, for DNS."

  type = map(object({
    selectors = list(object({
      namespace = string
      labels    = optional(map(string))
    }))
  }))

  default = {}

  validation {
    condition     = alltrue([for profile in var.fargate_profiles : length(profile.selectors) >= 1 && length(profile.selectors) <= 5])
    error_message = "A profile has one to five selectors."
  }

  validation {
    condition     = length(var.fargate_profiles) == 0 || var.network != null || (var.private_subnets != null ? var.private_subnets : var.nat_gateways != "none")
    error_message = "Pods on Fargate need private subnets: with nat_gateways = \"none\", say private_subnets = true."
  }

  validation {
    condition     = length(var.fargate_profiles) == 0 || length(coalesce(var.node_pools, {})) > 0 || var.auto_mode != null || !contains(keys(coalesce(var.addons, { coredns = null })), "coredns") || anytrue(flatten([for profile in var.fargate_profiles : [for selector in profile.selectors : can(regex("^${replace(replace(selector.namespace, "*", ".*"), "?", ".")}$", "kube-system"))]]))
    error_message = "Without node groups a profile has to take the namespace kube-system, where DNS runs."
  }
}

variable "auto_mode" {
  description = "EKS Auto Mode, in which EKS makes nodes, load balancers and volumes by itself; an empty object switches it on. Without node pools it comes without the add-ons that are there otherwise; the nodes of pools need them."

  type = object({
    node_pools = optional(set(string), ["general-purpose", "system"])
  })

  default = null

  validation {
    condition     = alltrue([for pool in var.auto_mode == null ? [] : tolist(var.auto_mode.node_pools) : contains(["general-purpose", "system"], pool)])
    error_message = "The pools of Auto Mode are general-purpose and system."
  }
}

variable "default_storage_class" {
  type        = bool
  default     = true
  description = "Whether claims of volumes that name no class get a volume of EBS: the add-on aws-ebs-csi-driver, a role for it, and the default StorageClass by its configuration. It takes node pools: on Fargate alone there are no such volumes, and with Auto Mode alone define a class of your own."

  validation {
    condition     = !var.default_storage_class || (length(coalesce(var.node_pools, {})) == 0 && (var.auto_mode != null || length(var.fargate_profiles) > 0)) || var.addons == null || contains(keys(coalesce(var.addons, {})), "eks-pod-identity-agent")
    error_message = "The driver of volumes gets its role by eks-pod-identity-agent: put it among the add-ons, or say default_storage_class = false."
  }
}

variable "addons" {
  description = "Software that EKS installs and keeps, by its name in EKS; if left out, vpc-cni, kube-proxy and eks-pod-identity-agent before the first node, and coredns after it; on Fargate alone no agent, and none of it with Auto Mode alone. Without a version EKS chooses its default for the cluster's, at first and, where that is newer, with each minor of an upgrade. `configuration` is a JSON text that the add-on's own schema allows. With `before_compute` it is there before the first node; the others need nodes."

  type = map(object({
    version        = optional(string)
    configuration  = optional(string)
    role_arn       = optional(string)
    before_compute = optional(bool, false)
  }))

  default = null

  validation {
    condition     = alltrue([for addon in coalesce(var.addons, {}) : addon.configuration == null || can(jsondecode(addon.configuration))])
    error_message = "The configuration of an add-on is a JSON text."
  }
}

variable "pod_identities" {
  description = "Roles of IAM for service accounts, by a name of your choice. They need the add-on eks-pod-identity-agent."

  type = map(object({
    namespace       = string
    service_account = string
    role_arn        = string
  }))

  default = {}

  validation {
    condition     = length(var.pod_identities) == 0 || var.auto_mode != null || var.addons == null || contains(keys(coalesce(var.addons, {})), "eks-pod-identity-agent")
    error_message = "Pod identities need eks-pod-identity-agent among the add-ons."
  }
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags for everything that takes tags, machines too: another tag rolls out new nodes."

  validation {
    condition     = alltrue([for key in keys(var.tags) : !startswith(lower(key), "aws:")])
    error_message = "Tags that begin with aws: are those of AWS itself."
  }
}
