//! Tests that need a control plane.

use std::fmt::Display;

use libtest_mimic::{Arguments, Trial};

/// Runs tests that can do without a control plane's programs, and those that can't. `programs` says whether they are
/// there: without them the latter are ignored, with that before their names, and don't pass; under
/// `SETPOINT_REQUIRE=local` they run, and fail.
pub fn run<P>(without: Vec<Trial>, with: Vec<Trial>, programs: Result<P, impl Display>) -> ! {
    let arguments = Arguments::from_args();
    let required = std::env::var_os("SETPOINT_REQUIRE").is_some_and(|set| set == "local");
    let missing = programs.err().filter(|_| !required);
    if let Some(error) = &missing {
        eprintln!("{} tests are ignored: {error}", with.len());
    }
    let with = with.into_iter().map(|trial| match missing {
        Some(_) => trial.with_kind("no control plane").with_ignored_flag(true),
        None => trial,
    });
    // Fails only when there is a provider already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let trials = without.into_iter().chain(with).collect();
    libtest_mimic::run(&arguments, trials).exit()
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
