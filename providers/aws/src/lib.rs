//! Resource types of AWS: network, identity and EKS.
