//! Steps in a few words.

use crate::scenario::{Expectation, FaultStep, PkiStep, Restarted, Step, WaitFor};

/// A step in a few words, for progress and reports.
pub(super) fn words(step: &Step) -> String {
    match step {
        Step::Apply(objects) => format!("apply {} objects", objects.len()),
        Step::Refused(refused) => format!(
            "apply {} {}, which is refused",
            text(&refused.apply["kind"]),
            text(&refused.apply["metadata"]["name"])
        ),
        Step::Delete(object) => format!("delete {} {}", object.kind, object.name),
        Step::Restore(object) => format!("put back {} {}", object.kind, object.name),
        Step::Metrics(metrics) => {
            let names: Vec<String> = metrics
                .iter()
                .map(|metric| format!("{} = {}", metric.custom, metric.values))
                .collect();
            format!("metrics {}", names.join(", "))
        }
        Step::Fault(FaultStep::None(_)) => "no fault any more".to_owned(),
        Step::Fault(FaultStep::Prometheus(fault)) => fault.answer.map_or_else(
            || "Prometheus answers late".to_owned(),
            |status| format!("Prometheus answers {status}"),
        ),
        Step::Wait(WaitFor { for_ }) => format!("wait for {}", expectation_words(for_)),
        Step::Expect(expectation) => format!("expect {}", expectation_words(expectation)),
        Step::Request(request) => format!("request {}", request.path),
        Step::Pki(step) => pki_words(step),
        Step::Restart(Restarted::Adapter) => "restart the adapter".to_owned(),
        Step::Traffic(traffic) => format!("{} requests a second to {}", traffic.total, traffic.to),
        Step::Load(load) => format!("{} requests a second for {}", load.rate, load.path),
    }
}

fn text(value: &serde_json::Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn expectation_words(expectation: &Expectation) -> String {
    match expectation {
        Expectation::Replicas {
            of,
            equals,
            after: Some(_),
            ..
        } => format!("{of} to keep {equals} replicas"),
        Expectation::Replicas { of, equals, .. } => format!("{equals} replicas of {of}"),
        Expectation::Hpa {
            name,
            condition,
            current,
            ..
        } => {
            let what = condition
                .clone()
                .or_else(|| current.as_ref().map(|current| format!("current {current}")));
            format!("HPA {name} {}", what.unwrap_or_default())
        }
        Expectation::Apiservice {
            name, available, ..
        } => format!("APIService {name} Available={available:?}"),
        Expectation::Pod(pod) => crate::expect::pod_in_words(pod),
        Expectation::Discovery { group, version, .. } => format!("discovery of {group}/{version}"),
        Expectation::Target {
            discovered_labels,
            health,
            ..
        } => {
            let labels: Vec<&str> = discovered_labels.values().map(String::as_str).collect();
            format!("target {} {health:?}", labels.join(" ")).to_lowercase()
        }
        Expectation::Query { promql, .. } => format!("query {promql}"),
    }
}

fn pki_words(step: &PkiStep) -> String {
    let bundle = step
        .ca_bundle
        .as_ref()
        .map(|names| format!("caBundle of {}", names.join(" and ")));
    let serving = step.serving.as_ref().map(|serving| {
        let flaw = match (serving.flaw, serving.broken) {
            (Some(flaw), _) => format!(", {flaw:?}"),
            (_, Some(broken)) => format!(", broken: {broken:?}"),
            _ => String::new(),
        };
        let names = serving
            .names
            .as_ref()
            .map(|names| format!(" for {}", names.join(", ")));
        format!(
            "serving pair by {}{}{flaw}",
            serving.signed_by,
            names.unwrap_or_default()
        )
    });
    let parts: Vec<String> = bundle.into_iter().chain(serving).collect();
    parts.join(", ")
}
