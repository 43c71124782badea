package {
  name        = "aws-network"
  description = "A network over several zones: public subnets, and private ones behind NAT gateways"
  version     = "0.2.0"
}
