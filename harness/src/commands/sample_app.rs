//! `setpoint sample-app`: an application that has something to scrape.

use std::net::SocketAddr;

use anyhow::Context as _;
use setpoint_support::Termination;
use tokio::net::TcpListener;

use crate::sample_app::{COUNTER, COUNTER_TOTAL, LOAD_PATH, is_metric_name, router};

/// A sample application with OpenMetrics, whose load can be set over HTTP
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Serves http_requests_total as OpenMetrics: the requests that come to /, and a load that is set from outside, so that an \
        autoscaler has something to do.\n\nKubelets' probes of / aren't counted. SIGTERM and SIGINT end it.",
    after_help = "Example:\n  setpoint sample-app --listen 127.0.0.1:8080 --path /metrics\n  \
        curl -X PUT -d '{\"requestsPerSecond\": 2.5}' http://127.0.0.1:8080/load\n  curl http://127.0.0.1:8080/metrics"
)]
pub struct SampleAppArgs {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where the metrics are
    #[arg(long, value_name = "PATH", default_value = "/metrics", value_parser = metrics_path)]
    path: String,
    /// The name of a gauge that shows the load, once it was set
    #[arg(long, value_name = "NAME", value_parser = gauge)]
    gauge: Option<String>,
}

fn gauge(text: &str) -> anyhow::Result<String> {
    match text {
        COUNTER | COUNTER_TOTAL => anyhow::bail!("something else is called `{text}`"),
        name if is_metric_name(name) => Ok(name.to_owned()),
        _ => anyhow::bail!("`{text}` is no name of a metric"),
    }
}

fn metrics_path(text: &str) -> anyhow::Result<String> {
    match text {
        "/" | LOAD_PATH => anyhow::bail!("something else is at `{text}`"),
        path if path.starts_with('/') => Ok(path.to_owned()),
        _ => anyhow::bail!("a path begins with `/`"),
    }
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// When the address can't be listened on.
pub async fn run(args: SampleAppArgs) -> anyhow::Result<()> {
    let mut termination = Termination::watch().context("watch SIGTERM and SIGINT")?;
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("listen on {}", args.listen))?;
    let address = listener.local_addr().context("ask for the address")?;
    anstream::println!("serving on {address}, metrics at {}", args.path);
    let ended = async move { termination.received().await };
    axum::serve(listener, router(args.path, args.gauge))
        .with_graceful_shutdown(ended)
        .await
        .context("serve")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_has_the_name_of_a_metric_that_nothing_else_has() {
        assert_eq!(gauge("queue:length_9").unwrap(), "queue:length_9");
        for wrong in [
            "http_requests",
            "http_requests_total",
            "",
            "9a",
            "a-b",
            "a\n",
        ] {
            assert!(gauge(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_metrics_can_be_anywhere_but_where_something_else_is() {
        assert_eq!(metrics_path("/a/b").unwrap(), "/a/b");
        for taken in ["/", "/load", "metrics", ""] {
            assert!(metrics_path(taken).is_err(), "{taken}");
        }
    }
}
