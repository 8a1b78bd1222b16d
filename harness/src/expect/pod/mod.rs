//! A pod's state: its status and events by watch, and its log as soon as nothing else is missing.

mod judge;
mod watch;

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;

use self::judge::{Snapshot, judge};
use self::watch::snapshots;
use super::context::{Expect, ExpectContext};
use crate::format::{Checks, Place, Span, default_namespace};
use crate::outcome::Unmet;
use crate::wait::Wait;

/// A pod that has these labels and isn't on its way out; if there are several, one of them must be all of this.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Pod {
    /// Its namespace.
    #[serde(default = "default_namespace")]
    pub namespace: String,
    /// Labels that it has.
    pub labels: BTreeMap<String, String>,
    /// Its phase, such as `Pending`.
    pub phase: Option<String>,
    /// Whether it is ready.
    pub ready: Option<bool>,
    /// One of its containers.
    pub container: Option<Container>,
    /// An event on it.
    pub event: Option<Event>,
    /// Time until then.
    pub within: Option<Span>,
}

/// A container of a pod.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Container {
    /// Its name.
    pub name: String,
    /// Whether it is ready.
    pub ready: Option<bool>,
    /// Why it isn't running, such as `ContainerCreating` or `CrashLoopBackOff`.
    pub waiting: Option<String>,
    /// How often it was started again, at least.
    pub restarts: Option<i32>,
    /// What a line of its log must hold; that of its run before counts too.
    pub log: Option<String>,
}

/// An event.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Event {
    /// Its reason, such as `FailedMount`.
    pub reason: String,
    /// What its message must hold.
    pub message: Option<String>,
}

impl Expect for Pod {
    fn check(&self, place: &Place, checks: &mut Checks<'_>) {
        checks.namespace(&self.namespace, place.key("namespace"));
        checks.longer_than_zero(self.within, place.key("within"));
        if self.labels.is_empty() {
            checks.at(place.key("labels"), "say by `labels` which pod is meant");
        }
        match &self.container {
            Some(container) => {
                let nothing = container.ready.is_none()
                    && container.waiting.is_none()
                    && container.restarts.is_none()
                    && container.log.is_none();
                if nothing {
                    checks.at(
                        place.key("container"),
                        "expect `ready`, `waiting`, `restarts` or `log` of the container",
                    );
                }
            }
            None => {
                let nothing = self.phase.is_none() && self.ready.is_none() && self.event.is_none();
                if nothing {
                    checks.at(
                        place,
                        "expect a `phase`, `ready`, a `container` or an `event` of the pod",
                    );
                }
            }
        }
    }

    fn describe(&self) -> String {
        let labels = self.labels.iter();
        let labels: Vec<String> = labels
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        let mut parts = vec![format!("pod {}", labels.join(","))];
        parts.extend(self.phase.iter().map(|phase| format!("is {phase}")));
        parts.extend(self.ready.map(|ready| readiness(ready).to_owned()));
        if let Some(container) = &self.container {
            let Container {
                name,
                ready,
                waiting,
                restarts,
                log,
            } = container;
            parts.push(format!("has container {name}"));
            parts.extend(ready.map(|ready| readiness(ready).to_owned()));
            parts.extend(waiting.iter().map(|reason| format!("waiting by {reason}")));
            parts.extend(restarts.map(|count| format!("restarted {count} times or more")));
            parts.extend(log.iter().map(|line| format!("logging `{line}`")));
        }
        if let Some(event) = &self.event {
            let message = event.message.as_deref().unwrap_or_default();
            parts.push(format!("has event {} `{message}`", event.reason));
        }
        parts.join(" ")
    }

    fn looks_at_adapter(&self) -> bool {
        true
    }

    fn judge<'a>(&'a self, context: &'a ExpectContext) -> BoxFuture<'a, Result<(), Unmet>> {
        Box::pin(async move {
            let snapshots = snapshots(&context.cluster.client(), self);
            let judge = |pods: Vec<Snapshot>| Ok(judge(&pods, self)?);
            Wait::until(self.describe(), context.within(self.within))
                .over(snapshots, judge)
                .await
        })
    }
}

fn readiness(ready: bool) -> &'static str {
    if ready { "ready" } else { "not ready" }
}
