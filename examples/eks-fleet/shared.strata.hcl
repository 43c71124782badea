# What both clusters use: roles that people take on, a key for secrets, and repositories of images.

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

resource "aws_kms_key" "secrets" {
  description             = "Secrets of the clusters of the fleet ace"
  enable_key_rotation     = true
  deletion_window_in_days = 30
}

resource "aws_kms_alias" "secrets" {
  name          = "alias/ace-secrets"
  target_key_id = aws_kms_key.secrets.key_id
}

resource "aws_ecr_repository" "images" {
  for_each = toset(["ace/api", "ace/web"])

  name                 = each.key
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration = { scan_on_push = true }
}
