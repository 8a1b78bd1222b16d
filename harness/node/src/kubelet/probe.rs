//! What a probe's results mean, after `pkg/kubelet/prober/worker.go`: pure, one step a result.

use std::time::Duration;

use k8s_openapi::api::core::v1::Probe;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// Which of a container's probes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Startup,
    Readiness,
    Liveness,
}

impl Kind {
    /// The word in Kubernetes' events: `Readiness probe failed: …`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Startup => "Startup",
            Self::Readiness => "Readiness",
            Self::Liveness => "Liveness",
        }
    }
}

/// How a probe asks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ask {
    /// `GET`, answered with 200 to 399.
    Http {
        https: bool,
        host: Option<String>,
        port: IntOrString,
        path: String,
        headers: Vec<(String, String)>,
    },
    /// A connection that is accepted.
    Tcp {
        host: Option<String>,
        port: IntOrString,
    },
}

/// A probe with Kubernetes' defaults filled in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    pub(crate) ask: Ask,
    pub(crate) initial_delay: Duration,
    pub(crate) period: Duration,
    pub(crate) timeout: Duration,
    pub(crate) success_threshold: u32,
    pub(crate) failure_threshold: u32,
    pub(crate) termination_grace: Option<Duration>,
}

impl Plan {
    /// The plan of a probe, or the name of the field that is refused.
    pub(crate) fn of(probe: Probe) -> Result<Self, &'static str> {
        let Probe {
            exec,
            failure_threshold,
            grpc,
            http_get,
            initial_delay_seconds,
            period_seconds,
            success_threshold,
            tcp_socket,
            termination_grace_period_seconds,
            timeout_seconds,
        } = probe;
        if exec.is_some() {
            return Err("exec");
        }
        if grpc.is_some() {
            return Err("grpc");
        }
        let ask = match (http_get, tcp_socket) {
            (Some(get), _) => Ask::Http {
                https: get.scheme.as_deref() == Some("HTTPS"),
                host: get.host.filter(|host| !host.is_empty()),
                port: get.port,
                path: get.path.unwrap_or_else(|| "/".to_owned()),
                headers: get
                    .http_headers
                    .unwrap_or_default()
                    .into_iter()
                    .map(|header| (header.name, header.value))
                    .collect(),
            },
            (None, Some(tcp)) => Ask::Tcp {
                host: tcp.host.filter(|host| !host.is_empty()),
                port: tcp.port,
            },
            (None, None) => return Err("(no handler)"),
        };
        let seconds = |given: Option<i32>, default: u64| {
            Duration::from_secs(
                given
                    .and_then(|given| u64::try_from(given).ok())
                    .filter(|&given| given > 0)
                    .unwrap_or(default),
            )
        };
        let count = |given: Option<i32>, default: u32| {
            given
                .and_then(|given| u32::try_from(given).ok())
                .filter(|&given| given > 0)
                .unwrap_or(default)
        };
        Ok(Self {
            ask,
            initial_delay: seconds(initial_delay_seconds, 0),
            period: seconds(period_seconds, 10),
            timeout: seconds(timeout_seconds, 1),
            success_threshold: count(success_threshold, 1),
            failure_threshold: count(failure_threshold, 3),
            termination_grace: termination_grace_period_seconds
                .and_then(|given| u64::try_from(given).ok())
                .map(Duration::from_secs),
        })
    }
}

/// Counts results in a row and says when they count.
#[derive(Debug, Clone)]
pub(crate) struct Thresholds {
    success: u32,
    failure: u32,
    last: Option<bool>,
    run: u32,
}

impl Thresholds {
    pub(crate) fn of(plan: &Plan) -> Self {
        Self {
            success: plan.success_threshold,
            failure: plan.failure_threshold,
            last: None,
            run: 0,
        }
    }

    /// The probe's new verdict, or `None` while there are too few equal results in a row to change it.
    pub(crate) fn record(&mut self, succeeded: bool) -> Option<bool> {
        if self.last == Some(succeeded) {
            self.run = self.run.saturating_add(1);
        } else {
            self.last = Some(succeeded);
            self.run = 1;
        }
        let needed = if succeeded {
            self.success
        } else {
            self.failure
        };
        (self.run >= needed).then_some(succeeded)
    }
}

/// Why a probe's port leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PortError {
    #[error("port {0} is not between 1 and 65535")]
    Number(i32),
    #[error("the container has no port named `{0}`")]
    Name(String),
}

/// Where a probe's port leads: a number, or the container's port of that name.
pub(crate) fn port_of(
    port: &IntOrString,
    named: impl Fn(&str) -> Option<u16>,
) -> Result<u16, PortError> {
    match port {
        IntOrString::Int(number) => u16::try_from(*number)
            .ok()
            .filter(|&number| number > 0)
            .ok_or(PortError::Number(*number)),
        IntOrString::String(name) => named(name)
            .or_else(|| name.parse().ok())
            .ok_or_else(|| PortError::Name(name.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn plan(probe: serde_json::Value) -> Result<Plan, &'static str> {
        Plan::of(serde_json::from_value(probe).expect("a probe"))
    }

    #[test]
    fn a_bare_probe_has_kubernetes_defaults() {
        let plan = plan(json!({"httpGet": {"port": 80}})).expect("supported");
        assert_eq!(plan.period, Duration::from_secs(10));
        assert_eq!(plan.timeout, Duration::from_secs(1));
        assert_eq!((plan.success_threshold, plan.failure_threshold), (1, 3));
        assert!(matches!(plan.ask, Ask::Http { https: false, ref path, .. } if path == "/"));
    }

    #[test]
    fn exec_and_grpc_probes_are_refused_by_name() {
        assert_eq!(plan(json!({"exec": {"command": ["true"]}})), Err("exec"));
        assert_eq!(plan(json!({"grpc": {"port": 1}})), Err("grpc"));
    }

    #[test]
    fn a_verdict_needs_as_many_equal_results_in_a_row_as_its_threshold() {
        let plan = plan(json!({
            "tcpSocket": {"port": 80}, "successThreshold": 2, "failureThreshold": 3,
        }))
        .expect("supported");
        let mut thresholds = Thresholds::of(&plan);
        let verdicts: Vec<_> = [true, true, false, false, true, false, false, false, false]
            .into_iter()
            .map(|result| thresholds.record(result))
            .collect();
        let (ready, unready) = (Some(true), Some(false));
        assert_eq!(
            verdicts,
            [None, ready, None, None, None, None, None, unready, unready]
        );
    }

    proptest! {
        #[test]
        fn a_verdict_never_comes_before_its_threshold(
            results in proptest::collection::vec(any::<bool>(), 0..40), success in 1u32..5, failure in 1u32..5,
        ) {
            let mut thresholds = Thresholds { success, failure, last: None, run: 0 };
            for (index, &result) in results.iter().enumerate() {
                let needed = if result { success } else { failure } as usize;
                let row = results[..=index].iter().rev().take_while(|&&other| other == result).count();
                prop_assert_eq!(thresholds.record(result), (row >= needed).then_some(result));
            }
        }
    }

    #[test]
    fn a_port_is_a_number_or_the_name_of_one_of_the_containers_ports() {
        let named = |name: &str| (name == "http").then_some(8080);
        let of = |port: IntOrString| port_of(&port, named);
        assert_eq!(of(IntOrString::Int(80)), Ok(80));
        assert_eq!(of(IntOrString::String("http".into())), Ok(8080));
        assert_eq!(of(IntOrString::String("9090".into())), Ok(9090));
        assert!(of(IntOrString::String("metrics".into())).is_err());
        assert!(of(IntOrString::Int(0)).is_err());
    }
}
