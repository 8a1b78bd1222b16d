//! The proxy that environment variables name, as Go's `http.ProxyFromEnvironment` reads them.

use std::net::IpAddr;

use reqwest::{NoProxy, Proxy};
use url::{Host, Url};

use super::options::HttpClientError;

/// The proxy for a URL; none for this host itself, or where no variable names one. `NO_PROXY` names
/// hosts without one.
pub(super) fn of_environment(
    url: &Url,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Proxy>, HttpClientError> {
    let name = match url.scheme() {
        "https" => "HTTPS_PROXY",
        _ => "HTTP_PROXY",
    };
    let value = |name: &str| {
        let given = variable(name).or_else(|| variable(&name.to_lowercase()));
        given.filter(|value| !value.is_empty())
    };
    let Some(proxy) = value(name).filter(|_| !is_this_host(url)) else {
        return Ok(None);
    };
    let without = value("NO_PROXY").and_then(|hosts| NoProxy::from_string(&hosts));
    proxy_at(&proxy, name).map(|proxy| Some(proxy.no_proxy(without)))
}

/// A proxy at a URL that `origin` gives, whose scheme may be left out.
pub(super) fn proxy_at(proxy: &str, origin: &str) -> Result<Proxy, HttpClientError> {
    let url = if proxy.contains("://") {
        proxy.to_owned()
    } else {
        format!("http://{proxy}")
    };
    Proxy::all(url).map_err(|source| HttpClientError::Proxy {
        origin: origin.to_owned(),
        // The URL may hold a password.
        source: source.without_url(),
    })
}

fn is_this_host(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(url: &str, variables: &[(&str, &str)]) -> Result<bool, String> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let found = of_environment(&url.parse().unwrap(), variable);
        found
            .map(|found| found.is_some())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn variables_name_a_proxy_for_their_scheme_but_not_for_this_host() {
        let both = [
            ("HTTPS_PROXY", "proxy:3128"),
            ("http_proxy", "http://proxy:3129"),
        ];
        assert_eq!(proxy("http://prometheus:9090", &both), Ok(true));
        assert_eq!(proxy("https://prometheus", &both), Ok(true));
        assert_eq!(proxy("https://prometheus", &both[1..]), Ok(false));
        for local in ["http://localhost:9090", "http://127.0.0.1", "http://[::1]"] {
            assert_eq!(proxy(local, &both), Ok(false), "{local}");
        }
        assert_eq!(proxy("http://prometheus", &[("HTTP_PROXY", "")]), Ok(false));
        let broken = proxy(
            "http://prometheus",
            &[("HTTP_PROXY", "http://user:hunter2@:x")],
        );
        let broken = broken.unwrap_err();
        assert!(
            broken.contains("HTTP_PROXY") && !broken.contains("hunter2"),
            "{broken}"
        );
    }
}
