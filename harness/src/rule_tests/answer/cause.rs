//! Why rules give no metric of the series that there are.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use setpoint_replay::labels::{Labels, METRIC_NAME};
use setpoint_replay::notation::write_labels;
use setpoint_replay::promql::{Demand, Selector, parse_selector, selectors_of};
use setpoint_replay::{Series, World};
use setpoint_rules::Rule;

use super::{Adapter, ApiGroup};
use crate::nearest::nearest;
use crate::rule_tests::duration::of_millis;

/// Why a rule gives no metric of a series, or of any.
#[derive(Debug, PartialEq, Eq)]
enum Cause {
    /// No series has the name that `seriesQuery` demands; the nearest that there is.
    NoSuchName(String, Option<String>),
    /// `seriesQuery` selects none, as a matcher doesn't match a series of the name.
    Unmatched { series: String, matcher: String },
    /// `seriesQuery` selects none, whatever the name.
    Nothing,
    /// Its samples are too old for a relist.
    Old { series: String, at: i64 },
    /// It has no sample yet.
    Early { series: String, at: i64 },
    /// A condition on its name leaves it out.
    LeftOut {
        series: String,
        key: &'static str,
        pattern: String,
    },
    /// None of its labels names objects.
    NoObjects(String),
}

/// A rule with the selector of its series.
struct Looked<'a> {
    rule: &'a Arc<Rule>,
    selector: Selector,
}

impl Adapter<'_> {
    /// Why rules of a group give no metric of the series that none of them gives one of. Where there are other metrics, rules
    /// that have nothing to do with any of these series are left out.
    pub(in crate::rule_tests) fn causes(&self, of: ApiGroup) -> Vec<String> {
        let rules = match of {
            ApiGroup::Custom => self.rules.custom(),
            ApiGroup::External => self.rules.external(),
            ApiGroup::Resource => return Vec::new(),
        };
        let looked = rules.iter().filter_map(|rule| {
            let selector = parse_selector(rule.series_query()).ok()?;
            Some(Looked { rule, selector })
        });
        let looked: Vec<Looked<'_>> = looked.collect();
        let mut given = BTreeSet::new();
        for Looked { rule, selector } in &looked {
            let series = self.world.matching(selector);
            let series = series.filter(|series| self.why_not(rule, series, of).is_none());
            given.extend(series.map(|series| series.labels.value(METRIC_NAME)));
        }
        let causes = looked.iter().flat_map(|looked| {
            let causes = self.of_rule(looked, of, &given);
            causes
                .into_iter()
                .map(|cause| self.told(looked.rule, of, &cause))
        });
        causes.collect()
    }

    /// What the selectors of a query don't find, or find no sample of that is as new as an instant query wants.
    pub(in crate::rule_tests) fn unseen(&self, promql: &str) -> Vec<String> {
        let selectors = selectors_of(promql).unwrap_or_default();
        let unseen = selectors.iter().filter_map(|text| {
            let selector = parse_selector(text).ok()?;
            let mut series = self.world.matching(&selector).peekable();
            if series.peek().is_none() {
                let why = match unselected(self.world, &selector, &BTreeSet::new()) {
                    Cause::Unmatched { series, matcher } => {
                        format!(": `{matcher}` doesn't match `{series}`")
                    }
                    Cause::NoSuchName(..) => ": none has the name".to_owned(),
                    _ => String::new(),
                };
                return Some(format!("no series is one of `{text}`{why}"));
            }
            self.unseen_samples(text, &series.collect::<Vec<_>>())
        });
        unseen.collect()
    }

    /// Why a query finds no sample of series that it selects; none where it may find one.
    fn unseen_samples(&self, text: &str, series: &[&Series]) -> Option<String> {
        let known = series.iter().map(|series| series.known_at(self.now));
        let lookback = i64::try_from(self.settings.lookback.as_millis()).unwrap_or(i64::MAX);
        let from = self.now.saturating_sub(lookback);
        if known
            .clone()
            .any(|known| known.newest(from, self.now).is_some())
        {
            return None;
        }
        let last = known.filter_map(|known| known.last_time(self.now)).max();
        Some(match last {
            Some(at) => format!(
                "the last sample of `{text}` is of {}, {} before the request",
                of_millis(at),
                of_millis(self.now - at)
            ),
            None => {
                let first = series.iter().filter_map(|series| series.begins()).min()?;
                format!(
                    "the first sample of `{text}` is of {}, after the request",
                    of_millis(first)
                )
            }
        })
    }

    /// Why a rule gives no metric of series that aren't in `given`; once for each name.
    fn of_rule(&self, looked: &Looked<'_>, of: ApiGroup, given: &BTreeSet<&str>) -> Vec<Cause> {
        let Looked { rule, selector } = looked;
        let mut causes: Vec<(&str, Cause)> = Vec::new();
        let mut selected = self.world.matching(selector).peekable();
        if selected.peek().is_none() {
            let cause = unselected(self.world, selector, given);
            // Of the other rules' metrics there is something to be said, and not of this rule.
            let is_told = given.is_empty() || !cause.is_of_no_series();
            return cause_if(is_told, cause);
        }
        for series in selected {
            let name = series.labels.value(METRIC_NAME);
            let is_told = given.contains(name) || causes.iter().any(|(told, _)| *told == name);
            if is_told {
                continue;
            }
            if let Some(cause) = self.why_not(rule, series, of) {
                causes.push((name, cause));
            }
        }
        causes.into_iter().map(|(_, cause)| cause).collect()
    }

    /// Why a rule gives no metric of a series that it selects; none where it does.
    fn why_not(&self, rule: &Rule, series: &Series, of: ApiGroup) -> Option<Cause> {
        let name = series.labels.value(METRIC_NAME);
        let shown = || write_labels(&series.labels);
        let from = self.now.saturating_sub(self.max_age).saturating_sub(1);
        let known = series.known_at(self.now);
        if !known.has_samples(from, self.now) {
            let last = known.last_time(self.now);
            return Some(match (last, series.begins()) {
                (None, Some(at)) if at > self.now => Cause::Early {
                    series: shown(),
                    at,
                },
                (last, _) => Cause::Old {
                    series: shown(),
                    at: last?,
                },
            });
        }
        if let Some((key, pattern)) = rule.leaves_out(name) {
            return Some(Cause::LeftOut {
                series: name.to_owned(),
                key,
                pattern: pattern.to_owned(),
            });
        }
        let names_objects = |label: &str| {
            rule.resource_of_label(label, self.cluster.mapper())
                .is_some()
        };
        let mut labels = series
            .labels
            .iter()
            .filter(|(label, _)| *label != METRIC_NAME);
        let has_objects = of == ApiGroup::External || labels.any(|(label, _)| names_objects(label));
        (!has_objects).then(|| Cause::NoObjects(shown()))
    }

    /// A cause in words.
    fn told(&self, rule: &Rule, of: ApiGroup, cause: &Cause) -> String {
        let query = rule.series_query();
        let cause = match cause {
            Cause::NoSuchName(name, near) => {
                let near = near.as_ref();
                let near = near.map_or(String::new(), |near| format!("; there is `{near}`"));
                format!("seriesQuery `{query}` selects no series: none has the name `{name}`{near}")
            }
            Cause::Unmatched { series, matcher } => {
                format!(
                    "seriesQuery `{query}` selects no series: `{matcher}` doesn't match `{series}`"
                )
            }
            Cause::Nothing => format!("seriesQuery `{query}` selects no series of `input_series`"),
            Cause::Old { series, at } => format!(
                "seriesQuery selects `{series}`, which isn't listed: its last sample is of {}, {} before the request, and metrics_max_age is {}",
                of_millis(*at),
                of_millis(self.now - at),
                of_millis(self.max_age)
            ),
            Cause::Early { series, at } => format!(
                "seriesQuery selects `{series}`, which isn't listed: its first sample is of {}, after the request",
                of_millis(*at)
            ),
            Cause::LeftOut {
                series,
                key,
                pattern,
            } => format!("{key} `{pattern}` leaves out `{series}`"),
            Cause::NoObjects(series) => {
                format!("resources: no label of `{series}` names objects")
            }
        };
        format!("{}[{}]: {cause}", of.key(), rule.position())
    }
}

impl Cause {
    /// Whether it says nothing of the series that there are.
    fn is_of_no_series(&self) -> bool {
        matches!(self, Self::NoSuchName(_, None) | Self::Nothing)
    }
}

fn cause_if(is_told: bool, cause: Cause) -> Vec<Cause> {
    is_told.then_some(cause).into_iter().collect()
}

/// Why a selector selects none of the series; only those that aren't in `given` are named.
fn unselected(world: &World, selector: &Selector, given: &BTreeSet<&str>) -> Cause {
    let demanded = selector.demands().find_map(|(label, demand)| match demand {
        Demand::Is(name) if label == METRIC_NAME => Some(name),
        _ => None,
    });
    let Some(name) = demanded else {
        return Cause::Nothing;
    };
    let name_of = |labels: &Labels| labels.value(METRIC_NAME).to_owned();
    let mut of_name = world
        .series()
        .filter(|series| name_of(&series.labels) == name);
    let unsatisfied =
        of_name.find_map(|series| Some((series, selector.unsatisfied(&series.labels)?)));
    if let Some((series, (label, demand))) = unsatisfied {
        return Cause::Unmatched {
            series: write_labels(&series.labels),
            matcher: Written(label, demand).to_string(),
        };
    }
    let names: BTreeSet<String> = world
        .series()
        .map(|series| name_of(&series.labels))
        .collect();
    let others = names.iter().map(String::as_str);
    let others = others.filter(|name| !given.contains(name));
    let near = nearest(name, others).map(str::to_owned);
    Cause::NoSuchName(name.to_owned(), near)
}

/// A matcher, as PromQL has it.
struct Written<'a>(&'a str, Demand<'a>);

impl fmt::Display for Written<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(label, demand) = self;
        match demand {
            Demand::Is(value) => write!(f, "{label}={value:?}"),
            Demand::IsNot(value) => write!(f, "{label}!={value:?}"),
            Demand::Like(pattern) => write!(f, "{label}=~{pattern:?}"),
            Demand::Unlike(pattern) => write!(f, "{label}!~{pattern:?}"),
        }
    }
}
