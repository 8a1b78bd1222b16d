//! Plays the steps of a scenario.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::Value;
use setpoint_replay::{Fault, FaultAnswer};
use tokio::sync::Mutex;

use super::traffic::Traffic;
use crate::expect::{Scene, expect};
use crate::feed::Feed;
use crate::install::{Names, apply, delete, refused, restore};
use crate::notes::Notes;
use crate::outcome::{Finding, Kind, Unmet};
use crate::pki::Kit;
use crate::request::{ANSWER, Limit, Secret};
use crate::scenario::{FaultStep, PrometheusFault, Step, WaitFor};
use crate::words as chain;

/// What steps act on.
pub(super) struct Stage {
    pub(super) scene: Scene,
    /// The fake Prometheus, where there is one.
    pub(super) feed: Option<Arc<Feed>>,
    pub(super) traffic: Arc<Traffic>,
    pub(super) notes: Notes,
    /// Where the scenario's file is.
    pub(super) folder: PathBuf,
    /// What things are called in this installation.
    pub(super) names: Names,
    /// All objects that were installed, as they were.
    pub(super) installed: Vec<Value>,
    /// The scenario's own authorities.
    pub(super) kit: Mutex<Kit>,
    /// The tokens of ServiceAccounts, by namespace and name.
    pub(super) tokens: Mutex<BTreeMap<(String, String), Secret>>,
}

impl Stage {
    /// Plays a step. It may have something to say of how it went; an error says what is not as it should be.
    pub(super) fn play<'a>(
        &'a self,
        step: &'a Step,
    ) -> BoxFuture<'a, Result<Option<String>, Unmet>> {
        Box::pin(async move { self.played(step).await.map_err(|text| Text(text).into()) })
    }

    async fn played(&self, step: &Step) -> Result<Option<String>, String> {
        let client = self.scene.cluster.client();
        let done = match step {
            Step::Apply(objects) => bounded(apply(&client, objects)).await,
            Step::Refused(step) => bounded(refused(&client, step)).await,
            Step::Delete(object) => bounded(delete(&client, object)).await,
            Step::Restore(object) => bounded(restore(&client, &self.installed, object)).await,
            Step::Metrics(metrics) => self
                .feed()?
                .replace(metrics)
                .await
                .map_err(|error| chain(&error)),
            Step::Fault(fault) => self
                .feed()?
                .replace_faults(&faults(fault))
                .await
                .map_err(|error| chain(&error)),
            Step::Traffic(traffic) => self.traffic.drive(traffic).await,
            Step::Wait(WaitFor { for_ }) => expect(&self.scene, for_)
                .await
                .map_err(|missed| missed.to_string()),
            Step::Expect(expectation) => expect(&self.scene, expectation)
                .await
                .map_err(|missed| missed.to_string()),
            Step::Request(request) => self.request(request).await,
            Step::Load(load) => return self.load(load).await.map(Some),
            Step::Pki(step) => self.change_certificates(step).await,
            Step::Restart(restarted) => self.restart(*restarted).await,
        };
        done.map(|()| None)
    }
}

impl Stage {
    fn feed(&self) -> Result<&Feed, String> {
        let none = || "there is no fake Prometheus in this installation".to_owned();
        self.feed.as_deref().ok_or_else(none)
    }
}

/// What is not told apart by type yet.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Text(String);

impl Finding for Text {
    fn kind(&self) -> Kind {
        Kind::UnexpectedStatus
    }
}

/// Asks the API server for a change, which it makes or refuses at once.
async fn bounded<E>(change: impl Future<Output = Result<(), E>>) -> Result<(), String>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let changed = Limit::of(ANSWER).bound("change objects", change).await;
    changed.map_err(|error| chain(&error))
}

fn faults(step: &FaultStep) -> Vec<Fault> {
    match step {
        FaultStep::None(_) => Vec::new(),
        FaultStep::Prometheus(PrometheusFault {
            answer,
            paths,
            delay,
            body,
        }) => {
            let delay = delay
                .map(|span| span.duration(Duration::from_secs(1)).as_secs_f64())
                .unwrap_or_default();
            let answer = FaultAnswer {
                status: *answer,
                body: body.clone(),
                headers: BTreeMap::new(),
                delay,
            };
            vec![Fault {
                paths: paths.clone(),
                answer,
            }]
        }
    }
}
