//! Notes of what happens while a scenario runs, in one clock: the raw material of its timeline.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// The scenario: what it did and expected.
    Scenario,
    /// The fake Prometheus, of what it was asked; a real one's warnings.
    Prometheus,
    /// A target of a real Prometheus.
    Target,
    /// How traffic is shared among pods.
    Traffic,
    /// The adapter's log.
    Adapter,
    /// An APIService's condition.
    ApiService,
    /// The ready endpoints of the adapter's Service.
    Endpoints,
    /// An HPA's status.
    Hpa,
    /// An event of the cluster.
    Event,
    /// A Deployment's wanted replicas.
    Replicas,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Scenario => "scenario",
            Self::Prometheus => "prometheus",
            Self::Target => "target",
            Self::Traffic => "traffic",
            Self::Adapter => "adapter",
            Self::ApiService => "apiservice",
            Self::Endpoints => "endpoints",
            Self::Hpa => "hpa",
            Self::Event => "event",
            Self::Replicas => "replicas",
        })
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// When, in wall seconds since the scenario's start.
    pub seconds: f64,
    /// Who saw it.
    pub source: Source,
    /// What it was.
    pub text: String,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:7.1}s  {:10}  {}",
            self.seconds, self.source, self.text
        )
    }
}

/// Where notes go; all clones share their entries.
#[derive(Debug, Clone)]
pub(crate) struct Notes {
    started: SystemTime,
    entries: Arc<Mutex<Vec<Entry>>>,
}

impl Notes {
    /// No notes yet; their clock begins at the scenario's start.
    #[must_use]
    pub(crate) fn since(started: SystemTime) -> Self {
        Self {
            started,
            entries: Arc::default(),
        }
    }

    /// Notes something that happens now.
    pub(crate) fn note(&self, source: Source, text: String) {
        let entry = Entry {
            seconds: self.since_start(SystemTime::now()),
            source,
            text,
        };
        self.entries.lock().push(entry);
    }

    /// What was noted so far.
    #[must_use]
    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.entries.lock().clone()
    }

    /// Seconds between the scenario's start and a time.
    #[must_use]
    pub(crate) fn since_start(&self, time: SystemTime) -> f64 {
        match time.duration_since(self.started) {
            Ok(after) => after.as_secs_f64(),
            Err(before) => -before.duration().as_secs_f64(),
        }
    }
}
