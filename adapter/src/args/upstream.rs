//! How commands beside the server reach Prometheus and the API server.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::parse_duration;
use super::prometheus::parse_header;
use crate::prometheus::{Access, HttpClientOptions};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct UpstreamArgs {
    /// CA certificates to verify Prometheus' certificate with [default: those of the system]
    #[arg(long, value_name = "FILE")]
    prometheus_ca_file: Option<PathBuf>,
    /// File with the bearer token for Prometheus
    #[arg(long, value_name = "FILE")]
    prometheus_token_file: Option<PathBuf>,
    /// Header for every request to Prometheus, as name=value; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_header)]
    prometheus_header: Vec<(String, String)>,
    /// How long ago the last sample of a series may be
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration)]
    pub(crate) metrics_max_age: Duration,
    /// Kubeconfig of a cluster, for its resources and objects [default: the resources of Kubernetes itself]
    #[arg(long, value_name = "FILE")]
    pub(crate) lister_kubeconfig: Option<PathBuf>,
}

impl UpstreamArgs {
    /// How Prometheus at a URL is reached.
    pub(crate) fn prometheus(&self, url: Url) -> HttpClientOptions {
        HttpClientOptions {
            url,
            access: Access::Files {
                ca: self.prometheus_ca_file.clone(),
                pair: None,
            },
            token_file: self.prometheus_token_file.clone(),
            headers: self.prometheus_header.clone(),
            post: false,
            at: None,
        }
    }
}
