//! The plane's main process: brings everything up in order and keeps watch.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::wait::await_condition;
use kube::{Api, Client, Config};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::component::{Component, ComponentError};
use super::pause::Pausable;
use super::{control, flags, relay};
use crate::dir::INTERNAL_KUBECONFIG;
use crate::failure::{Failure, failed};
use crate::network::PodNetwork;
use crate::protocol::{PlaneEvent, PlaneSpec};
use crate::proxy;
use setpoint_support::error_chain;

/// How often the API server is asked whether it is ready; it doesn't announce it.
const READINESS_CHECK: Duration = Duration::from_millis(50);

const READINESS: &str = "readiness of the API server";
/// Pods are admitted only when their namespace has it, so a plane is of no use before.
const ACCOUNT: &str = "ServiceAccount default/default";

/// kube logs every answer that is not 200 as an error, and not being ready yet is answered so.
const LOG_FILTER: &str = "info,kube_client::client::builder=off";

/// Why a plane is no more.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlaneError {
    #[error(transparent)]
    Failed(#[from] Failure),
    #[error(transparent)]
    Component(#[from] ComponentError),
    #[error("{waiting_for} did not come within {} s; last seen: {last_seen}; last lines of the process concerned:\n{log}", limit.as_secs())]
    Late {
        waiting_for: &'static str,
        limit: Duration,
        last_seen: String,
        log: String,
    },
}

/// Descriptors that this process was started with.
struct Inherited {
    /// The listener on the host's loopback.
    listener: std::net::TcpListener,
    /// The client's socket.
    client: File,
}

impl Inherited {
    /// Takes them from standard input and output and leaves nothing there that a child could inherit.
    fn take() -> io::Result<Self> {
        let listener: OwnedFd = io::stdin().as_fd().try_clone_to_owned()?;
        let client: OwnedFd = io::stdout().as_fd().try_clone_to_owned()?;
        nix::unistd::dup2_stdin(File::open("/dev/null")?)?;
        nix::unistd::dup2_stdout(io::stderr().as_fd())?;
        let listener = std::net::TcpListener::from(listener);
        listener.set_nonblocking(true)?;
        Ok(Self {
            listener,
            client: client.into(),
        })
    }
}

/// Runs a plane until something of it ends, which is always an error: a plane that is to end is killed.
pub(crate) fn main(spec: PlaneSpec) -> Result<(), PlaneError> {
    let inherited = Inherited::take().map_err(failed("take over inherited descriptors"))?;
    // Fails only when there is a provider already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    tracing_subscriber::fmt()
        .with_env_filter(LOG_FILTER)
        .with_writer(io::stderr)
        .with_ansi(false)
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(failed("start a runtime"))?;
    let client = inherited.client;
    let outcome = runtime.block_on(run(&spec, inherited.listener, &client));
    if let Err(error) = &outcome {
        PlaneEvent::Failed(error_chain(error)).send(&client);
    }
    outcome
}

async fn run(
    spec: &PlaneSpec,
    listener: std::net::TcpListener,
    events: &File,
) -> Result<(), PlaneError> {
    let starting = |what: &str| PlaneEvent::Starting(what.to_owned()).send(events);
    let network = Arc::new(
        PodNetwork::create()
            .await
            .map_err(failed("set up the plane's network"))?,
    );
    let client = client(spec).await?;
    let limit = spec.ready_timeout;

    starting("etcd and kube-apiserver");
    let mut components = Components::default();
    components.add("etcd", &spec.binaries.etcd, flags::etcd(&spec.dir), spec)?;
    let flags = flags::api_server(&spec.dir, &spec.options);
    let program = &spec.binaries.kube_apiserver;
    let api_server = components.add("kube-apiserver", program, flags, spec)?;
    let seen = watch::Sender::new("no answer".to_owned());
    components
        .outlive(limit, READINESS, &seen, api_server_ready(&client, &seen))
        .await?;

    let (service_names, names) = watch::channel(None);
    let proxy = proxy::run(client.clone(), service_names, CancellationToken::new());
    let mut proxy = tokio::spawn(proxy);
    let (renew_tokens, renew) = watch::channel(0);
    let node = super::node::run(spec.clone(), client.clone(), network, names, renew);
    let mut node = tokio::spawn(node);

    starting("kube-controller-manager");
    let flags = flags::controller_manager(&spec.dir, &spec.options);
    let program = &spec.binaries.kube_controller_manager;
    components.add("kube-controller-manager", program, flags, spec)?;
    let seen = watch::Sender::new("there is none".to_owned());
    components
        .outlive(limit, ACCOUNT, &seen, default_service_account(&client))
        .await?;

    let version = client
        .apiserver_version()
        .await
        .map_err(failed("ask the API server for its version"))?;
    let listener = TcpListener::from_std(listener).map_err(failed("take over the listener"))?;
    let socket =
        UnixListener::bind(spec.dir.socket()).map_err(failed("bind the plane's socket"))?;
    PlaneEvent::Ready {
        kubernetes_version: version.git_version,
    }
    .send(events);

    Err(tokio::select! {
        error = components.ended() => error.into(),
        ended = &mut proxy => {
            let why = ended.err().map_or_else(|| io::ErrorKind::BrokenPipe.into(), io::Error::other);
            failed("the service proxy of the plane stopped")(why).into()
        }
        ended = &mut node => {
            let why = ended.unwrap_or_else(io::Error::other);
            failed("the kubelet of the plane stopped")(why).into()
        }
        never = relay::relay(listener) => match never {},
        never = control::serve(socket, client, renew_tokens, api_server) => match never {},
    })
}

/// The processes of the control plane, the latest last.
#[derive(Default)]
struct Components(Vec<Component>);

impl Components {
    fn add(
        &mut self,
        name: &'static str,
        program: &Path,
        flags: Vec<String>,
        spec: &PlaneSpec,
    ) -> Result<Arc<Pausable>, ComponentError> {
        let component = Component::start(name, program, flags, &spec.dir.logs())?;
        let pausable = component.pausable()?;
        self.0.push(component);
        Ok(pausable)
    }

    /// Comes back when the first of them has ended, which none should.
    async fn ended(&mut self) -> ComponentError {
        let ends = self.0.iter_mut().map(|component| component.ended().boxed());
        futures::future::select_all(ends).await.0
    }

    /// Does a step, as long as all components live and not longer than `limit`.
    async fn outlive(
        &mut self,
        limit: Duration,
        waiting_for: &'static str,
        seen: &watch::Sender<String>,
        step: impl Future<Output = Result<(), PlaneError>>,
    ) -> Result<(), PlaneError> {
        let waited = tokio::select! {
            waited = timeout(limit, step) => waited,
            error = self.ended() => return Err(error.into()),
        };
        waited.unwrap_or_else(|_| {
            // The one that was started last is what is waited for.
            let logs = self.0.last().map(Component::last_lines);
            Err(PlaneError::Late {
                waiting_for,
                limit,
                last_seen: seen.borrow().clone(),
                log: logs.unwrap_or_default(),
            })
        })
    }
}

async fn client(spec: &PlaneSpec) -> Result<Client, PlaneError> {
    let file = spec.dir.pki().join(INTERNAL_KUBECONFIG);
    let doing = "make a client of the API server";
    let file = Kubeconfig::read_from(file).map_err(failed(doing))?;
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
        .await
        .map_err(failed(doing))?;
    Ok(Client::try_from(config).map_err(failed(doing))?)
}

/// `/readyz` includes the post-start hook that writes the RBAC bootstrap policy; before that a
/// kube-controller-manager is refused everything and exits.
async fn api_server_ready(client: &Client, seen: &watch::Sender<String>) -> Result<(), PlaneError> {
    let mut checks = interval(READINESS_CHECK);
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        checks.tick().await;
        match api_server_obstacle(client).await {
            None => return Ok(()),
            Some(obstacle) => seen.send_replace(obstacle),
        };
    }
}

/// What keeps the API server from being ready; nothing when it is.
async fn api_server_obstacle(client: &Client) -> Option<String> {
    match http::Request::get("/readyz").body(Vec::new()) {
        Ok(request) => client
            .request_text(request)
            .await
            .err()
            .map(|error| error_chain(&error)),
        Err(error) => Some(error.to_string()),
    }
}

async fn default_service_account(client: &Client) -> Result<(), PlaneError> {
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), "default");
    let there = |account: Option<&ServiceAccount>| account.is_some();
    let waited = await_condition(accounts, "default", there).await;
    waited.map_err(failed(format!("ask the API server for {ACCOUNT}")))?;
    Ok(())
}
