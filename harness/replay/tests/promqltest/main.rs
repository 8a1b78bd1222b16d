//! Prometheus' own tests of its engine: the files of `promql/promqltest/testdata`, read from its Go module.
//!
//! Each case is run as an instant query and as the middle step of a range query, or as a range query. The score is
//! printed, with each case that isn't run and why. Without `go` or the module the tests are ignored, with the reason; under
//! `SETPOINT_REQUIRE=prometheus` they fail then.
#![expect(
    clippy::unwrap_used,
    reason = "a file that can't be read fails the test"
)]

mod file;
mod judge;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use libtest_mimic::{Arguments, Trial};
use setpoint_replay::promql::Version;

/// Versions of the module.
const MODULES: [&str; 2] = ["v0.305.0", "v0.316.0"];
/// The variable that names one more, as `ci/prometheus/minors` does.
const ONE_MORE: &str = "SETPOINT_PROMETHEUS_MODULE";

/// The version of the program that a version of the module is: v0.305.0 is v3.5.
fn version_of(module: &str) -> Option<Version> {
    let minor: u16 = module
        .strip_prefix("v0.")?
        .split('.')
        .next()?
        .parse()
        .ok()?;
    Some(Version::new(minor / 100, minor % 100))
}

/// Files that are about what isn't played.
const OTHER_FILES: [(&str, &str); 10] = [
    (
        "duration_expression.test",
        "experimental: arithmetic in durations",
    ),
    (
        "extended_vectors.test",
        "experimental: anchored and smoothed",
    ),
    ("fill-modifier.test", "experimental: fill modifiers"),
    ("info.test", "experimental: info()"),
    ("limit.test", "experimental: limitk and limit_ratio"),
    (
        "name_label_dropping.test",
        "experimental: delayed removal of names",
    ),
    ("native_histograms.test", "native histograms"),
    ("start_timestamps.test", "experimental: start times"),
    (
        "type_and_unit.test",
        "experimental: labels of type and unit",
    ),
    (
        "unquoted_utf8_names.test",
        "experimental: names of UTF-8 without quotes",
    ),
];

fn folder(module: &str) -> Result<PathBuf, String> {
    let told = Command::new("go")
        .args(["mod", "download", "-json"])
        .arg(format!("github.com/prometheus/prometheus@{module}"))
        .output()
        .map_err(|error| format!("go: {error}"))?;
    let told: serde_json::Value = serde_json::from_slice(&told.stdout)
        .map_err(|error| format!("go mod download: {error}"))?;
    match told["Dir"].as_str() {
        Some(folder) => Ok(PathBuf::from(folder).join("promql/promqltest/testdata")),
        None => Err(told["Error"].to_string()),
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let required = std::env::var_os("SETPOINT_REQUIRE").is_some_and(|set| set == "prometheus");
    let trial = |module: String| {
        let folder = folder(&module);
        let missing = folder.as_ref().err().filter(|_| !required);
        if let Some(reason) = missing {
            eprintln!("Prometheus' own tests of {module} are ignored: {reason}");
        }
        let ignored = missing.is_some();
        let version = version_of(&module).unwrap();
        let name = format!("the_engines_own_tests_of_{module}_pass");
        Trial::test(name, move || {
            run(&folder?, version);
            Ok(())
        })
        .with_ignored_flag(ignored)
    };
    let modules = MODULES.map(str::to_owned).into_iter();
    let trials = modules.chain(std::env::var(ONE_MORE)).map(trial).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn run(folder: &std::path::Path, version: Version) {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let (mut passed, mut not_run, mut wrong) = (0, Vec::new(), Vec::new());
    for path in files
        .iter()
        .filter(|path| path.extension().is_some_and(|end| end == "test"))
    {
        let name = path.file_name().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        if let Some((_, why)) = OTHER_FILES.iter().find(|(other, _)| *other == name) {
            println!("{name}: not run: {why}");
            continue;
        }
        let (mut cases, mut equal) = (0, 0);
        let (mut series, mut native) = (Vec::new(), Vec::new());
        for command in file::commands(&text) {
            match command {
                file::Command::Clear => {
                    series.clear();
                    native.clear();
                }
                file::Command::Load(more, more_native) => {
                    series.extend(more);
                    native.extend(more_native);
                }
                file::Command::Eval(case) => {
                    cases += 1;
                    let place = format!("{name}:{}: {}", case.line, case.query);
                    if let Some(why) = judge::is_not_run(&native, &case) {
                        not_run.push(format!("{place}: {why}"));
                        continue;
                    }
                    match judge::judge(&series, &case, version) {
                        Ok(()) => equal += 1,
                        Err(why) if why.ends_with("is not enabled") => {
                            not_run.push(format!("{place}: experimental then"));
                        }
                        Err(why) => wrong.push(format!("{place}\n    {why}")),
                    }
                }
            }
        }
        passed += equal;
        println!("{name}: {equal} of {cases} cases pass");
    }
    println!("not run:\n  {}", not_run.join("\n  "));
    println!(
        "Prometheus {version}: {passed} cases pass, {} are not run, {} fail",
        not_run.len(),
        wrong.len()
    );
    assert!(
        wrong.is_empty(),
        "{} fail:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(passed > 700, "the cases aren't there");
}
