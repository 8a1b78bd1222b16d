//! Our own adapter, broken by each patch of `ci/breaks`. Its head says what it breaks and what must catch it:
//!
//! ```text
//! Break: discovery is sorted the wrong way round
//! Scenario: discovery/sorted-and-equal
//! Kind: discovery-unsorted
//! ```
//!
//! Or that no scenario catches it yet, which scenarios come nearest, and why they don't:
//!
//! ```text
//! Break: a negative value is told as zero
//! Scenario: none
//! Tried: values/of-selected-pods, external-metrics/values-and-selectors
//! Why: no scenario has a negative value
//! ```

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use setpoint::outcome::{Kind, Owner};

use crate::break_rows::{BreakRows, Claim};
use crate::prediction::{Prediction, checkout, run, scenario};

/// The folder with the broken adapters, each under its patch's name.
const ADAPTERS: &str = "SETPOINT_BROKEN_ADAPTERS";

/// A patch.
pub(crate) struct Break {
    name: String,
    what: String,
    expected: Expected,
}

/// What must come of it.
enum Expected {
    Caught(Prediction),
    /// No scenario catches it, although some come near.
    Survives {
        tried: Vec<String>,
        why: String,
    },
}

/// All patches, by name.
pub(crate) fn all() -> anyhow::Result<Vec<Break>> {
    let folder = checkout().join("ci/breaks");
    let entries =
        std::fs::read_dir(&folder).with_context(|| format!("read {}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    files.retain(|file| {
        file.extension()
            .is_some_and(|extension| extension == "patch")
    });
    files.sort();
    anyhow::ensure!(!files.is_empty(), "{} holds no patch", folder.display());
    let read =
        |file: &PathBuf| Break::read(file).with_context(|| format!("read {}", file.display()));
    files.iter().map(read).collect()
}

impl Break {
    fn read(file: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(file)?;
        let field = |name: &str| {
            let mut lines = text.lines().take_while(|line| !line.is_empty());
            lines
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                .with_context(|| format!("its head lacks `{name}:`"))
        };
        let expected = match field("Scenario")? {
            "none" => Expected::Survives {
                tried: field("Tried")?.split(", ").map(str::to_owned).collect(),
                why: field("Why")?.to_owned(),
            },
            scenario => {
                let kind = field("Kind")?;
                let kind: Kind = serde_json::from_value(kind.into())
                    .with_context(|| format!("`{kind}` is no kind of a finding"))?;
                let scenario = scenario.to_owned();
                Expected::Caught(Prediction { scenario, kind })
            }
        };
        let name = file.file_stem().unwrap_or_default();
        Ok(Self {
            name: name.to_string_lossy().into_owned(),
            what: field("Break")?.to_owned(),
            expected,
        })
    }

    /// The scenarios that its head names.
    pub(crate) fn scenarios(&self) -> Vec<PathBuf> {
        match &self.expected {
            Expected::Caught(prediction) => vec![prediction.file()],
            Expected::Survives { tried, .. } => tried.iter().map(|name| scenario(name)).collect(),
        }
    }

    /// Its name and the scenario that catches it; none where no scenario does.
    pub(crate) fn caught(&self) -> Option<(String, String)> {
        match &self.expected {
            Expected::Caught(prediction) => Some((self.name.clone(), prediction.scenario.clone())),
            Expected::Survives { .. } => None,
        }
    }

    /// What the report says of it before it is run.
    pub(crate) fn claim(&self) -> Claim {
        let (scenario, kind) = match &self.expected {
            Expected::Caught(prediction) => {
                (prediction.scenario.clone(), prediction.kind.to_string())
            }
            Expected::Survives { .. } => ("none".to_owned(), String::new()),
        };
        Claim {
            name: self.name.clone(),
            what: self.what.clone(),
            scenario,
            kind,
        }
    }

    /// The adapter that is broken by it; none where it was not built now.
    fn adapter(&self) -> Option<PathBuf> {
        let folder = std::env::var_os(ADAPTERS)?;
        Some(Path::new(&folder).join(&self.name)).filter(|program| program.is_file())
    }

    /// Plays its scenarios; what the report says then, and whether that was expected.
    fn judge(&self, rows: &BreakRows) -> Result<(), Failed> {
        let program = self.adapter().ok_or_else(|| {
            format!("{ADAPTERS} names no folder with it; ci/breaks/run builds the adapters")
        })?;
        let adapter = format!("binary:{}", program.display());
        let (verdict, outcome) = match &self.expected {
            Expected::Caught(prediction) => match prediction.judge(&adapter, &self.name) {
                Ok(cause) => (cause, Ok(())),
                Err(failed) => wrong(failed),
            },
            Expected::Survives { why, .. } => match self.survives(&adapter) {
                Ok(()) => (format!("{} {why}", BreakRows::SURVIVES), Ok(())),
                Err(failed) => wrong(failed),
            },
        };
        rows.note(&self.name, &verdict);
        outcome
    }

    fn survives(&self, adapter: &str) -> Result<(), Failed> {
        let run = run(adapter, &self.scenarios())?;
        let outcomes = run.report["scenarios"].as_array();
        for outcome in outcomes.into_iter().flatten() {
            let (scenario, verdict) = (&outcome["name"], &outcome["verdict"]);
            match verdict["verdict"].as_str() {
                Some("passed" | "skipped") => {}
                Some("failed") if verdict["owner"] == Owner::Adapter.to_string() => {
                    let kind = &verdict["kind"];
                    let cause = &verdict["cause"];
                    return Err(format!("it is listed as not caught, and now is by {scenario} and {kind}: write these into its head; {cause}").into());
                }
                _ => return Err(format!("nothing is known of it: {outcome}").into()),
            }
        }
        let is_passed = |outcome: &&Value| outcome["verdict"]["verdict"] == "passed";
        if !outcomes
            .into_iter()
            .flatten()
            .any(|outcome| is_passed(&outcome))
        {
            return Err("all scenarios that were tried are skipped".into());
        }
        Ok(())
    }
}

fn wrong(failed: Failed) -> (String, Result<(), Failed>) {
    let message = failed.message().unwrap_or_default();
    let verdict = format!("{} {message}", BreakRows::UNEXPECTED);
    (verdict, Err(failed))
}

/// A trial of each break whose adapter is built; of all breaks where none is, so that they are listed.
pub(crate) fn trials(mut breaks: Vec<Break>, rows: &BreakRows) -> Vec<Trial> {
    if std::env::var_os(ADAPTERS).is_some() {
        breaks.retain(|broken| broken.adapter().is_some());
    }
    let trial = |broken: Break| {
        let (name, rows) = (format!("breaks::{}", broken.name), rows.clone());
        Trial::test(name, move || broken.judge(&rows)).with_ignored_flag(true)
    };
    breaks.into_iter().map(trial).collect()
}
