//! One Kubernetes control plane; started by `setpoint-cluster`, not by hand.

fn main() {}
