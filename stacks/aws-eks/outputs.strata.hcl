output "cluster_name" {
  value       = aws_eks_cluster.main.name
  description = "Name of the cluster."
}

output "endpoint" {
  value       = aws_eks_cluster.main.endpoint
  description = "URL of the cluster's API."
}

output "vpc_id" {
  value       = aws_vpc.main.id
  description = "Id of the network."
}

output "subnet_ids" {
  value       = [for subnet in aws_subnet.public : subnet.id]
  description = "Ids of the subnets, by zone."
}
