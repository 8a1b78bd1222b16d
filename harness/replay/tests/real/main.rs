//! The evaluator answers as real Prometheus servers do.
//!
//! They are child processes on loopback, which get the same samples by remote write: a v3 that `SETPOINT_PROMETHEUS`
//! names, and a v2 that `SETPOINT_PROMETHEUS_2` names. Without one its tests are ignored, with the reason; under
//! `SETPOINT_REQUIRE=prometheus` they fail then. `SETPOINT_SEED` chooses what is generated. The clients, promtool and
//! `client`, are looked for beside the server (`ci/prometheus/build`).
#![expect(
    clippy::unwrap_used,
    reason = "a server that does something unexpected fails the test"
)]

mod api;
mod cases;
mod clients;
mod compare;
mod generate;
mod minors;
mod noticed;
mod record;
mod seen;
mod server;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let required = std::env::var_os("SETPOINT_REQUIRE").is_some_and(|set| set == "prometheus");
    let alone = |name: &str, test: fn()| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    };
    let mut trials = vec![
        alone(
            "each_function_is_told_from_a_wrong_one",
            noticed::each_function_is_told_from_a_wrong_one,
        ),
        alone(
            "what_changes_with_each_release_is_listed",
            minors::what_changes_is_listed,
        ),
    ];
    for (version, variable) in [
        ("v3", "SETPOINT_PROMETHEUS"),
        ("v2", "SETPOINT_PROMETHEUS_2"),
    ] {
        let program = std::env::var_os(variable);
        let missing = program.is_none() && !required;
        if missing {
            eprintln!(
                "the tests with Prometheus {version} are ignored: {variable} names no program"
            );
        }
        let program = program.unwrap_or_default();
        let program = std::path::PathBuf::from(&program);
        let mut add = |name: &str, ignored: bool, test: fn(&std::path::Path)| {
            let program = program.clone();
            let trial = Trial::test(format!("{name}_of_{version}"), move || {
                test(&program);
                Ok(())
            });
            trials.push(trial.with_ignored_flag(missing || ignored));
        };
        add(
            "the_table_of_queries_has_the_answers",
            false,
            cases::are_equal,
        );
        add(
            "generated_queries_have_the_answers",
            false,
            generate::are_equal,
        );
        if version == "v3" {
            add("requests_are_answered_alike", false, api::answers_alike);
        }
        add(
            "a_recording_is_answered_alike",
            false,
            record::a_recording_is_answered_alike,
        );
        let is_beside = |name: &str| program.with_file_name(name).exists() || required;
        add(
            "promtool_prints_the_same",
            !is_beside("promtool"),
            clients::promtool_prints_the_same,
        );
        if version == "v3" {
            add(
                "gos_client_understands_the_same",
                !is_beside("client"),
                clients::gos_client_understands_the_same,
            );
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}
