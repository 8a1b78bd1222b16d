//! A server under test, and its clients.

use std::sync::Arc;
use std::time::Duration;

use axum::routing::get;
use axum::{Extension, Router};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use setpoint_serve::{Counts, Limits, Peer, Server, server_config};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

pub(crate) struct Authority(pub(crate) CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(
            CertifiedIssuer::self_signed(params, KeyPair::generate().expect("key"))
                .expect("authority"),
        )
    }

    pub(crate) fn issue(&self, name: &str, usage: ExtendedKeyUsagePurpose) -> Pair {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().expect("key");
        let certificate = params.signed_by(&key, &self.0).expect("certificate");
        Pair {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

const FRONT_PROXY: &str = "front-proxy";

pub(crate) struct Running {
    pub(crate) url: String,
    pub(crate) address: std::net::SocketAddr,
    pub(crate) authority: Authority,
    pub(crate) counts: Counts,
    pub(crate) shutdown: CancellationToken,
    pub(crate) task: tokio::task::JoinHandle<()>,
}

pub(crate) async fn start(app: Router, limits: Limits) -> Running {
    let authority = Authority::new();
    let pair = authority.issue("localhost", ExtendedKeyUsagePurpose::ServerAuth);
    let chain =
        vec![CertificateDer::from_pem_slice(pair.certificate.as_bytes()).expect("certificate")];
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).expect("key");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listener");
    let address = listener.local_addr().expect("address");
    let shutdown = CancellationToken::new();
    let server = Server::new(listener)
        .tls(server_config(chain, key).expect("TLS"))
        .trust(|peer| std::future::ready(is_front_proxy(&peer)))
        .limits(limits);
    let counts = server.counts();
    let task = tokio::spawn(server.run(app, shutdown.clone()));
    Running {
        url: format!("https://localhost:{}", address.port()),
        address,
        authority,
        counts,
        shutdown,
        task,
    }
}

fn is_front_proxy(peer: &Peer) -> bool {
    let mut leaf = peer
        .certificates
        .first()
        .map_or(&[][..], |leaf| leaf)
        .windows(FRONT_PROXY.len());
    leaf.any(|text| text == FRONT_PROXY.as_bytes())
}

impl Running {
    /// The pair of the client that is trusted.
    pub(crate) fn front_proxy(&self) -> Pair {
        self.authority
            .issue(FRONT_PROXY, ExtendedKeyUsagePurpose::ClientAuth)
    }
}

pub(crate) fn client(running: &Running, identity: Option<&Pair>) -> reqwest::Client {
    builder(running, identity).build().expect("client")
}

pub(crate) fn builder(running: &Running, identity: Option<&Pair>) -> reqwest::ClientBuilder {
    let root = reqwest::Certificate::from_pem(running.authority.0.pem().as_bytes()).expect("root");
    let builder = reqwest::Client::builder().no_proxy().tls_certs_only([root]);
    let Some(pair) = identity else { return builder };
    let pem = format!("{}{}", pair.certificate, pair.key);
    builder.identity(reqwest::Identity::from_pem(pem.as_bytes()).expect("identity"))
}

pub(crate) fn count_certificates() -> Router {
    Router::new().route(
        "/",
        get(|Extension(peer): Extension<Peer>| async move { peer.certificates.len().to_string() }),
    )
}

pub(crate) async fn text(client: &reqwest::Client, url: &str) -> String {
    client
        .get(url)
        .send()
        .await
        .expect("answer")
        .text()
        .await
        .expect("body")
}

/// A TLS connection that says which protocols it speaks, and nothing else.
pub(crate) async fn handshake(running: &Running, protocols: &[&[u8]]) -> TlsStream<TcpStream> {
    let config = tls(running).with_no_client_auth();
    greet(running, [127, 0, 0, 1], config, protocols)
        .await
        .expect("handshake")
}

/// The beginning of a client's configuration.
pub(crate) fn tls(
    running: &Running,
) -> rustls::ConfigBuilder<rustls::ClientConfig, rustls::client::WantsClientCert> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(running.authority.0.der().clone()).expect("root");
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
}

/// A TLS connection from an address of this host.
pub(crate) async fn greet(
    running: &Running,
    from: [u8; 4],
    mut config: rustls::ClientConfig,
    protocols: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let stream = dial(running, from).await?;
    tokio_rustls::TlsConnector::from(Arc::new(config))
        .connect("localhost".try_into().expect("name"), stream)
        .await
}

/// A connection from an address of this host.
pub(crate) async fn dial(running: &Running, from: [u8; 4]) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    socket.connect(running.address).await
}

/// Reads until the server ends the connection.
pub(crate) async fn ends(mut stream: impl AsyncRead + Unpin) {
    let mut rest = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await;
    // Whether by a TLS alert or without makes no difference.
    let _ = read.expect("the server ends the connection");
}

pub(crate) fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

/// An application that says when a request has begun, and answers `finished` when it is let.
pub(crate) fn held() -> (Router, tokio::sync::mpsc::Receiver<()>, CancellationToken) {
    let (started, starts) = tokio::sync::mpsc::channel::<()>(10);
    let release = CancellationToken::new();
    let held = release.clone();
    let answer = get(move || async move {
        let _ = started.send(()).await;
        held.cancelled().await;
        "finished"
    });
    (Router::new().route("/", answer), starts, release)
}
