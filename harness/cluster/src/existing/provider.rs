//! Runs on a cluster that exists: they begin with namespaces of their own and end without a trace.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::api::PostParams;
use kube::runtime::wait::await_condition;
use kube::{Api, Client};
use serde_json::json;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::error::ExistingError;
use super::owner::Owner;
use super::placement::Placement;
use super::{ExistingCluster, ExistingOptions, look, rights};
use crate::cluster::{Access, Capability, Cluster, Facts, StopError};
use crate::provider::{ClusterStatus, Lease, Provider, ProviderError, Reaped, StartOptions};

/// How long the API server may take to say its version.
const ANSWERS: Duration = Duration::from_secs(15);
/// How long a new namespace may take to have the ServiceAccount that pods need.
const ACCOUNT: Duration = Duration::from_secs(30);

/// The runs on a cluster that exists.
pub struct ExistingProvider {
    options: Option<ExistingOptions>,
    connected: OnceCell<Connected>,
    /// How often HPAs are synced, once that was measured.
    period: OnceCell<Duration>,
    /// There can be only one adapter at a time, so one run waits for the other. Those that make none don't wait.
    turn: Arc<Semaphore>,
}

/// A connection that was tried.
struct Connected {
    config: kube::Config,
    client: Client,
    version: String,
}

impl Default for ExistingProvider {
    /// Knows no cluster: nothing is ever looked for but in the one that the user names.
    fn default() -> Self {
        Self {
            options: None,
            connected: OnceCell::new(),
            period: OnceCell::new(),
            turn: Arc::new(Semaphore::new(1)),
        }
    }
}

impl ExistingProvider {
    /// Uses this cluster.
    #[must_use]
    pub fn new(options: ExistingOptions) -> Self {
        let turns = if options.observes {
            Semaphore::MAX_PERMITS
        } else {
            1
        };
        Self {
            options: Some(options),
            turn: Arc::new(Semaphore::new(turns)),
            ..Self::default()
        }
    }

    fn options(&self) -> Result<&ExistingOptions, ExistingError> {
        self.options.as_ref().ok_or(ExistingError::NotNamed)
    }

    /// The URL of the API server and the placement of a run, for saying what would be done.
    ///
    /// # Errors
    /// When the kubeconfig has no such context.
    pub async fn preview(&self) -> Result<(String, Placement), ProviderError> {
        let server = self.options()?.config().await?.cluster_url.to_string();
        let placement = Placement::new("<run>", jiff::Timestamp::now(), None);
        Ok((server, placement))
    }

    async fn connected(&self) -> Result<&Connected, ExistingError> {
        let options = self.options()?;
        let connecting = self.connected.get_or_try_init(async || {
            let config = options.config().await?;
            let unreachable =
                |source: Box<dyn std::error::Error + Send + Sync>| ExistingError::Unreachable {
                    context: options.context.clone(),
                    server: config.cluster_url.to_string(),
                    source,
                };
            let client =
                Client::try_from(config.clone()).map_err(|error| unreachable(error.into()))?;
            let version = timeout(ANSWERS, client.apiserver_version()).await;
            let version = version.map_err(|late| unreachable(late.into()))?;
            let version = version.map_err(|error| match error {
                kube::Error::Api(_) | kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => {
                    ExistingError::NoVersion {
                        context: options.context.clone(),
                        server: config.cluster_url.to_string(),
                        source: error.into(),
                    }
                }
                error => unreachable(error.into()),
            })?;
            let version = version.git_version;
            let lacks = look::lacks(&client).await?;
            if !lacks.is_empty() {
                return Err(ExistingError::Version {
                    context: options.context.clone(),
                    version,
                    lacks,
                });
            }
            Ok(Connected {
                config,
                client,
                version,
            })
        });
        connecting.await
    }

    /// Whether the user may do what is needed, and nobody else has what is to be made.
    async fn check(&self) -> Result<(), ExistingError> {
        let options = self.options()?;
        let client = &self.connected().await?.client;
        for role in options.rights() {
            rights::check(client, &options.context, role).await?;
        }
        let found = look::served(client).await?;
        match (options.observes, found.is_empty()) {
            (false, false) => Err(ExistingError::Taken { found }),
            (true, true) => Err(ExistingError::NoAdapter),
            _ => Ok(()),
        }
    }

    async fn lease(&self, start: &StartOptions) -> Result<Run, ExistingError> {
        let began = std::time::Instant::now();
        let options = self.options()?;
        // The semaphore is never closed.
        let turn = self.turn.clone().acquire_owned().await.ok();
        self.check().await?;
        let Connected {
            config,
            client,
            version,
        } = self.connected().await?;
        let owner = Owner::this().map_err(ExistingError::Process)?;
        let expires = jiff::Timestamp::now() + options.ttl;
        let placement = Placement::new(&run_id(), expires, Some(owner))
            .of(start.namespaces.clone(), options.images.clone());
        let (client, removal) = (client.clone(), options.removal());
        let begun = async {
            namespaces(&client, &placement).await?;
            let measured = self.period.get_or_try_init(async || {
                if let Some(progress) = &start.progress {
                    progress("the HPA controller, to measure its sync period");
                }
                let namespace = placement.namespace("default");
                look::sync_period(&client, &placement, &namespace, options.judged_within).await
            });
            measured.await.copied()
        };
        let begun = start.interrupted.run_until_cancelled(begun).await;
        let period = match begun.unwrap_or(Err(ExistingError::Interrupted)) {
            Ok(period) => period,
            Err(begun) => {
                let removed = removal.remove(&client, &placement.selector(), || {}).await;
                return Err(match removed {
                    Ok(()) => begun,
                    Err(left) => ExistingError::NotBegun {
                        begun: Box::new(begun),
                        left: Box::new(left),
                    },
                });
            }
        };
        let placement = placement.synced(period);
        let mut config = config.clone();
        config.default_namespace = placement.namespace("default");
        let client = Client::try_from(config.clone())
            .map_err(ExistingError::request("make a client of the kubeconfig"))?;
        let facts = Facts {
            backend: "existing".to_owned(),
            kubernetes_version: version.clone(),
            hpa_sync_period: period,
            options: vec![
                format!("context {}", options.context),
                format!("HPA sync period measured: {:.1} s", period.as_secs_f64()),
            ],
            ready_after: began.elapsed(),
        };
        let access = Access {
            client,
            config,
            kubeconfig: options.kubeconfig.clone(),
            capabilities: [].into(),
            facts,
            placement: Some(placement),
        };
        Ok(Run {
            cluster: Arc::new(ExistingCluster { access, removal }),
            turn,
        })
    }
}

/// Makes the namespaces of a run, and waits until pods can be created in them.
async fn namespaces(client: &Client, placement: &Placement) -> Result<(), ExistingError> {
    let all: Api<Namespace> = Api::all(client.clone());
    try_join_all(placement.namespaces().map(async |name| {
        let mut namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": placement.labels()}});
        let enforce = "pod-security.kubernetes.io/enforce";
        namespace["metadata"]["labels"][enforce] = json!("restricted");
        let doing = || format!("create namespace {name}");
        let namespace = serde_json::from_value(namespace).map_err(ExistingError::request(doing()))?;
        let created = all.create(&PostParams::default(), &namespace).await;
        created.map_err(ExistingError::request(doing()))?;
        let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), &name);
        let exists = |account: Option<&ServiceAccount>| account.is_some();
        match timeout(ACCOUNT, await_condition(accounts, "default", exists)).await {
            Ok(found) => found.map(drop).map_err(ExistingError::request(format!("watch namespace {name}"))),
            Err(_) => Err(ExistingError::NoServiceAccount { namespace: name.clone(), limit: ACCOUNT }),
        }
    }))
    .await?;
    Ok(())
}

/// A name that no other run has: of the clock and the process.
fn run_id() -> String {
    let micros = jiff::Timestamp::now().as_microsecond();
    format!(
        "{:x}{:x}",
        micros & 0xff_ffff_ffff,
        std::process::id() & 0xfff
    )
}

#[async_trait]
impl Provider for ExistingProvider {
    fn name(&self) -> &'static str {
        "existing"
    }

    fn capabilities(&self) -> &'static [Capability] {
        &[]
    }

    fn starts_ahead(&self) -> bool {
        false
    }

    async fn check(&self) -> Result<(), ProviderError> {
        Ok(self.check().await?)
    }

    async fn up(
        &self,
        _name: &str,
        _ttl: Duration,
        _options: &StartOptions,
    ) -> Result<ClusterStatus, ProviderError> {
        Err(ExistingError::NotOurs { doing: "start" }.into())
    }

    async fn status(&self) -> Result<Vec<ClusterStatus>, ProviderError> {
        Err(ExistingError::NotOurs { doing: "list" }.into())
    }

    async fn down(&self, _name: &str) -> Result<(), ProviderError> {
        Err(ExistingError::NotOurs { doing: "end" }.into())
    }

    async fn reap(&self) -> Result<Vec<Reaped>, ProviderError> {
        let Some(options) = &self.options else {
            return Ok(Vec::new());
        };
        let client = &self.connected().await?.client;
        Ok(options.removal().reap(client).await?)
    }

    async fn lease(&self, options: &StartOptions) -> Result<Box<dyn Lease>, ProviderError> {
        Ok(Box::new(self.lease(options).await?))
    }

    async fn close(&self) -> Result<(), StopError> {
        Ok(())
    }
}

/// A run, for as long as its holder needs it.
struct Run {
    cluster: Arc<ExistingCluster>,
    turn: Option<OwnedSemaphorePermit>,
}

#[async_trait]
impl Lease for Run {
    fn cluster(&self) -> Arc<dyn Cluster> {
        self.cluster.clone()
    }

    /// The next holder gets namespaces of its own.
    fn is_shared(&self) -> bool {
        false
    }

    /// The next run begins while the namespaces of this one end.
    async fn give_back(self: Box<Self>, _clean: bool) -> Result<(), StopError> {
        let Self { cluster, turn } = *self;
        cluster.remove(|| drop(turn)).await
    }

    async fn keep(self: Box<Self>) -> Result<Option<ClusterStatus>, ProviderError> {
        let stopped = self.cluster.stop().await;
        stopped.map_err(|error| ProviderError::new(crate::Fault::Cluster, error))?;
        Ok(None)
    }
}
