variable "name" {
  type        = string
  description = "Name of the network; also the prefix of the names of its parts."

  validation {
    condition     = length(var.name) > 0 && length(var.name) <= 100
    error_message = "A name has 1 to 100 characters."
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
  description = "NAT gateways: a `single` one for all zones, one `per_zone`, or `none`, which leaves out the private subnets."

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

variable "cluster_names" {
  type        = set(string)
  default     = []
  description = "Clusters whose names the subnets carry, for tools that find the subnets of a cluster by tags."

  validation {
    condition     = alltrue([for name in var.cluster_names : can(regex("^[0-9A-Za-z][A-Za-z0-9-_]{0,99}$", name))])
    error_message = "Each entry must be the name of an EKS cluster."
  }
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags for everything that takes tags."

  validation {
    condition     = alltrue([for key in keys(var.tags) : !startswith(lower(key), "aws:")])
    error_message = "Tags that begin with aws: are those of AWS itself."
  }
}
