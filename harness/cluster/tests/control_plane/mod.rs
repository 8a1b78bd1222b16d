//! Tests that need the control plane's programs. Where those are missing such a test is ignored, with the reason before its
//! name, and not passed; under `SETPOINT_REQUIRE=local` it fails then.

use libtest_mimic::{Arguments, Trial};
use setpoint_cluster::provision::{self, Binaries};

/// The control plane's programs; without them a test that needs them fails.
pub(crate) fn programs() -> Binaries {
    match provision::find(&provision::Options::from_env()) {
        Ok(programs) => programs,
        Err(error) => panic!("{error}"),
    }
}

/// Runs tests that can do without the programs, and those that can't.
pub(crate) fn run(without: Vec<Trial>, with: Vec<Trial>) -> ! {
    let arguments = Arguments::from_args();
    let missing = provision::find(&provision::Options::from_env()).err();
    let required = std::env::var_os("SETPOINT_REQUIRE").is_some_and(|set| set == "local");
    let missing = missing.filter(|_| !required);
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
macro_rules! trials {
    (async $($test:ident),* $(,)?) => {
        vec![$(libtest_mimic::Trial::test(stringify!($test), || {
            tokio::runtime::Runtime::new()?.block_on($test());
            Ok(())
        })),*]
    };
    ($($test:ident),* $(,)?) => {
        vec![$(libtest_mimic::Trial::test(stringify!($test), || {
            $test();
            Ok(())
        })),*]
    };
}
pub(crate) use trials;
