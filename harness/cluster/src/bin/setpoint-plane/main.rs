//! One Kubernetes control plane; started by `setpoint-cluster`, not by hand.

use std::process::ExitCode;

fn main() -> ExitCode {
    setpoint_node::plane_main()
}
