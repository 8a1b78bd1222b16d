//! Breaks something, or mends it.

use std::time::Duration;

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;
use setpoint_replay::{Fault, FaultAnswer, FaultError};

use super::context::{Needs, Play, Remark, StepContext};
use crate::format::{Checks, Nothing, Place, Span};
use crate::outcome::{Owner, Unmet};
use crate::request::unanswered;

/// What is broken.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum FaultStep {
    /// The fake Prometheus answers differently, until `none`.
    Prometheus(PrometheusFault),
    /// Nothing is broken any more.
    None(Nothing),
}

/// How the fake Prometheus answers.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PrometheusFault {
    /// The HTTP status; without it the true answer comes late.
    pub answer: Option<u16>,
    /// Which paths, such as `/api/v1/query`; all without.
    #[serde(default)]
    pub paths: Vec<String>,
    /// Time before the answer.
    pub delay: Option<Span>,
    /// The body.
    pub body: Option<String>,
    /// What is done to the true answer instead, such as `cut-body`, `html`, `truncated-json`, `stale` or `nan`
    /// (docs/mocking-prometheus.md).
    pub kind: Option<String>,
    /// How much of that kind; each has a usual amount.
    pub amount: Option<f64>,
}

impl Play for FaultStep {
    fn check(&self, place: &Place, checks: &mut Checks<'_>) {
        let Self::Prometheus(fault) = self else {
            return;
        };
        let place = place.value();
        if let Some(status) = fault.answer
            && !(200..=599).contains(&status)
        {
            checks.at(
                place.key("answer"),
                format!("{status} is no HTTP status of an answer; expected 200 to 599"),
            );
        }
        if fault.answer.is_none() && fault.delay.is_none() && fault.kind.is_none() {
            checks.at(
                place,
                "say by `answer`, `kind` or `delay` how Prometheus answers differently",
            );
        }
        if fault.kind.is_some() || fault.amount.is_some() {
            for told in self.faults() {
                if let Err(problem) = told.check() {
                    let key = match problem {
                        FaultError::Amount { .. } | FaultError::NoAmount(_) => "amount",
                        FaultError::Kind(_) | FaultError::KindAndStatus(_) => "kind",
                        // Told already, each at its own place.
                        _ => continue,
                    };
                    checks.at(place.key(key), problem.to_string());
                }
            }
        }
        for (index, path) in fault.paths.iter().enumerate() {
            checks.path(path, place.key("paths").item(index));
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::None(_) => "no fault any more".to_owned(),
            Self::Prometheus(fault) => match (fault.answer, &fault.kind, fault.delay) {
                (Some(status), ..) => format!("Prometheus answers {status}"),
                (None, Some(kind), _) => format!("Prometheus answers with the fault {kind}"),
                (None, None, Some(delay)) => format!("Prometheus answers after {delay}"),
                (None, None, None) => "Prometheus answers late".to_owned(),
            },
        }
    }

    fn breaks(&self) -> Option<bool> {
        Some(matches!(self, Self::Prometheus(_)))
    }

    fn disturbs_adapter(&self, _namespace: &str) -> bool {
        true
    }

    fn needs(&self) -> Needs {
        Needs::FAKE_PROMETHEUS.and(Needs::OWN_ADAPTER)
    }

    fn play<'a>(&'a self, context: &'a StepContext) -> BoxFuture<'a, Result<Remark, Unmet>> {
        Box::pin(async move {
            let replaced = context.feed()?.replace_faults(&self.faults()).await;
            replaced.map_err(unanswered("change the faults", Owner::Harness))?;
            Ok(None)
        })
    }
}

impl FaultStep {
    fn faults(&self) -> Vec<Fault> {
        let Self::Prometheus(fault) = self else {
            return Vec::new();
        };
        let delay = fault
            .delay
            .map(|span| span.duration(Duration::from_secs(1)));
        vec![Fault {
            paths: fault.paths.clone(),
            answer: FaultAnswer {
                status: fault.answer,
                body: fault.body.clone(),
                delay: delay.unwrap_or_default().as_secs_f64(),
                ..FaultAnswer::default()
            },
            kind: fault.kind.clone(),
            amount: fault.amount,
            ..Fault::default()
        }]
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use setpoint_replay::fault_kinds;

    /// The texts of all files below a folder.
    fn texts(folder: &Path, texts: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self::texts(&path, texts);
            } else if path.extension().is_some_and(|ending| ending == "yaml") {
                texts.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }

    #[test]
    fn each_kind_of_faults_is_in_a_scenario() {
        let mut scenarios = String::new();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
        texts(&folder, &mut scenarios);
        let unused = fault_kinds().filter(|kind| {
            let step = format!("fault: {{prometheus: {{kind: {}", kind.name);
            !["}", ","]
                .iter()
                .any(|end| scenarios.contains(&format!("{step}{end}")))
        });
        let unused: Vec<&str> = unused.map(|kind| kind.name).collect();
        assert!(unused.is_empty(), "{unused:?}");
    }
}
