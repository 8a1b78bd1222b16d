//! The command line: prometheus-adapter's flags.

mod auth;
mod check;
mod duration;
mod explain;
mod faults;
mod flag_values;
mod ignored;
mod klog;
mod obsolete;
mod prometheus;
mod redaction;
mod relations;
mod tls;
mod upstream;

use std::net::IpAddr;
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

pub(crate) use auth::{AuthArgs, AuthOptions};
pub(crate) use check::{CheckArgs, CheckFormat};
pub(crate) use duration::{parse_duration, parse_interval};
pub(crate) use explain::ExplainArgs;
pub(crate) use faults::{FlagFault, flag_faults};
pub(crate) use ignored::IgnoredArgs;
pub(crate) use klog::KlogArgs;
pub(crate) use prometheus::PrometheusArgs;
pub(crate) use relations::Related;
pub(crate) use tls::{NamedPair, TlsArgs, TlsSettings};
pub(crate) use upstream::{UnknownUpstream, UpstreamArgs};

pub(crate) use flag_values::{Word, told_of};

use flag_values::parse_word;

const EXAMPLES: &str = "\
Examples:
  setpoint-adapter --config /etc/adapter/config.yaml \\
      --prometheus-url http://prometheus.monitoring:9090/ \\
      --secure-port 6443 \\
      --tls-cert-file tls.crt --tls-private-key-file tls.key
  setpoint-adapter check /etc/adapter/config.yaml
  kubectl kustomize adapter/deploy/base | setpoint-adapter certs \\
      | kubectl apply --server-side -f -";

/// Serves custom.metrics.k8s.io from Prometheus to the HorizontalPodAutoscaler.
#[derive(Debug, Clone, Parser)]
#[command(name = "setpoint-adapter", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true, args_override_self = true)]
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
    Check(Box<CheckArgs>),
    Explain(Box<ExplainArgs>),
    /// Print the JSON schema of the configuration, for editors
    Schema,
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

/// The flags of prometheus-adapter v0.12.0. Of one that stands twice the last counts, as with pflag.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ServeArgs {
    /// File with the rules that make metrics of series
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) prometheus: PrometheusArgs,
    /// How often Prometheus is asked for its series
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_interval)]
    pub(crate) metrics_relist_interval: Duration,
    /// How long ago the last sample of a series may be; 0 stands for the relist interval [default: the
    /// relist interval]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) metrics_max_age: Option<Duration>,
    /// How long Prometheus may take for the series of one rule
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = parse_interval)]
    pub(crate) metrics_relist_timeout: Duration,
    /// For how many rules Prometheus is asked at a time
    #[arg(long, value_name = "NUMBER", default_value = "8")]
    pub(crate) metrics_relist_parallel: NonZeroU16,
    /// Address to listen on; 0.0.0.0 stands for all addresses, of IPv6 too
    #[arg(long, value_name = "IP", default_value = "0.0.0.0")]
    pub(crate) bind_address: IpAddr,
    /// Port to serve HTTPS on
    #[arg(long, value_name = "PORT", default_value_t = 443)]
    pub(crate) secure_port: u16,
    /// How long to go on serving, but not ready, after SIGTERM: until Services and the API server ask
    /// another replica
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = parse_duration)]
    pub(crate) shutdown_delay_duration: Duration,
    /// Certificate chain to serve with [default: a self-signed one for localhost]
    #[arg(long, value_name = "FILE", requires = "tls_private_key_file")]
    pub(crate) tls_cert_file: Option<PathBuf>,
    /// Key of the certificate
    #[arg(long, value_name = "FILE", requires = "tls_cert_file")]
    pub(crate) tls_private_key_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) tls: TlsArgs,
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
    #[command(flatten)]
    pub(crate) ignored: IgnoredArgs,
    #[arg(hide = true, value_parser = parse_word)]
    pub(crate) words: Vec<Word>,
}

/// Formats of the log (`--logging-format` of `k8s.io/component-base/logs`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LoggingFormat {
    Text,
    Json,
}

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
        ]);
        assert_eq!(args.serve.metrics_relist_interval, Duration::from_secs(90));
        assert_eq!((args.serve.v, args.serve.secure_port), (4, 6443));
    }

    #[test]
    fn an_obsolete_flag_is_refused_with_what_helps() {
        let refused = |flag: &str| {
            let error = Args::try_parse_from(["setpoint-adapter", flag]).unwrap_err();
            redaction::message(&error)
        };
        let text = refused("--rate-interval").unwrap();
        assert!(text.contains("`metricsQuery`"), "{text}");
        assert_eq!(refused("--no-such-flag"), None);
        assert_eq!(refused("--secure-port=no-port"), None);
    }

    #[test]
    fn the_arguments_of_the_communitys_chart_are_parsed_and_the_last_of_two_counts() {
        // Chart 5.3.0, with extraArguments.
        let args = Args::try_parse_from([
            "setpoint-adapter",
            "/adapter",
            "--secure-port=6443",
            "--cert-dir=/tmp/cert",
            "--prometheus-url=http://prometheus.default.svc:9090",
            "--metrics-relist-interval=1m",
            "--v=4",
            "--config=/etc/adapter/config.yaml",
            "--cert-dir=/var/pair",
            "--v=6",
            "--metrics-relist-interval",
            "30s",
        ]);
        let args = args.map_err(|error| error.to_string()).unwrap();
        assert!(args.command.is_none());
        assert_eq!(args.serve.metrics_relist_interval, Duration::from_secs(30));
        assert_eq!((args.serve.v, args.serve.secure_port), (6, 6443));
    }

    #[test]
    fn the_arguments_of_kube_prometheus_and_openshift_are_parsed() {
        let args = Args::try_parse_from([
            "setpoint-adapter",
            "--cert-dir=/var/run/serving-cert",
            "--config=/etc/adapter/config.yaml",
            "--metrics-relist-interval=1m",
            "--prometheus-url=https://prometheus-k8s.openshift-monitoring.svc:9091",
            "--prometheus-auth-config=/etc/prometheus-config/prometheus-config.yaml",
            "--secure-port=6443",
            "--audit-policy-file=/etc/audit/metadata-profile.yaml",
            "--audit-log-path=/var/log/adapter/audit.log",
            "--audit-log-maxsize=100",
            "--audit-log-maxbackup=5",
            "--audit-log-compress=true",
            "--disable-http2",
            "--tls-min-version=VersionTLS12",
            "--tls-cipher-suites=TLS_AES_128_GCM_SHA256,TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,TLS_RSA_WITH_AES_128_GCM_SHA256",
        ]);
        let args = args.map_err(|error| error.to_string()).unwrap();
        assert_eq!(args.serve.ignored.told().count(), 5);
    }

    #[test]
    fn help_says_why_a_flag_has_no_effect() {
        let help = Args::command().render_long_help().to_string();
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(help.contains("--audit-log-path <VALUE> No effect: there is no audit log here"));
        assert!(!help.contains("[WORDS]"), "{help}");
    }

    #[test]
    fn examples_in_help_are_narrow_enough_not_to_be_wrapped() {
        let command = Args::command();
        let commands = command.get_subcommands().chain([&command]);
        let helps: Vec<String> = commands
            .filter_map(|command| Some(command.get_after_help()?.to_string()))
            .collect();
        assert_eq!(helps.len(), 3);
        for line in helps.iter().flat_map(|help| help.lines()) {
            assert!(line.chars().count() <= 78, "{line}");
        }
    }

    #[test]
    fn what_says_how_prometheus_is_asked_needs_its_url() {
        for flag in [
            "--prometheus-ca-file=ca.crt",
            "--prometheus-token-file=token",
            "--prometheus-header=a=b",
            "--upstream-url=a=http://a",
            "--metrics-max-age=5m",
            "--lister-kubeconfig=config",
        ] {
            let alone = ["setpoint-adapter", "check", "rules.yaml", flag];
            let error = Args::try_parse_from(alone).unwrap_err();
            let said = error.to_string();
            assert!(said.contains("--prometheus-url <URL>"), "{flag}: {said}");
            assert_eq!(error.exit_code(), 2);
            let url = "--prometheus-url=http://127.0.0.1:9090";
            let both = [&alone[..], &[url]].concat();
            assert!(Args::try_parse_from(both).is_ok(), "{flag}");
        }
        assert!(Args::try_parse_from(["setpoint-adapter", "check", "rules.yaml"]).is_ok());
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
