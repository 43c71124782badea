package {
  name        = "aws-eks"
  description = "An EKS cluster with a network of its own and managed node groups"
  version     = "0.2.0"
}
