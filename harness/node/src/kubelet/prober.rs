//! Asks a container how it is, after `pkg/probe/{http,tcp}` and `pkg/kubelet/prober` of Kubernetes.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use reqwest::redirect;
use setpoint_support::error_chain;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::events::{Recorder, Severity};
use super::probe::{Ask, Kind, Plan, PortError, Thresholds, port_of};

/// What the kubelet sends; the version is the control plane's.
const USER_AGENT: &str = "kube-probe/1.37";
/// `maxRedirects` of `pkg/probe/http`.
const MAX_REDIRECTS: usize = 10;

/// Why a probe failed, in the kubelet's words.
#[derive(Debug, thiserror::Error)]
enum ProbeError {
    #[error(transparent)]
    Port(#[from] PortError),
    #[error("dial tcp {host}:{port}: {source}")]
    Dial {
        host: String,
        port: u16,
        source: io::Error,
    },
    #[error("dial tcp {host}:{port}: i/o timeout")]
    DialTimeout { host: String, port: u16 },
    #[error("prepare the request: {}", error_chain(source))]
    Prepare { source: reqwest::Error },
    #[error("Get \"{url}\": {}", error_chain(source))]
    Get { url: String, source: reqwest::Error },
    #[error("HTTP probe failed with statuscode: {0}")]
    Status(u16),
}

/// Whom a probe asks.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) pod: Arc<Pod>,
    pub(crate) container: String,
    pub(crate) ip: Ipv4Addr,
    pub(crate) ports: Vec<(String, u16)>,
    pub(crate) since: Instant,
    pub(crate) events: Recorder,
}

/// Probes one run of a container until a startup probe is decided or a liveness probe has failed; sends each
/// result. Other probes wait until the container counts as started.
pub(crate) async fn run(
    kind: Kind,
    plan: Plan,
    target: Target,
    mut started: watch::Receiver<bool>,
    verdicts: mpsc::Sender<(Kind, bool)>,
) {
    if kind != Kind::Startup && started.wait_for(|started| *started).await.is_err() {
        return;
    }
    let mut thresholds = Thresholds::of(&plan);
    let mut tick = interval(plan.period);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if target.since.elapsed() < plan.initial_delay {
            continue;
        }
        let answer = ask(&plan, &target).await;
        if let Err(why) = &answer {
            let message = format!("{} probe failed: {why}", kind.word());
            let container = Some(target.container.as_str());
            let pod = &target.pod;
            target
                .events
                .record(pod, container, Severity::Warning, "Unhealthy", message);
        }
        if let Some(verdict) = thresholds.record(answer.is_ok()) {
            if verdicts.send((kind, verdict)).await.is_err() {
                return;
            }
            if kind == Kind::Startup || (kind == Kind::Liveness && !verdict) {
                return;
            }
        }
    }
}

async fn ask(plan: &Plan, target: &Target) -> Result<(), ProbeError> {
    let named = |name: &str| {
        let mut ports = target.ports.iter();
        ports.find(|(port, _)| port == name).map(|(_, port)| *port)
    };
    let address = |host: &Option<String>| host.clone().unwrap_or_else(|| target.ip.to_string());
    match &plan.ask {
        Ask::Tcp { host, port } => {
            let (host, port) = (address(host), port_of(port, named)?);
            let connecting = TcpStream::connect((&*host, port));
            match timeout(plan.timeout, connecting).await {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(source)) => Err(ProbeError::Dial { host, port, source }),
                Err(_) => Err(ProbeError::DialTimeout { host, port }),
            }
        }
        Ask::Http {
            https,
            host,
            port,
            path,
            headers,
        } => {
            let scheme = if *https { "https" } else { "http" };
            let port = port_of(port, named)?;
            let slash = if path.starts_with('/') { "" } else { "/" };
            let url = format!("{scheme}://{}:{port}{slash}{path}", address(host));
            get(&url, headers, plan.timeout).await
        }
    }
}

/// A GET as the kubelet's: certificates unverified, no proxy, no connection reused, redirects followed on the
/// same host alone; any answer from 200 to 399 is a success.
async fn get(url: &str, headers: &[(String, String)], limit: Duration) -> Result<(), ProbeError> {
    let client = reqwest::Client::builder()
        .tls_certs_only([])
        .tls_danger_accept_invalid_certs(true)
        .no_proxy()
        .pool_max_idle_per_host(0)
        .timeout(limit)
        .redirect(redirect::Policy::custom(follow))
        .user_agent(USER_AGENT)
        .build()
        .map_err(|source| ProbeError::Prepare { source })?;
    let mut request = client.get(url).header("Accept", "*/*");
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let answer = request.send().await.map_err(|error| ProbeError::Get {
        url: url.to_owned(),
        source: error.without_url(),
    })?;
    let status = answer.status().as_u16();
    if (200..400).contains(&status) {
        Ok(())
    } else {
        Err(ProbeError::Status(status))
    }
}

fn follow(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let first = attempt.previous().first();
    if first.is_some_and(|first| first.host() != attempt.url().host()) {
        return attempt.stop();
    }
    if attempt.previous().len() >= MAX_REDIRECTS {
        return attempt.error(format!("stopped after {MAX_REDIRECTS} redirects"));
    }
    attempt.follow()
}
