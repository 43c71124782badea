package {
  name        = "aws-eks"
  description = "An EKS cluster with managed node groups, in a network of its own or one that exists"
  version     = "0.4.0"
}
