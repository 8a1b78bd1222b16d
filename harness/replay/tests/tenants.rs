//! Series of tenants, asked by HTTP.
#![expect(clippy::unwrap_used, reason = "a test that can't start fails")]

use setpoint_replay::{Replay, client::Client, notation::parse_series, remote_write};
use tokio::net::TcpStream;

struct Asked {
    replay: Replay,
    http: reqwest::Client,
}

impl Asked {
    async fn start() -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let http = reqwest::Client::builder().tls_certs_only([]).no_proxy();
        let replay = Replay::builder()
            .held("up", "1")
            .tenant("shop")
            .held("queue_length", "3")
            .tenant("billing")
            .held("queue_length", "70")
            .start();
        Self {
            replay: replay.await.unwrap(),
            http: http.build().unwrap(),
        }
    }

    async fn answer(&self, tenant: &str, path: &str) -> (u16, String) {
        let request = self.http.get(format!("{}{path}", self.replay.url()));
        let request = match tenant {
            "" => request,
            tenant => request.header("X-Scope-OrgID", tenant),
        };
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Writes one sample of `written` by remote write; the status.
    async fn write(&self, tenant: &str) -> u16 {
        let labels = parse_series("written").unwrap();
        let now = jiff::Timestamp::now().as_millisecond();
        let request = self
            .http
            .post(format!("{}/api/v1/write", self.replay.url()));
        let request = match tenant {
            "" => request,
            tenant => request.header("X-Scope-OrgID", tenant),
        };
        let body = remote_write::request(&[(labels, vec![(now, 1.0)])]);
        request.body(body).send().await.unwrap().status().as_u16()
    }
}

#[tokio::test]
async fn each_tenant_is_answered_from_its_series_and_a_request_of_none_is_refused() {
    let asked = Asked::start().await;
    let path = "/api/v1/query?query=queue_length%2Bon()up";
    for (tenant, value) in [("shop", r#""4""#), ("billing", r#""71""#)] {
        let (status, body) = asked.answer(tenant, path).await;
        assert_eq!(status, 200);
        assert!(body.contains(value), "{body}");
    }
    let (status, body) = asked.answer("other", path).await;
    assert_eq!(status, 200);
    assert!(body.contains(r#""result":[]"#), "{body}");
    let refused = asked.answer("", path).await;
    assert_eq!(refused, (401, "no org id\n".to_owned()));
    for open in ["/-/ready", "/api/v1/status/buildinfo"] {
        assert_eq!(asked.answer("", open).await.0, 200);
    }
    let address = asked.replay.control_address();
    let control = Client::new(move || TcpStream::connect(address));
    let entries = control.journal(0).await.unwrap().entries;
    let tenants: Vec<_> = entries.iter().map(|one| one.tenant.as_deref()).collect();
    let of_four = [Some("shop"), Some("billing"), Some("other"), None];
    assert_eq!(tenants[..4], of_four);
}

#[tokio::test]
async fn samples_that_are_written_remotely_are_those_of_the_tenant_that_is_named() {
    let asked = Asked::start().await;
    assert_eq!(asked.write("shop").await, 204);
    assert_eq!(asked.write("").await, 401);
    assert_eq!(asked.write("shop|billing").await, 400);
    let path = "/api/v1/query?query=count(written)";
    assert!(asked.answer("shop", path).await.1.contains(r#""1""#));
    let (_, body) = asked.answer("billing", path).await;
    assert!(body.contains(r#""result":[]"#), "{body}");
}
