//! What an adapter that is wrong must come to.

use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::Failed;
use serde_json::Value;
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

    /// Plays the scenario with an adapter and returns what the verdict says.
    pub(crate) fn judge(&self, adapter: &str) -> Result<String, Failed> {
        let run = run(adapter, &[self.file()])?;
        let verdict = &run.report["scenarios"][0]["verdict"];
        let cause = verdict["cause"].as_str().unwrap_or_default();
        let is_caught = verdict["verdict"] == "failed"
            && verdict["owner"] == Owner::Adapter.to_string()
            && verdict["kind"] == self.kind.to_string()
            && run.code == Some(1);
        if is_caught {
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
