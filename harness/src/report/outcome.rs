//! How one scenario ended, and what was seen of it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use setpoint_cluster::Facts;

use super::changes::{HpaChange, ReplicaChange};
use super::judged::Judged;
use super::known::KnownFailure;
use super::obligations::Word;
use super::timeline;
use super::verdict::Verdict;
use crate::convergence::Convergence;
use crate::text::cut;

/// One scenario's end.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// Area and name.
    pub name: String,
    /// The behaviour.
    pub sentence: String,
    /// Ids of the obligations and facts that it proves.
    pub proves: Vec<String>,
    /// The verdict on each of them. Where a step fails that names some of them, these fail, and nothing is said of those that no step before it has shown.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub obligations: BTreeMap<String, Word>,
    /// The adapter that it brings along in place of the one that is judged, of which it says nothing then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brings: Option<String>,
    /// The file.
    pub path: PathBuf,
    /// How it ended.
    pub verdict: Verdict,
    /// Why its failure is known, and doesn't fail the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<KnownFailure>,
    /// Wall time, the control plane's start and end included.
    pub seconds: f64,
    /// How long each step took.
    pub steps: Vec<StepOutcome>,
    /// Every change of a Deployment's replicas, wanted or ready.
    pub replicas: Vec<ReplicaChange>,
    /// Every change of an HPA: what was measured, and its limits.
    pub hpas: Vec<HpaChange>,
    /// What it ran on.
    #[schemars(with = "Option<serde_json::Map<String, Value>>")]
    pub cluster: Option<Facts>,
    /// The adapter's image and what the node has for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adapter_image: Option<String>,
    /// The objects that were applied, as they were.
    #[serde(skip)]
    pub applied: Vec<Value>,
    /// What was seen to happen, whether it failed or not.
    #[serde(skip)]
    pub history: Vec<timeline::Entry>,
    /// What happened around a failure, in one clock.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timeline: Vec<timeline::Entry>,
    /// What explains a failure.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// Its cluster, if that was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Kept>,
    /// What could not be removed, and why: objects by name, or a cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<String>,
    /// The command that runs this scenario again.
    pub again: String,
}

/// A cluster that a failed scenario has left as it is.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// What `setpoint cluster down --cluster kind` calls it.
    pub name: String,
    /// How it is reached.
    pub kubeconfig: PathBuf,
    /// When `setpoint reap` may remove it.
    #[schemars(with = "String")]
    pub expires: jiff::Timestamp,
}

/// How long a step took.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepOutcome {
    /// The step in words.
    pub step: String,
    /// When it began, in seconds since the scenario's start.
    pub at: f64,
    /// Wall time.
    pub seconds: f64,
    /// Whether it breaks something on purpose, or mends what was broken; nothing for any other step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaks: Option<bool>,
    /// What there is to say of a step that went well: how many requests a load made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
    /// How replicas converged, where the step was about that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub convergence: Option<Convergence>,
}

/// A piece of evidence.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
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

    pub(super) fn command(&self, adapter: &Judged) -> String {
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
    cut(text, 200).into_owned()
}
