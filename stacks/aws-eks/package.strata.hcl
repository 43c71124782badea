package {
  name        = "aws-eks"
  description = "An EKS cluster with managed node groups, Fargate or Auto Mode, in a network of its own or one that exists"
  version     = "0.5.0"
}
