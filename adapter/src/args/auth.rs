//! Flags of delegated authentication and authorization (`apiserver/pkg/server/options/{authentication,authorization}.go`).

use std::path::PathBuf;
use std::time::Duration;

use clap::ArgAction;

use super::parse_duration;
use crate::auth::{AuthorizationOptions, RequestHeaderSource, TrustSources};

/// Whom to trust, and who may.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct AuthArgs {
    /// Kubeconfig for reading whom to trust [default: the pod's ServiceAccount]
    #[arg(long, value_name = "FILE")]
    pub(crate) authentication_kubeconfig: Option<PathBuf>,
    /// Don't look up whom to trust in the cluster
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = ArgAction::Set)]
    pub(crate) authentication_skip_lookup: bool,
    /// Serve even if whom to trust can't be looked up; everybody is anonymous then
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = ArgAction::Set)]
    pub(crate) authentication_tolerate_lookup_failure: bool,
    /// How long it is remembered whose a bearer token is
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub(crate) authentication_token_webhook_cache_ttl: Duration,
    /// CA certificates behind clients, in place of the cluster's
    #[arg(long, value_name = "FILE")]
    pub(crate) client_ca_file: Option<PathBuf>,
    /// CA certificates behind the front proxy, in place of the cluster's
    #[arg(long, value_name = "FILE")]
    pub(crate) requestheader_client_ca_file: Option<PathBuf>,
    /// Names of the front proxy's certificate that are let through; all without. Counts with --requestheader-client-ca-file
    #[arg(long, value_name = "NAMES", value_parser = parse_list)]
    pub(crate) requestheader_allowed_names: Vec<List>,
    /// Headers with the user's name
    #[arg(long, value_name = "HEADERS", default_value = "x-remote-user", value_parser = parse_list)]
    pub(crate) requestheader_username_headers: Vec<List>,
    /// Headers with the user's groups
    #[arg(long, value_name = "HEADERS", default_value = "x-remote-group", value_parser = parse_list)]
    pub(crate) requestheader_group_headers: Vec<List>,
    /// Prefixes of headers with what else is known of the user
    #[arg(long, value_name = "PREFIXES", default_value = "x-remote-extra-", value_parser = parse_list)]
    pub(crate) requestheader_extra_headers_prefix: Vec<List>,
    /// Kubeconfig for asking who may [default: the pod's ServiceAccount]
    #[arg(long, value_name = "FILE")]
    pub(crate) authorization_kubeconfig: Option<PathBuf>,
    /// Paths that everybody may ask for; one that ends in * stands for all that begin so
    #[arg(
        long,
        value_name = "PATH",
        value_delimiter = ',',
        default_value = "/healthz,/readyz,/livez"
    )]
    pub(crate) authorization_always_allow_paths: Vec<String>,
    /// How long it is remembered that somebody may
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub(crate) authorization_webhook_cache_authorized_ttl: Duration,
    /// How long it is remembered that somebody may not
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub(crate) authorization_webhook_cache_unauthorized_ttl: Duration,
}

/// Names in one value of a flag, parted by commas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct List(Vec<String>);

/// Nothing at all is a list without names (pflag's `StringSlice`); a name that is nothing is refused
/// (`RequestHeaderAuthenticationOptions.Validate`): as a prefix it would stand for every header.
fn parse_list(text: &str) -> Result<List, &'static str> {
    if text.is_empty() {
        return Ok(List(Vec::new()));
    }
    if text.split(',').any(|name| name.trim().is_empty()) {
        return Err("a name in it is empty");
    }
    Ok(List(text.split(',').map(str::to_owned).collect()))
}

fn joined(lists: &[List]) -> Vec<String> {
    lists.iter().flat_map(|list| list.0.clone()).collect()
}

impl AuthArgs {
    /// Where it is written whom to trust.
    pub(crate) fn trust(&self) -> TrustSources {
        let front_proxy = |path: &PathBuf| RequestHeaderSource {
            client_ca_file: path.clone(),
            allowed_names: joined(&self.requestheader_allowed_names),
            username_headers: joined(&self.requestheader_username_headers),
            group_headers: joined(&self.requestheader_group_headers),
            extra_headers_prefix: joined(&self.requestheader_extra_headers_prefix),
        };
        TrustSources {
            client_ca_file: self.client_ca_file.clone(),
            request_header: self.requestheader_client_ca_file.as_ref().map(front_proxy),
            skip_lookup: self.authentication_skip_lookup,
            tolerate_lookup_failure: self.authentication_tolerate_lookup_failure,
        }
    }

    /// How authorization is delegated.
    pub(crate) fn authorization(&self) -> AuthorizationOptions {
        AuthorizationOptions {
            always_allow_paths: self.authorization_always_allow_paths.clone(),
            authorized_ttl: self.authorization_webhook_cache_authorized_ttl,
            unauthorized_ttl: self.authorization_webhook_cache_unauthorized_ttl,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        auth: AuthArgs,
    }

    fn trust(arguments: &[&str]) -> Result<TrustSources, String> {
        Command::try_parse_from([&["adapter"], arguments].concat())
            .map(|command| command.auth.trust())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn without_flags_the_cluster_says_whom_to_trust() {
        assert_eq!(trust(&[]), Ok(TrustSources::default()));
    }

    #[test]
    fn flags_say_whom_to_trust_in_the_clusters_place() {
        let arguments = [
            "--client-ca-file=/c.crt",
            "--requestheader-client-ca-file=/p.crt",
            "--requestheader-allowed-names=proxy,other",
            "--requestheader-allowed-names=third",
            "--requestheader-username-headers=X-User,x-remote-user",
            "--requestheader-extra-headers-prefix=",
            "--authentication-skip-lookup",
            "--authentication-tolerate-lookup-failure=true",
        ];
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let front_proxy = RequestHeaderSource {
            client_ca_file: "/p.crt".into(),
            allowed_names: names(&["proxy", "other", "third"]),
            username_headers: names(&["X-User", "x-remote-user"]),
            group_headers: names(&["x-remote-group"]),
            extra_headers_prefix: Vec::new(),
        };
        let expected = TrustSources {
            client_ca_file: Some("/c.crt".into()),
            request_header: Some(front_proxy),
            skip_lookup: true,
            tolerate_lookup_failure: true,
        };
        assert_eq!(trust(&arguments), Ok(expected));
    }

    #[test]
    fn names_of_the_front_proxy_without_its_authority_leave_the_clusters_word() {
        let arguments = ["--requestheader-allowed-names=proxy"];
        assert_eq!(trust(&arguments), Ok(TrustSources::default()));
    }

    #[test]
    fn a_name_that_is_empty_is_refused() {
        for flag in [
            "--requestheader-allowed-names",
            "--requestheader-username-headers",
            "--requestheader-group-headers",
            "--requestheader-extra-headers-prefix",
        ] {
            for names in [" ", ",", "x,", "x,,y", "x, ,y"] {
                let error = trust(&[&format!("{flag}={names}")]).unwrap_err();
                assert!(
                    error.contains("a name in it is empty"),
                    "{flag}={names}: {error}"
                );
            }
        }
    }
}
