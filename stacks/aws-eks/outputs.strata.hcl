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
  value       = one([for role in aws_iam_role.node : role.arn])
  description = "ARN of the role of the pools' nodes; null without pools."
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
  description = "Ids of the private subnets."
}

output "kubernetes" {
  description = "What a layer on the cluster needs: the cluster, how its API is reached, and what has to be there before a pod can run in it: add-ons for nodes, a node group or what takes its place, DNS, roles of service accounts, and who may use the cluster."

  value = {
    cluster               = aws_eks_cluster.main.id
    version               = aws_eks_cluster.main.version
    endpoint              = aws_eks_cluster.main.endpoint
    certificate_authority = aws_eks_cluster.main.certificate_authority

    token = {
      type         = "aws_eks"
      cluster_name = aws_eks_cluster.main.name
      region       = data.aws_region.current.name
    }

    ready_after = concat(
      [for addon in aws_eks_addon.before_compute : addon.id],
      [for name in slice(local.pools_in_order, 0, min(1, length(local.pools_in_order))) : aws_eks_node_group.pool[name].id],
      [for profile in aws_eks_fargate_profile.profile : profile.id],
      [for name, addon in aws_eks_addon.after_compute : addon.id if name == "coredns"],
      [for identity in aws_eks_pod_identity_association.account : identity.id],
      [for entry in aws_eks_access_entry.principal : entry.id],
      [for access in aws_eks_access_policy_association.principal : access.id],
      [for access in aws_eks_access_policy_association.caller : access.id],
    )
  }
}
