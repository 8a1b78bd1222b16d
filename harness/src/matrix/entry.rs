//! What an entry of the matrix says.

use std::collections::{BTreeMap, BTreeSet};

use clap::ValueEnum as _;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Source;
use crate::format::{Checks, Place};
use crate::scripted::Lie;

/// An obligation of an adapter, a fact of the control plane, or a fault that users can tell by its symptom.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    /// A letter and two digits, such as `N04`. It is never given to anything else.
    pub id: String,
    /// Whom it binds, and how strictly.
    pub level: Level,
    /// What holds, as a sentence.
    pub sentence: String,
    /// Where it is said: keys of `sources.yaml`.
    pub sources: Vec<String>,
    /// Who met it: `owner/repository#number`.
    #[serde(default)]
    pub reports: Vec<String>,
    /// What is done, or what is wrong.
    pub stimulus: String,
    /// What is seen then.
    pub expectation: String,
    /// What is wrong where users see the symptom, if it isn't the stimulus.
    #[serde(default)]
    pub cause: Option<String>,
    /// What users see where it is broken, if it isn't the expectation.
    #[serde(default)]
    pub symptom: Option<String>,
    /// What users do about it.
    #[serde(default)]
    pub cure: Option<String>,
    /// The scenarios that show it: area and name.
    #[serde(default)]
    pub scenarios: Vec<String>,
    /// Lies of `setpoint scripted` that one of the scenarios catches.
    #[serde(default)]
    pub lies: Vec<String>,
    /// Changes of setpoint-adapter (`ci/breaks`) that one of the scenarios catches.
    #[serde(default)]
    pub breaks: Vec<String>,
    /// Why no scenario shows it.
    #[serde(default)]
    pub open: Option<Open>,
    /// What was predicted, where a run has shown something else.
    #[serde(default)]
    pub correction: Option<String>,
}

/// Whom an entry binds.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum Level {
    /// An adapter has to.
    #[serde(rename = "MUST")]
    Must,
    /// An adapter has to, unless it has a reason.
    #[serde(rename = "SHOULD")]
    Should,
    /// An adapter is free to.
    #[serde(rename = "MAY")]
    May,
    /// The control plane does so, whatever the adapter.
    #[serde(rename = "fact")]
    Fact,
    /// A fault of the installation, which users can tell by its symptom.
    #[serde(rename = "diagnosable")]
    Diagnosable,
}

impl Level {
    /// All of them.
    pub(super) const ALL: [Self; 5] = [
        Self::Must,
        Self::Should,
        Self::May,
        Self::Fact,
        Self::Diagnosable,
    ];

    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
            Self::May => "MAY",
            Self::Fact => "fact",
            Self::Diagnosable => "diagnosable",
        }
    }
}

/// Why no scenario shows an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Open {
    /// A scenario could show it, and nobody has written it.
    NotYet,
    /// It takes an adapter that is wrong in this way, and a scenario has the adapter that it judges.
    NeedsAWrongAdapter,
    /// It takes flags or certificates of the kube-apiserver that backends don't change.
    NeedsAnotherApiServer,
    /// It takes a Kubernetes of another version than those that scenarios run on.
    NeedsAnotherVersion,
    /// It takes more than one node.
    NeedsSeveralNodes,
    /// It takes what only a provider of clusters has, such as its DNS or its proxies.
    NeedsCloud,
    /// It takes a failure inside kube-apiserver that nobody can cause from outside.
    NeedsFaultInsideApiServer,
}

impl Open {
    /// As a sentence says it.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::NotYet => "no scenario is written yet",
            Self::NeedsAWrongAdapter => "it needs an adapter that is wrong in this way",
            Self::NeedsAnotherApiServer => "it needs another configuration of the kube-apiserver",
            Self::NeedsAnotherVersion => "it needs another version of Kubernetes",
            Self::NeedsSeveralNodes => "it needs several nodes",
            Self::NeedsCloud => "it needs a provider's cluster",
            Self::NeedsFaultInsideApiServer => "it needs a failure inside the kube-apiserver",
        }
    }
}

impl Entry {
    /// Whether a scenario shows it.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.open.is_none()
    }

    /// Notes what is wrong with it beyond its shape.
    pub(super) fn check(
        &self,
        place: &Place,
        sources: &BTreeMap<String, Source>,
        checks: &mut Checks<'_>,
    ) {
        if !is_id(&self.id) {
            let problem = format!("`{}` is no id: a capital letter and two digits", self.id);
            checks.at(place.key("id"), problem);
        }
        for (key, text) in [
            ("sentence", &self.sentence),
            ("stimulus", &self.stimulus),
            ("expectation", &self.expectation),
        ] {
            if text.trim().is_empty() {
                checks.at(place.key(key), format!("`{key}` is empty"));
            }
        }
        self.check_origins(place, sources, checks);
        self.check_proof(place, checks);
    }

    fn check_origins(
        &self,
        place: &Place,
        sources: &BTreeMap<String, Source>,
        checks: &mut Checks<'_>,
    ) {
        if self.sources.is_empty() {
            checks.at(
                place.key("sources"),
                "an entry names where it is said: keys of sources.yaml",
            );
        }
        let unknown = |source: &&String| !sources.contains_key(*source);
        for source in self.sources.iter().filter(unknown) {
            let problem = format!("sources.yaml has no source `{source}`");
            checks.at(place.key("sources"), problem);
        }
        for report in self.reports.iter().filter(|report| !is_report(report)) {
            let problem = format!("`{report}` isn't owner/repository#number");
            checks.at(place.key("reports"), problem);
        }
    }

    fn check_proof(&self, place: &Place, checks: &mut Checks<'_>) {
        match (self.scenarios.is_empty(), self.open) {
            (true, None) => checks.at(
                place,
                "it needs `scenarios` that show it, or `open`, the reason why none does",
            ),
            (false, Some(_)) => checks.at(
                place.key("open"),
                "what scenarios show isn't open: leave out `open` or `scenarios`",
            ),
            _ => {}
        }
        if self.level == Level::Diagnosable && self.cure.is_none() {
            checks.at(place, "what is diagnosable needs a `cure`");
        }
        let unknown = |lie: &&String| Lie::from_str(lie, false).is_err();
        for lie in self.lies.iter().filter(unknown) {
            let problem = format!("`{lie}` is no lie of `setpoint scripted`");
            checks.at(place.key("lies"), problem);
        }
        let scenarios: BTreeSet<&String> = self.scenarios.iter().collect();
        if scenarios.len() < self.scenarios.len() {
            checks.at(place.key("scenarios"), "a scenario stands here twice");
        }
    }
}

/// Whether an entry can have this id.
pub(super) fn is_id(text: &str) -> bool {
    matches!(text.as_bytes(), [letter, tens, ones]
        if letter.is_ascii_uppercase() && tens.is_ascii_digit() && ones.is_ascii_digit())
}

/// Whether it names an issue or a pull request.
fn is_report(text: &str) -> bool {
    let Some((repository, number)) = text.split_once('#') else {
        return false;
    };
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let mut parts = repository.split('/');
    let has_two = parts
        .by_ref()
        .take(2)
        .filter(|part| !part.is_empty())
        .count()
        == 2;
    is_number && has_two && parts.next().is_none()
}
