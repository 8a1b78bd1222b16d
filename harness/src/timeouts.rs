//! How long things may take.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The variable that says by which factor a machine is slow, for `setpoint run` and `cargo test`.
pub(crate) const VARIABLE: &str = "SETPOINT_TIMEOUT_FACTOR";
/// The largest factor: with it, a scenario that is stuck takes an hour instead of half a minute.
const LARGEST: f64 = 100.0;

/// How long things may take, each with time to spare on two busy cores. All that is waited for in a run has its limit
/// here, but for the start of its clusters, which `setpoint-cluster` bounds. How often is looked and tried again, and
/// how long a state must stay, are not limits and don't depend on the machine.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Timeouts {
    /// By which factor the machine is slow.
    pub factor: TimeoutFactor,
    /// One answer of the API server or the adapter. What an adapter has to ask for itself, such as a review of a token,
    /// it gives up after ten seconds; the rest is for an answer then.
    pub answer: Duration,
    /// A state that a step waits for and has no `within:` for.
    pub state: Duration,
    /// What a load may take on top of its steps until it has made enough requests.
    pub load: Duration,
    /// The adapter's answer with a metric, before it is what keeps the HPA controller from judging.
    pub metric: Duration,
    /// An answer of the API server that shows that it lives.
    pub api_server: Duration,
    /// An answer of a real Prometheus.
    pub prometheus: Duration,
    /// The fake Prometheus' return, when a scenario has replaced its pod.
    pub fake_prometheus: Duration,
    /// A program's answer to what it was built with.
    pub program: Duration,
    /// The API server's answer to all objects of an installation; it takes a second.
    pub apply: Duration,
    /// The installed pods, until they are ready.
    pub ready: Duration,
    /// The API server's answer to the deletion of all objects; it takes a second.
    pub delete: Duration,
    /// The end of the pods and their owners, once they are deleted.
    pub end: Duration,
    /// A pod of the sample application, until it has taken its share of the traffic.
    pub share: Duration,
    /// The search for a ready pod to write metrics to.
    pub pod: Duration,
    /// A round of writing metrics, from the question to the last value written.
    pub write: Duration,
    /// One piece of evidence: the cluster may be what is broken.
    pub evidence: Duration,
}

impl Timeouts {
    /// Those of a machine that is slower by this factor.
    #[must_use]
    pub fn scaled_by(factor: TimeoutFactor) -> Self {
        let seconds = |seconds| factor.scale(Duration::from_secs(seconds));
        Self {
            factor,
            answer: seconds(15),
            state: seconds(20),
            load: seconds(60),
            metric: seconds(5),
            api_server: seconds(5),
            prometheus: seconds(2),
            fake_prometheus: seconds(10),
            program: seconds(10),
            apply: seconds(60),
            ready: seconds(30),
            delete: seconds(60),
            end: seconds(60),
            share: seconds(2),
            pod: seconds(5),
            write: seconds(15),
            evidence: seconds(5),
        }
    }

    /// Those of a machine that is slower by the factor in `SETPOINT_TIMEOUT_FACTOR`, if that is set.
    ///
    /// # Errors
    /// When it is no factor.
    pub fn from_env() -> Result<Self, NoTimeoutFactor> {
        let factor = std::env::var_os(VARIABLE).map(|text| text.to_string_lossy().parse());
        factor
            .transpose()
            .map(|factor| Self::scaled_by(factor.unwrap_or_default()))
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self::scaled_by(TimeoutFactor::default())
    }
}

/// By which factor a machine is slow: from 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimeoutFactor(f64);

impl TimeoutFactor {
    /// The time that may pass here where it is this one on other machines.
    #[must_use]
    pub fn scale(self, time: Duration) -> Duration {
        time.mul_f64(self.0)
    }
}

impl Default for TimeoutFactor {
    fn default() -> Self {
        Self(1.0)
    }
}

/// It is no factor for time-outs.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no factor for time-outs; expected a number from 1 to {LARGEST}, such as 2.5")]
pub struct NoTimeoutFactor(String);

impl FromStr for TimeoutFactor {
    type Err = NoTimeoutFactor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let factor = text
            .parse()
            .ok()
            .filter(|factor| (1.0..=LARGEST).contains(factor));
        factor
            .map(Self)
            .ok_or_else(|| NoTimeoutFactor(text.to_owned()))
    }
}

impl fmt::Display for TimeoutFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_is_a_number_from_1_to_100() {
        for factor in ["1", "2.5", "100"] {
            assert_eq!(factor.parse::<TimeoutFactor>().unwrap().to_string(), factor);
        }
        for text in ["", "0", "0.99", "-2", "101", "inf", "NaN", "2x"] {
            let told = text.parse::<TimeoutFactor>().unwrap_err().to_string();
            assert!(
                told.starts_with(&format!("`{text}` is no factor")),
                "{told}"
            );
        }
    }

    #[test]
    fn every_time_out_is_scaled() {
        let debugged = |factor: f64| format!("{:?}", Timeouts::scaled_by(TimeoutFactor(factor)));
        let times = |text: String| -> Vec<f64> {
            let fields = text.split(", ").skip(1);
            let time = |field: &str| field.split(": ").nth(1)?.split('s').next()?.parse().ok();
            fields.filter_map(time).collect()
        };
        let (once, thrice) = (times(debugged(1.0)), times(debugged(3.0)));
        assert_eq!(once.len(), 16);
        let tripled: Vec<f64> = once.iter().map(|time| time * 3.0).collect();
        assert_eq!(tripled, thrice);
    }
}
