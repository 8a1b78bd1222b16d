//! What a server grants to its clients.

use std::time::Duration;

use setpoint_serve::Limits;
use tokio::io::AsyncWriteExt as _;

use crate::support::{
    Pair, Running, builder, client, count_certificates, ends, handshake, held, limits, start, text,
};

/// How a request with so many groups, or so long a header, is answered: a status, or that there is
/// none.
async fn answered(
    running: &Running,
    identity: Option<&Pair>,
    http1: bool,
    groups: usize,
    bytes: usize,
) -> String {
    let builder = builder(running, identity);
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
async fn a_trusted_clients_user_of_ten_thousand_groups_is_served_and_a_head_over_a_mebibyte_is_not()
{
    let running = start(count_certificates(), Limits::default()).await;
    let proxy = running.front_proxy();
    let proxy = Some(&proxy);
    for http1 in [true, false] {
        assert_eq!(answered(&running, proxy, http1, 10_000, 0).await, "200");
        assert_eq!(answered(&running, proxy, http1, 0, 200_000).await, "200");
        // A stranger's head may be shorter. HTTP/2 ends the stream, HTTP/1.1 answers or ends the
        // connection.
        for (identity, groups, bytes) in [
            (None, 0, 80_000),
            (None, 2000, 0),
            (proxy, 0, 1 << 21),
            // Many empty ones are no way around: each costs HTTP/2 32 bytes, and HTTP/1.1 counts
            // them.
            (proxy, 33_000, 0),
        ] {
            let refused = answered(&running, identity, http1, groups, bytes).await;
            assert!(
                ["431", "none"].contains(&refused.as_str()),
                "{http1} {groups} {bytes}: {refused}"
            );
        }
    }
    assert_eq!(text(&client(&running, None), &running.url).await, "0");
}

#[tokio::test]
async fn a_strangers_path_is_limited() {
    let running = start(count_certificates(), Limits::default()).await;
    let url = format!("{}/?{}", running.url, "a".repeat(9000));
    let answer = client(&running, None).get(&url).send().await;
    assert_eq!(answer.expect("an answer").status().as_u16(), 414);
    let proxy = client(&running, Some(&running.front_proxy()));
    assert_eq!(text(&proxy, &url).await, "1");
}

/// One connection at a time, and little patience.
fn impatient(change: impl FnOnce(&mut Limits)) -> Limits {
    limits(|limits| {
        limits.connections = 1;
        limits.request_head = Duration::from_millis(50);
        limits.idle = Duration::from_millis(50);
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
    let mut http1 = handshake(
        &start(count_certificates(), impatient(|_| ())).await,
        &[b"http/1.1"],
    )
    .await;
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    http1.write_all(request).await.expect("a request");
    ends(http1).await;

    let http2 = impatient(|limits| limits.request_head = Duration::from_secs(60));
    let running = start(count_certificates(), http2).await;
    let stream = handshake(&running, &[b"h2"]).await;
    let (mut requests, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
    let connection = tokio::spawn(connection);
    let request = http::Request::get("https://localhost/").body(());
    let (answer, _) = requests
        .send_request(request.expect("a request"), true)
        .expect("sent");
    assert_eq!(answer.await.expect("an answer").status(), 200);
    let ended = tokio::time::timeout(Duration::from_secs(10), connection).await;
    let _ = ended.expect("the server ends the connection");
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

#[tokio::test]
async fn an_answer_to_a_probe_may_have_more_bytes_than_there_may_be_probes() {
    let answer = "[+]check ok\n".repeat(100);
    let shown = answer.clone();
    let shown = axum::routing::get(move || async move { shown });
    let running = start(
        axum::Router::new().route("/readyz", shown),
        Limits::default(),
    )
    .await;
    let url = format!("{}/readyz?verbose", running.url);
    assert_eq!(text(&client(&running, None), &url).await, answer);
}
