//! What is expected.

use crate::quantity::{is_quantity, milli};

use super::Problems;
use crate::scenario::objects::no_quantity;
use crate::scenario::place::Place;
use crate::scenario::{Expectation, PodExpectation, TargetHealth};

impl Problems<'_> {
    pub(super) fn expectation(&mut self, expectation: &Expectation, place: &Place) {
        match expectation {
            Expectation::Replicas {
                of,
                within,
                for_,
                after,
                ..
            } => {
                let place = place.key("replicas");
                if of.strip_prefix("deployment/").is_none_or(str::is_empty) {
                    self.at(
                        place.key("of"),
                        format!("`{of}` is no Deployment; expected deployment/NAME"),
                    );
                }
                self.longer_than_zero(*for_, place.key("for"));
                match (after, for_, within) {
                    (None, Some(_), _) => self.at(
                        place.key("for"),
                        "replicas that stay need `after:`, which proves that the new input was judged; without it nothing may have happened yet",
                    ),
                    (Some(_), None, _) => {
                        self.at(place.key("after"), "replicas that stay need `for:`, such as 3 syncs");
                    }
                    (Some(_), _, Some(_)) => self.at(
                        place.key("within"),
                        "replicas that stay are so from the beginning; `within` belongs to what is waited for in `after`",
                    ),
                    _ => {}
                }
                if let Some(after) = after {
                    self.expectation(after, place.key("after"));
                }
            }
            Expectation::Hpa {
                condition, current, ..
            } => {
                let place = place.key("hpa");
                match current {
                    Some(quantity) if !is_quantity(quantity) => {
                        self.at(place.key("current"), no_quantity(quantity));
                    }
                    Some(quantity) if milli(quantity).is_none() => {
                        let problem = format!("`{quantity}` is too large to be compared");
                        self.at(place.key("current"), problem);
                    }
                    None if condition.is_none() => {
                        self.at(
                            place,
                            "expect a `condition` or a `current` value of the HPA",
                        );
                    }
                    _ => {}
                }
            }
            Expectation::Apiservice { for_, .. } => {
                self.longer_than_zero(*for_, place.key("apiservice").key("for"));
            }
            Expectation::Pod(pod) => self.pod(pod, place.key("pod")),
            Expectation::Discovery { .. } => {}
            Expectation::Target {
                discovered_labels,
                health,
                last_error,
                scrape_url,
                ..
            } => {
                let place = place.key("target");
                if discovered_labels.is_empty() {
                    self.at(place, "a target is known by its `discoveredLabels`");
                }
                let is_scraped = !matches!(health, TargetHealth::Dropped | TargetHealth::Absent);
                if !is_scraped && (last_error.is_some() || scrape_url.is_some()) {
                    self.at(
                        place.key("health"),
                        "what isn't scraped has neither `scrapeUrl` nor `lastError`",
                    );
                }
            }
            Expectation::Query {
                count: 0,
                value: Some(_),
                ..
            } => self.at(
                place.key("query").key("value"),
                "an answer without elements has no `value`",
            ),
            Expectation::Query { .. } => {}
        }
    }

    pub(super) fn pod(&mut self, pod: &PodExpectation, place: &Place) {
        if pod.labels.is_empty() {
            self.at(place.key("labels"), "say by `labels` which pod is meant");
        }
        match &pod.container {
            Some(container) => {
                let nothing = container.ready.is_none()
                    && container.waiting.is_none()
                    && container.restarts.is_none()
                    && container.log.is_none();
                if nothing {
                    self.at(
                        place.key("container"),
                        "expect `ready`, `waiting`, `restarts` or `log` of the container",
                    );
                }
            }
            None => {
                let nothing = pod.phase.is_none() && pod.ready.is_none() && pod.event.is_none();
                if nothing {
                    self.at(
                        place,
                        "expect a `phase`, `ready`, a `container` or an `event` of the pod",
                    );
                }
            }
        }
    }
}
