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
  description = "Ids of the private subnets; none where there are none."
}

output "route_table_ids" {
  value       = concat([aws_route_table.public.id], [for table in aws_route_table.private : table.id])
  description = "Ids of the route tables: that of the public subnets, then those of the private ones."
}

output "public_addresses" {
  value       = [for address in aws_eip.nat : address.public_ip]
  description = "IPv4 addresses under which the private subnets are seen on the internet; none without NAT gateways."
}
