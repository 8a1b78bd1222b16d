//! The fake Prometheus as a whole: the serving port and the control port.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::access::{Access, Credentials, Tls, TlsPairError};
use crate::clock::wall_millis;
use crate::control::router;
use crate::fault::Faults;
use crate::front::Front;
use crate::journal::JournalBook;
use crate::mock::Mock;
use crate::promql::Settings;
use crate::shared::Shared;
use crate::tenants::Worlds;
use crate::{FaultError, Script, ScriptError};

/// How a fake Prometheus starts.
#[derive(Debug, Clone)]
pub struct ReplayOptions {
    /// Where it serves Prometheus' API; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where it is controlled; port 0 takes a free one.
    pub control: SocketAddr,
    /// What it plays from the start.
    pub script: Script,
    /// How many requests its journal remembers; older ones are forgotten and counted.
    pub journal_capacity: usize,
    /// Which Prometheus it plays, and with which flags.
    pub settings: Settings,
    /// Who may ask for series, and by TLS or without.
    pub access: Access,
}

impl Default for ReplayOptions {
    /// An empty script on free loopback ports, with a journal of 10,000 requests.
    fn default() -> Self {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            listen: loopback,
            control: loopback,
            script: Script::default(),
            journal_capacity: 10_000,
            settings: Settings::default(),
            access: Access::default(),
        }
    }
}

/// Why a fake Prometheus doesn't start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The script can't be played.
    #[error("preparing the script")]
    Script(#[from] ScriptError),
    /// What a builder was given can't be used.
    #[error("preparing the series")]
    Build(#[from] crate::BuildError),
    /// A fault of the script can't be carried out.
    #[error("preparing fault {index} of the script")]
    Fault {
        /// Its position, from 0.
        index: usize,
        /// Why.
        source: FaultError,
    },
    /// TLS can't be served.
    #[error("setting up TLS")]
    Tls(#[from] TlsPairError),
    /// An address can't be listened on.
    #[error("listening on {address} for {purpose}: give a free address of this machine")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Which of the two ports.
        purpose: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// A fake Prometheus that listens; both ports close when it is dropped.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use setpoint_replay::{Replay, ReplayOptions};
/// let replay = Replay::start(ReplayOptions::default()).await?;
/// println!("http://{}/api/v1/query", replay.address());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Replay {
    front: Front,
    is_tls: bool,
    control: SocketAddr,
    stop: CancellationToken,
    serving: AbortOnDropHandle<()>,
}

impl Replay {
    /// Starts playing; scenario time 0 is now.
    ///
    /// # Errors
    /// If the script can't be played or an address can't be listened on.
    pub async fn start(options: ReplayOptions) -> Result<Self, StartError> {
        let worlds = Worlds::new(&options.script, wall_millis(SystemTime::now()))?;
        let faults = options.script.faults;
        for (index, fault) in faults.iter().enumerate() {
            fault
                .check()
                .map_err(|source| StartError::Fault { index, source })?;
        }
        let tls = options.access.tls.as_ref().map(Tls::config).transpose()?;
        let shared = Arc::new(Shared {
            worlds: ArcSwap::from_pointee(worlds),
            faults: ArcSwap::from_pointee(Faults::new(faults)),
            journal: JournalBook::new(options.journal_capacity),
            settings: options.settings,
            change: Mutex::default(),
        });
        let refused = |address, purpose| {
            move |source| StartError::Listen {
                address,
                purpose,
                source,
            }
        };
        let listener = TcpListener::bind(options.listen).await;
        let listener = listener.map_err(refused(options.listen, "Prometheus' API"))?;
        let address = listener.local_addr();
        let address = address.map_err(refused(options.listen, "Prometheus' API"))?;
        let control = TcpListener::bind(options.control)
            .await
            .map_err(refused(options.control, "control"))?;
        let control_address = control
            .local_addr()
            .map_err(refused(options.control, "control"))?;
        let mock = Mock::start(Arc::clone(&shared)).await;
        let credentials = Credentials::new(&options.access);
        let is_tls = tls.is_some();
        let front = Front::start(listener, address, mock, credentials, tls);
        let router = router(shared);
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let serving = tokio::spawn(async move {
            let served = axum::serve(control, router)
                .with_graceful_shutdown(stopped)
                .await;
            if let Err(error) = served {
                tracing::error!(%error, "the control port ended");
            }
        });
        Ok(Self {
            front,
            is_tls,
            control: control_address,
            stop,
            serving: AbortOnDropHandle::new(serving),
        })
    }

    /// Where Prometheus' API is served.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.front.address()
    }

    /// The URL of its API, without a path; a certificate for `localhost` fits it.
    #[must_use]
    pub fn url(&self) -> String {
        match self.is_tls {
            true => format!("https://localhost:{}", self.address().port()),
            false => format!("http://{}", self.address()),
        }
    }

    /// Where the control port is.
    #[must_use]
    pub fn control_address(&self) -> SocketAddr {
        self.control
    }

    /// Ends cleanly: what is being answered by the control port is answered first.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.serving.await {
            tracing::error!(%error, "the control port ended");
        }
    }
}
