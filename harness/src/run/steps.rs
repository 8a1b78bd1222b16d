//! Plays the steps of a scenario.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;
use kube::api::PostParams;
use setpoint_replay::{Fault, FaultAnswer};
use tokio::time::{Instant, interval};

use crate::answer;
use crate::expect::{Scene, expect};
use crate::feed::Feed;
use crate::install::{apply, delete};
use crate::request::{Answer, Identity, Question, Secret, ask_api_server};
use crate::scenario::{
    As, Expectation, FaultStep, PrometheusFault, RequestStep, Step, Via, WaitFor,
};
use crate::words as chain;

/// How often a request is tried whose answer may still change.
const TRIES: Duration = Duration::from_millis(200);

/// What steps act on.
pub(super) struct Stage {
    pub(super) scene: Scene,
    pub(super) feed: Arc<Feed>,
    /// Where the scenario's file is.
    pub(super) folder: PathBuf,
}

impl Stage {
    /// Plays a step; an error says what is not as it should be.
    pub(super) async fn play(&self, step: &Step) -> Result<(), String> {
        let client = self.scene.cluster.client();
        match step {
            Step::Apply(objects) => apply(&client, objects).await.map_err(|error| chain(&error)),
            Step::Delete(object) => delete(&client, object).await.map_err(|error| chain(&error)),
            Step::Metrics(metrics) => self
                .feed
                .replace(metrics)
                .await
                .map_err(|error| chain(&error)),
            Step::Fault(fault) => self
                .feed
                .replace_faults(&faults(fault))
                .await
                .map_err(|error| chain(&error)),
            Step::Wait(WaitFor { for_ }) => expect(&self.scene, for_)
                .await
                .map_err(|missed| missed.to_string()),
            Step::Expect(expectation) => expect(&self.scene, expectation)
                .await
                .map_err(|missed| missed.to_string()),
            Step::Request(request) => self.request(request).await,
        }
    }

    async fn request(&self, step: &RequestStep) -> Result<(), String> {
        let identity = self.identity(step).await?;
        let question = Question {
            path: step.path.clone(),
            headers: step.headers.clone(),
            identity,
        };
        let sync = self.scene.cluster.facts().hpa_sync_period;
        let deadline = step
            .expect
            .within
            .map(|within| Instant::now() + within.duration(sync));
        let mut tries = interval(TRIES);
        let mut count = 0;
        loop {
            tries.tick().await;
            count += 1;
            let verdict = match self.ask(step.via, &question).await {
                Ok(answer) => answer::judge(&answer, &step.expect, &self.folder),
                Err(problem) => Err(problem),
            };
            match verdict {
                Ok(()) => return Ok(()),
                Err(_) if deadline.is_some_and(|deadline| Instant::now() < deadline) => {}
                Err(problem) => return Err(format!("{problem} (asked {count} times)")),
            }
        }
    }

    async fn ask(&self, via: Via, question: &Question) -> Result<Answer, String> {
        let answer = match via {
            Via::ApiServer => ask_api_server(&*self.scene.cluster, question).await,
            Via::Adapter => self.scene.adapter.ask(question).await,
        };
        answer.map_err(|error| chain(&error))
    }

    async fn identity(&self, step: &RequestStep) -> Result<Identity, String> {
        let admin = (
            "setpoint-admin".to_owned(),
            vec!["system:masters".to_owned()],
        );
        Ok(match (&step.as_, step.via) {
            (None, Via::ApiServer) => Identity::Certificate {
                user: admin.0,
                groups: admin.1,
            },
            (None, Via::Adapter) => Identity::FrontProxy {
                user: admin.0,
                groups: admin.1,
            },
            (Some(As::None(_)), _) => Identity::Nobody,
            (Some(As::Certificate { user, groups }), _) => Identity::Certificate {
                user: user.clone(),
                groups: groups.clone(),
            },
            (Some(As::FrontProxy { user, groups }), _) => Identity::FrontProxy {
                user: user.clone(),
                groups: groups.clone(),
            },
            (Some(As::Token { namespace, name }), _) => {
                Identity::Token(self.token(namespace, name).await?)
            }
        })
    }

    /// A fresh token of a ServiceAccount.
    async fn token(&self, namespace: &str, name: &str) -> Result<Secret, String> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.scene.cluster.client(), namespace);
        let spec = TokenRequestSpec::default();
        let request = TokenRequest {
            spec: Some(spec),
            ..TokenRequest::default()
        };
        let answer = accounts
            .create_token_request(name, &PostParams::default(), &request)
            .await;
        let status = answer
            .map_err(|error| format!("get a token of {namespace}/{name}: {error}"))?
            .status;
        let token = status.and_then(|status| status.token);
        Ok(Secret(token.ok_or_else(|| {
            format!("get a token of {namespace}/{name}: there is none in the answer")
        })?))
    }
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

/// A step in a few words, for progress and reports.
pub(super) fn words(step: &Step) -> String {
    match step {
        Step::Apply(objects) => format!("apply {} objects", objects.len()),
        Step::Delete(object) => format!("delete {} {}", object.kind, object.name),
        Step::Metrics(metrics) => {
            let names: Vec<String> = metrics
                .iter()
                .map(|metric| format!("{} = {}", metric.custom, metric.values))
                .collect();
            format!("metrics {}", names.join(", "))
        }
        Step::Fault(FaultStep::None(_)) => "no fault any more".to_owned(),
        Step::Fault(FaultStep::Prometheus(fault)) => fault.answer.map_or_else(
            || "Prometheus answers late".to_owned(),
            |status| format!("Prometheus answers {status}"),
        ),
        Step::Wait(WaitFor { for_ }) => format!("wait for {}", expectation_words(for_)),
        Step::Expect(expectation) => format!("expect {}", expectation_words(expectation)),
        Step::Request(request) => format!("request {}", request.path),
    }
}

fn expectation_words(expectation: &Expectation) -> String {
    match expectation {
        Expectation::Replicas {
            of,
            equals: Some(number),
            ..
        } => format!("{number} replicas of {of}"),
        Expectation::Replicas { of, .. } => format!("unchanged replicas of {of}"),
        Expectation::Hpa {
            name,
            condition,
            current,
            ..
        } => {
            let what = condition
                .clone()
                .or_else(|| current.as_ref().map(|current| format!("current {current}")));
            format!("HPA {name} {}", what.unwrap_or_default())
        }
        Expectation::Apiservice {
            name, available, ..
        } => format!("APIService {name} Available={available:?}"),
        Expectation::Discovery { group, version, .. } => format!("discovery of {group}/{version}"),
    }
}
