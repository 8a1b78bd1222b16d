//! Flags of delegated authentication and authorization
//! (`apiserver/pkg/server/options/{authentication,authorization}.go`).

use std::path::PathBuf;
use std::time::Duration;

use clap::ArgAction;

use super::flag_values::parse_bool;
use super::parse_duration;
use crate::auth::{
    AllowedPath, AuthenticationOptions, AuthorizationOptions, InnerStar, RequestHeaderOptions,
};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct AuthArgs {
    /// Kubeconfig for authentication: TokenReviews and ConfigMap extension-apiserver-authentication
    /// [default: the pod's ServiceAccount]
    #[arg(long, value_name = "FILE")]
    authentication_kubeconfig: Option<PathBuf>,
    /// Don't look up the client CA and the request-header CA in ConfigMap
    /// extension-apiserver-authentication
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = ArgAction::Set, value_parser = parse_bool)]
    authentication_skip_lookup: bool,
    /// Serve even if the lookup fails; without a client CA all requests without a token are
    /// anonymous
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = ArgAction::Set, value_parser = parse_bool)]
    authentication_tolerate_lookup_failure: bool,
    /// How long the answers of TokenReviews are cached
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    authentication_token_webhook_cache_ttl: Duration,
    /// CA certificates of clients, in place of the looked up ones
    #[arg(long, value_name = "FILE")]
    client_ca_file: Option<PathBuf>,
    /// CA certificates of front proxies, in place of the looked up ones
    #[arg(long, value_name = "FILE")]
    requestheader_client_ca_file: Option<PathBuf>,
    /// Common names that a front proxy's certificate may have; all without this flag. Used with
    /// --requestheader-client-ca-file
    #[arg(long, value_name = "NAMES", value_parser = parse_list)]
    requestheader_allowed_names: Vec<List>,
    /// Request headers with the user's name. Used with --requestheader-client-ca-file
    #[arg(long, value_name = "HEADERS", default_value = "x-remote-user", value_parser = parse_list)]
    requestheader_username_headers: Vec<List>,
    /// Request headers with the user's groups. Used with --requestheader-client-ca-file
    #[arg(long, value_name = "HEADERS", default_value = "x-remote-group", value_parser = parse_list)]
    requestheader_group_headers: Vec<List>,
    /// Prefixes of request headers with extra attributes of the user. Used with
    /// --requestheader-client-ca-file
    #[arg(long, value_name = "PREFIXES", default_value = "x-remote-extra-", value_parser = parse_list)]
    requestheader_extra_headers_prefix: Vec<List>,
    /// Kubeconfig for authorization by SubjectAccessReviews [default: the pod's ServiceAccount]
    #[arg(long, value_name = "FILE")]
    authorization_kubeconfig: Option<PathBuf>,
    /// Paths that need no authorization; one that ends in * stands for all with that prefix
    #[arg(long, value_name = "PATHS", default_value = "/healthz,/readyz,/livez", value_parser = parse_paths)]
    authorization_always_allow_paths: Vec<Paths>,
    /// How long the answer "allowed" of a SubjectAccessReview is cached
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    authorization_webhook_cache_authorized_ttl: Duration,
    /// How long the answer "denied" of a SubjectAccessReview is cached
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    authorization_webhook_cache_unauthorized_ttl: Duration,
}

/// What the flags mean.
pub(crate) struct AuthOptions {
    pub(crate) authentication_kubeconfig: Option<PathBuf>,
    pub(crate) authentication: AuthenticationOptions,
    pub(crate) token_cache_ttl: Duration,
    pub(crate) authorization_kubeconfig: Option<PathBuf>,
    pub(crate) authorization: AuthorizationOptions,
}

impl From<AuthArgs> for AuthOptions {
    fn from(args: AuthArgs) -> Self {
        // Whole, so that a flag without a meaning doesn't compile.
        let AuthArgs {
            authentication_kubeconfig,
            authentication_skip_lookup,
            authentication_tolerate_lookup_failure,
            authentication_token_webhook_cache_ttl,
            client_ca_file,
            requestheader_client_ca_file,
            requestheader_allowed_names,
            requestheader_username_headers,
            requestheader_group_headers,
            requestheader_extra_headers_prefix,
            authorization_kubeconfig,
            authorization_always_allow_paths,
            authorization_webhook_cache_authorized_ttl,
            authorization_webhook_cache_unauthorized_ttl,
        } = args;
        let request_header =
            requestheader_client_ca_file.map(|client_ca_file| RequestHeaderOptions {
                client_ca_file,
                allowed_names: joined(requestheader_allowed_names),
                username_headers: joined(requestheader_username_headers),
                group_headers: joined(requestheader_group_headers),
                extra_headers_prefix: joined(requestheader_extra_headers_prefix),
            });
        Self {
            authentication_kubeconfig,
            authentication: AuthenticationOptions {
                client_ca_file,
                request_header,
                skip_lookup: authentication_skip_lookup,
                tolerate_lookup_failure: authentication_tolerate_lookup_failure,
            },
            token_cache_ttl: authentication_token_webhook_cache_ttl,
            authorization_kubeconfig,
            authorization: AuthorizationOptions {
                always_allow_paths: authorization_always_allow_paths
                    .into_iter()
                    .flat_map(|Paths(paths)| paths)
                    .collect(),
                authorized_ttl: authorization_webhook_cache_authorized_ttl,
                unauthorized_ttl: authorization_webhook_cache_unauthorized_ttl,
            },
        }
    }
}

/// The names in one value of a flag, separated by commas.
#[derive(Debug, Clone, PartialEq, Eq)]
struct List(Vec<String>);

/// An empty text is a list without names (`StringSlice` of pflag). An empty name is refused
/// (`RequestHeaderAuthenticationOptions.Validate`): as a prefix it would fit every header.
fn parse_list(text: &str) -> Result<List, &'static str> {
    if text.is_empty() {
        return Ok(List(Vec::new()));
    }
    if text.split(',').any(|name| name.trim().is_empty()) {
        return Err("a name in it is empty");
    }
    Ok(List(text.split(',').map(str::to_owned).collect()))
}

/// The paths in one value of a flag, separated by commas.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Paths(Vec<AllowedPath>);

/// An empty text is a list without paths (`StringSlice` of pflag).
fn parse_paths(text: &str) -> Result<Paths, InnerStar> {
    if text.is_empty() {
        return Ok(Paths(Vec::new()));
    }
    let paths: Result<_, _> = text.split(',').map(str::parse).collect();
    paths.map(Paths)
}

fn joined(lists: Vec<List>) -> Vec<String> {
    lists.into_iter().flat_map(|list| list.0).collect()
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

    fn authentication(arguments: &[&str]) -> Result<AuthenticationOptions, String> {
        Command::try_parse_from([&["adapter"], arguments].concat())
            .map(|command| AuthOptions::from(command.auth).authentication)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn without_flags_the_cas_are_looked_up() {
        assert_eq!(authentication(&[]), Ok(AuthenticationOptions::default()));
    }

    #[test]
    fn flags_give_the_cas_in_place_of_the_lookup() {
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
        let front_proxy = RequestHeaderOptions {
            client_ca_file: "/p.crt".into(),
            allowed_names: names(&["proxy", "other", "third"]),
            username_headers: names(&["X-User", "x-remote-user"]),
            group_headers: names(&["x-remote-group"]),
            extra_headers_prefix: Vec::new(),
        };
        let expected = AuthenticationOptions {
            client_ca_file: Some("/c.crt".into()),
            request_header: Some(front_proxy),
            skip_lookup: true,
            tolerate_lookup_failure: true,
        };
        assert_eq!(authentication(&arguments), Ok(expected));
    }

    #[test]
    fn allowed_names_without_a_request_header_ca_change_nothing() {
        let arguments = ["--requestheader-allowed-names=proxy"];
        assert_eq!(
            authentication(&arguments),
            Ok(AuthenticationOptions::default())
        );
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
                let error = authentication(&[&format!("{flag}={names}")]).unwrap_err();
                assert!(
                    error.contains("a name in it is empty"),
                    "{flag}={names}: {error}"
                );
            }
        }
    }

    #[test]
    fn always_allowed_paths_are_whole_or_end_with_a_star() {
        let paths = |value: &str| {
            let flag = format!("--authorization-always-allow-paths={value}");
            let command = Command::try_parse_from(["adapter", &flag]);
            command.map(|command| {
                AuthOptions::from(command.auth)
                    .authorization
                    .always_allow_paths
            })
        };
        let whole = |path: &str| AllowedPath::Whole(path.to_owned());
        let prefix = AllowedPath::Prefix("metrics/".to_owned());
        let parsed = paths("/healthz,readyz,,/metrics/*").unwrap();
        assert_eq!(
            parsed,
            [whole("healthz"), whole("readyz"), whole(""), prefix]
        );
        assert_eq!(paths("").unwrap(), []);
        let error = paths("/healthz,/a*b").unwrap_err().to_string();
        assert!(error.contains("only a * at the end"), "{error}");
    }
}
