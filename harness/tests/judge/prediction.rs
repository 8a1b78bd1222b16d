//! What an adapter that is wrong must come to.

use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::Failed;
use serde_json::Value;
use setpoint::matrix::{Entry, matrix};
use setpoint::outcome::{Kind, Owner};

/// A scenario that fails by a finding of a kind.
#[derive(Debug, Clone)]
pub(crate) struct Prediction {
    /// Its area and name.
    pub(crate) scenario: String,
    pub(crate) kind: Kind,
}

impl Prediction {
    pub(crate) fn file(&self) -> PathBuf {
        scenario(&self.scenario)
    }

    /// Plays the scenario with an adapter that is wrong, and returns what the verdict says. One of the obligations whose entries name what is wrong has
    /// to fail by it.
    pub(crate) fn judge(&self, adapter: &str, wrong: &str) -> Result<String, Failed> {
        let run = run(adapter, &[self.file()])?;
        let verdict = &run.report["scenarios"][0]["verdict"];
        let cause = verdict["cause"].as_str().unwrap_or_default();
        let is_caught = verdict["verdict"] == "failed"
            && verdict["owner"] == Owner::Adapter.to_string()
            && verdict["kind"] == self.kind.to_string()
            && run.code == Some(1);
        if is_caught {
            self.breaks_what_is_declared(&run.report["scenarios"][0], wrong)?;
            // Files are named as from the checkout's top, wherever that is.
            let top = format!("{}/", checkout().display());
            return Ok(cause.replace(&top, ""));
        }
        Err(format!(
            "expected that {} fails by {}; it ended with exit code {:?} and {verdict}",
            self.scenario, self.kind, run.code
        )
        .into())
    }

    fn breaks_what_is_declared(&self, outcome: &Value, wrong: &str) -> Result<(), Failed> {
        let matrix = matrix()?;
        let names = |entry: &Entry| {
            let mut names = entry.lies.iter().chain(&entry.breaks);
            names.any(|name| name == wrong) && entry.scenarios.contains(&self.scenario)
        };
        let declared = matrix.entries().filter(|(_, entry)| names(entry));
        let declared: Vec<&str> = declared.map(|(_, entry)| entry.id.as_str()).collect();
        let is_broken = |id: &&str| outcome["obligations"][id] == "failed";
        if declared.is_empty() || declared.iter().any(is_broken) {
            return Ok(());
        }
        Err(format!(
            "{wrong} should break one of {declared:?} in {}; {} says that {}",
            self.scenario, outcome["verdict"]["cause"], outcome["obligations"]
        )
        .into())
    }
}

/// What `setpoint run` came to.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) report: Value,
}

/// Runs scenarios with an adapter.
pub(crate) fn run(adapter: &str, scenarios: &[PathBuf]) -> Result<Run, Failed> {
    let output = Command::new(env!("CARGO_BIN_EXE_setpoint"))
        .args([
            "run",
            "--jobs",
            "1",
            "--format",
            "json",
            "--adapter",
            adapter,
        ])
        .args(scenarios)
        .output()?;
    let report = serde_json::from_slice(&output.stdout).map_err(|error| {
        let said = String::from_utf8_lossy(&output.stderr);
        format!("its report is no JSON ({error}); it said: {said}")
    })?;
    Ok(Run {
        code: output.status.code(),
        report,
    })
}

/// The file of a scenario, by area and name.
pub(crate) fn scenario(name: &str) -> PathBuf {
    checkout()
        .join("scenarios")
        .join(name)
        .with_extension("yaml")
}

pub(crate) fn checkout() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
