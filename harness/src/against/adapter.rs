//! An adapter in a pod, by one configuration.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DeleteParams, LogParams};
use serde_json::{Value, json};
use setpoint_cluster::{Cluster as _, Target};

use super::connection::{Connection, PORT};
use super::corpus::{Configuration, Served};
use super::recording::Answers;
use super::request::Request;
use super::stage::{ACCOUNT, NAMESPACE, OURS, SERVING, Stage, THEIRS};
use super::{AgainstError, answer::Answer};
use crate::install::apply;
use crate::outcome::Unmet;
use crate::request::Limit;

/// The line under which is recorded whether an adapter starts.
pub(super) const START: &str = "start";
/// What is recorded of an adapter that serves what it is to serve.
pub(super) const SERVES: &str = "it serves";
/// What is recorded of an adapter whose program ends.
pub(super) const ENDS: &str = "it ends";
/// Between two looks at an adapter that is starting.
const PAUSE: Duration = Duration::from_millis(50);
/// How much of the log of an adapter is shown that doesn't serve what it is to serve.
const LOG_LINES: i64 = 20;

/// Which of the two adapters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Ours,
    Theirs,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ours => "ours",
            Self::Theirs => "theirs",
        })
    }
}

/// How the start of an adapter went.
enum Start {
    /// It serves what the configuration says.
    Serves,
    /// Its program has ended.
    Ended,
    /// It serves, but not that.
    Lacks(String),
}

/// Starts an adapter, asks it everything, then what is asked in view of these answers, and removes it.
pub(super) async fn ask(
    stage: &Stage,
    configuration: &Configuration,
    side: Side,
    then: impl FnOnce(&Answers) -> Vec<Request>,
) -> Result<Answers, AgainstError> {
    let pod = format!("{side}-{}", configuration.name);
    let objects = objects(stage, configuration, side, &pod);
    apply(&stage.cluster.client(), &objects).await?;
    let target = Target::Pod {
        namespace: NAMESPACE.to_owned(),
        name: pod.clone(),
    };
    let connect = || Connection::new(&stage.cluster, target.clone(), stage.tls.clone());
    let pods = Api::<Pod>::namespaced(stage.cluster.client(), NAMESPACE);
    let started = started(stage, configuration, &connect, &pods, &pod).await?;
    let mut answers = Answers::new();
    if !matches!(started, Start::Ended) {
        let mut connection = connect();
        for request in &configuration.requests {
            let answer = connection.ask(request, stage.timeouts.answer).await;
            answers.insert(request.line.clone(), answer);
        }
        for request in then(&answers) {
            let answer = connection.ask(&request, stage.timeouts.answer).await;
            answers.insert(request.line, answer);
        }
    }
    let outcome = match started {
        Start::Serves => SERVES.to_owned(),
        Start::Ended => ENDS.to_owned(),
        Start::Lacks(what) => format!("{what}\n{}", log(&pods, &pod).await),
    };
    answers.insert(START.to_owned(), Answer::none(outcome));
    let now = DeleteParams::default().grace_period(0);
    let deleted = stage
        .timeouts
        .call("delete an adapter", pods.delete(&pod, &now));
    deleted.await.map_err(Unmet::from)?;
    Ok(answers)
}

/// The last lines of a pod's log, or why there are none.
async fn log(pods: &Api<Pod>, pod: &str) -> String {
    let parameters = LogParams {
        tail_lines: Some(LOG_LINES),
        ..LogParams::default()
    };
    let log = pods.logs(pod, &parameters).await;
    log.unwrap_or_else(|error| setpoint_support::error_chain(&error))
}

/// Waits until an adapter serves what it is to serve, or never will. Each look takes a connection of its own: an adapter
/// that doesn't know yet whom to trust asks for no certificate.
async fn started<'a>(
    stage: &Stage,
    configuration: &Configuration,
    connect: &impl Fn() -> Connection<'a>,
    pods: &Api<Pod>,
    pod: &str,
) -> Result<Start, AgainstError> {
    let limit = Limit::of(stage.timeouts.ready);
    let mut looks = tokio::time::interval(PAUSE);
    let mut lacks = "it isn't ready".to_owned();
    while !limit.left().is_zero() {
        looks.tick().await;
        let found = stage.timeouts.call("get an adapter's pod", pods.get(pod));
        let found = found.await.map_err(Unmet::from)?;
        let phase = found.status.and_then(|status| status.phase);
        if matches!(phase.as_deref(), Some("Failed" | "Succeeded")) {
            return Ok(Start::Ended);
        }
        if phase.as_deref() != Some("Running") {
            continue;
        }
        match lacking(stage, configuration, &mut connect()).await {
            None => return Ok(Start::Serves),
            Some(found) => lacks = found,
        }
    }
    Ok(Start::Lacks(lacks))
}

/// What an adapter doesn't serve yet.
async fn lacking(
    stage: &Stage,
    configuration: &Configuration,
    connection: &mut Connection<'_>,
) -> Option<String> {
    let mut body = async |path: &str| {
        let request = Request::of(&format!("GET {path}"), &BTreeMap::new()).ok()?;
        let limit = Limit::of(stage.timeouts.answer);
        let (status, _, body) = connection.asked(&request, limit).await.ok()?;
        status.is_success().then_some(body)
    };
    for path in ["/readyz", "/apis"] {
        if body(path).await.is_none() {
            return Some(format!("it doesn't answer {path} with success"));
        }
    }
    for Served { version, resource } in &configuration.serves {
        let list = body(&format!("/apis/{version}")).await.unwrap_or_default();
        let list: Value = serde_json::from_slice(&list).unwrap_or_default();
        let resources = list["resources"].as_array().into_iter().flatten();
        if !resources
            .into_iter()
            .any(|found| found["name"] == **resource)
        {
            return Some(format!("it doesn't list {resource} in {version}"));
        }
    }
    None
}

fn objects(stage: &Stage, configuration: &Configuration, side: Side, pod: &str) -> [Value; 2] {
    let image = match side {
        Side::Ours => OURS,
        Side::Theirs => THEIRS,
    };
    let mut arguments = vec![
        format!("--secure-port={PORT}"),
        "--config=/etc/adapter/config.yaml".to_owned(),
        "--tls-cert-file=/var/run/serving-cert/tls.crt".to_owned(),
        "--tls-private-key-file=/var/run/serving-cert/tls.key".to_owned(),
        format!("--prometheus-url={}", stage.prometheus),
        "--metrics-relist-interval=1m".to_owned(),
        // Go's client waits between requests beyond five a second.
        "--client-qps=1000".to_owned(),
        "--client-burst=1000".to_owned(),
    ];
    arguments.extend(configuration.arguments.iter().cloned());
    [
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": pod, "namespace": NAMESPACE},
            "data": {"config.yaml": configuration.rules},
        }),
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": pod, "namespace": NAMESPACE},
            "spec": {
                "serviceAccountName": ACCOUNT,
                "restartPolicy": "Never",
                "terminationGracePeriodSeconds": 0,
                "containers": [{
                    "name": "adapter", "image": image, "args": arguments,
                    "volumeMounts": [
                        {"name": "config", "mountPath": "/etc/adapter"},
                        {"name": "serving", "mountPath": "/var/run/serving-cert"},
                    ],
                }],
                "volumes": [
                    {"name": "config", "configMap": {"name": pod}},
                    {"name": "serving", "secret": {"secretName": SERVING}},
                ],
            },
        }),
    ]
}
