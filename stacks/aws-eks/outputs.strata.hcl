output "cluster_name" {
  value       = aws_eks_cluster.main.name
  description = "Name of the cluster."
}

output "endpoint" {
  value       = aws_eks_cluster.main.endpoint
  description = "URL of the cluster's API."
}

output "vpc_id" {
  value       = local.vpc_id
  description = "Id of the network."
}

output "subnet_ids" {
  value       = local.node_subnet_ids
  description = "Ids of the subnets that the nodes are in."
}

output "public_subnet_ids" {
  value       = local.public_subnet_ids
  description = "Ids of the subnets that the internet may reach."
}

output "private_subnet_ids" {
  value       = local.private_subnet_ids
  description = "Ids of the subnets behind the NAT gateways."
}
