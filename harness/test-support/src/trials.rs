//! Tests that need a control plane.

use std::fmt::Display;

use libtest_mimic::{Arguments, Trial};

/// Runs tests that can do without a control plane's programs, and those that can't.
pub fn run<P>(without: Vec<Trial>, with: Vec<Trial>, programs: Result<P, impl Display>) -> ! {
    let with = needing(with, programs);
    run_all(without.into_iter().chain(with).collect())
}

/// Tests that need what was looked for, such as a control plane's programs. Without it they are ignored, with that before
/// their names, and don't pass; under `SETPOINT_REQUIRE=local` they run, and fail.
pub fn needing<P>(trials: Vec<Trial>, found: Result<P, impl Display>) -> Vec<Trial> {
    let required = std::env::var_os("SETPOINT_REQUIRE").is_some_and(|set| set == "local");
    let Some(error) = found.err().filter(|_| !required) else {
        return trials;
    };
    eprintln!("{} tests are ignored: {error}", trials.len());
    let ignored = |trial: Trial| trial.with_kind("no control plane").with_ignored_flag(true);
    trials.into_iter().map(ignored).collect()
}

/// Runs tests as the command line says, and ends the process.
pub fn run_all(trials: Vec<Trial>) -> ! {
    // Fails only when there is a provider already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    libtest_mimic::run(&Arguments::from_args(), trials).exit()
}

/// Functions as tests that bear their names; asynchronous ones run on a runtime of their own.
#[macro_export]
macro_rules! trials {
    (async $($test:ident),* $(,)?) => {
        vec![$($crate::Trial::test(stringify!($test), || {
            tokio::runtime::Runtime::new()?.block_on($test());
            Ok(())
        })),*]
    };
    ($($test:ident),* $(,)?) => {
        vec![$($crate::Trial::test(stringify!($test), || {
            $test();
            Ok(())
        })),*]
    };
}
