variable "name" {
  type        = string
  description = "Name of the cluster; also the prefix of everything around it."

  validation {
    condition     = can(regex("^[0-9A-Za-z][A-Za-z0-9-_]{0,60}$", var.name))
    error_message = "A name begins with a letter or digit and has at most 61 letters, digits, dashes and underscores."
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
  description = "IPv4 addresses of the network; each zone gets a block that is 4 bits smaller."

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
  description = "NAT gateways for the nodes: `single` for all zones, one `per_zone`, or `none`, which puts the nodes into the public subnets."

  validation {
    condition     = contains(["single", "per_zone", "none"], var.nat_gateways)
    error_message = "This must be single, per_zone or none."
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
  description = "Logs of the control plane that go to CloudWatch, into a log group that EKS makes and leaves behind."

  validation {
    condition     = alltrue([for kind in var.log_types : contains(["api", "audit", "authenticator", "controllerManager", "scheduler"], kind)])
    error_message = "There are api, audit, authenticator, controllerManager and scheduler."
  }
}

variable "public_access_cidrs" {
  type        = set(string)
  description = "Who may reach the cluster's API from the internet, as IPv4 blocks; none makes it private only."

  validation {
    condition     = alltrue([for cidr in var.public_access_cidrs : can(cidrhost(cidr, 0))])
    error_message = "Each entry must be an IPv4 block such as 203.0.113.0/24."
  }
}

variable "node_pools" {
  description = "Managed node groups by name."

  type = map(object({
    instance_types = optional(list(string), ["m7i.large"])
    capacity_type  = optional(string, "ON_DEMAND")
    disk_size      = optional(number, 50)
    min_size       = optional(number, 1)
    max_size       = optional(number, 3)
    desired_size   = optional(number)
    labels         = optional(map(string), {})
    ami_type       = optional(string)

    taints = optional(set(object({
      key    = string
      value  = optional(string)
      effect = string
    })), [])
  }))

  default = {
    system = {}
  }

  validation {
    condition     = alltrue([for pool in var.node_pools : pool.min_size <= pool.max_size])
    error_message = "A pool's min_size must not be above its max_size."
  }

  validation {
    condition     = alltrue(flatten([for pool in var.node_pools : [for taint in pool.taints : contains(["NO_SCHEDULE", "NO_EXECUTE", "PREFER_NO_SCHEDULE"], taint.effect)]]))
    error_message = "The effect of a taint is NO_SCHEDULE, NO_EXECUTE or PREFER_NO_SCHEDULE."
  }
}

variable "addons" {
  description = "Software that EKS installs and keeps, by its name in EKS. Without a version EKS chooses its default for the cluster's. `configuration` is a JSON text that the add-on's own schema allows. With `before_compute` it is there before the first node; the others need nodes."

  type = map(object({
    version        = optional(string)
    configuration  = optional(string)
    role_arn       = optional(string)
    before_compute = optional(bool, false)
  }))

  default = {
    vpc-cni                = { before_compute = true }
    kube-proxy             = { before_compute = true }
    eks-pod-identity-agent = { before_compute = true }
    coredns                = {}
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
    condition     = length(var.pod_identities) == 0 || contains(keys(var.addons), "eks-pod-identity-agent")
    error_message = "Pod identities need eks-pod-identity-agent among the add-ons."
  }
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags for everything that takes tags."
}
