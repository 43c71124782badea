output "vpc_id" {
  value       = aws_vpc.main.id
  description = "Id of the network."
}

output "cidr_block" {
  value       = aws_vpc.main.cidr_block
  description = "IPv4 addresses of the network."
}

output "zones" {
  value       = local.zones
  description = "Availability zones that the network spans."
}

output "public_subnet_ids" {
  value       = local.public_subnet_ids
  description = "Ids of the subnets that the internet may reach."
}

output "private_subnet_ids" {
  value       = local.private_subnet_ids
  description = "Ids of the subnets behind the NAT gateways; none without such."
}
