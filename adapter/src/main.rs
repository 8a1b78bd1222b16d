//! The program `setpoint-adapter`.

use std::process::ExitCode;

fn main() -> ExitCode {
    setpoint_adapter::main()
}
