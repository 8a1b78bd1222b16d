//! A group of tests, as a first file has it: series, objects, and questions whose answers aren't known yet.

use std::collections::{BTreeMap, BTreeSet};

use setpoint_replay::labels::Labels;
use setpoint_replay::notation::write_labels;
use setpoint_replay::promql::Settings;
use setpoint_replay::{Script, ScriptedSeries, World};
use setpoint_rules::{GroupResource, RestMapper, Rule};

use super::super::answer::Adapter;
use super::super::api_group::ApiGroup;
use super::super::cluster::Cluster;
use super::super::duration::PromDuration;
use super::Context;

/// The time between two samples where a group doesn't say it, as the file does.
const INTERVAL: i64 = 30_000;
/// What a series has to be younger than to be listed, as where the file doesn't say it.
const MAX_AGE: PromDuration = PromDuration::minutes(10);

/// The names of objects, by resource and namespace.
pub(super) type ObjectNames = BTreeMap<GroupResource, BTreeMap<Option<String>, BTreeSet<String>>>;

/// What a group is written of.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) name: String,
    /// The time between two samples, where that isn't the file's.
    pub(super) interval: Option<PromDuration>,
    /// Name and labels, and values in promtool's notation.
    pub(super) series: Vec<(Labels, String)>,
    pub(super) objects: ObjectNames,
    /// When the adapter is asked.
    pub(super) at: PromDuration,
}

impl Group {
    /// Its text, with anything in place of the answers; none where no rule makes a metric of the series.
    pub(super) fn text(&self, of: ApiGroup, context: &Context<'_>) -> Option<String> {
        let listed = self.listed(of, context)?;
        let asked = match of {
            ApiGroup::External => self.of_external(&listed),
            ApiGroup::Custom | ApiGroup::Resource => self.of_objects(&listed, &context.mapper)?,
        };
        let interval = self.interval;
        let interval = interval.map(|interval| format!("  interval: {interval}\n"));
        let series = self.series.iter().map(|(labels, values)| {
            let series = text(&write_labels(labels));
            format!("  - series: {series}\n    values: {}\n", plain(values))
        });
        Some(format!(
            "- name: {}\n{}  input_series:\n{}{asked}",
            text(&self.name),
            interval.unwrap_or_default(),
            series.collect::<String>()
        ))
    }

    /// Objects, and requests for the metrics of all of them.
    fn of_objects(&self, listed: &[String], mapper: &RestMapper) -> Option<String> {
        // A metric of a namespace has the same query as that of the objects in it.
        let mut tested: Vec<&String> = listed
            .iter()
            .filter(|name| !name.starts_with("namespaces/"))
            .collect();
        if tested.is_empty() {
            tested = listed.iter().collect();
        }
        let mut requests = String::new();
        let mut of_cluster = String::new();
        for name in tested {
            for (short, request) in self.requests(name, mapper) {
                if !of_cluster.contains(&short) {
                    of_cluster.push_str(&short);
                }
                requests.push_str(&request);
            }
        }
        let at = self.at;
        (!requests.is_empty()).then(|| format!(
            "  objects:\n{of_cluster}  metric_test:\n{requests}  discovery_test:\n  - eval_time: {at}\n    exp_resources:\n    - a/b\n"
        ))
    }

    /// For each namespace its objects in short form, and a request for a metric of all of them, with anything in place of
    /// the answer.
    fn requests(&self, name: &str, mapper: &RestMapper) -> Vec<(String, String)> {
        let Some((resource, metric)) = name.split_once('/') else {
            return Vec::new();
        };
        let named = GroupResource::parse(resource);
        let is_namespaced = mapper
            .resource(&named)
            .is_some_and(|known| known.namespaced);
        let namespaces = self.objects.get(&named).into_iter().flatten();
        let request = |(namespace, names): (&Option<String>, &BTreeSet<String>)| {
            let place = namespace.as_ref().filter(|_| is_namespaced);
            let place = place.map(|namespace| format!("namespace: {}", text(namespace)));
            let within = place.as_ref().map(|place| format!(", {place}"));
            let names: Vec<String> = names.iter().map(|name| text(name)).collect();
            let short = format!(
                "  - {{{}: [{}]{}}}\n",
                text(resource),
                names.join(", "),
                within.unwrap_or_default()
            );
            let place = place.map(|place| format!("    {place}\n"));
            let request = format!(
                "  - eval_time: {}\n    metric: {}\n{}    object: {}\n    exp_items: []\n",
                self.at,
                text(metric),
                place.unwrap_or_default(),
                text(&format!("{resource}/*")),
            );
            (short, request)
        };
        namespaces.map(request).collect()
    }

    /// Requests for external metrics, by the namespaces of the series.
    fn of_external(&self, listed: &[String]) -> String {
        let namespaces = self.objects.get(&GroupResource::new("", "namespaces"));
        let namespaces = namespaces.into_iter().flat_map(BTreeMap::values).flatten();
        let mut namespaces: Vec<&str> = namespaces.map(String::as_str).collect();
        if namespaces.is_empty() {
            namespaces.push("default");
        }
        let mut requests = String::new();
        for metric in listed {
            for namespace in &namespaces {
                requests.push_str(&format!(
                    "  - eval_time: {}\n    external: {}\n    namespace: {}\n    exp_values: []\n",
                    self.at,
                    text(metric),
                    text(namespace)
                ));
            }
        }
        let at = self.at;
        format!(
            "  metric_test:\n{requests}  discovery_test:\n  - eval_time: {at}\n    exp_external:\n    - a\n"
        )
    }

    /// The metrics that all rules make of the series; none where it is none.
    fn listed(&self, of: ApiGroup, context: &Context<'_>) -> Option<Vec<String>> {
        let interval = self.interval.map_or(INTERVAL, PromDuration::millis);
        let mut script = Script::default();
        for (labels, values) in &self.series {
            script.series.push(ScriptedSeries {
                series: write_labels(labels),
                values: values.parse().ok()?,
                interval: interval as f64 / 1000.0,
                from: 0.0,
                hold: false,
            });
        }
        let world = World::new(&script, 0).ok()?;
        let settings = Settings::default();
        let cluster = Cluster::of(context.mapper.clone());
        let (at, max_age) = (self.at.millis(), MAX_AGE.millis());
        let adapter = Adapter::new(context.rules, &world, &settings, &cluster, at, max_age);
        let listed = adapter.discovery(of);
        (!listed.is_empty()).then_some(listed)
    }
}

/// The objects that labels of a rule's series name.
pub(super) fn objects_of<'a>(
    rule: &Rule,
    mapper: &RestMapper,
    series: impl IntoIterator<Item = &'a Labels>,
) -> ObjectNames {
    let mut objects = ObjectNames::new();
    let of_namespaces = GroupResource::new("", "namespaces");
    for labels in series {
        let of_label = |(label, name): (&str, &str)| {
            let resource = rule.resource_of_label(label, mapper)?;
            Some((resource, name.to_owned()))
        };
        let named: Vec<_> = labels.iter().filter_map(of_label).collect();
        let mut namespaces = named
            .iter()
            .filter(|(resource, _)| *resource == of_namespaces);
        let namespace = namespaces.next().map(|(_, namespace)| namespace.clone());
        for (resource, name) in named {
            let known = mapper.resource(&resource);
            let within = namespace
                .clone()
                .filter(|_| known.is_some_and(|known| known.namespaced));
            let of_resource = objects.entry(resource).or_default();
            of_resource.entry(within).or_default().insert(name);
        }
    }
    objects
}

/// A text in quotes, as JSON and YAML have it.
pub(super) fn text(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// Values, in quotes where they may look like something else.
fn plain(values: &str) -> String {
    let is_plain = |c: char| c.is_ascii_digit() || "+.x".contains(c);
    if values.contains('x') && values.chars().all(is_plain) {
        values.to_owned()
    } else {
        text(values)
    }
}
