//! The curves of an HPA: its replicas wanted and ready between their limits, each metric against its target, and the faults,
//! on one time axis.

mod axis;
mod svg;
#[cfg(test)]
mod tests;

use super::changes::{HpaChange, HpaMetric, ReplicaChange};
use super::outcome::Outcome;

pub(super) use svg::{draw, escaped};

/// A number that changes at some times.
pub(super) type Steps = Vec<(f64, f64)>;

/// What is drawn of one HPA.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Curves {
    /// The HPA: namespace and name.
    pub hpa: String,
    /// The end of the time axis, in seconds since the scenario's start.
    pub seconds: f64,
    /// The wanted replicas.
    pub wanted: Steps,
    /// The ready ones.
    pub ready: Steps,
    /// The fewest and the most that there may be.
    pub least: Steps,
    /// The most that there may be.
    pub most: Steps,
    /// The metrics.
    pub metrics: Vec<MetricCurve>,
    /// From when to when something was broken on purpose.
    pub faults: Vec<(f64, f64)>,
    /// When each step began, and what it does.
    pub steps: Vec<(f64, String)>,
}

/// A metric against its target.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct MetricCurve {
    /// Its type and name.
    pub name: String,
    /// What the HPA controller measured, none where it could not.
    pub current: Vec<(f64, Option<f64>)>,
    /// What it should be.
    pub target: Option<f64>,
}

/// The curves of each HPA of a scenario.
pub(super) fn of(outcome: &Outcome) -> Vec<Curves> {
    let mut hpas: Vec<&str> = Vec::new();
    for change in &outcome.hpas {
        if !hpas.contains(&change.hpa.as_str()) {
            hpas.push(&change.hpa);
        }
    }
    hpas.into_iter().map(|hpa| of_hpa(hpa, outcome)).collect()
}

fn of_hpa(hpa: &str, outcome: &Outcome) -> Curves {
    let changes: Vec<&HpaChange> = outcome
        .hpas
        .iter()
        .filter(|change| change.hpa == hpa)
        .collect();
    let scaled =
        |change: &&ReplicaChange| changes.iter().any(|hpa| hpa.scales == change.deployment);
    let replicas: Vec<&ReplicaChange> = outcome.replicas.iter().filter(scaled).collect();
    let last_step = outcome
        .steps
        .last()
        .map_or(0.0, |step| step.at + step.seconds);
    let last_change = outcome.replicas.last().map_or(0.0, |change| change.seconds);
    Curves {
        hpa: hpa.to_owned(),
        seconds: last_step.max(last_change).max(1.0),
        wanted: steps(&replicas, |change| change.replicas.into()),
        ready: steps(&replicas, |change| change.ready.into()),
        least: steps(&changes, |change| change.least.into()),
        most: steps(&changes, |change| change.most.into()),
        metrics: metrics(&changes),
        faults: faults(outcome, last_step),
        steps: outcome
            .steps
            .iter()
            .map(|step| (step.at, step.step.clone()))
            .collect(),
    }
}

/// What happens at some time.
trait Timed {
    fn seconds(&self) -> f64;
}

impl Timed for ReplicaChange {
    fn seconds(&self) -> f64 {
        self.seconds
    }
}

impl Timed for HpaChange {
    fn seconds(&self) -> f64 {
        self.seconds
    }
}

/// What changes of it.
fn steps<T: Timed>(changes: &[&T], value: impl Fn(&T) -> f64) -> Steps {
    let mut steps: Steps = Vec::new();
    for change in changes {
        let value = value(change);
        if steps.last().is_none_or(|last| last.1 != value) {
            steps.push((change.seconds(), value));
        }
    }
    steps
}

fn metrics(changes: &[&HpaChange]) -> Vec<MetricCurve> {
    let Some(last) = changes.last() else {
        return Vec::new();
    };
    let curve = |(index, metric): (usize, &HpaMetric)| MetricCurve {
        name: metric.name.clone(),
        current: changes
            .iter()
            .map(|change| {
                let metric = change.metrics.get(index);
                (change.seconds, metric.and_then(|metric| metric.current))
            })
            .collect(),
        target: metric.target,
    };
    last.metrics.iter().enumerate().map(curve).collect()
}

/// The times between a step that breaks something and the one that mends it.
fn faults(outcome: &Outcome, end: f64) -> Vec<(f64, f64)> {
    let mut faults = Vec::new();
    let mut since = None;
    for step in &outcome.steps {
        match step.breaks {
            Some(true) => {
                since.get_or_insert(step.at);
            }
            Some(false) => faults.extend(since.take().map(|since| (since, step.at))),
            None => {}
        }
    }
    faults.extend(since.map(|since| (since, end)));
    faults
}
