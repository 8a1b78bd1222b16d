//! How commands beside the server reach Prometheus and the API server.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;
use setpoint_rules::{RuleFile, parse_prometheus_url};
use url::Url;

use super::parse_duration;
use super::prometheus::parse_header;
use crate::metrics::OwnMetrics;
use crate::prometheus::{Access, HttpClient, HttpClientError, HttpClientOptions, Upstreams};

/// The flag of each command that says which Prometheus is asked. Without one, nothing is asked, and these say nothing.
const PROMETHEUS: &str = "prometheus_url";

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct UpstreamArgs {
    /// CA certificates to verify Prometheus' certificate with [default: those of the system]
    #[arg(long, value_name = "FILE", requires = PROMETHEUS)]
    prometheus_ca_file: Option<PathBuf>,
    /// File with the bearer token for Prometheus
    #[arg(long, value_name = "FILE", requires = PROMETHEUS)]
    prometheus_token_file: Option<PathBuf>,
    /// Header for every request to Prometheus, as name=value; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_header, requires = PROMETHEUS)]
    prometheus_header: Vec<(String, String)>,
    /// Where an upstream of the configuration is reached from here, without its credentials, as name=URL; repeatable
    #[arg(long, value_name = "NAME=URL", value_parser = parse_upstream_url, requires = PROMETHEUS)]
    upstream_url: Vec<(String, Url)>,
    /// How long ago the last sample of a series may be
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration, requires = PROMETHEUS)]
    pub(crate) metrics_max_age: Duration,
    /// Kubeconfig of a cluster, for its resources and objects [default: the resources of Kubernetes itself]
    #[arg(long, value_name = "FILE", requires = PROMETHEUS)]
    pub(crate) lister_kubeconfig: Option<PathBuf>,
}

/// A flag names an upstream that there isn't.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("--upstream-url says where the upstream `{name}` is reached, and `upstreams` of the configuration has {}", listed(.known))]
pub(crate) struct UnknownUpstream {
    name: String,
    known: Vec<String>,
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "none".to_owned(),
        names => format!("`{}`", names.join("`, `")),
    }
}

impl UpstreamArgs {
    /// Whether configurations have each upstream that a flag names.
    pub(crate) fn check_upstreams<'a>(
        &self,
        files: impl IntoIterator<Item = &'a RuleFile>,
    ) -> Result<(), UnknownUpstream> {
        let known = files.into_iter().flat_map(RuleFile::upstream_names);
        let known: Vec<String> = known.map(str::to_owned).collect();
        let mut named = self.upstream_url.iter().map(|(name, _)| name);
        match named.find(|name| !known.contains(name)) {
            Some(name) => Err(UnknownUpstream {
                name: name.clone(),
                known,
            }),
            None => Ok(()),
        }
    }

    /// The Prometheus at a URL, which is asked about a time, or now. Upstreams of the configuration are not known yet.
    pub(crate) fn prometheus(
        &self,
        url: Url,
        at: Option<Timestamp>,
    ) -> Result<Upstreams, HttpClientError> {
        let metrics = OwnMetrics::default();
        let client = HttpClient::new(self.options(url, at), &metrics)?;
        Ok(Upstreams::new(client, metrics).reached_at(self.upstream_url.clone()))
    }

    fn options(&self, url: Url, at: Option<Timestamp>) -> HttpClientOptions {
        HttpClientOptions {
            access: Access::Files {
                ca: self.prometheus_ca_file.clone(),
                pair: None,
            },
            token_file: self.prometheus_token_file.clone(),
            headers: self.prometheus_header.clone(),
            at,
            ..HttpClientOptions::of(url)
        }
    }
}

fn parse_upstream_url(text: &str) -> Result<(String, Url), anyhow::Error> {
    let (name, url) = text.split_once('=').context("expected name=URL")?;
    Ok((name.to_owned(), parse_prometheus_url(url)?))
}
