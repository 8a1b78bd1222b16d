//! Clients that want to hurt others, each from an address of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::IntoResponse as _;
use axum::routing::get;
use axum::{Extension, Router};
use h2::client::SendRequest;
use rcgen::{ExtendedKeyUsagePurpose, KeyPair};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use setpoint_serve::{Limits, Peer};
use tokio::io::AsyncWriteExt as _;

use crate::support::{
    Authority, Running, client, count_certificates, dial, ends, greet, limits, start, text, tls,
};

/// Addresses of attackers. All of 127.0.0.0/8 is this host.
const MALLORY: [u8; 4] = [127, 0, 0, 66];

const LIMIT: Duration = Duration::from_secs(20);

/// An HTTP/2 connection whose streams have a window of so many bytes.
async fn http2(running: &Running, from: [u8; 4], window: u32) -> SendRequest<Bytes> {
    let config = tls(running).with_no_client_auth();
    let stream = greet(running, from, config, &[b"h2"]).await;
    let (requests, connection) = h2::client::Builder::new()
        .initial_window_size(window)
        .handshake(stream.expect("a handshake"))
        .await
        .expect("HTTP/2");
    tokio::spawn(connection);
    requests
}

/// Sends so many requests and returns their answers' codes and bodies, of which nothing is read.
async fn send(
    requests: &SendRequest<Bytes>,
    path: &str,
    header: usize,
    number: usize,
) -> Vec<(u16, h2::RecvStream)> {
    let mut answers = Vec::new();
    for _ in 0..number {
        let mut requests = requests.clone().ready().await.expect("a stream");
        let request = http::Request::get(format!("https://localhost{path}"))
            .header("x-long", "a".repeat(header))
            .body(());
        let (answer, _) = requests
            .send_request(request.expect("a request"), true)
            .expect("sent");
        answers.push(answer);
    }
    let mut answered = Vec::new();
    for answer in answers {
        let answer = tokio::time::timeout(LIMIT, answer)
            .await
            .expect("an answer");
        let (head, body) = answer.expect("an answer").into_parts();
        answered.push((head.status.as_u16(), body));
    }
    answered
}

fn codes(answers: &[(u16, h2::RecvStream)], code: u16) -> usize {
    answers.iter().filter(|(status, _)| *status == code).count()
}

/// Answers `/livez` and, with so many bytes, `/`. Says how many of the latter are not sent yet.
fn big(bytes: usize) -> (Router, Arc<AtomicUsize>) {
    struct Unsent(Bytes, Arc<AtomicUsize>);
    impl AsRef<[u8]> for Unsent {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    impl Drop for Unsent {
        fn drop(&mut self) {
            self.1.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let unsent = Arc::new(AtomicUsize::new(0));
    let counted = unsent.clone();
    let answer = move || async move {
        counted.fetch_add(1, Ordering::SeqCst);
        Body::from(Bytes::from_owner(Unsent(
            vec![b'a'; bytes].into(),
            counted.clone(),
        )))
    };
    let app = Router::new()
        .route("/", get(answer))
        .route("/livez", get(|| async { "ok" }));
    (app, unsent)
}

async fn livez(running: &Running) -> String {
    text(&client(running, None), &format!("{}/livez", running.url)).await
}

#[tokio::test]
async fn answers_that_a_peer_does_not_take_cost_only_its_own_share() {
    let (app, _) = big(1000);
    let running = start(app, Limits::default()).await;
    let mut held = Vec::new();
    for _ in 0..6 {
        let requests = http2(&running, MALLORY, 0).await;
        held.push((send(&requests, "/", 20_000, 15).await, requests));
    }
    let refused: usize = held.iter().map(|(answers, _)| codes(answers, 429)).sum();
    assert!(refused > 0, "its share is used up");
    assert_eq!(livez(&running).await, "ok");
    assert_eq!(
        text(&client(&running, None), &running.url).await.len(),
        1000
    );
    // Its own probes pass too: there may be a node behind the same address.
    let requests = http2(&running, MALLORY, 1000).await;
    assert_eq!(codes(&send(&requests, "/livez", 0, 1).await, 200), 1);
}

#[tokio::test]
async fn strangers_of_many_addresses_leave_probes_and_the_front_proxy_their_part() {
    let (app, _) = big(1000);
    let running = start(app, Limits::default()).await;
    let mut held = Vec::new();
    for last in 2..6 {
        for _ in 0..3 {
            let requests = http2(&running, [127, 0, 0, last], 0).await;
            held.push((send(&requests, "/", 20_000, 15).await, requests));
        }
    }
    // What is left is too little for a long head, and enough for short ones.
    let requests = http2(&running, MALLORY, 0).await;
    held.push((send(&requests, "/", 0, 15).await, requests));
    let refused = client(&running, None).get(&running.url).send().await;
    assert_eq!(refused.expect("an answer").status().as_u16(), 429);
    assert_eq!(livez(&running).await, "ok");
    let proxy = client(&running, Some(&running.front_proxy()));
    assert_eq!(text(&proxy, &running.url).await.len(), 1000);
}

#[tokio::test]
async fn a_window_of_one_byte_keeps_no_more_than_the_share_of_an_address() {
    let (app, unsent) = big(400_000);
    let running = start(app, Limits::default()).await;
    let mut held = Vec::new();
    for _ in 0..4 {
        let requests = http2(&running, MALLORY, 1).await;
        held.push((send(&requests, "/", 0, 15).await, requests));
    }
    let share = Limits::default().stranger.in_flight_bytes / 400_000;
    assert!(unsent.load(Ordering::SeqCst) <= share, "{unsent:?}");
    assert!(unsent.load(Ordering::SeqCst) > 1, "{unsent:?}");
    assert_eq!(
        text(&client(&running, None), &running.url).await.len(),
        400_000
    );
}

#[tokio::test]
async fn a_stream_whose_answer_is_not_taken_in_time_is_reset() {
    let (app, unsent) = big(1000);
    let limits = limits(|limits| limits.request = Duration::from_secs(2));
    let running = start(app, limits).await;
    let requests = http2(&running, MALLORY, 0).await;
    let mut held = send(&requests, "/", 0, 1).await;
    let (_, body) = held.first_mut().expect("an answer");
    let reset = tokio::time::timeout(LIMIT, body.data())
        .await
        .expect("a reset");
    assert!(reset.expect("an end").expect_err("no data").is_reset());
    assert_eq!(unsent.load(Ordering::SeqCst), 0);
    // The connection outlives it.
    assert_eq!(codes(&send(&requests, "/", 0, 1).await, 200), 1);
}

#[tokio::test]
async fn a_connection_whose_answer_is_not_taken_in_time_is_closed() {
    let (app, unsent) = big(16 << 20);
    let limits = limits(|limits| {
        limits.write = Duration::from_millis(200);
        limits.in_flight_bytes = 64 << 20;
        limits.stranger.in_flight_bytes = 32 << 20;
    });
    let running = start(app, limits).await;
    let config = tls(&running).with_no_client_auth();
    let stream = greet(&running, MALLORY, config, &[]).await;
    let mut stream = stream.expect("a handshake");
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(request).await.expect("a request");
    let sent = async {
        while unsent.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        while unsent.load(Ordering::SeqCst) > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, sent)
        .await
        .expect("the answer is given up");
}

#[tokio::test]
async fn whoever_opens_many_connections_loses_its_own() {
    let limits = limits(|limits| {
        limits.connections = 20;
        limits.silent = 20;
        limits.handshake = Duration::from_secs(600);
    });
    let running = start(count_certificates(), limits).await;
    let kept = http2(&running, [127, 0, 0, 1], 1000).await;
    let mut many = Vec::new();
    for _ in 0..60 {
        many.push(dial(&running, MALLORY).await.expect("a connection"));
    }
    assert_eq!(text(&client(&running, None), &running.url).await, "0");
    assert_eq!(codes(&send(&kept, "/", 0, 1).await, 200), 1);
    ends(many.swap_remove(0)).await;
}

#[tokio::test]
async fn a_burst_from_one_address_is_slowed_down_and_not_cut_off() {
    // The clients have one processor together with the server, and are silent and without a request for as long as that takes.
    let limits = limits(|limits| {
        limits.connections = 2;
        limits.silent = 20;
        limits.handshake = LIMIT;
        limits.unused = 10 * LIMIT;
    });
    let running = start(count_certificates(), limits).await;
    let asked = (0..20).map(|_| {
        let client = client(&running, None);
        let url = &running.url;
        async move { text(&client, url).await }
    });
    let answers = futures::future::join_all(asked).await;
    assert!(answers.iter().all(|answer| answer == "0"));
}

#[tokio::test]
async fn a_response_that_says_close_ends_an_http2_connection_after_its_requests() {
    let app = Router::new().route(
        "/{how}",
        get(
            |axum::extract::Path(how): axum::extract::Path<String>,
             Extension(peer): Extension<Peer>| async move {
                ([("connection", how)], peer.address.port().to_string()).into_response()
            },
        ),
    );
    let running = start(app, Limits::default()).await;
    let client = client(&running, None);
    let port = async |how: &str| text(&client, &format!("{}/{how}", running.url)).await;
    let first = port("keep-alive").await;
    assert_eq!(port("close").await, first);
    assert_ne!(port("keep-alive").await, first);
}

/// So many certificates of at least so many bytes, the leaf first, and the leaf's key.
fn chain(certificates: usize, bytes: usize) -> (Vec<CertificateDer<'static>>, KeyPair) {
    let issuer = Authority::new();
    let long = "a".repeat(bytes / certificates);
    let leaf = issuer.issue(&long, ExtendedKeyUsagePurpose::ClientAuth);
    let other = issuer.issue(&long, ExtendedKeyUsagePurpose::ClientAuth);
    let der = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate");
    let mut chain = vec![der(&other.certificate); certificates];
    chain[0] = der(&leaf.certificate);
    (chain, KeyPair::from_pem(&leaf.key).expect("a key"))
}

#[tokio::test]
async fn a_chain_that_is_longer_than_anybody_needs_ends_the_handshake() {
    let running = start(count_certificates(), Limits::default()).await;
    for (certificates, bytes, served) in [(5, 0, true), (6, 0, false), (2, 18_000, false)] {
        let (chain, key) = chain(certificates, bytes);
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let config = tls(&running).with_client_auth_cert(chain, key);
        let outcome = async {
            let config = config.expect("a configuration");
            let mut stream = greet(&running, MALLORY, config, &[]).await?;
            let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
            stream.write_all(request).await?;
            let mut answer = String::new();
            tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answer).await?;
            Ok::<_, std::io::Error>(answer)
        };
        let outcome = outcome.await;
        assert_eq!(outcome.is_ok(), served, "{certificates}: {outcome:?}");
    }
}
