//! The accept loop over real sockets on loopback.

use std::sync::Arc;
use std::time::Duration;

use axum::routing::get;
use axum::{Extension, Router};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use setpoint_serve::{Limits, Peer, Server, server_config};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

struct Pair {
    certificate: String,
    key: String,
}

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(
            CertifiedIssuer::self_signed(params, KeyPair::generate().expect("key"))
                .expect("authority"),
        )
    }

    fn issue(&self, name: &str, usage: ExtendedKeyUsagePurpose) -> Pair {
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

struct Running {
    url: String,
    address: std::net::SocketAddr,
    authority: Authority,
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

async fn start(app: Router, limits: Limits) -> Running {
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
        .limits(limits);
    let task = tokio::spawn(server.run(app, shutdown.clone()));
    Running {
        url: format!("https://localhost:{}", address.port()),
        address,
        authority,
        shutdown,
        task,
    }
}

fn client(running: &Running, identity: Option<&Pair>) -> reqwest::Client {
    let root = reqwest::Certificate::from_pem(running.authority.0.pem().as_bytes()).expect("root");
    let mut builder = reqwest::Client::builder().no_proxy().tls_certs_only([root]);
    if let Some(pair) = identity {
        let pem = format!("{}{}", pair.certificate, pair.key);
        builder = builder.identity(reqwest::Identity::from_pem(pem.as_bytes()).expect("identity"));
    }
    builder.build().expect("client")
}

fn count_certificates() -> Router {
    Router::new().route(
        "/",
        get(|Extension(peer): Extension<Peer>| async move { peer.certificates.len().to_string() }),
    )
}

async fn text(client: &reqwest::Client, url: &str) -> String {
    client
        .get(url)
        .send()
        .await
        .expect("answer")
        .text()
        .await
        .expect("body")
}

#[tokio::test]
async fn a_client_certificate_from_any_issuer_reaches_the_request() {
    let running = start(count_certificates(), Limits::default()).await;
    let stranger = Authority::new().issue("somebody", ExtendedKeyUsagePurpose::ClientAuth);
    assert_eq!(
        text(&client(&running, Some(&stranger)), &running.url).await,
        "1"
    );
    assert_eq!(text(&client(&running, None), &running.url).await, "0");
}

/// Signs with a key that isn't the certificate's.
#[derive(Debug)]
struct Thief(Arc<rustls::sign::CertifiedKey>);

impl rustls::client::ResolvesClientCert for Thief {
    fn resolve(
        &self,
        _: &[&[u8]],
        _: &[rustls::SignatureScheme],
    ) -> Option<Arc<rustls::sign::CertifiedKey>> {
        Some(self.0.clone())
    }
    fn has_certs(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn a_certificate_shown_without_its_key_ends_the_handshake() {
    let running = start(count_certificates(), Limits::default()).await;
    let issuer = Authority::new();
    let victim = issuer.issue("front-proxy-client", ExtendedKeyUsagePurpose::ClientAuth);
    let thief = issuer.issue("thief", ExtendedKeyUsagePurpose::ClientAuth);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = PrivateKeyDer::from_pem_slice(thief.key.as_bytes()).expect("key");
    let signer = provider.key_provider.load_private_key(key).expect("signer");
    let chain =
        vec![CertificateDer::from_pem_slice(victim.certificate.as_bytes()).expect("certificate")];
    let mut roots = rustls::RootCertStore::empty();
    roots.add(running.authority.0.der().clone()).expect("root");
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_client_cert_resolver(Arc::new(Thief(Arc::new(rustls::sign::CertifiedKey::new(
            chain, signer,
        )))));
    let stream = TcpStream::connect(running.address)
        .await
        .expect("connection");
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    // In TLS 1.3 the client learns of the refusal with its first read.
    let outcome = async {
        let mut tls = connector
            .connect("localhost".try_into().expect("name"), stream)
            .await?;
        tls.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .await?;
        let mut answer = String::new();
        tls.read_to_string(&mut answer).await.map(|_| answer)
    };
    let outcome = outcome.await;
    assert!(outcome.is_err(), "answered: {outcome:?}");
}

#[tokio::test]
async fn requests_in_flight_are_finished_and_new_connections_refused() {
    let (app, mut starts, release) = held();
    let running = start(app, Limits::default()).await;
    let first = client(&running, None);
    let url = running.url.clone();
    let in_flight = tokio::spawn(async move { text(&first, &url).await });
    starts.recv().await.expect("the request has begun");
    running.shutdown.cancel();
    // The listener is gone as soon as the loop has seen the end.
    let refused = tokio::time::timeout(Duration::from_secs(5), async {
        while TcpStream::connect(running.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    });
    refused.await.expect("new connections are refused");
    release.cancel();
    assert_eq!(in_flight.await.expect("task"), "finished");
    running.task.await.expect("the server ends by itself");
}

#[tokio::test]
async fn a_handshake_that_never_comes_is_given_up() {
    let limits = limits(|limits| {
        limits.handshake = Duration::from_millis(50);
    });
    let running = start(count_certificates(), limits).await;
    let mut silent = TcpStream::connect(running.address)
        .await
        .expect("connection");
    let mut rest = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(5), silent.read_to_end(&mut rest)).await;
    read.expect("the server closes the connection")
        .expect("a clean end");
    assert!(rest.is_empty());
}

#[tokio::test]
async fn plain_http_on_the_tls_port_doesnt_disturb_others() {
    let running = start(count_certificates(), Limits::default()).await;
    let mut plain = TcpStream::connect(running.address)
        .await
        .expect("connection");
    plain
        .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .expect("request");
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
    assert_eq!(text(&client(&running, None), &running.url).await, "0");
}

/// How a request with so many groups, or so long a header, is answered: a status, or that there is
/// none.
async fn answered(running: &Running, http1: bool, groups: usize, bytes: usize) -> String {
    let root = reqwest::Certificate::from_pem(running.authority.0.pem().as_bytes()).expect("root");
    let builder = reqwest::Client::builder().no_proxy().tls_certs_only([root]);
    let builder = if http1 { builder.http1_only() } else { builder };
    let client = builder.build().expect("client");
    let mut request = client.get(&running.url);
    for group in 0..groups {
        request = request.header("x-remote-group", format!("team-{group}"));
    }
    if bytes > 0 {
        request = request.header("x-long", "a".repeat(bytes));
    }
    match request.send().await {
        Ok(response) => response.status().as_u16().to_string(),
        Err(_) => "none".to_owned(),
    }
}

#[tokio::test]
async fn a_user_of_ten_thousand_groups_is_served_and_a_head_over_a_mebibyte_is_not() {
    let running = start(count_certificates(), Limits::default()).await;
    for http1 in [true, false] {
        assert_eq!(answered(&running, http1, 10_000, 0).await, "200");
        assert_eq!(answered(&running, http1, 0, 200_000).await, "200");
        // HTTP/2 ends the stream, HTTP/1.1 answers or ends the connection.
        let refused = answered(&running, http1, 0, 1 << 21).await;
        assert!(["431", "none"].contains(&refused.as_str()), "{refused}");
        // Many empty ones are no way around: each costs HTTP/2 32 bytes, and HTTP/1.1 counts them.
        let refused = answered(&running, http1, 33_000, 0).await;
        assert!(["431", "none"].contains(&refused.as_str()), "{refused}");
    }
    assert_eq!(text(&client(&running, None), &running.url).await, "0");
}

/// A TLS connection that says which protocols it speaks, and nothing else.
async fn handshake(
    running: &Running,
    protocols: &[&[u8]],
) -> tokio_rustls::client::TlsStream<TcpStream> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(running.authority.0.der().clone()).expect("root");
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let stream = TcpStream::connect(running.address)
        .await
        .expect("connection");
    tokio_rustls::TlsConnector::from(Arc::new(config))
        .connect("localhost".try_into().expect("name"), stream)
        .await
        .expect("handshake")
}

/// Reads until the server ends the connection.
async fn ends(mut stream: tokio_rustls::client::TlsStream<TcpStream>) {
    let mut rest = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await;
    // Whether by a TLS alert or without makes no difference.
    let _ = read.expect("the server ends the connection");
}

fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

/// One connection at a time, and little patience.
fn impatient(change: impl FnOnce(&mut Limits)) -> Limits {
    limits(|limits| {
        limits.connections = 1;
        limits.request_head = Duration::from_millis(50);
        limits.idle = Duration::from_millis(50);
        limits.heads_bytes = 32 << 20;
        limits.request_headers = 100;
        limits.drain = Duration::from_millis(50);
        change(limits);
    })
}

#[tokio::test]
async fn a_peer_that_is_silent_after_its_handshake_doesnt_hold_its_connection_for_ever() {
    let running = start(count_certificates(), impatient(|_| ())).await;
    for protocols in [
        &[][..],
        &[b"http/1.1".as_slice()][..],
        &[b"h2".as_slice()][..],
    ] {
        // Each needs the only connection.
        ends(handshake(&running, protocols).await).await;
    }
    // Half of a preface and half of a head are no better.
    for (protocols, half) in [
        (b"h2".as_slice(), &b"PRI * HTT"[..]),
        (b"http/1.1", b"GET / HT"),
    ] {
        let mut stream = handshake(&running, &[protocols]).await;
        stream.write_all(half).await.expect("the first bytes");
        ends(stream).await;
    }
}

#[tokio::test]
async fn a_connection_that_has_been_without_a_request_for_long_is_ended() {
    // HTTP/1.1 has one time for the first head and for the next.
    let http1 = impatient(|limits| {
        limits.request_head = Duration::from_secs(2);
    });
    let http2 = impatient(|limits| {
        limits.request_head = Duration::from_secs(60);
    });
    for (http1, limits) in [(true, http1), (false, http2)] {
        let running = start(count_certificates(), limits).await;
        let root = reqwest::Certificate::from_pem(running.authority.0.pem().as_bytes());
        let builder = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([root.expect("root")]);
        let builder = if http1 { builder.http1_only() } else { builder };
        let keeping = builder.build().expect("client");
        assert_eq!(text(&keeping, &running.url).await, "0");
        // It keeps its connection, and there is place for one: another is served when the first is
        // ended.
        let other = client(&running, None);
        let served = tokio::time::timeout(Duration::from_secs(10), text(&other, &running.url));
        assert_eq!(served.await.expect("a place becomes free"), "0");
    }
}

#[tokio::test]
async fn a_request_that_takes_longer_than_a_connection_may_be_idle_is_answered() {
    let (app, mut starts, release) = held();
    let limits = impatient(|limits| {
        limits.connections = 2;
        limits.request_head = Duration::from_secs(2);
    });
    let running = start(app, limits).await;
    let (first, url) = (client(&running, None), running.url.clone());
    let in_flight = tokio::spawn(async move { text(&first, &url).await });
    starts.recv().await.expect("the request has begun");
    // Another connection outlives its time meanwhile, so the first one's has passed as well.
    ends(handshake(&running, &[b"h2"]).await).await;
    release.cancel();
    assert_eq!(in_flight.await.expect("task"), "finished");
}

/// An application that says when a request has begun, and answers `finished` when it is let.
fn held() -> (Router, tokio::sync::mpsc::Receiver<()>, CancellationToken) {
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

#[tokio::test]
async fn a_request_whose_head_is_one_too_many_is_told_to_try_again_later() {
    let (app, mut starts, release) = held();
    let limits = limits(|limits| {
        limits.request_head_bytes = 16 << 10;
        limits.heads_bytes = 20 << 10;
    });
    let running = start(app, limits).await;
    let (client, url) = (client(&running, None), running.url.clone());
    let long = |client: &reqwest::Client| client.get(&url).header("x-long", "a".repeat(12_000));
    let first = tokio::spawn(long(&client).send());
    starts.recv().await.expect("the request has begun");
    let refused = tokio::time::timeout(Duration::from_secs(20), long(&client).send()).await;
    let refused = refused.expect("at once").expect("answer");
    assert_eq!(refused.status().as_u16(), 429);
    assert_eq!(refused.headers()["retry-after"], "1");
    release.cancel();
    let first = first.await.expect("task").expect("answer");
    assert_eq!(first.text().await.expect("body"), "finished");
    let again = long(&client).send().await.expect("answer");
    assert_eq!(again.status().as_u16(), 200, "its place is free again");
}

#[tokio::test]
async fn a_long_head_waits_while_others_take_the_memory_and_short_ones_dont() {
    let limits = limits(|limits| {
        limits.request_head_bytes = 1 << 20;
        limits.heads_bytes = 1 << 20;
    });
    let running = start(count_certificates(), limits).await;
    let mut half = handshake(&running, &[b"http/1.1"]).await;
    half.write_all(b"GET / HTTP/1.1\r\nx-long: ")
        .await
        .expect("the first bytes");
    // More than sockets buffer, so the server has read it.
    for _ in 0..60 {
        half.write_all(&[b'a'; 16_384]).await.expect("more bytes");
    }
    for http1 in [true, false] {
        let root = reqwest::Certificate::from_pem(running.authority.0.pem().as_bytes());
        let builder = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([root.expect("root")]);
        let builder = if http1 { builder.http1_only() } else { builder };
        let long = builder.build().expect("client").get(&running.url);
        let mut long = tokio::spawn(long.header("x-long", "a".repeat(200_000)).send());
        for _ in 0..20 {
            assert_eq!(text(&client(&running, None), &running.url).await, "0");
        }
        assert!(!long.is_finished(), "two would be too many");
        if http1 {
            long.abort();
            continue;
        }
        drop(half);
        let answer = tokio::time::timeout(Duration::from_secs(10), &mut long).await;
        let answer = answer.expect("the first head is gone").expect("task");
        assert_eq!(answer.expect("answer").status().as_u16(), 200);
        return;
    }
}
