//! The command line: prometheus-adapter's flags.

mod auth;
mod duration;
mod klog;
mod obsolete;
mod redaction;

use std::net::IpAddr;
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use url::Url;

pub(crate) use auth::{AuthArgs, AuthOptions};
pub(crate) use duration::{parse_duration, parse_interval};
pub(crate) use klog::KlogArgs;

const EXAMPLES: &str = "\
Examples:
  setpoint-adapter --config /etc/adapter/config.yaml --prometheus-url http://prometheus.monitoring:9090/ \\
      --secure-port 6443 --tls-cert-file tls.crt --tls-private-key-file tls.key
  kubectl kustomize adapter/deploy/base | setpoint-adapter certs | kubectl apply --server-side -f -";

/// Serves custom.metrics.k8s.io from Prometheus to the HorizontalPodAutoscaler.
#[derive(Debug, Clone, Parser)]
#[command(name = "setpoint-adapter", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Command {
    /// Fill the serving pair and the caBundle into manifests, from standard input to standard
    /// output
    Certs(CertsArgs),
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct CertsArgs {
    /// How long the pair and its CA are valid
    #[arg(long, value_name = "DURATION", default_value = "8760h", value_parser = parse_duration)]
    pub(crate) valid_for: Duration,
    /// Replace a pair that is already there
    #[arg(long)]
    pub(crate) replace: bool,
}

/// The flags of prometheus-adapter v0.12.0 that are supported; others are refused by name, as
/// listed in `adapter/deploy/README.md`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ServeArgs {
    /// File with the rules that make metrics of series
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// URL of Prometheus; a path prefix is kept
    #[arg(long, value_name = "URL", default_value = "https://localhost")]
    pub(crate) prometheus_url: Url,
    /// CA certificates to verify Prometheus' certificate with [default: those of the system]
    #[arg(long, value_name = "FILE")]
    pub(crate) prometheus_ca_file: Option<PathBuf>,
    /// File with the bearer token for Prometheus
    #[arg(long, value_name = "FILE")]
    pub(crate) prometheus_token_file: Option<PathBuf>,
    /// Header for every request to Prometheus, as name=value; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_header)]
    pub(crate) prometheus_header: Vec<(String, String)>,
    /// HTTP method for requests to Prometheus
    #[arg(long, value_enum, ignore_case = true, default_value = "GET")]
    pub(crate) prometheus_verb: Verb,
    /// How often Prometheus is asked for its series
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_interval)]
    pub(crate) metrics_relist_interval: Duration,
    /// How long ago the last sample of a series may be [default: the relist interval]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) metrics_max_age: Option<Duration>,
    /// How long Prometheus may take for the series of one rule
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = parse_interval)]
    pub(crate) metrics_relist_timeout: Duration,
    /// For how many rules Prometheus is asked at a time
    #[arg(long, value_name = "NUMBER", default_value = "8")]
    pub(crate) metrics_relist_parallel: NonZeroU16,
    /// Address to listen on
    #[arg(long, value_name = "IP", default_value = "0.0.0.0")]
    pub(crate) bind_address: IpAddr,
    /// Port to serve HTTPS on
    #[arg(long, value_name = "PORT", default_value_t = 443)]
    pub(crate) secure_port: u16,
    /// Certificate chain to serve with [default: a self-signed one for localhost]
    #[arg(long, value_name = "FILE", requires = "tls_private_key_file")]
    pub(crate) tls_cert_file: Option<PathBuf>,
    /// Key of the certificate
    #[arg(long, value_name = "FILE", requires = "tls_cert_file")]
    pub(crate) tls_private_key_file: Option<PathBuf>,
    /// Kubeconfig for listing objects [default: the pod's ServiceAccount]
    #[arg(long, value_name = "FILE")]
    pub(crate) lister_kubeconfig: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) auth: AuthArgs,
    /// Log verbosity as in klog: 0 for changes, 4 for debugging, 6 for tracing
    #[arg(short, long = "v", value_name = "LEVEL", default_value_t = 0)]
    pub(crate) v: u8,
    /// Format of the log; a line of json is an object
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) logging_format: LoggingFormat,
    #[command(flatten)]
    pub(crate) klog: KlogArgs,
    /// Accepted and without effect: the self-signed pair is never written
    #[arg(long, value_name = "DIR", hide = true)]
    pub(crate) cert_dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Verb {
    /// Parameters in the URL.
    #[value(name = "GET")]
    Get,
    /// Parameters as a form, for queries longer than a URL may be.
    #[value(name = "POST")]
    Post,
}

/// Formats of the log (`--logging-format` of `k8s.io/component-base/logs`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LoggingFormat {
    Text,
    Json,
}

/// Flags of prometheus-adapter that aren't supported yet, besides `--audit-*`. To ignore them would
/// change what users rely on, such as credentials and TLS versions.
const NOT_YET: [&str; 18] = [
    "prometheus-auth-incluster",
    "prometheus-auth-config",
    "prometheus-client-tls-cert-file",
    "prometheus-client-tls-key-file",
    "disable-http2",
    "http2-max-streams-per-connection",
    "client-qps",
    "client-burst",
    "discovery-interval",
    "tls-cipher-suites",
    "tls-min-version",
    "tls-sni-cert-key",
    "permit-address-sharing",
    "permit-port-sharing",
    "profiling",
    "contention-profiling",
    "debug-socket-path",
    "enable-priority-and-fairness",
];

impl Args {
    /// The arguments of this process. Wrong ones end it with a message.
    pub(crate) fn of_process() -> Self {
        match Self::try_parse() {
            Ok(args) => args,
            Err(error) => match redaction::message(&error) {
                Some(message) => {
                    eprintln!("error: {message}");
                    std::process::exit(2);
                }
                None => error.exit(),
            },
        }
    }
}

fn parse_header(text: &str) -> Result<(String, String), &'static str> {
    // The messages don't repeat the text: all of it may be a secret.
    let (name, value) = text.split_once('=').ok_or("expected name=value")?;
    http::HeaderName::try_from(name).map_err(|_| "what is before = is no header name")?;
    http::HeaderValue::try_from(value).map_err(|_| "the value can't stand in a header")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_flags_of_our_manifests_are_parsed() {
        Args::command().debug_assert();
        let args = Args::parse_from([
            "setpoint-adapter",
            "--secure-port=6443",
            "--tls-cert-file=/var/run/serving-cert/tls.crt",
            "--tls-private-key-file=/var/run/serving-cert/tls.key",
            "--prometheus-url=http://prometheus.prom.svc:9090/prefix/",
            "--metrics-relist-interval=1m30s",
            "--config=/etc/adapter/config.yaml",
            "--v=4",
            "--prometheus-verb=POST",
        ]);
        assert_eq!(args.serve.metrics_relist_interval, Duration::from_secs(90));
        assert_eq!((args.serve.v, args.serve.secure_port), (4, 6443));
        assert_eq!(args.serve.prometheus_verb, Verb::Post);
    }

    #[test]
    fn an_obsolete_or_unsupported_flag_is_refused_with_what_helps() {
        let refused = |flag: &str| {
            let error = Args::try_parse_from(["setpoint-adapter", flag]).unwrap_err();
            redaction::message(&error)
        };
        let text = refused("--rate-interval").unwrap();
        assert!(text.contains("`metricsQuery`"), "{text}");
        let text = refused("--client-qps=5").unwrap();
        assert!(text.contains("not supported yet"), "{text}");
        assert_eq!(refused("--no-such-flag"), None);
        assert_eq!(refused("--secure-port=no-port"), None);
    }

    #[test]
    fn a_header_without_a_value_is_refused() {
        assert!(parse_header("X-Scope-OrgID=team").is_ok());
        assert!(parse_header("X-Scope-OrgID").is_err());
        assert!(parse_header("a b=c").is_err());
    }

    #[test]
    fn flags_about_klogs_files_and_formats_are_accepted_and_change_nothing() {
        let klog = [
            "setpoint-adapter",
            "--logtostderr=true",
            "--alsologtostderr",
            "--skip_headers=false",
            "--stderrthreshold=INFO",
            "--vmodule=provider=6",
            "--log-flush-frequency=5s",
            "--cert-dir=/tmp/cert",
            "-v=6",
        ];
        let args = Args::try_parse_from(klog).unwrap();
        assert_eq!((args.serve.v, args.serve.secure_port), (6, 443));
    }
}
