output "cluster_name" {
  value       = aws_eks_cluster.main.name
  description = "Name of the cluster."
}

output "endpoint" {
  value       = aws_eks_cluster.main.endpoint
  description = "URL of the cluster's API."
}

output "version" {
  value       = aws_eks_cluster.main.version
  description = "Kubernetes minor version of the control plane."
}

output "oidc_issuer" {
  value       = aws_eks_cluster.main.identity.oidc.issuer
  description = "URL of the cluster's issuer of tokens for service accounts."
}

output "security_group_id" {
  value       = aws_eks_cluster.main.vpc_config.cluster_security_group_id
  description = "Id of the security group that control plane and nodes share."
}

output "node_role_arn" {
  value       = aws_iam_role.node.arn
  description = "ARN of the role of the nodes."
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
