//! Flags of the connection to Prometheus (`cmd/adapter/adapter.go` of prometheus-adapter v0.12.0).

use std::path::PathBuf;

use clap::{ArgAction, ValueEnum};
use setpoint_rules::parse_prometheus_url;
use url::Url;

use super::flag_values::parse_bool;
use crate::prometheus::{Access, HttpClientOptions};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct PrometheusArgs {
    /// URL of Prometheus; a path prefix is kept
    #[arg(long, value_name = "URL", default_value = "https://localhost", value_parser = parse_prometheus_url)]
    prometheus_url: Url,
    /// CA certificates to verify Prometheus' certificate with [default: those of the system]
    #[arg(long, value_name = "FILE")]
    prometheus_ca_file: Option<PathBuf>,
    /// Client certificate chain for Prometheus; it is read again when it changes
    #[arg(long, value_name = "FILE")]
    prometheus_client_tls_cert_file: Option<PathBuf>,
    /// Key of the client certificate
    #[arg(long, value_name = "FILE")]
    prometheus_client_tls_key_file: Option<PathBuf>,
    /// Kubeconfig whose current context has the CA, and the token or the client certificate, for
    /// Prometheus; its server is left aside. No effect beside --prometheus-ca-file
    #[arg(long, value_name = "FILE")]
    prometheus_auth_config: Option<PathBuf>,
    /// Use the CA of the cluster and the token of the pod's ServiceAccount for Prometheus. No effect
    /// beside --prometheus-ca-file
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = ArgAction::Set, value_parser = parse_bool)]
    prometheus_auth_incluster: bool,
    /// File with the bearer token for Prometheus
    #[arg(long, value_name = "FILE")]
    prometheus_token_file: Option<PathBuf>,
    /// Header for every request to Prometheus, as name=value; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_header)]
    prometheus_header: Vec<(String, String)>,
    /// HTTP method for requests to Prometheus
    #[arg(long, value_enum, ignore_case = true, default_value = "GET")]
    prometheus_verb: Verb,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Verb {
    /// Parameters in the URL.
    #[value(name = "GET")]
    Get,
    /// Parameters as a form, for queries longer than a URL may be.
    #[value(name = "POST")]
    Post,
}

/// Two flags say where credentials for Prometheus come from.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "--prometheus-auth-incluster and --prometheus-auth-config can't be used at the same time: leave one of them out"
)]
pub(crate) struct TwoSources;

impl TryFrom<PrometheusArgs> for HttpClientOptions {
    type Error = TwoSources;

    fn try_from(args: PrometheusArgs) -> Result<Self, TwoSources> {
        // Whole, so that a flag without a meaning doesn't compile.
        let PrometheusArgs {
            prometheus_url: url,
            prometheus_ca_file: ca,
            prometheus_client_tls_cert_file: certificate,
            prometheus_client_tls_key_file: key,
            prometheus_auth_config,
            prometheus_auth_incluster,
            prometheus_token_file: token_file,
            prometheus_header: headers,
            prometheus_verb,
        } = args;
        if certificate.is_some() != key.is_some() {
            tracing::warn!(
                "a client certificate for Prometheus needs --prometheus-client-tls-cert-file and --prometheus-client-tls-key-file; one alone has no effect"
            );
        }
        let pair = certificate.zip(key);
        let access = match (prometheus_auth_config, prometheus_auth_incluster) {
            (None, false) => Access::Files { ca, pair },
            // They are left aside in prometheus-adapter too.
            (_, _) if ca.is_some() => {
                tracing::warn!(
                    "--prometheus-auth-incluster and --prometheus-auth-config have no effect beside --prometheus-ca-file"
                );
                Access::Files { ca, pair }
            }
            (Some(_), true) => return Err(TwoSources),
            (Some(kubeconfig), false) => Access::Kubeconfig(kubeconfig),
            (None, true) => Access::Pod,
        };
        Ok(Self {
            url,
            access,
            token_file,
            headers,
            basic_auth: None,
            post: prometheus_verb == Verb::Post,
            timeout: None,
            max_answer: None,
            at: None,
        })
    }
}

pub(super) fn parse_header(text: &str) -> Result<(String, String), &'static str> {
    // The messages don't repeat the text: all of it may be a secret.
    let (name, value) = text.split_once('=').ok_or("expected name=value")?;
    http::HeaderName::try_from(name).map_err(|_| "what is before = is no header name")?;
    http::HeaderValue::try_from(value).map_err(|_| "the value can't stand in a header")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        prometheus: PrometheusArgs,
    }

    fn options(arguments: &[&str]) -> Result<HttpClientOptions, TwoSources> {
        let command = Command::try_parse_from([&["adapter"], arguments].concat());
        let command = command.map_err(|error| error.to_string()).unwrap();
        command.prometheus.try_into()
    }

    #[test]
    fn a_header_without_a_value_is_refused() {
        assert!(parse_header("X-Scope-OrgID=team").is_ok());
        assert!(parse_header("X-Scope-OrgID").is_err());
        assert!(parse_header("a b=c").is_err());
    }

    #[test]
    fn the_method_is_taken_in_any_case() {
        assert!(options(&["--prometheus-verb=post"]).is_ok_and(|options| options.post));
        assert!(options(&[]).is_ok_and(|options| !options.post));
    }

    #[test]
    fn credentials_have_one_source_and_a_ca_file_goes_before_the_others() {
        let access = |arguments: &[&str]| options(arguments).map(|options| options.access);
        let kubeconfig = "--prometheus-auth-config=/k";
        let pod = "--prometheus-auth-incluster";
        assert_eq!(access(&[kubeconfig]), Ok(Access::Kubeconfig("/k".into())));
        assert_eq!(access(&[pod]), Ok(Access::Pod));
        assert_eq!(access(&[kubeconfig, pod]), Err(TwoSources));
        let files = |ca: Option<&str>, pair: Option<(&str, &str)>| {
            let pair = pair.map(|(certificate, key)| (certificate.into(), key.into()));
            Ok(Access::Files {
                ca: ca.map(Into::into),
                pair,
            })
        };
        assert_eq!(
            access(&["--prometheus-ca-file=/ca", kubeconfig]),
            files(Some("/ca"), None)
        );
        let pair = [
            "--prometheus-client-tls-cert-file=/c",
            "--prometheus-client-tls-key-file=/k",
        ];
        assert_eq!(access(&pair), files(None, Some(("/c", "/k"))));
        assert_eq!(access(&pair[..1]), files(None, None));
    }
}
