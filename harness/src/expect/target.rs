//! Targets of a real Prometheus.

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::context::{Expect, ExpectContext};
use crate::format::{Checks, Place, Span};
use crate::outcome::{Finding, Kind, Unmet};
use crate::prometheus::{Active, PAUSE, Targets};
use crate::wait::Wait;

/// Targets of a real Prometheus, all that have these labels.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Target {
    /// Labels that they had before relabelling, such as `__meta_kubernetes_service_name`.
    pub discovered_labels: BTreeMap<String, String>,
    /// How each of them is.
    pub health: Health,
    /// What the error of each one's last scrape must hold.
    pub last_error: Option<String>,
    /// What the URL of each must hold.
    pub scrape_url: Option<String>,
    /// Time until then.
    pub within: Option<Span>,
}

/// How a target of Prometheus is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Health {
    /// The last scrape succeeded.
    Up,
    /// The last scrape failed.
    Down,
    /// Discovered, and dropped by relabelling.
    Dropped,
    /// Not discovered at all.
    Absent,
}

shown_as_written!(Health);

/// A target is in another state.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum UnexpectedTarget {
    /// How much is discovered instead.
    #[error("it is absent; {discovered}")]
    Absent { discovered: String },
    #[error("it is dropped by relabelling")]
    Dropped,
    /// Each target.
    #[error("{}", .0.join("; "))]
    Active(Vec<String>),
}

impl Finding for UnexpectedTarget {
    fn kind(&self) -> Kind {
        Kind::UnexpectedTarget
    }
}

impl Expect for Target {
    fn check(&self, place: &Place, checks: &mut Checks<'_>) {
        checks.longer_than_zero(self.within, place.key("within"));
        if self.discovered_labels.is_empty() {
            checks.at(place, "a target is known by its `discoveredLabels`");
        }
        let is_scraped = !matches!(self.health, Health::Dropped | Health::Absent);
        if !is_scraped && (self.last_error.is_some() || self.scrape_url.is_some()) {
            checks.at(
                place.key("health"),
                "what isn't scraped has neither `scrapeUrl` nor `lastError`",
            );
        }
    }

    fn describe(&self) -> String {
        let labels = self.discovered_labels.values().map(String::as_str);
        let labels: Vec<&str> = labels.collect();
        format!("target {} {}", labels.join(" "), self.health)
    }

    fn needs_real_prometheus(&self) -> bool {
        true
    }

    fn looks_at_adapter(&self) -> bool {
        true
    }

    fn judge<'a>(&'a self, context: &'a ExpectContext) -> BoxFuture<'a, Result<(), Unmet>> {
        Box::pin(async move {
            let (labels, health) = (&self.discovered_labels, self.health);
            let wanted = self.last_error.as_ref().or(self.scrape_url.as_ref());
            let with = wanted.map_or_else(String::new, |words| format!(" with `{words}`"));
            let what = format!("targets with {labels:?} are {health}{with}");
            let prometheus = context.real_prometheus()?;
            let ask = || async { Ok(self.judge_targets(&prometheus.targets().await?)?) };
            Wait::until(what, context.within(self.within))
                .asking(PAUSE, ask)
                .await
        })
    }
}

impl Target {
    fn judge_targets(&self, targets: &Targets) -> Result<(), UnexpectedTarget> {
        let has = |found: &BTreeMap<String, String>| {
            let mut labels = self.discovered_labels.iter();
            labels.all(|(key, value)| found.get(key) == Some(value))
        };
        let active = targets.active.iter();
        let active: Vec<&Active> = active
            .filter(|target| has(&target.discovered_labels))
            .collect();
        let dropped = targets.dropped.iter();
        let dropped = dropped
            .filter(|target| has(&target.discovered_labels))
            .count();
        let holds = |text: &str, part: &Option<String>| {
            part.as_ref().is_none_or(|part| text.contains(part))
        };
        let all = |health: &str| {
            !active.is_empty()
                && active.iter().all(|target| {
                    target.health == health
                        && holds(&target.last_error, &self.last_error)
                        && holds(&target.scrape_url, &self.scrape_url)
                })
        };
        let fits = match self.health {
            Health::Up => all("up"),
            Health::Down => all("down"),
            Health::Dropped => active.is_empty() && dropped > 0,
            Health::Absent => active.is_empty() && dropped == 0,
        };
        if fits {
            return Ok(());
        }
        Err(match (active.is_empty(), dropped) {
            (true, 0) => UnexpectedTarget::Absent {
                discovered: targets.to_string(),
            },
            (true, _) => UnexpectedTarget::Dropped,
            (false, _) => {
                UnexpectedTarget::Active(active.iter().map(ToString::to_string).collect())
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::prometheus::targets::tests::{allowed, forbidden};

    fn judged(
        targets: &Targets,
        service: &str,
        health: Health,
        error: Option<&str>,
    ) -> Result<(), UnexpectedTarget> {
        let expected = json!({"discoveredLabels": {"__meta_kubernetes_service_name": service},
            "health": health, "lastError": error});
        let expected: Target = serde_json::from_value(expected).unwrap();
        expected.judge_targets(targets)
    }

    #[test]
    fn every_state_is_told_from_every_other() {
        let states = [Health::Up, Health::Down, Health::Dropped, Health::Absent];
        for (service, only) in [
            ("sample-metrics-app", Health::Up),
            ("wrong-port", Health::Down),
            ("wrong-path", Health::Down),
            ("not-asked-for", Health::Dropped),
            ("nobody", Health::Absent),
        ] {
            for state in states {
                let verdict = judged(&allowed(), service, state, None);
                assert_eq!(verdict.is_ok(), state == only, "{service} {state}");
            }
        }
        let absent = judged(&forbidden(), "wrong-port", Health::Absent, None);
        assert_eq!(absent, Ok(()));
    }

    #[test]
    fn another_error_than_the_expected_one_is_told() {
        let refused = Some("connect: connection refused");
        let down = Health::Down;
        assert_eq!(judged(&allowed(), "wrong-port", down, refused), Ok(()));
        let problem = judged(&allowed(), "wrong-path", down, refused).unwrap_err();
        let problem = problem.to_string();
        assert!(
            problem.ends_with("is down: server returned HTTP status 404 Not Found"),
            "{problem}"
        );
    }
}
