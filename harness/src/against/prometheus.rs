//! A real Prometheus in a pod, and the series that it has.

use std::time::Duration;

use http_body_util::Full;
use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::{Value, json};
use setpoint_cluster::{Cluster, Target};
use setpoint_replay::labels::Labels;
use setpoint_replay::{Script, ScriptError, ScriptedSeries, World, remote_write};

use super::stage::NAMESPACE;
use crate::outcome::Unmet;
use crate::request::{Limit, RequestError, failed, send};
use crate::timeouts::Timeouts;
use crate::wait::Wait;

/// The pod's name.
pub(super) const NAME: &str = "prometheus";
/// The port that it serves on.
pub(super) const PORT: u16 = 9090;
/// How far back the series begin.
const PAST: Duration = Duration::from_secs(20 * 60);
/// How far ahead of its clock Prometheus takes samples is ten minutes.
const AHEAD: Duration = Duration::from_secs(9 * 60);
/// What must be there before a configuration's requests are made, so that its time doesn't matter.
const NEEDED: Duration = Duration::from_secs(4 * 60);
/// Between two questions whether Prometheus is ready.
const PAUSE: Duration = Duration::from_millis(100);

/// All series, and how far Prometheus has them.
pub(super) struct Series {
    all: Vec<(Labels, Vec<(i64, f64)>)>,
    /// Milliseconds since 1970.
    until: Mutex<i64>,
}

impl Series {
    /// Series that begin a while ago.
    pub(super) fn new(series: &[ScriptedSeries]) -> Result<Self, ScriptError> {
        let origin = now() - millis(PAST);
        let script = Script {
            series: series.to_vec(),
            ..Script::default()
        };
        let world = World::new(&script, origin)?;
        let all = world.series().map(|series| {
            let mut samples = Vec::new();
            series.collect(i64::MIN, i64::MAX, usize::MAX, &mut samples);
            let samples = samples.into_iter().map(|(at, value)| (at + origin, value));
            (series.labels.clone(), samples.collect())
        });
        Ok(Self {
            all: all.collect(),
            until: Mutex::new(i64::MIN),
        })
    }

    /// Sends what Prometheus lacks, if it has too little of the time to come.
    pub(super) async fn reach(&self, cluster: &dyn Cluster, limit: Limit) -> Result<(), Unmet> {
        let (after, until) = {
            let mut last = self.until.lock();
            if *last > now() + millis(NEEDED) {
                return Ok(());
            }
            let until = now() + millis(AHEAD);
            (std::mem::replace(&mut *last, until), until)
        };
        let part = self.all.iter().map(|(labels, samples)| {
            let part = samples.iter().filter(|(at, _)| *at > after && *at <= until);
            (labels.clone(), part.copied().collect())
        });
        let part: Vec<(_, Vec<_>)> = part.collect();
        let sent = write(cluster, remote_write::request(&part), limit).await;
        sent.map_err(|error| error.when_asking(crate::outcome::Owner::Harness))
    }
}

fn now() -> i64 {
    Timestamp::now().as_millisecond()
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// What Prometheus is made of.
pub(super) fn objects(image: &str) -> [Value; 2] {
    let config = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "data": {"prometheus.yml": "{}\n"},
    });
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [{
                "name": "prometheus", "image": image,
                "args": [
                    "--config.file=/etc/prometheus/prometheus.yml",
                    "--storage.tsdb.path=/data",
                    "--web.enable-remote-write-receiver",
                    format!("--web.listen-address=0.0.0.0:{PORT}"),
                ],
                "volumeMounts": [
                    {"name": "config", "mountPath": "/etc/prometheus"},
                    {"name": "data", "mountPath": "/data"},
                ],
            }],
            "volumes": [
                {"name": "config", "configMap": {"name": NAME}},
                {"name": "data", "emptyDir": {}},
            ],
        },
    });
    [config, pod]
}

fn target() -> Target {
    Target::Pod {
        namespace: NAMESPACE.to_owned(),
        name: NAME.to_owned(),
    }
}

/// Waits until Prometheus answers.
pub(super) async fn ready(cluster: &dyn Cluster, timeouts: &Timeouts) -> Result<(), Unmet> {
    let wait = Wait::until("Prometheus is ready".to_owned(), timeouts.ready);
    let asking = || async {
        let limit = Limit::of(timeouts.prometheus);
        let asked = ask(cluster, http::Request::get("/-/ready"), Vec::new(), limit).await;
        asked.map_err(|error| error.when_asking(crate::outcome::Owner::Harness))
    };
    wait.asking(PAUSE, asking).await
}

async fn write(cluster: &dyn Cluster, body: Vec<u8>, limit: Limit) -> Result<(), RequestError> {
    let request = http::Request::post("/api/v1/write")
        .header("content-encoding", "snappy")
        .header("content-type", "application/x-protobuf")
        .header("x-prometheus-remote-write-version", "0.1.0");
    ask(cluster, request, body, limit).await
}

/// Sends a request to Prometheus, and wants success.
async fn ask(
    cluster: &dyn Cluster,
    request: http::request::Builder,
    body: Vec<u8>,
    limit: Limit,
) -> Result<(), RequestError> {
    let doing = || "ask Prometheus".to_owned();
    let request = request.header("host", NAME);
    let request = request.body(Full::new(bytes::Bytes::from(body)));
    let request = request.map_err(failed(doing()))?;
    let stream = limit
        .bound(doing(), cluster.connect(&target(), PORT))
        .await?;
    send(stream, request, limit).await
}
