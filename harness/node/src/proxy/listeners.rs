//! Listeners that follow a [`Table`], and the connections through them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use setpoint_support::accept;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::table::Table;

/// Longer than a caller waits, and the end of attempts towards a pod that has just gone.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// All listeners.
pub(super) struct Listeners {
    open: BTreeMap<SocketAddr, Listener>,
    /// Ends the connections, which outlive their listeners as they do with kube-proxy.
    shutdown: CancellationToken,
}

struct Listener {
    endpoints: Arc<Endpoints>,
    closing: CancellationToken,
    task: JoinHandle<()>,
}

impl Listeners {
    pub(super) fn new(shutdown: CancellationToken) -> Self {
        Self {
            open: BTreeMap::new(),
            shutdown,
        }
    }

    /// Closes, opens and changes listeners so that they are those of the table. Says whether all could be
    /// bound.
    pub(super) async fn follow(&mut self, table: &Table) -> bool {
        let gone: Vec<SocketAddr> = self
            .open
            .keys()
            .filter(|address| !table.contains_key(address))
            .copied()
            .collect();
        for address in gone {
            if let Some(listener) = self.open.remove(&address) {
                listener.close().await;
                tracing::debug!(%address, "no endpoint any more");
            }
        }
        let mut all_bound = true;
        for (address, endpoints) in table {
            if let Some(listener) = self.open.get(address) {
                listener.endpoints.set(endpoints);
                continue;
            }
            match Listener::open(*address, endpoints, &self.shutdown).await {
                Ok(listener) => {
                    tracing::debug!(%address, ?endpoints, "listening");
                    self.open.insert(*address, listener);
                }
                Err(error) => {
                    all_bound = false;
                    tracing::warn!(%address, %error, "bind the ClusterIP; trying again");
                }
            }
        }
        all_bound
    }

    /// Closes all listeners and ends all connections.
    pub(super) async fn close(self) {
        self.shutdown.cancel();
        for listener in self.open.into_values() {
            listener.close().await;
        }
    }
}

impl Listener {
    async fn open(
        address: SocketAddr,
        endpoints: &BTreeSet<SocketAddr>,
        shutdown: &CancellationToken,
    ) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        let endpoints = Arc::new(Endpoints::new(endpoints));
        let closing = shutdown.child_token();
        let task = tokio::spawn(relay(
            socket,
            Arc::clone(&endpoints),
            closing.clone(),
            shutdown.clone(),
        ));
        Ok(Self {
            endpoints,
            closing,
            task,
        })
    }

    /// The address is free when this returns.
    async fn close(self) {
        self.closing.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "a listener's task ended badly");
        }
    }
}

/// The endpoints of one port, taken in turns.
struct Endpoints {
    all: ArcSwap<Vec<SocketAddr>>,
    turn: AtomicUsize,
}

impl Endpoints {
    fn new(all: &BTreeSet<SocketAddr>) -> Self {
        Self {
            all: ArcSwap::from_pointee(all.iter().copied().collect()),
            turn: AtomicUsize::new(0),
        }
    }

    fn set(&self, all: &BTreeSet<SocketAddr>) {
        if !self.all.load().iter().eq(all) {
            self.all.store(Arc::new(all.iter().copied().collect()));
        }
    }

    fn next(&self) -> Option<SocketAddr> {
        let all = self.all.load();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        all.get(turn.checked_rem(all.len())?).copied()
    }
}

async fn relay(
    socket: TcpListener,
    endpoints: Arc<Endpoints>,
    closing: CancellationToken,
    shutdown: CancellationToken,
) {
    loop {
        let accepted = accept("a Service's listener", || socket.accept());
        let Some((caller, _)) = closing.run_until_cancelled(accepted).await else {
            return;
        };
        let endpoint = endpoints.next();
        let shutdown = shutdown.clone();
        tokio::spawn(async move {
            // Either way the connection's sockets are dropped here.
            shutdown.run_until_cancelled(serve(caller, endpoint)).await;
        });
    }
}

async fn serve(mut caller: TcpStream, endpoint: Option<SocketAddr>) {
    let served = match connect(endpoint).await {
        Ok(mut pod) => {
            let copied = copy(&mut caller, &mut pod).await;
            if copied.is_err() {
                reset(&pod);
            }
            copied
        }
        Err(error) => Err(error),
    };
    if let Err(error) = served {
        tracing::debug!(?endpoint, %error, "a connection through a Service broke");
        // An orderly end would look as if the pod had answered with nothing.
        reset(&caller);
    }
}

async fn connect(endpoint: Option<SocketAddr>) -> io::Result<TcpStream> {
    let endpoint = endpoint.ok_or(io::ErrorKind::ConnectionRefused)?;
    timeout(CONNECT_TIMEOUT, TcpStream::connect(endpoint)).await?
}

/// Copies both ways; the end of one direction is passed on while the other goes on.
async fn copy(caller: &mut TcpStream, pod: &mut TcpStream) -> io::Result<()> {
    caller.set_nodelay(true)?;
    pod.set_nodelay(true)?;
    tokio::io::copy_bidirectional(caller, pod).await.map(|_| ())
}

fn reset(stream: &TcpStream) {
    // Fails only for a socket that is broken already.
    let _ = stream.set_zero_linger();
}

#[cfg(test)]
mod tests;
