//! The adapter's program: arguments in, exit code out.

use std::process::ExitCode;

use setpoint_adapter::args::Args;
use setpoint_adapter::run::run;

fn main() -> ExitCode {
    // Fails only when there is a provider already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match run(Args::of_process()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
