# The other spelling: both decode to the same model, and a project may mix them.
cluster "mini-prod" {
  stack = "aws-eks"

  inputs = {
    name         = "mini-prod"
    cidr_block   = "10.20.0.0/16"
    nat_gateways = "per_zone"

    node_pools = {
      system = { min_size = 2, max_size = 4 }
      spot   = { capacity_type = "SPOT", max_size = 10, labels = { pool = "spot" } }
    }
  }
}
