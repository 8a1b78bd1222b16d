//! How an answer comes about, as a text.

use std::fmt::{Display, Write as _};

use anstyle::Style;
use jiff::Timestamp;
use serde::Serialize;
use setpoint_rules::config::{Instead, ValuePolicy};
use setpoint_rules::{ResolvedQuery, Rule, Sample, Upstream};

use super::recorder::Asked;
use crate::check::Unanswered;
use crate::error_chain::error_chain;
use crate::provider::ProviderError;
use crate::text::cut;

const BOLD: Style = Style::new().bold();

/// How many samples, names and values are shown.
const SHOWN: usize = 50;
/// Bytes of a query, of a sample and of a value that are shown.
const SHOWN_BYTES: usize = 4 << 10;

/// What is shown, and whether there are values.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) text: String,
    pub(super) has_values: bool,
    /// Whether a server that was asked can't be used.
    is_unusable: bool,
}

impl Shown {
    pub(super) fn exit_code(&self) -> u8 {
        match (self.has_values, self.is_unusable) {
            (true, _) => 0,
            (false, false) => 1,
            (false, true) => 2,
        }
    }

    pub(super) fn line(&mut self, line: impl Display) {
        // Writing to a String doesn't fail.
        let _ = writeln!(self.text, "{line}");
    }

    /// Rules whose series aren't known.
    pub(super) fn unanswered(&mut self, path: &str, rules: &[Unanswered]) {
        for rule in rules.iter().take(SHOWN) {
            let (line, column) = rule.place;
            self.line(format_args!(
                "{BOLD}no series:{BOLD:#} {path}:{line}:{column}: {rule}"
            ));
        }
        if rules.len() > SHOWN {
            self.line(format_args!("  and {} further ones", rules.len() - SHOWN));
        }
    }

    /// A rule, and where it stands.
    pub(super) fn rule(&mut self, place: &str) {
        self.line(format_args!("{BOLD}rule:{BOLD:#} {place}"));
    }

    /// Whom a rule asks, and what it says of values that there aren't; nothing where it says nothing.
    pub(super) fn of_rule(&mut self, rule: &Rule) {
        self.upstream(rule.upstream(), rule.header_names());
        let policy = rule.value_policy();
        if *policy != ValuePolicy::default() {
            self.line(format_args!("  {BOLD}valuePolicy:{BOLD:#} {policy}"));
        }
    }

    /// Who is asked, if that isn't the Prometheus that the command line names, and the names of headers.
    pub(super) fn upstream<'a>(
        &mut self,
        upstream: Option<&Upstream>,
        headers: impl Iterator<Item = &'a str>,
    ) {
        if let Some(Upstream { name, url, .. }) = upstream {
            self.line(format_args!("  {BOLD}upstream:{BOLD:#} {name} ({url})"));
        }
        let headers: Vec<_> = headers.collect();
        if !headers.is_empty() {
            let headers = headers.join(", ");
            self.line(format_args!("  {BOLD}headers:{BOLD:#} {headers}"));
        }
    }

    /// A query and what Prometheus answers; nothing where it wasn't asked.
    pub(super) fn asked(&mut self, promql: &str, asked: Option<&Asked>) {
        let promql = cut(promql.trim(), SHOWN_BYTES);
        self.line(format_args!("  {BOLD}query:{BOLD:#} {promql}"));
        let Some(asked) = asked else {
            return self.line("  not asked: there is an answer before it");
        };
        if let Some(failure) = &asked.failure {
            return self.line(format_args!("  {BOLD}Prometheus fails:{BOLD:#} {failure}"));
        }
        let count = asked.count;
        self.line(format_args!(
            "  {BOLD}samples of Prometheus:{BOLD:#} {count}"
        ));
        for sample in asked.samples.iter().take(SHOWN) {
            self.sample(sample);
        }
        if count > SHOWN {
            self.line(format_args!("    and {} further ones", count - SHOWN));
        }
    }

    fn sample(&mut self, sample: &Sample) {
        let labels = sample.labels.iter();
        let labels: Vec<_> = labels
            .map(|(name, value)| format!("{name}={value:?}"))
            .collect();
        let labels = labels.join(",");
        let labels = cut(&labels, SHOWN_BYTES);
        let time = sample.timestamp;
        self.line(format_args!("    {{{labels}}} {} at {time}", sample.value));
    }

    /// What the samples say of the rule, and why objects have no value.
    pub(super) fn remarks(
        &mut self,
        candidate: &ResolvedQuery<'_>,
        names: &[String],
        asked: &Asked,
    ) {
        let Ok(mut values) = candidate.values(names) else {
            return;
        };
        for sample in &asked.samples {
            values.add(sample);
        }
        for remark in values.remarks() {
            self.line(format_args!("  {BOLD}remark:{BOLD:#} {remark}"));
        }
        let missing = values.without_sample();
        if !missing.is_empty() && asked.failure.is_none() {
            let (missing, label) = (self::names(&missing), values.label());
            let absent = candidate.rule().value_policy().absent.as_ref();
            let what = match absent.and_then(Instead::value) {
                Some(value) => format!("counts as {value}"),
                None => "no value".to_owned(),
            };
            self.line(format_args!(
                "  {BOLD}{what}:{BOLD:#} {missing}: no sample has the name in label `{label}`"
            ));
        }
        if let Ok(items) = values.items(Timestamp::now()) {
            for error in items.left_out {
                self.line(format_args!("  {BOLD}no value:{BOLD:#} {error}"));
            }
        }
    }

    /// The items of the answer, or why there is none.
    pub(super) fn answer<T: Serialize>(&mut self, answer: Result<Vec<T>, ProviderError>) {
        match answer {
            Ok(values) => self.values(&values),
            Err(error) => self.fails(&error),
        }
    }

    fn values<T: Serialize>(&mut self, values: &[T]) {
        self.has_values = !values.is_empty();
        let count = values.len();
        self.line(format_args!("{BOLD}items of the answer:{BOLD:#} {count}"));
        for value in values.iter().take(SHOWN) {
            let text = serde_json::to_string(value).unwrap_or_default();
            let text = cut(&text, SHOWN_BYTES);
            self.line(format_args!("  {text}"));
        }
        if count > SHOWN {
            self.line(format_args!("  and {} further ones", count - SHOWN));
        }
    }

    /// Why there is no answer.
    pub(super) fn fails(&mut self, error: &ProviderError) {
        self.is_unusable |= error.is_unusable();
        let error = error_chain(error);
        self.line(format_args!("{BOLD}no answer:{BOLD:#} {error}"));
    }

    /// The metrics of the same name, or some that there are.
    pub(super) fn known(&mut self, metrics: impl Iterator<Item = impl Display>, metric: &str) {
        let metrics: Vec<String> = metrics.map(|known| known.to_string()).collect();
        let same = metrics.iter().filter(|known| known.ends_with(metric));
        let mut listed: Vec<String> = same.cloned().collect();
        if listed.is_empty() {
            listed = metrics;
        }
        self.line(format_args!("metrics that there are: {}", names(&listed)));
    }
}

/// Names, the first of them.
pub(super) fn names(names: &[String]) -> String {
    let mut shown: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
    let more = format!("{} further ones", names.len().saturating_sub(SHOWN));
    if names.len() > SHOWN {
        shown.push(&more);
    }
    match shown.is_empty() {
        true => "none".to_owned(),
        false => shown.join(", "),
    }
}

/// The items of a list.
pub(super) fn items(list: impl Serialize) -> Vec<serde_json::Value> {
    let mut list = serde_json::to_value(list).unwrap_or_default();
    match list["items"].take() {
        serde_json::Value::Array(items) => items,
        _ => Vec::new(),
    }
}

/// Values as documents, so that those of pods and of nodes are shown alike.
pub(super) fn documents<T: Serialize>(values: Vec<T>) -> Vec<serde_json::Value> {
    let values = values.into_iter();
    values
        .map(|value| serde_json::to_value(value).unwrap_or_default())
        .collect()
}
