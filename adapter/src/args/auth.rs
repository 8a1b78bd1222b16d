//! Flags of delegated authentication and authorization (`apiserver/pkg/server/options/{authentication,authorization}.go`).

use std::path::PathBuf;
use std::time::Duration;

use clap::ArgAction;

use super::parse_duration;
use crate::auth::{AuthorizationOptions, RequestHeaderSource, TrustSources};

/// Whom to trust, and who may.
#[derive(Debug, Clone, clap::Args)]
pub struct AuthArgs {
    /// Kubeconfig for reading whom to trust [default: the pod's ServiceAccount]
    #[arg(long, value_name = "FILE")]
    pub authentication_kubeconfig: Option<PathBuf>,
    /// Don't look up whom to trust in the cluster
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = ArgAction::Set)]
    pub authentication_skip_lookup: bool,
    /// Serve even if whom to trust can't be looked up; everybody is anonymous then
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = ArgAction::Set)]
    pub authentication_tolerate_lookup_failure: bool,
    /// How long it is remembered whose a bearer token is
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub authentication_token_webhook_cache_ttl: Duration,
    /// CA certificates behind clients, in place of the cluster's
    #[arg(long, value_name = "FILE")]
    pub client_ca_file: Option<PathBuf>,
    /// CA certificates behind the front proxy, in place of the cluster's
    #[arg(long, value_name = "FILE")]
    pub requestheader_client_ca_file: Option<PathBuf>,
    /// Names of the front proxy's certificate that are let through; all without
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        requires = "requestheader_client_ca_file"
    )]
    pub requestheader_allowed_names: Vec<String>,
    /// Headers with the user's name
    #[arg(
        long,
        value_name = "HEADER",
        value_delimiter = ',',
        default_value = "x-remote-user"
    )]
    pub requestheader_username_headers: Vec<String>,
    /// Headers with the user's groups
    #[arg(
        long,
        value_name = "HEADER",
        value_delimiter = ',',
        default_value = "x-remote-group"
    )]
    pub requestheader_group_headers: Vec<String>,
    /// Prefixes of headers with what else is known of the user
    #[arg(
        long,
        value_name = "PREFIX",
        value_delimiter = ',',
        default_value = "x-remote-extra-"
    )]
    pub requestheader_extra_headers_prefix: Vec<String>,
    /// Kubeconfig for asking who may [default: the pod's ServiceAccount]
    #[arg(long, value_name = "FILE")]
    pub authorization_kubeconfig: Option<PathBuf>,
    /// Paths that everybody may ask for; one that ends in * stands for all that begin so
    #[arg(
        long,
        value_name = "PATH",
        value_delimiter = ',',
        default_value = "/healthz,/readyz,/livez"
    )]
    pub authorization_always_allow_paths: Vec<String>,
    /// How long it is remembered that somebody may
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub authorization_webhook_cache_authorized_ttl: Duration,
    /// How long it is remembered that somebody may not
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub authorization_webhook_cache_unauthorized_ttl: Duration,
}

impl AuthArgs {
    /// Where it is written whom to trust.
    #[must_use]
    pub fn trust(&self) -> TrustSources {
        let front_proxy = |path: &PathBuf| RequestHeaderSource {
            client_ca_file: path.clone(),
            allowed_names: self.requestheader_allowed_names.clone(),
            username_headers: self.requestheader_username_headers.clone(),
            group_headers: self.requestheader_group_headers.clone(),
            extra_headers_prefix: self.requestheader_extra_headers_prefix.clone(),
        };
        TrustSources {
            client_ca_file: self.client_ca_file.clone(),
            request_header: self.requestheader_client_ca_file.as_ref().map(front_proxy),
            skip_lookup: self.authentication_skip_lookup,
            tolerate_lookup_failure: self.authentication_tolerate_lookup_failure,
        }
    }

    /// How authorization is delegated.
    #[must_use]
    pub fn authorization(&self) -> AuthorizationOptions {
        AuthorizationOptions {
            always_allow_paths: self.authorization_always_allow_paths.clone(),
            authorized_ttl: self.authorization_webhook_cache_authorized_ttl,
            unauthorized_ttl: self.authorization_webhook_cache_unauthorized_ttl,
        }
    }
}
