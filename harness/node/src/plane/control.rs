//! Answers commands on the plane's Unix socket.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, Service};
use kube::{Api, Client};
use parking_lot::Mutex;
use setpoint_support::{accept, error_chain};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::pause::Pausable;
use crate::protocol::{Command, Reply, Target};

/// How long a target may take to accept a connection; inside one machine it takes microseconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a client may take to say what it wants.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);
/// For how long an address is good; a pod keeps its own as long as it is there.
const ADDRESS_AGE: Duration = Duration::from_secs(1);
/// A command is a short line.
const MAX_COMMAND: u64 = 64 * 1024;

/// Answers commands until dropped.
pub(crate) async fn serve(
    listener: UnixListener,
    client: Client,
    renew_tokens: watch::Sender<u64>,
    api_server: Arc<Pausable>,
) -> Infallible {
    let addresses = Arc::<Addresses>::default();
    loop {
        let (stream, _) = accept("the plane's socket", || listener.accept()).await;
        let (client, renew_tokens) = (client.clone(), renew_tokens.clone());
        let (addresses, api_server) = (Arc::clone(&addresses), Arc::clone(&api_server));
        tokio::spawn(async move {
            let stream = BufReader::new(stream);
            let answered = answer(stream, client, addresses, renew_tokens, &api_server).await;
            if let Err(error) = answered {
                tracing::debug!(%error, "answer a command");
            }
        });
    }
}

async fn answer(
    mut stream: BufReader<UnixStream>,
    client: Client,
    addresses: Arc<Addresses>,
    renew_tokens: watch::Sender<u64>,
    api_server: &Arc<Pausable>,
) -> io::Result<()> {
    let mut line = String::new();
    let command = async { (&mut stream).take(MAX_COMMAND).read_line(&mut line).await };
    timeout(COMMAND_TIMEOUT, command).await??;
    match serde_json::from_str(&line) {
        Ok(Command::Connect { target, port }) => {
            // One that is paused can't be asked, and moves no pods.
            let age = if api_server.is_paused() {
                Duration::MAX
            } else {
                ADDRESS_AGE
            };
            match open(&client, &addresses, &target, port, age).await {
                Ok(mut opened) => {
                    reply(&mut stream, &Reply::Done).await?;
                    tokio::io::copy_bidirectional(&mut stream, &mut opened).await?;
                    Ok(())
                }
                Err(error) => reply(&mut stream, &Reply::Failed(error.to_string())).await,
            }
        }
        Ok(Command::RenewTokens) => {
            renew_tokens.send_modify(|generation| *generation = generation.wrapping_add(1));
            reply(&mut stream, &Reply::Done).await
        }
        Ok(Command::PauseApiServer { milliseconds }) => {
            let paused = api_server.pause(Duration::from_millis(milliseconds));
            let failed = |error| Reply::Failed(error_chain(&error));
            let said = paused.map_or_else(failed, |()| Reply::Done);
            reply(&mut stream, &said).await
        }
        Err(error) => {
            reply(
                &mut stream,
                &Reply::Failed(format!("not a command: {error}")),
            )
            .await
        }
    }
}

async fn reply(stream: &mut BufReader<UnixStream>, reply: &Reply) -> io::Result<()> {
    let mut line = serde_json::to_vec(reply)?;
    line.push(b'\n');
    stream.write_all(&line).await
}

/// Why there is no stream to a target.
#[derive(Debug, thiserror::Error)]
enum ConnectError {
    #[error("the API server did not say within {} s where {target} is", CONNECT_TIMEOUT.as_secs())]
    NoWord { target: Target },
    #[error("{}", api_message(.0))]
    ApiServer(kube::Error),
    #[error("{0} has no address")]
    NoAddress(Target),
    #[error("{}", refusal(.0))]
    Connect(#[from] io::Error),
    #[error("no answer within {} s", CONNECT_TIMEOUT.as_secs())]
    NoAnswer,
}

/// Of an API server's refusal only the message counts.
fn api_message(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}

/// Without the number that Rust adds to a refusal.
fn refusal(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::ConnectionRefused {
        "connection refused".to_owned()
    } else {
        error.to_string()
    }
}

/// The addresses of targets, which the API server is asked for once a second and not for each connection.
#[derive(Default)]
struct Addresses(Mutex<HashMap<Target, Arc<Known>>>);

/// An address, and when the API server gave it.
type Known = tokio::sync::Mutex<Option<(Instant, IpAddr)>>;

impl Addresses {
    async fn of(
        &self,
        client: &Client,
        target: &Target,
        age: Duration,
    ) -> Result<IpAddr, ConnectError> {
        self.or(target, age, address_of(client, target)).await
    }

    /// What is known of a target and not older than `age`, or what is found out now; those who ask at once wait for one answer.
    async fn or(
        &self,
        target: &Target,
        age: Duration,
        find_out: impl Future<Output = Result<IpAddr, ConnectError>>,
    ) -> Result<IpAddr, ConnectError> {
        let known = {
            let mut all = self.0.lock();
            Arc::clone(all.entry(target.clone()).or_default())
        };
        let mut known = known.lock().await;
        if let Some((known_at, address)) = *known
            && known_at.elapsed() < age
        {
            return Ok(address);
        }
        let address = find_out.await?;
        *known = Some((Instant::now(), address));
        Ok(address)
    }
}

async fn open(
    client: &Client,
    addresses: &Addresses,
    target: &Target,
    port: u16,
    age: Duration,
) -> Result<TcpStream, ConnectError> {
    let address = timeout(CONNECT_TIMEOUT, addresses.of(client, target, age)).await;
    let address = address.map_err(|_| ConnectError::NoWord {
        target: target.clone(),
    })??;
    let connecting = TcpStream::connect((address, port));
    let stream = match timeout(CONNECT_TIMEOUT, connecting).await {
        Ok(stream) => stream?,
        Err(_) => return Err(ConnectError::NoAnswer),
    };
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn address_of(client: &Client, target: &Target) -> Result<IpAddr, ConnectError> {
    let found = match target {
        Target::Service { namespace, name } => {
            Api::<Service>::namespaced(client.clone(), namespace)
                .get(name)
                .await
                .map(|service| service.spec.and_then(|spec| spec.cluster_ip))
        }
        Target::Pod { namespace, name } => Api::<Pod>::namespaced(client.clone(), namespace)
            .get(name)
            .await
            .map(|pod| pod.status.and_then(|status| status.pod_ip)),
        Target::ControllerManager => return Ok(Ipv4Addr::LOCALHOST.into()),
    };
    let address = found.map_err(ConnectError::ApiServer)?;
    // A headless Service's clusterIP is "None".
    address
        .and_then(|address| address.parse().ok())
        .ok_or_else(|| ConnectError::NoAddress(target.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_address_is_asked_for_once_a_second_and_an_error_each_time() {
        let addresses = Addresses::default();
        let target = Target::Pod {
            namespace: "a".to_owned(),
            name: "b".to_owned(),
        };
        let ask = async |answer: Result<u8, ()>| {
            let answer = answer.map(|last| IpAddr::from([10, 0, 0, last]));
            let answer = answer.map_err(|()| ConnectError::NoAnswer);
            let answer = std::future::ready(answer);
            addresses.or(&target, ADDRESS_AGE, answer).await.ok()
        };
        let address = |last: u8| Some(IpAddr::from([10, 0, 0, last]));
        assert_eq!(ask(Err(())).await, None);
        assert_eq!(ask(Ok(1)).await, address(1));
        assert_eq!(ask(Ok(2)).await, address(1));
        tokio::time::advance(ADDRESS_AGE).await;
        assert_eq!(ask(Ok(2)).await, address(2));
        tokio::time::advance(ADDRESS_AGE).await;
        // As while the API server is paused.
        let known = addresses.or(&target, Duration::MAX, std::future::pending());
        assert_eq!(known.await.ok(), address(2));
    }
}
