//! An expectation beside an HPA controller that syncs: which of its statuses may be judged.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Bytes, Frame};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use setpoint_cluster::{
    Access, Authority, Cluster, ConnectError, Connection, Facts, MintError, MintRequest, Minted,
    StopError, Target,
};
use tokio::sync::watch;
use tokio::time::sleep;

use super::Hpa;
use crate::expect::{Expect as _, ExpectContext};
use crate::outcome::{Kind, Owner, Unmet};
use crate::request::Adapter;
use crate::timeouts::Timeouts;

/// A cluster whose API server has one HPA, and nothing else.
struct OneHpa {
    access: Access,
    hpa: watch::Sender<Value>,
    timeouts: Timeouts,
}

/// What a sync has read: the version of the HPA, whose status it may replace.
struct Sync(Value);

impl OneHpa {
    /// The HPA has been measured once, and all was well.
    fn measured(value: &str) -> Arc<Self> {
        let metric = json!({"type": "Pods", "pods": {"metric": {"name": "queue"}, "target": {"type": "AverageValue"}}});
        let (hpa, _) = watch::channel(json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "web", "namespace": "default", "uid": "1", "resourceVersion": "1"},
            "spec": {"maxReplicas": 8, "scaleTargetRef": {"kind": "Deployment", "name": "web"}, "metrics": [metric]},
            "status": status(able(), value),
        }));
        let server = hpa.clone();
        let client = Client::new(
            tower::service_fn(move |request| answer(server.clone(), request)),
            "default",
        );
        let access = Access {
            client,
            config: kube::Config::new("http://localhost".parse().unwrap()),
            kubeconfig: PathBuf::new(),
            capabilities: BTreeSet::new(),
            facts: Facts {
                backend: "test".to_owned(),
                kubernetes_version: String::new(),
                hpa_sync_period: Duration::from_secs(1),
                options: Vec::new(),
                ready_after: Duration::ZERO,
            },
            placement: None,
        };
        Arc::new(Self {
            access,
            hpa,
            timeouts: Timeouts::default(),
        })
    }

    /// The HPA controller begins a sync by reading the HPA.
    fn begin_sync(&self) -> Sync {
        Sync(self.hpa.borrow().clone())
    }

    /// It ends a sync: writes the status if it is another one, unless the HPA was written since.
    fn end_sync(&self, Sync(read): &Sync, status: Value) -> Result<(), Conflict> {
        if read["status"] == status {
            return Ok(());
        }
        let is_written = self.hpa.send_if_modified(|hpa| {
            let is_as_read =
                hpa["metadata"]["resourceVersion"] == read["metadata"]["resourceVersion"];
            if is_as_read {
                write_status(hpa, status);
            }
            is_as_read
        });
        is_written.then_some(()).ok_or(Conflict)
    }

    /// What an expectation comes to while the HPA controller does this.
    async fn judged(self: &Arc<Self>, syncs: impl Future<Output = ()>) -> Result<(), Unmet> {
        let expected = json!({"name": "web", "current": "10", "within": "5s"});
        let expected: Hpa = serde_json::from_value(expected).unwrap();
        let context = ExpectContext {
            cluster: self.clone(),
            adapter: Arc::new(Adapter::new(
                self.clone(),
                "monitoring",
                "adapter",
                Timeouts::default(),
            )),
            application: None,
            feed: None,
            prometheus: None,
            timeouts: self.timeouts,
        };
        let (judged, ()) = tokio::join!(expected.judge(&context), syncs);
        judged
    }
}

/// A status was refused, because the HPA is not any more as the sync has read it.
#[derive(Debug, PartialEq)]
struct Conflict;

fn able() -> Value {
    json!({"type": "AbleToScale", "status": "True", "reason": "ReadyForNewScale", "message": ""})
}

fn status(able: Value, value: &str) -> Value {
    let current = json!({"type": "Pods", "pods": {"metric": {"name": "queue"}, "current": {"averageValue": value}}});
    json!({"desiredReplicas": 1, "conditions": [able], "currentMetrics": [current]})
}

fn write_status(hpa: &mut Value, status: Value) {
    let version: u64 = hpa["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    hpa["metadata"]["resourceVersion"] = json!((version + 1).to_string());
    hpa["status"] = status;
}

type Chunks = StreamBody<BoxStream<'static, Result<Frame<Bytes>, Infallible>>>;

fn chunk(value: &Value) -> Result<Frame<Bytes>, Infallible> {
    Ok(Frame::data(format!("{value}\n").into()))
}

/// Answers as the API server: lists and watches the HPA, and merges a patch of its status.
async fn answer(
    server: watch::Sender<Value>,
    request: Request<Body>,
) -> Result<Response<Chunks>, kube::Error> {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let is_patch = request.method() == Method::PATCH;
    let body = request.into_body().collect().await?.to_bytes();
    if is_patch {
        let patch: Value = serde_json::from_slice(&body).unwrap();
        server.send_modify(|hpa| {
            let mut status = hpa["status"].clone();
            status["conditions"][0] = patch["status"]["conditions"][0].clone();
            write_status(hpa, status);
        });
    }
    let hpa = server.borrow().clone();
    Ok(Response::new(StreamBody::new(
        if query.contains("watch=true") {
            changes(server.subscribe())
        } else if is_patch {
            stream::iter([chunk(&hpa)]).boxed()
        } else {
            let version = &hpa["metadata"]["resourceVersion"];
            let list = json!({"metadata": {"resourceVersion": version}, "items": [hpa]});
            stream::iter([chunk(&list)]).boxed()
        },
    )))
}

fn changes(hpa: watch::Receiver<Value>) -> BoxStream<'static, Result<Frame<Bytes>, Infallible>> {
    stream::unfold(hpa, |mut hpa| async move {
        hpa.changed().await.ok()?;
        let event = json!({"type": "MODIFIED", "object": *hpa.borrow_and_update()});
        Some((chunk(&event), hpa))
    })
    .boxed()
}

#[async_trait]
impl Cluster for OneHpa {
    fn access(&self) -> &Access {
        &self.access
    }

    async fn connect(&self, _: &Target, _: u16) -> Result<Connection, ConnectError> {
        unreachable!("nobody connects")
    }

    async fn mint(&self, _: Authority, _: &MintRequest) -> Result<Minted, MintError> {
        unreachable!("nobody needs a certificate")
    }

    async fn component_logs(&self) -> Vec<(String, String)> {
        unreachable!("nobody collects evidence")
    }

    async fn stop(&self) -> Result<(), StopError> {
        unreachable!("nobody ends it")
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_sync_after_the_step_that_measures_the_same_passes() {
    let cluster = OneHpa::measured("10");
    let next_sync = async {
        sleep(SECOND).await;
        let sync = cluster.begin_sync();
        cluster.end_sync(&sync, status(able(), "10")).unwrap();
    };
    cluster.judged(next_sync).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_sync_may_come_later_on_a_slow_machine() {
    let mut cluster = OneHpa::measured("10");
    Arc::get_mut(&mut cluster).unwrap().timeouts = Timeouts::scaled_by("3".parse().unwrap());
    for (seconds, is_in_time) in [(12, true), (16, false)] {
        let next_sync = async {
            sleep(SECOND * seconds).await;
            let sync = cluster.begin_sync();
            cluster.end_sync(&sync, status(able(), "10")).unwrap();
        };
        assert_eq!(cluster.judged(next_sync).await.is_ok(), is_in_time);
    }
}

#[tokio::test(start_paused = true)]
async fn a_status_that_fits_does_not_pass_before_the_next_sync() {
    let cluster = OneHpa::measured("10");
    let unmet = cluster.judged(async {}).await.unwrap_err();
    assert_eq!(
        (unmet.owner(), unmet.kind()),
        (Owner::Cluster, Kind::NotJudged),
        "{unmet}"
    );
    // The same with a sync that comes, and sees the fault.
    let next_sync = async {
        sleep(SECOND).await;
        let sync = cluster.begin_sync();
        let mut broken = status(able(), "10");
        broken["currentMetrics"] = json!([{"type": ""}]);
        cluster.end_sync(&sync, broken).unwrap();
    };
    let unmet = cluster.judged(next_sync).await.unwrap_err();
    assert_eq!(
        (unmet.owner(), unmet.kind()),
        (Owner::Adapter, Kind::UnexpectedValue),
        "{unmet}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_sync_that_was_under_way_does_not_pass_whatever_it_has_measured() {
    for (measured_before, measured_meanwhile) in [("10", "10"), ("9", "10")] {
        let cluster = OneHpa::measured(measured_before);
        let under_way = cluster.begin_sync();
        let syncs = async {
            sleep(SECOND).await;
            let ended = cluster.end_sync(&under_way, status(able(), measured_meanwhile));
            // What is as it was isn't written at all.
            let is_the_same = measured_before == measured_meanwhile;
            assert_eq!(ended, if is_the_same { Ok(()) } else { Err(Conflict) });
            sleep(SECOND).await;
            let next = cluster.begin_sync();
            cluster.end_sync(&next, status(able(), "20")).unwrap();
        };
        let unmet = cluster.judged(syncs).await.unwrap_err();
        assert_eq!(unmet.kind(), Kind::UnexpectedValue, "{unmet}");
        assert!(unmet.to_string().contains("it measures 20"), "{unmet}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_measured_before_the_target_was_deleted_does_not_pass() {
    let cluster = OneHpa::measured("10");
    let next_sync = async {
        sleep(SECOND).await;
        let sync = cluster.begin_sync();
        let unable = json!({"type": "AbleToScale", "status": "False", "reason": "FailedGetScale", "message": "not found"});
        cluster.end_sync(&sync, status(unable, "10")).unwrap();
    };
    let unmet = cluster.judged(next_sync).await.unwrap_err();
    assert_eq!(
        (unmet.owner(), unmet.kind()),
        (Owner::Adapter, Kind::UnexpectedCondition),
        "{unmet}"
    );
    assert!(
        unmet
            .to_string()
            .contains("AbleToScale=False by FailedGetScale"),
        "{unmet}"
    );
}
