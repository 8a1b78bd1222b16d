//! What a run found.

mod archive;
mod changes;
mod curves;
mod junit;
mod terminal;
#[cfg(test)]
mod tests;
pub mod timeline;
mod verdict;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use setpoint_cluster::Facts;

use crate::convergence::Convergence;
use crate::profile::Profile;
use crate::programs::Programs;

pub use changes::{HpaChange, HpaMetric, ReplicaChange};
pub use terminal::Terminal;
pub use verdict::{Counts, Problem, SkipReason, Verdict};

/// A run.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// `setpoint.dev/report/v1alpha1`
    pub api_version: &'static str,
    /// What was judged.
    pub adapter: Judged,
    /// Whether the user ended it early.
    pub interrupted: bool,
    /// Wall time of the whole run.
    pub seconds: f64,
    /// The scenarios, in the order given.
    pub scenarios: Vec<Outcome>,
}

/// The adapter that was judged.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Judged {
    /// What it is.
    pub profile: String,
    /// Its program; none where a cluster runs an image of it, or has it already.
    #[serde(flatten)]
    pub program: Option<Program>,
    /// The images of it that ran on a cluster that exists, each with what the node has for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// What `--adapter` names it by; nothing for the product's own.
    pub argument: Option<String>,
    /// What else of the command line repeats the run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
}

/// A program that was judged.
#[derive(Debug, Clone, Serialize)]
pub struct Program {
    /// Its file.
    pub path: PathBuf,
    /// Its SHA-256.
    pub sha256: String,
}

impl Judged {
    pub(crate) fn new(programs: &Programs, profile: &Profile, arguments: &[String]) -> Self {
        let is_named = programs.adapter != programs.certs || profile.is_installed();
        Self {
            profile: profile.to_string(),
            program: Some(Program {
                path: programs.adapter.clone(),
                sha256: programs.adapter_sha256.clone(),
            }),
            images: Vec::new(),
            argument: is_named.then(|| profile.argument(&programs.adapter)),
            arguments: arguments.to_vec(),
        }
    }

    /// The same where images ran, and no program of this machine.
    pub(crate) fn by_image<'a>(self, outcomes: impl Iterator<Item = &'a Outcome>) -> Self {
        let images = outcomes.filter_map(|outcome| outcome.adapter_image.clone());
        let images: BTreeSet<String> = images.collect();
        Self {
            program: None,
            images: images.into_iter().collect(),
            ..self
        }
    }
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.profile)?;
        if let Some(Program { path, sha256 }) = &self.program {
            let digest: String = sha256.chars().take(12).collect();
            return write!(f, " {} (sha256 {digest}…)", path.display());
        }
        match self.images.as_slice() {
            [] => f.write_str(", whose image is not known"),
            images => write!(f, " {}", images.join(", ")),
        }
    }
}

/// One scenario's end.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// Area and name.
    pub name: String,
    /// The behaviour.
    pub sentence: String,
    /// Ids of the obligations and facts that it proves.
    pub proves: Vec<String>,
    /// The file.
    pub path: PathBuf,
    /// How it ended.
    pub verdict: Verdict,
    /// Wall time, the control plane's start and end included.
    pub seconds: f64,
    /// How long each step took.
    pub steps: Vec<StepOutcome>,
    /// Every change of a Deployment's replicas, wanted or ready.
    pub replicas: Vec<ReplicaChange>,
    /// Every change of an HPA: what was measured, and its limits.
    pub hpas: Vec<HpaChange>,
    /// What it ran on.
    pub cluster: Option<Facts>,
    /// The adapter's image and what the node has for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adapter_image: Option<String>,
    /// The objects that were applied, as they were.
    #[serde(skip)]
    pub applied: Vec<Value>,
    /// What was seen to happen, whether it failed or not.
    #[serde(skip)]
    pub history: Vec<timeline::Entry>,
    /// What happened around a failure, in one clock.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub timeline: Vec<timeline::Entry>,
    /// What explains a failure.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// Its cluster, if that was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<Kept>,
    /// What could not be removed, and why: objects by name, or a cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<String>,
    /// The command that runs this scenario again.
    pub again: String,
}

/// A cluster that a failed scenario has left as it is.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// What `setpoint cluster down --cluster kind` calls it.
    pub name: String,
    /// How it is reached.
    pub kubeconfig: PathBuf,
    /// When `setpoint reap` may remove it.
    pub expires: jiff::Timestamp,
}

/// How long a step took.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepOutcome {
    /// The step in words.
    pub step: String,
    /// When it began, in seconds since the scenario's start.
    pub at: f64,
    /// Wall time.
    pub seconds: f64,
    /// Whether it breaks something on purpose, or mends what was broken; nothing for any other step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breaks: Option<bool>,
    /// What there is to say of a step that went well: how many requests a load made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
    /// How replicas converged, where the step was about that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub convergence: Option<Convergence>,
}

/// A piece of evidence.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// What it is.
    pub name: String,
    /// The text.
    pub text: String,
}

impl Outcome {
    /// The timeline, a line an entry.
    #[must_use]
    pub fn timeline_text(&self) -> String {
        let lines: Vec<String> = self.timeline.iter().map(ToString::to_string).collect();
        lines.join("\n")
    }

    fn command(&self, adapter: &Judged) -> String {
        let named = adapter
            .argument
            .as_ref()
            .map_or_else(String::new, |argument| format!(" --adapter {argument}"));
        let backend = self.cluster.as_ref().map(|facts| facts.backend.as_str());
        let cluster = match backend {
            // What is meant where nothing is said.
            None | Some("local") => String::new(),
            Some(other) => format!(" --cluster {other}"),
        };
        let arguments = adapter.arguments.iter();
        let arguments: String = arguments.map(|argument| format!(" {argument}")).collect();
        format!(
            "setpoint run{cluster}{arguments}{named} {}",
            self.path.display()
        )
    }
}

/// A text of at most two hundred characters.
pub(crate) fn shortened(text: &str) -> String {
    const KEPT: usize = 200;
    match text.char_indices().nth(KEPT) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

impl Report {
    pub(crate) fn new(
        adapter: Judged,
        interrupted: bool,
        elapsed: Duration,
        mut scenarios: Vec<Outcome>,
    ) -> Self {
        for outcome in &mut scenarios {
            outcome.again = outcome.command(&adapter);
        }
        Self {
            api_version: "setpoint.dev/report/v1alpha1",
            adapter,
            interrupted,
            seconds: elapsed.as_secs_f64(),
            scenarios,
        }
    }

    /// How many scenarios ended in which way.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts::of(self.scenarios.iter().map(|outcome| &outcome.verdict))
    }

    /// How a program that made this report ends: with 1 when a scenario failed, else with 3 when one is
    /// inconclusive, the run was interrupted, something is left behind or nothing passed, else with 0.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        let is_left = self.scenarios.iter().any(|outcome| outcome.left.is_some());
        match self.counts().exit_code() {
            0 if self.interrupted || is_left => 3,
            code => code,
        }
    }

    /// Writes `report.json`, `junit.xml`, both in `evidence.tar.gz` with what was applied and what happened, timeline and evidence of each failure as text, and the curves of each HPA as SVG, into a folder.
    ///
    /// # Errors
    /// When the folder can't be written.
    pub fn write(&self, folder: &Path) -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let json = serde_json::to_string_pretty(self)?;
        let junit = self.to_junit().map_err(std::io::Error::other)?;
        std::fs::write(folder.join("report.json"), &json)?;
        std::fs::write(folder.join("junit.xml"), &junit)?;
        std::fs::write(folder.join(archive::NAME), self.archive(&json, &junit)?)?;
        self.write_curves(folder)?;
        for outcome in self
            .scenarios
            .iter()
            .filter(|outcome| !outcome.evidence.is_empty())
        {
            let sections: Vec<String> = outcome
                .evidence
                .iter()
                .map(|piece| format!("== {}\n{}\n", piece.name, piece.text))
                .collect();
            let text = format!(
                "== timeline\n{}\n\n{}\n== again\n{}\n",
                outcome.timeline_text(),
                sections.join("\n"),
                outcome.again
            );
            let file = folder.join(format!("{}.evidence.txt", outcome.name.replace('/', "-")));
            std::fs::write(file, text)?;
        }
        Ok(())
    }

    fn write_curves(&self, folder: &Path) -> std::io::Result<()> {
        for outcome in &self.scenarios {
            for curves in curves::of(outcome) {
                let name = format!("{}.{}.svg", outcome.name, curves.hpa).replace('/', "-");
                std::fs::write(folder.join(name), curves::draw(&curves))?;
            }
        }
        Ok(())
    }
}
