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

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags for everything that takes tags."
}
