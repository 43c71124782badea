# Large: three zones with a NAT gateway in each, endpoints, three kinds of nodes, and protection.
cluster "ace-prod" {
  stack = "aws-eks"

  inputs = {
    name                = "ace-prod"
    cidr_block          = "10.20.0.0/16"
    nat_gateways        = "per_zone"
    interface_endpoints = ["ecr.api", "ecr.dkr", "sts"]
    zonal_shift         = true

    secrets_key_arn = aws_kms_key.secrets.arn

    access = {
      admins  = { principal_arn = aws_iam_role.people["admins"].arn, policy = "AmazonEKSClusterAdminPolicy" }
      readers = { principal_arn = aws_iam_role.people["readers"].arn, policy = "AmazonEKSAdminViewPolicy" }
    }

    node_pools = {
      system = { min_size = 3, max_size = 6 }

      # Graviton, on spot capacity of several types.
      apps = {
        instance_types = ["m7g.xlarge", "m6g.xlarge", "c7g.xlarge"]
        capacity_type  = "SPOT"
        min_size       = 3
        max_size       = 30
        labels         = { tier = "apps" }
      }

      # Only pods that tolerate nvidia.com/gpu run here, and none are paid for while nobody asks.
      gpu = {
        instance_types = ["g6.xlarge"]
        disk_size      = 200
        min_size       = 0
        max_size       = 4
      }
    }
  }
}
