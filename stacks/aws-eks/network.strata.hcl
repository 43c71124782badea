data "aws_availability_zones" "available" {}

locals {
  zones   = slice(data.aws_availability_zones.available.names, 0, var.zone_count)
  subnets = { for index, zone in local.zones : zone => cidrsubnet(var.cidr_block, 4, index) }
  tags    = merge(var.tags, { "strata.stack" = "aws-eks" })
}

resource "aws_vpc" "main" {
  cidr_block           = var.cidr_block
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = merge(local.tags, { Name = var.name })
}

resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id
  tags   = merge(local.tags, { Name = var.name })
}

resource "aws_subnet" "public" {
  for_each = local.subnets

  vpc_id                  = aws_vpc.main.id
  availability_zone       = each.key
  cidr_block              = each.value
  map_public_ip_on_launch = true

  tags = merge(local.tags, {
    Name                     = "${var.name}-public-${each.key}"
    "kubernetes.io/role/elb" = "1"
  })
}

resource "aws_route_table" "public" {
  vpc_id     = aws_vpc.main.id
  subnet_ids = [for subnet in aws_subnet.public : subnet.id]

  route = [{
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.main.id
  }]

  tags = merge(local.tags, { Name = "${var.name}-public" })
}
