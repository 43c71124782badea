data "aws_availability_zones" "available" {}

data "aws_region" "current" {}

locals {
  all_zones = data.aws_availability_zones.available.names

  zones = slice(local.all_zones, 0, min(var.zone_count, length(local.all_zones)))
  tags  = merge(var.tags, { "strata.stack" = "aws-network" })

  # The first half of the block is for what the internet may reach, the second for what it may not.
  public  = { for index, zone in local.zones : zone => cidrsubnet(var.cidr_block, 4, index) }
  private = { for index, zone in local.zones : zone => cidrsubnet(var.cidr_block, 4, index + 8) if local.has_private }

  has_private = var.private_subnets != null ? var.private_subnets : var.nat_gateways != "none"

  # Zones with a NAT gateway, and the one that each private subnet uses.
  nat_zones = var.nat_gateways == "per_zone" ? local.zones : var.nat_gateways == "single" ? slice(local.zones, 0, 1) : []
  nat_of    = { for zone, block in local.private : zone => var.nat_gateways == "per_zone" ? zone : local.zones[0] }

  public_subnet_ids  = [for subnet in aws_subnet.public : subnet.id]
  private_subnet_ids = [for subnet in aws_subnet.private : subnet.id]

  # Tools that find the subnets of a cluster by its name look for these.
  cluster_tags = { for name in var.cluster_names : "kubernetes.io/cluster/${name}" => "shared" }

  service_prefix   = "com.amazonaws.${data.aws_region.current.name}"
  endpoint_subnets = length(local.private) > 0 ? local.private_subnet_ids : local.public_subnet_ids
}

resource "aws_vpc" "main" {
  cidr_block           = var.cidr_block
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = merge(local.tags, { Name = var.name })

  lifecycle {
    precondition {
      condition     = var.zone_count <= length(local.all_zones)
      error_message = "zone_count is ${var.zone_count}, and ${data.aws_region.current.name} has ${length(local.all_zones)} zones: ${join(", ", local.all_zones)}."
    }
  }
}

resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id
  tags   = merge(local.tags, { Name = var.name })
}

resource "aws_subnet" "public" {
  for_each = local.public

  vpc_id                  = aws_vpc.main.id
  availability_zone       = each.key
  cidr_block              = each.value
  map_public_ip_on_launch = true

  tags = merge(local.tags, local.cluster_tags, {
    Name                     = "${var.name}-public-${each.key}"
    "kubernetes.io/role/elb" = "1"
  })
}

resource "aws_route_table" "public" {
  vpc_id     = aws_vpc.main.id
  subnet_ids = local.public_subnet_ids

  route = [{
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.main.id
  }]

  tags = merge(local.tags, { Name = "${var.name}-public" })
}

resource "aws_subnet" "private" {
  for_each = local.private

  vpc_id            = aws_vpc.main.id
  availability_zone = each.key
  cidr_block        = each.value

  tags = merge(local.tags, local.cluster_tags, {
    Name                              = "${var.name}-private-${each.key}"
    "kubernetes.io/role/internal-elb" = "1"
  })
}

resource "aws_eip" "nat" {
  for_each = toset(local.nat_zones)

  tags = merge(local.tags, { Name = "${var.name}-nat-${each.key}" })

  # The address leaves the network before its gateway does.
  depends_on = [aws_internet_gateway.main]
}

resource "aws_nat_gateway" "main" {
  for_each = toset(local.nat_zones)

  subnet_id     = aws_subnet.public[each.key].id
  allocation_id = aws_eip.nat[each.key].id
  tags          = merge(local.tags, { Name = "${var.name}-${each.key}" })

  # Without a way to the internet a NAT gateway fails.
  depends_on = [aws_route_table.public]
}

resource "aws_route_table" "private" {
  for_each = local.private

  vpc_id     = aws_vpc.main.id
  subnet_ids = [aws_subnet.private[each.key].id]

  # Without a NAT gateway there is no way out but the endpoints.
  route = var.nat_gateways == "none" ? [] : [{
    cidr_block     = "0.0.0.0/0"
    nat_gateway_id = aws_nat_gateway.main[local.nat_of[each.key]].id
  }]

  tags = merge(local.tags, { Name = "${var.name}-private-${each.key}" })
}

resource "aws_vpc_endpoint" "gateway" {
  for_each = var.gateway_endpoints

  vpc_id          = aws_vpc.main.id
  service_name    = "${local.service_prefix}.${each.value}"
  route_table_ids = concat([aws_route_table.public.id], [for table in aws_route_table.private : table.id])
  tags            = merge(local.tags, { Name = "${var.name}-${each.value}" })
}

resource "aws_security_group" "endpoints" {
  count = length(var.interface_endpoints) > 0 ? 1 : 0

  name        = "${var.name}-endpoints"
  description = "HTTPS from the network to the endpoints of AWS in it"
  vpc_id      = aws_vpc.main.id

  ingress = [{
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = [var.cidr_block]
  }]

  tags = merge(local.tags, { Name = "${var.name}-endpoints" })
}

resource "aws_vpc_endpoint" "interface" {
  for_each = var.interface_endpoints

  vpc_id              = aws_vpc.main.id
  service_name        = "${local.service_prefix}.${each.value}"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = local.endpoint_subnets
  security_group_ids  = [aws_security_group.endpoints[0].id]
  private_dns_enabled = true
  tags                = merge(local.tags, { Name = "${var.name}-${each.value}" })
}
