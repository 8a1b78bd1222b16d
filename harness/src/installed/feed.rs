//! How a Prometheus of others finds the sample application, as the command line names it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// How the cluster's Prometheus finds the sample application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Feed {
    /// By the annotations `prometheus.io/scrape`, `prometheus.io/port` and `prometheus.io/path` of its pods.
    Annotations,
    /// By a PodMonitor with these labels, for a Prometheus of the Prometheus operator.
    PodMonitor(BTreeMap<String, String>),
    /// By what the cluster's owner has arranged.
    None,
}

/// It names no feed, or no Prometheus.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}`: expected {expected}")]
pub struct WrongName {
    found: String,
    expected: &'static str,
}

impl FromStr for Feed {
    type Err = WrongName;

    fn from_str(text: &str) -> Result<Self, WrongName> {
        let wrong = || WrongName {
            found: text.to_owned(),
            expected: "annotations, podmonitor, podmonitor:LABEL=VALUE,… or none",
        };
        match text.split_once(':') {
            None if text == "annotations" => Ok(Self::Annotations),
            None if text == "podmonitor" => Ok(Self::PodMonitor(BTreeMap::new())),
            None if text == "none" => Ok(Self::None),
            Some(("podmonitor", labels)) => {
                let label = |label: &str| {
                    let (key, value) = label.split_once('=')?;
                    (!key.is_empty()).then(|| (key.to_owned(), value.to_owned()))
                };
                let labels: Option<_> = labels.split(',').map(label).collect();
                labels.map(Self::PodMonitor).ok_or_else(wrong)
            }
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Annotations => f.write_str("annotations"),
            Self::None => f.write_str("none"),
            Self::PodMonitor(labels) => {
                f.write_str("podmonitor")?;
                for (index, (key, value)) in labels.iter().enumerate() {
                    let before = if index == 0 { ':' } else { ',' };
                    write!(f, "{before}{key}={value}")?;
                }
                Ok(())
            }
        }
    }
}

/// The Service of a Prometheus, reached through the API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrometheusService {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its port, by number or name.
    pub port: String,
}

impl FromStr for PrometheusService {
    type Err = WrongName;

    fn from_str(text: &str) -> Result<Self, WrongName> {
        let wrong = || WrongName {
            found: text.to_owned(),
            expected: "NAMESPACE/SERVICE or NAMESPACE/SERVICE:PORT",
        };
        let (namespace, service) = text.split_once('/').ok_or_else(wrong)?;
        let (name, port) = service.split_once(':').unwrap_or((service, "9090"));
        // These are parts of a path.
        let is_name = |part: &str| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
            !part.is_empty() && part.chars().all(allowed) && part != "." && part != ".."
        };
        if ![namespace, name, port].into_iter().all(is_name) {
            return Err(wrong());
        }
        Ok(Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            port: port.to_owned(),
        })
    }
}

impl fmt::Display for PrometheusService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            namespace,
            name,
            port,
        } = self;
        write!(f, "{namespace}/{name}:{port}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_is_read_as_it_is_written() {
        for text in [
            "annotations",
            "none",
            "podmonitor",
            "podmonitor:release=kube-prometheus-stack,team=a",
        ] {
            assert_eq!(text.parse::<Feed>().unwrap().to_string(), text);
        }
        for wrong in [
            "",
            "pods",
            "podmonitor:",
            "podmonitor:a",
            "podmonitor:=b",
            "none:a=b",
        ] {
            let error = wrong.parse::<Feed>().unwrap_err().to_string();
            assert!(error.contains("expected annotations"), "{error}");
        }
    }

    #[test]
    fn a_prometheus_is_named_by_its_service_and_no_other_path() {
        let service: PrometheusService = "monitoring/prometheus-operated".parse().unwrap();
        assert_eq!(service.to_string(), "monitoring/prometheus-operated:9090");
        let service: PrometheusService = "m/p:web".parse().unwrap();
        assert_eq!(service.to_string(), "m/p:web");
        for wrong in ["m", "m/", "/p", "m/p:", "m/p/q", "../p", "m/p:9?x"] {
            assert!(wrong.parse::<PrometheusService>().is_err(), "{wrong}");
        }
    }
}
