//! Follows the CA file.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::HttpClient;
use crate::files::{Changes, REREAD_INTERVAL};
use crate::reload::Reloads;
use crate::tasks::supervise;

/// What is reloaded here, in log and metrics.
const PART: &str = "prometheus-ca";

/// Keeps the CA certificates that a client trusts up to date, in a task that ends with `shutdown`. A
/// file that can't be used leaves them as they are. Without a CA file there is nothing to do.
pub(crate) fn watch_ca(client: Arc<HttpClient>, reloads: Reloads, shutdown: CancellationToken) {
    if client.options.ca_file.is_none() {
        return;
    }
    supervise(PART, reloads.metrics(), move || {
        let (client, reloads) = (client.clone(), reloads.clone());
        let shutdown = shutdown.clone();
        async move {
            shutdown
                .run_until_cancelled(follow(&client, &reloads))
                .await;
        }
    });
}

async fn follow(client: &HttpClient, reloads: &Reloads) {
    let mut changes = Changes::of(client.options.ca_file.as_deref(), REREAD_INTERVAL);
    loop {
        // At once too: there may have been a change before the watch.
        match client.reload() {
            Ok(true) => reloads.succeeded(PART),
            Ok(false) => reloads.unchanged(PART),
            Err(error) => reloads.failed(PART, &error),
        }
        changes.next().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::OwnMetrics;
    use crate::prometheus::HttpClientOptions;

    fn ca() -> String {
        let pair = rcgen::generate_simple_self_signed(vec!["prometheus".to_owned()]);
        pair.unwrap().cert.pem()
    }

    #[test]
    fn a_ca_file_is_read_again_and_one_without_a_certificate_changes_nothing() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.crt");
        let options = HttpClientOptions {
            url: "https://prometheus".parse().unwrap(),
            ca_file: Some(path.clone()),
            token_file: None,
            headers: Vec::new(),
            post: false,
        };
        let client = |options: &HttpClientOptions| {
            HttpClient::new(options.clone(), &OwnMetrics::default())
                .map_err(|error| error.to_string())
        };
        let missing = client(&options).err().unwrap();
        assert!(
            missing.contains("which --prometheus-ca-file names"),
            "{missing}"
        );
        std::fs::write(&path, "nothing").unwrap();
        let empty = client(&options).err().unwrap();
        assert!(empty.contains("holds no CA certificate"), "{empty}");
        std::fs::write(&path, ca()).unwrap();
        let client = client(&options).ok().unwrap();
        assert!(!client.reload().unwrap(), "nothing has changed");
        let before = client.connected.load_full();
        for broken in [
            "",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            std::fs::write(&path, broken).unwrap();
            assert!(client.reload().is_err(), "{broken}");
            assert!(Arc::ptr_eq(&before, &client.connected.load_full()));
        }
        std::fs::write(&path, ca()).unwrap();
        assert!(client.reload().unwrap());
        assert!(!Arc::ptr_eq(&before, &client.connected.load_full()));
    }
}
