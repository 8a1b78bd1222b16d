//! A server over real sockets on loopback.

mod attacks;
mod limits;
mod support;

use std::sync::Arc;
use std::time::Duration;

use rcgen::ExtendedKeyUsagePurpose;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use setpoint_serve::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use support::{Authority, client, count_certificates, greet, held, limits, start, text, tls};

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
    let config = tls(&running).with_client_cert_resolver(Arc::new(Thief(Arc::new(
        rustls::sign::CertifiedKey::new(chain, signer),
    ))));
    // In TLS 1.3 the client learns of the refusal with its first read.
    let outcome = async {
        let mut tls = greet(&running, [127, 0, 0, 1], config, &[]).await?;
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
    assert_eq!(running.counts.failed_handshakes(), 1);
    assert_eq!(running.counts.superfluous_connections(), 0);
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

#[tokio::test]
async fn a_response_that_asks_for_it_resets_its_connection_and_no_other() {
    let app = axum::Router::new()
        .route(
            "/reset",
            axum::routing::get(|| async { axum::Extension(setpoint_serve::Reset) }),
        )
        .route("/", axum::routing::get(|| async { "fine" }));
    let running = start(app, Limits::default()).await;
    let other = client(&running, None);
    assert_eq!(text(&other, &running.url).await, "fine");
    let config = tls(&running).with_no_client_auth();
    let mut stream = greet(&running, [127, 0, 0, 1], config, &[])
        .await
        .expect("handshake");
    stream
        .write_all(b"GET /reset HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .expect("request");
    let mut answer = Vec::new();
    let ended = stream.read_to_end(&mut answer).await;
    let error = ended.expect_err("no answer and no orderly end");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
    assert!(answer.is_empty());
    assert_eq!(text(&other, &running.url).await, "fine");
}
