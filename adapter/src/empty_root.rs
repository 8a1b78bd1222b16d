//! The adapter's clients without CA certificates on the system, as in its image: `FROM scratch` has
//! no `/etc/ssl`.
//!
//! Where a library looks for CA certificates depends on the environment of the process, so a test
//! runs itself again in another environment.

use std::process::Command;

use tokio_util::sync::CancellationToken;

use crate::kubernetes::{self, Retries};
use crate::metrics::OwnMetrics;
use crate::prometheus::{HttpClient, HttpClientOptions};
use crate::reload::Reloads;

const INSIDE: &str = "SETPOINT_TEST_WITHOUT_CA_CERTIFICATES";

#[test]
fn clients_are_made_where_there_are_no_ca_certificates() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    if std::env::var_os(INSIDE).is_none() {
        return again("clients_are_made_where_there_are_no_ca_certificates");
    }
    // The control: this is the trap, and we are in it.
    let default = reqwest::Client::builder().build();
    assert!(default.is_err(), "reqwest's default finds CA certificates");

    for url in ["http://prometheus.example", "https://prometheus.example"] {
        let options = HttpClientOptions::of(url.parse().expect("a URL"));
        assert!(
            HttpClient::new(options, &OwnMetrics::default()).is_ok(),
            "no client for {url}"
        );
    }
}

#[tokio::test]
async fn the_api_servers_client_is_made_where_there_are_no_ca_certificates() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    if std::env::var_os(INSIDE).is_none() {
        return again("the_api_servers_client_is_made_where_there_are_no_ca_certificates");
    }
    let ca = rcgen::generate_simple_self_signed(vec!["kubernetes.default.svc".to_owned()])
        .expect("a certificate");
    let folder = tempfile::tempdir().expect("a folder");
    let ca_file = folder.path().join("ca.crt");
    std::fs::write(&ca_file, ca.cert.pem()).expect("a CA file");
    let kubeconfig = folder.path().join("kubeconfig");
    let text = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "only",
        "contexts": [{"name": "only", "context": {"cluster": "only", "user": "only"}}],
        "clusters": [{"name": "only", "cluster": {
            "server": "https://kubernetes.default.svc",
            "certificate-authority": ca_file,
        }}],
        "users": [{"name": "only", "user": {"token": "of a test"}}],
    });
    std::fs::write(&kubeconfig, text.to_string()).expect("a kubeconfig");
    let shutdown = CancellationToken::new();
    let _end = shutdown.clone().drop_guard();
    let reloads = Reloads::default();
    let made = kubernetes::client("test", Some(kubeconfig), Retries::Some, reloads, shutdown);
    let client = made.await;
    assert!(client.is_ok(), "{:?}", client.err());
}

/// Runs one test of this program again, without CA certificates.
fn again(test: &str) {
    let empty = tempfile::tempdir().expect("a folder");
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", &format!("empty_root::{test}"), "--nocapture"])
        .env(INSIDE, "1")
        .env("SSL_CERT_FILE", empty.path().join("none.pem"))
        .env("SSL_CERT_DIR", empty.path())
        .output()
        .expect("this program runs");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("1 passed"),
        "`{test}` isn't a test's name"
    );
}
