//! TLS, credentials and limits of the serving port.
#![expect(clippy::unwrap_used, reason = "a test that can't start fails")]

use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use setpoint_replay::{Access, Replay, ReplayOptions, Tls};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

async fn start(access: Access) -> Replay {
    let options = ReplayOptions {
        access,
        ..ReplayOptions::default()
    };
    Replay::start(options).await.unwrap()
}

fn pair() -> Tls {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    Tls {
        certificate: params.self_signed(&key).unwrap().pem(),
        key: key.serialize_pem(),
    }
}

fn client(tls: Option<&Tls>) -> reqwest::Client {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let trusted =
        tls.map(|tls| reqwest::Certificate::from_pem(tls.certificate.as_bytes()).unwrap());
    reqwest::Client::builder()
        .tls_certs_only(trusted)
        .no_proxy()
        .build()
        .unwrap()
}

#[tokio::test]
async fn who_gives_no_credentials_is_refused_as_prometheus_refuses() {
    let replay = start(Access {
        users: vec![("me".to_owned(), "secret".to_owned())],
        tokens: vec!["abc".to_owned()],
        ..Access::default()
    })
    .await;
    let url = format!("http://{}/api/v1/query?query=1", replay.address());
    let ask = || client(None).get(&url);
    for refused in [
        ask(),
        ask().basic_auth("me", Some("wrong")),
        ask().basic_auth("you", Some("secret")),
        ask().bearer_auth("abcd"),
        ask().header("Authorization", "abc"),
    ] {
        let answer = refused.send().await.unwrap();
        assert_eq!(answer.status(), 401);
        assert_eq!(answer.headers()["www-authenticate"], "Basic");
        assert_eq!(answer.text().await.unwrap(), "Unauthorized\n");
    }
    for allowed in [
        ask().basic_auth("me", Some("secret")),
        ask().bearer_auth("abc"),
    ] {
        assert_eq!(allowed.send().await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn it_serves_tls_with_http_2_and_1() {
    let tls = pair();
    let replay = start(Access {
        tls: Some(tls.clone()),
        ..Access::default()
    })
    .await;
    let url = format!(
        "https://localhost:{}/api/v1/query?query=1",
        replay.address().port()
    );
    let answer = client(Some(&tls)).get(&url).send().await.unwrap();
    assert_eq!(answer.version(), reqwest::Version::HTTP_2);
    assert_eq!(answer.status(), 200);
    client(None).get(&url).send().await.unwrap_err();
}

#[tokio::test]
async fn a_pair_that_cannot_be_used_is_told_before_it_listens() {
    let (one, other) = (pair(), pair());
    let none = Tls {
        certificate: String::new(),
        ..one.clone()
    };
    let no_key = Tls {
        key: "nonsense".to_owned(),
        ..one.clone()
    };
    let foreign = Tls {
        key: other.key,
        ..one
    };
    for (tls, reason) in [
        (
            none,
            "setting up TLS: the certificate holds none: expected a block `BEGIN CERTIFICATE`",
        ),
        (no_key, "setting up TLS: reading the key as PEM"),
        (
            foreign,
            "setting up TLS: serving with the certificate and key",
        ),
    ] {
        let options = ReplayOptions {
            access: Access {
                tls: Some(tls),
                ..Access::default()
            },
            ..ReplayOptions::default()
        };
        let error = Replay::start(options).await.unwrap_err();
        let told = setpoint_support::error_chain(&error);
        assert!(told.starts_with(reason), "{told}");
    }
}

#[test]
fn credentials_are_never_shown() {
    let access = Access {
        tls: Some(pair()),
        users: vec![("me".to_owned(), "secret".to_owned())],
        tokens: vec!["secret".to_owned()],
    };
    assert_eq!(
        format!("{access:?}"),
        "Access { tls: true, users: 1, tokens: 1 }"
    );
    assert_eq!(format!("{:?}", access.tls), "Some(Tls { .. })");
}

#[tokio::test]
async fn others_are_served_beside_many_connections_and_clients_that_never_read() {
    let replay = start(Access::default()).await;
    let mut silent = Vec::new();
    for _ in 0..1000 {
        silent.push(TcpStream::connect(replay.address()).await.unwrap());
    }
    // They ask for much, and never read it.
    let query = "query=vector(0)&".repeat(1000);
    for stream in silent.iter_mut().take(50) {
        let head = format!("GET /api/v1/query?{query} HTTP/1.1\r\nHost: p\r\n\r\n");
        stream.write_all(head.repeat(5).as_bytes()).await.unwrap();
    }
    let url = format!("http://{}/api/v1/query?query=1", replay.address());
    let asked = timeout(PATIENCE, client(None).get(&url).send()).await;
    assert_eq!(asked.unwrap().unwrap().status(), 200);
}

#[tokio::test]
async fn requests_that_are_too_long_are_refused_and_others_served() {
    let replay = start(Access::default()).await;
    let mut stream = TcpStream::connect(replay.address()).await.unwrap();
    let long = "a".repeat(2 << 20);
    // The server may refuse before it has read everything.
    let _ = stream
        .write_all(format!("GET /api/v1/query?query={long} HTTP/1.1\r\nHost: p\r\n\r\n").as_bytes())
        .await;
    let mut answer = vec![0; 12];
    let read = timeout(PATIENCE, stream.read_exact(&mut answer))
        .await
        .unwrap();
    if read.is_ok() {
        let status = String::from_utf8_lossy(&answer).into_owned();
        assert!(
            ["HTTP/1.1 431", "HTTP/1.1 414"].contains(&status.as_str()),
            "{status}"
        );
    }
    let url = format!("http://{}/api/v1/query", replay.address());
    let body = "query=".to_owned() + &"1+".repeat(40 << 20) + "1";
    let form = client(None)
        .post(&url)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(body);
    // A client that still sends when it is refused may see that the connection ends.
    if let Ok(answer) = form.send().await {
        assert_eq!(answer.status(), 413);
    }
    let query = "query=".to_owned() + &"1 ".repeat(500_000) + "%2B 1";
    let form = client(None)
        .post(&url)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(query);
    assert_eq!(
        form.send().await.unwrap().status(),
        422,
        "a query of a megabyte is read, and too large for the evaluator"
    );
    assert_eq!(
        client(None)
            .get(format!("{url}?query=1"))
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
}
