//! Each file of `scenarios/` is a test, on a control plane that it has for itself while it runs.
//!
//! They are ignored, the reason behind their name, where the control plane's programs or Prometheus' are missing; under
//! `SETPOINT_REQUIRE=local` they fail then.

fn main() -> std::process::ExitCode {
    setpoint::conformance::Suite::of_setpoint_adapter().run()
}
