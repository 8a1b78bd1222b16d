//! The command line of `setpoint-adapter explain`.

use std::path::PathBuf;

use jiff::Timestamp;
use setpoint_rules::parse_prometheus_url;
use url::Url;

use super::UpstreamArgs;

const EXAMPLES: &str = "\
Examples:
  custom=/apis/custom.metrics.k8s.io/v1beta1/namespaces/shop
  external=/apis/external.metrics.k8s.io/v1beta1/namespaces/shop
  setpoint-adapter explain $custom/pods/web-1/http_requests \\
      --config config.yaml --prometheus-url http://127.0.0.1:9090
  setpoint-adapter explain \\
      \"$custom/pods/*/http_requests?labelSelector=app%3Dweb\" \\
      --config config.yaml --prometheus-url http://127.0.0.1:9090 \\
      --lister-kubeconfig ~/.kube/config
  setpoint-adapter explain $external/queue_length \\
      --config config.yaml --prometheus-url http://127.0.0.1:9090 \\
      --at 2026-01-31T08:00:00Z

Exit codes: 0 there are values, 1 there are none, 2 bad usage,
or a file or a server that can't be used.";

/// Says how a request for a metric is answered: by which rule, by which query, and why values are missing
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExplainArgs {
    /// Path of the request, as `kubectl get --raw` takes it
    #[arg(value_name = "PATH")]
    pub(crate) path: String,
    /// The adapter's configuration, a ConfigMap that holds it, or values of the chart
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// URL of Prometheus
    #[arg(long, value_name = "URL", value_parser = parse_prometheus_url)]
    pub(crate) prometheus_url: Url,
    /// When the request is made, such as 2026-01-31T08:00:00Z [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<Timestamp>,
    /// An object that the cluster has, for requests for all objects (`*`), where no cluster is named; repeatable
    #[arg(long, value_name = "NAME", conflicts_with = "lister_kubeconfig")]
    pub(crate) object: Vec<String>,
    #[command(flatten)]
    pub(crate) upstream: UpstreamArgs,
}
