//! The series that a rule is about, known without any: a metric that counts as something where its series are absent
//! is there although they are.

use super::labels::ResourceLabels;
use super::may_match_empty;
use crate::config::DiscoveryRule;
use crate::expression::Selector;
use crate::series::{SeriesCollector, SeriesNames};

/// The one name that `seriesQuery` selects, with the labels that its series have for certain and those that name
/// objects; none where it selects several, or where the rule has no value without series.
pub(super) fn series(rule: &DiscoveryRule, resources: &ResourceLabels) -> Option<SeriesNames> {
    rule.value_policy.absent.as_ref()?.value()?;
    let selector = Selector::parse(&rule.series_query).ok()?;
    let certain = selector
        .matchers
        .iter()
        .filter(|matcher| !may_match_empty(matcher.operator, &matcher.value))
        .map(|matcher| matcher.label.as_str())
        .filter(|label| *label != "__name__");
    let overrides = resources.overrides().map(|(label, _)| label);
    let mut collector = SeriesCollector::default();
    let kept = collector.add(selector.series()?, certain.chain(overrides));
    kept.is_ok_and(|kept| kept).then(|| collector.finish())
}
