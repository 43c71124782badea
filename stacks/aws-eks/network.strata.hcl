locals {
  tags = merge(var.tags, { "strata.stack" = "aws-eks" })

  # A network that exists already is used and not owned.
  vpc_id             = var.network != null ? var.network.vpc_id : stack.network[0].vpc_id
  public_subnet_ids  = var.network != null ? var.network.public_subnet_ids : stack.network[0].public_subnet_ids
  private_subnet_ids = var.network != null ? var.network.private_subnet_ids : stack.network[0].private_subnet_ids
  node_subnet_ids    = length(local.private_subnet_ids) > 0 ? local.private_subnet_ids : local.public_subnet_ids
}

stack "network" {
  count = var.network == null ? 1 : 0

  source = "aws-network"

  inputs = {
    name                = var.name
    cidr_block          = var.cidr_block
    zone_count          = var.zone_count
    nat_gateways        = var.nat_gateways
    private_subnets     = var.private_subnets
    gateway_endpoints   = var.gateway_endpoints
    interface_endpoints = var.interface_endpoints
    cluster_names       = [var.name]
    tags                = var.tags
  }
}
