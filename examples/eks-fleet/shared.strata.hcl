# What both clusters use: roles that people take on to work with them.

data "aws_caller_identity" "current" {}

resource "aws_iam_role" "people" {
  for_each = {
    admins  = "Administer the clusters"
    readers = "Look into the clusters"
  }

  name        = "ace-${each.key}"
  description = each.value

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:root" }
      Action    = "sts:AssumeRole"
    }]
  })
}
