# Small: two zones, one NAT gateway, spot capacity.
cluster "ace-test" {
  stack = "aws-eks"

  inputs = {
    name       = "ace-test"
    cidr_block = "10.10.0.0/16"
    zone_count = 2

    secrets_key_arn = aws_kms_key.secrets.arn

    access = {
      admins = { principal_arn = aws_iam_role.people["admins"].arn, policy = "AmazonEKSClusterAdminPolicy" }
    }

    node_pools = {
      system = {
        instance_types = ["t3.large", "t3a.large"]
        capacity_type  = "SPOT"
        max_size       = 4
      }
    }
  }
}
