//! Load, reloads, certificate swaps, attacks and restarts of Prometheus, all at once.
//!
//! `ci/bench/mixed` sets the variables: `SETPOINT_MIXED_SECONDS`, `SETPOINT_ADAPTER` (the program), `SETPOINT_ATTACK`
//! (the example `attack` of setpoint-serve), `SETPOINT_MEMORY_GROUP` and `SETPOINT_MIXED_REPORT` (a folder).

mod curve;
mod prometheus;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use parking_lot::Mutex;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use crate::support::{Adapter, config, swap_pair};
use curve::Curve;
use prometheus::Prometheus;

const RATE: u32 = 200;
const ATTACK_TIME: Duration = Duration::from_secs(20);
const RULES_TIME: Duration = Duration::from_secs(7);
const PAIR_TIME: Duration = Duration::from_secs(11);
const RESTART_TIME: Duration = Duration::from_secs(60);
const DOWN: Duration = Duration::from_secs(3);
/// Longer than this no request may take, however busy the machine is.
const HUNG: Duration = Duration::from_secs(20);
/// How much more memory the second half may take than the first, in MiB; told of times that have several rounds of all
/// attacks in each half.
const GROWTH: f64 = 3.0;
const GROWTH_TIME: Duration = Duration::from_secs(15 * 60);
/// What the adapter's pod is granted, in MiB.
const MOST_MEMORY: f64 = 64.0;

fn variable(name: &str) -> Option<PathBuf> {
    let value = std::env::var_os(name).filter(|value| !value.is_empty());
    value.map(PathBuf::from)
}

/// The CA of the front proxy and its client, as kube-apiserver is one.
fn front_proxy() -> (String, reqwest::ClientBuilder) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "front-proxy");
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let pem = format!("{}{}", certificate.pem(), key.serialize_pem());
    let mut headers = HeaderMap::new();
    headers.insert("x-remote-user", HeaderValue::from_static("controller"));
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_danger_accept_invalid_certs(true)
        .timeout(HUNG)
        .default_headers(headers)
        .identity(reqwest::Identity::from_pem(pem.as_bytes()).unwrap());
    (issuer.pem(), client)
}

/// What became of the requests.
#[derive(Default)]
struct Answers {
    asked: usize,
    /// Failed while Prometheus was down.
    excused: usize,
    wrong: Vec<String>,
    took: Vec<Duration>,
}

/// Why a request has not the value of its pod.
enum Failure {
    /// Excused while Prometheus is down.
    Unanswered(String),
    /// Never excused.
    Wrong(String),
}

impl Failure {
    fn text(self) -> String {
        match self {
            Self::Unanswered(text) | Self::Wrong(text) => text,
        }
    }
}

impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        Self::Unanswered(format!("{error:?}"))
    }
}

/// Asks for the value of a pod.
async fn ask(client: reqwest::Client, url: String, pod: u32) -> Result<(), Failure> {
    let path = format!("/apis/custom.metrics.k8s.io/v1beta1/namespaces/n/pods/pod-{pod}/good");
    let answer = client.get(format!("{url}{path}")).send().await?;
    let status = answer.status();
    let list: Value = answer.json().await?;
    match &list["items"][0]["value"] {
        value if *value == json!(pod.to_string()) => Ok(()),
        Value::Null if status != 200 => {
            let message = format!("{status}: {}", list["message"]);
            Err(Failure::Unanswered(message))
        }
        value => Err(Failure::Wrong(format!("{value} of pod {pod}"))),
    }
}

async fn load(
    adapter: Arc<Adapter>,
    prometheus: Arc<Prometheus>,
    client: reqwest::Client,
    stop: CancellationToken,
) -> Answers {
    let answers = Arc::<Mutex<Answers>>::default();
    let mut tick = interval(Duration::from_secs(1) / RATE);
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut requests = JoinSet::new();
    for pod in (0..500).cycle() {
        tick.tick().await;
        if stop.is_cancelled() {
            break;
        }
        while requests.try_join_next().is_some() {}
        let (answers, prometheus) = (answers.clone(), prometheus.clone());
        let asked = ask(client.clone(), adapter.url.clone(), pod);
        requests.spawn(async move {
            let began = Instant::now();
            let outcome = asked.await;
            let ended = Instant::now();
            let mut answers = answers.lock();
            answers.asked += 1;
            let was_down = prometheus.was_down(began, ended);
            match outcome {
                Ok(()) if was_down => {}
                Ok(()) => answers.took.push(ended - began),
                Err(Failure::Unanswered(_)) if was_down => answers.excused += 1,
                Err(failure) => {
                    let text = failure.text();
                    answers
                        .wrong
                        .push(format!("{text} after {:?}", ended - began));
                }
            }
        });
    }
    requests.join_all().await;
    std::mem::take(&mut *answers.lock())
}

/// Does something again and again, with the number of times before.
fn every(pause: Duration, stop: &CancellationToken, mut act: impl FnMut(u32) + Send + 'static) {
    let stop = stop.clone();
    tokio::spawn(async move {
        let mut number = 0;
        while stop.run_until_cancelled(sleep(pause)).await.is_some() {
            number += 1;
            act(number);
        }
    });
}

/// Rules and certificates that change.
fn change(adapter: &Arc<Adapter>, stop: &CancellationToken) {
    let reloaded = adapter.clone();
    every(RULES_TIME, stop, move |number| {
        let other = format!("other_{number}");
        reloaded.configure(&["good", &other][..1 + number as usize % 2]);
    });
    let swapped = adapter.clone();
    every(PAIR_TIME, stop, move |number| {
        swap_pair(swapped.folder.path(), number);
    });
}

/// All attacks, one after the other.
async fn attack(
    program: PathBuf,
    address: String,
    stop: CancellationToken,
    marked: impl Fn(String),
) {
    let list = Command::new(&program).arg("list").output().await.unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    for name in list.lines().cycle() {
        marked(name.to_owned());
        let seconds = ATTACK_TIME.as_secs().to_string();
        let mut attacker = Command::new(&program);
        let attacker = attacker.args([name, &address, &seconds]).kill_on_drop(true);
        let ended = stop.run_until_cancelled(attacker.output()).await;
        let Some(ended) = ended else { return };
        assert!(ended.unwrap().status.success(), "the attack {name} failed");
    }
}

/// The resident memory of a process, in MiB.
fn resident(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let mut lines = status
        .lines()
        .filter_map(|line| line.strip_prefix("VmRSS:"));
    let kib = lines
        .next()
        .and_then(|rest| rest.trim().split(' ').next()?.parse::<f64>().ok());
    kib.expect("VmRSS, in kB") / 1024.0
}

fn write(folder: &Path, answers: &Answers, curve: &Curve, took: Duration) {
    let at = |part: f64| {
        let last = answers.took.len().saturating_sub(1);
        let took = answers.took.get((last as f64 * part) as usize);
        took.copied().unwrap_or_default()
    };
    let text = format!(
        "| for | requests | failed while Prometheus was down | failed otherwise or wrong | p50 | p99 | longest | MiB resident, from 10 % to 50 % of the time | from 60 % to 100 % | peak |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n| {:.0} s | {} | {} | {} | {:.1?} | {:.1?} | {:.1?} | {:.1} | {:.1} | {:.1} |\n",
        took.as_secs_f64(),
        answers.asked,
        answers.excused,
        answers.wrong.len(),
        at(0.5),
        at(0.99),
        at(1.0),
        curve.mean_of(0.25, 0.5),
        curve.mean_of(0.75, 1.0),
        curve.peak()
    );
    std::fs::write(folder.join("mixed.md"), text).unwrap();
    std::fs::write(folder.join("mixed.svg"), curve.svg(took)).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute or more: ci/nightly and ci/bench/mixed run it"]
async fn values_are_right_and_memory_is_flat_under_load_changes_attacks_and_restarts() {
    let seconds = std::env::var("SETPOINT_MIXED_SECONDS").map(|seconds| seconds.parse().unwrap());
    let time = Duration::from_secs(seconds.unwrap_or(90));
    let folder = tempfile::tempdir().unwrap();
    let (authority, client) = front_proxy();
    let ca = folder.path().join("front-proxy.pem");
    std::fs::write(&ca, authority).unwrap();
    let prometheus = Arc::new(Prometheus::start());
    let flag = format!("--requestheader-client-ca-file={}", ca.display());
    let flags = [flag.as_str(), "--metrics-relist-interval=5s"];
    let adapter = Arc::new(Adapter::start(prometheus.address, &config(&["good"]), &flags).await);
    if let Some(group) = variable("SETPOINT_MEMORY_GROUP") {
        std::fs::write(group.join("cgroup.procs"), adapter.id().to_string()).unwrap();
    }
    adapter
        .until("setpoint_adapter_rule_metrics{rule=\"0\"} ", |metrics| {
            metrics > 0.0
        })
        .await;

    let (began, stop) = (Instant::now(), CancellationToken::new());
    let curve = Arc::new(Mutex::new(Curve {
        points: Vec::new(),
        marks: Vec::new(),
    }));
    let drawn = curve.clone();
    let mark = move |what: String| {
        drawn
            .lock()
            .marks
            .push((began.elapsed().as_secs_f64(), what));
    };
    change(&adapter, &stop);
    let (process, points) = (adapter.id(), curve.clone());
    every(Duration::from_secs(1), &stop, move |_| {
        points
            .lock()
            .points
            .push((began.elapsed().as_secs_f64(), resident(process)));
    });
    let load = load(
        adapter.clone(),
        prometheus.clone(),
        client.build().unwrap(),
        stop.clone(),
    );
    let load = tokio::spawn(load);
    let restarts = async {
        while stop
            .run_until_cancelled(sleep(RESTART_TIME))
            .await
            .is_some()
        {
            mark("a restart of Prometheus".to_owned());
            prometheus.restart(DOWN).await;
        }
    };
    let attacks = async {
        let address = adapter.url.trim_start_matches("https://").to_owned();
        match variable("SETPOINT_ATTACK") {
            Some(program) => attack(program, address, stop.clone(), &mark).await,
            None => stop.cancelled().await,
        }
    };
    let ended = async {
        sleep(time).await;
        stop.cancel();
    };
    tokio::join!(restarts, attacks, ended);
    let mut answers = load.await.unwrap();
    answers.took.sort();
    let curve = curve.lock();
    if let Some(folder) = variable("SETPOINT_MIXED_REPORT") {
        write(&folder, &answers, &curve, time);
    }
    let wrong = &answers.wrong;
    assert!(
        wrong.is_empty(),
        "{} of {}: {:?}",
        wrong.len(),
        answers.asked,
        &wrong[..wrong.len().min(5)]
    );
    let (peak, before, after) = (
        curve.peak(),
        curve.mean_of(0.1, 0.5),
        curve.mean_of(0.6, 1.0),
    );
    assert!(peak < MOST_MEMORY, "{peak:.1} MiB resident");
    assert!(
        time < GROWTH_TIME || after <= before + GROWTH,
        "{before:.1} MiB resident in the first half, {after:.1} in the second"
    );
    // Nothing is proven by few requests.
    let least = time.as_secs() as usize * RATE as usize / 2;
    assert!(answers.asked >= least, "{} requests", answers.asked);
}
