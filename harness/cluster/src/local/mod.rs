//! Backend `local`: a real control plane in namespaces on this machine.
//!
//! A [`LocalCluster`] lives as long as the value, or the process that holds it: when that is killed the
//! plane ends too, with everything in it. [`LocalProvider`] starts those that outlive their caller.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use setpoint_node::logs;
use setpoint_node::protocol::{Command, Reply, Target};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::cluster::{
    Access, Authority, Capability, Cluster, ConnectError, Connection, Facts, MintError,
    MintRequest, Minted, PauseError, StopError,
};
use crate::kubeconfig::connect;
use crate::pki::Authorities;
use crate::provider::Progress;
use crate::{Binaries, ControlPlaneOptions, ImageTable};

mod builder;
mod error;
mod plane_binary;
mod planes;
mod provider;
mod start;

pub use builder::LocalClusterBuilder;
pub use error::{LocalError, NotStarted};
pub use provider::LocalProvider;

use start::Plane;

/// How long a plane may take to reply; what it does itself for a command, it gives up after five seconds.
const REPLY: Duration = Duration::from_secs(10);
/// What every plane can do.
const CAPABILITIES: [Capability; 5] = [
    Capability::ControlPlaneFlags,
    Capability::Mint,
    Capability::ManyConnections,
    Capability::SystemRoles,
    Capability::PausingApiServer,
];

/// How many of a log's last lines are evidence.
const EVIDENCE_LINES: usize = 200;

/// What a plane is made of and what it runs.
#[derive(Clone)]
#[non_exhaustive]
pub struct LocalOptions {
    /// The control plane's programs; none looks them up by [`provision::find`](crate::provision::find).
    pub binaries: Option<Binaries>,
    /// Which program stands for which image.
    pub images: ImageTable,
    /// Flags of the control plane.
    pub control_plane: ControlPlaneOptions,
    /// Where the API server is reached from outside: an address of this machine, port 0 for a free one. Another one than
    /// loopback's lets others come, such as containers; the kubeconfig's credentials are all that keeps them out then.
    pub listen: SocketAddr,
    /// What the API server is called by too: names and addresses for its certificate. That of `listen` is there.
    pub names: Vec<String>,
    /// The helper program; none looks it up in `SETPOINT_PLANE_BIN`, beside the running executable and its
    /// parent folder, and in PATH.
    pub plane_binary: Option<PathBuf>,
    /// How long a plane may take to become ready.
    pub ready_timeout: Duration,
    /// Called with what is being waited for.
    pub progress: Option<Progress>,
}

impl Default for LocalOptions {
    fn default() -> Self {
        Self {
            binaries: None,
            images: ImageTable::default(),
            control_plane: ControlPlaneOptions::default(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            names: Vec::new(),
            plane_binary: None,
            ready_timeout: Duration::from_secs(60),
            progress: None,
        }
    }
}

impl LocalOptions {
    /// A control plane of these programs with the usual options.
    #[must_use]
    pub fn new(binaries: Binaries, images: ImageTable) -> Self {
        Self {
            binaries: Some(binaries),
            images,
            ..Self::default()
        }
    }
}

impl std::fmt::Debug for LocalOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            binaries,
            images,
            control_plane,
            listen,
            names,
            plane_binary,
            ready_timeout,
            progress: _,
        } = self;
        f.debug_struct("LocalOptions")
            .field("binaries", binaries)
            .field("images", images)
            .field("control_plane", control_plane)
            .field("listen", listen)
            .field("names", names)
            .field("plane_binary", plane_binary)
            .field("ready_timeout", ready_timeout)
            .finish_non_exhaustive()
    }
}

/// A control plane that ends with this value.
pub struct LocalCluster {
    plane: Plane,
    authorities: Authorities,
    access: Access,
}

impl std::fmt::Debug for LocalCluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalCluster")
            .field("name", &self.plane.name)
            .field("facts", &self.access.facts)
            .finish_non_exhaustive()
    }
}

impl LocalCluster {
    /// Chooses what differs from the usual, and starts a plane.
    pub fn builder() -> LocalClusterBuilder {
        LocalClusterBuilder::default()
    }

    /// Starts a plane and waits until pods can be created in it.
    ///
    /// # Errors
    /// Says which process failed, with its last lines; nothing of the plane is left then.
    pub async fn start(options: LocalOptions) -> Result<Self, LocalError> {
        let started = std::time::Instant::now();
        let request = start::PlaneRequest::attached()?;
        let (plane, authorities) = start::start(&options, request).await?;
        let kubeconfig = plane.dir.kubeconfig();
        let connected = connect(&kubeconfig).await;
        let (config, client) = connected.map_err(|source| LocalError::Client {
            name: plane.name.clone(),
            source: source.into(),
        })?;
        let facts = Facts {
            backend: "local".to_owned(),
            kubernetes_version: plane.kubernetes_version.clone(),
            hpa_sync_period: options.control_plane.hpa_sync_period,
            options: options.control_plane.stated(),
            ready_after: started.elapsed(),
        };
        let access = Access {
            client,
            config,
            kubeconfig,
            capabilities: CAPABILITIES.into(),
            facts,
            placement: None,
        };
        Ok(Self {
            plane,
            authorities,
            access,
        })
    }

    /// Issues all projected ServiceAccount tokens of running pods again, now.
    ///
    /// # Errors
    /// When the plane can't be reached.
    pub async fn renew_tokens(&self) -> std::io::Result<()> {
        self.have_done(&Command::RenewTokens).await
    }

    async fn have_done(&self, command: &Command) -> std::io::Result<()> {
        match self.ask(command).await?.1 {
            Reply::Done => Ok(()),
            Reply::Failed(reason) => Err(std::io::Error::other(reason)),
        }
    }

    async fn open(&self, target: &Target, port: u16) -> Result<Connection, ConnectError> {
        let cluster = |source| ConnectError::Cluster {
            target: target.clone(),
            port,
            source,
        };
        let command = Command::Connect {
            target: target.clone(),
            port,
        };
        let (stream, reply) = self.ask(&command).await.map_err(cluster)?;
        match reply {
            Reply::Done => Ok(Box::new(stream)),
            Reply::Failed(reason) => Err(ConnectError::Refused {
                target: target.clone(),
                port,
                reason,
            }),
        }
    }

    /// Sends a command to the plane. What follows the reply can be read from the stream.
    async fn ask(&self, command: &Command) -> std::io::Result<(BufReader<UnixStream>, Reply)> {
        let asked = timeout(REPLY, self.asked(command)).await;
        asked.unwrap_or_else(|_| {
            Err(std::io::Error::new(
                std::io::ErrorKind::TimedOut,
                format!("the plane gave no reply to a command within {REPLY:?}"),
            ))
        })
    }

    async fn asked(&self, command: &Command) -> std::io::Result<(BufReader<UnixStream>, Reply)> {
        let stream = UnixStream::connect(self.plane.dir.socket()).await?;
        let mut stream = BufReader::new(stream);
        let mut line = serde_json::to_vec(command)?;
        line.push(b'\n');
        stream.write_all(&line).await?;
        let mut answer = String::new();
        stream.read_line(&mut answer).await?;
        let reply = serde_json::from_str(&answer)?;
        Ok((stream, reply))
    }
}

#[async_trait]
impl Cluster for LocalCluster {
    fn access(&self) -> &Access {
        &self.access
    }

    async fn connect(&self, to: &Target, port: u16) -> Result<Connection, ConnectError> {
        self.open(to, port).await
    }

    async fn mint(&self, authority: Authority, request: &MintRequest) -> Result<Minted, MintError> {
        self.authorities.mint(authority, request)
    }

    async fn pause_api_server(&self, time: Duration) -> Result<(), PauseError> {
        let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let command = Command::PauseApiServer { milliseconds };
        self.have_done(&command).await.map_err(PauseError::Plane)
    }

    async fn component_logs(&self) -> Vec<(String, String)> {
        let logs = logs::tails(&self.plane.dir.logs(), EVIDENCE_LINES);
        logs.unwrap_or_else(|error| vec![("logs".to_owned(), error.to_string())])
    }

    async fn stop(&self) -> Result<(), StopError> {
        let stop_error = |source: std::io::Error| StopError {
            name: self.plane.name.clone(),
            source: source.into(),
        };
        self.plane.stop().await.map_err(stop_error)
    }
}
