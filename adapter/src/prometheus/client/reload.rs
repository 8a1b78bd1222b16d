//! Follows the files with certificates.

use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::HttpClient;
use crate::files::{Changes, REREAD_INTERVAL};
use crate::reload::Reloads;
use crate::tasks::supervise;

/// What is reloaded here, in log and metrics.
const PART: &str = "prometheus-ca";

/// Keeps the certificates of a client up to date, in a task that ends with `shutdown`. A file that
/// can't be used leaves them as they are. Without files there is nothing to do.
pub(crate) fn watch_ca(client: Arc<HttpClient>, reloads: Reloads, shutdown: CancellationToken) {
    if client.options.access.paths().is_empty() {
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
    let paths = client.options.access.paths();
    let mut changes = Changes::of(paths.iter().map(PathBuf::as_path), REREAD_INTERVAL);
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
    use crate::prometheus::{Access, HttpClientOptions};

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
            access: Access::Files {
                ca: Some(path.clone()),
                pair: None,
            },
            ..HttpClientOptions::of("https://prometheus".parse().unwrap())
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
