use super::{At, Check, Kind, Look, Severity, Told};
use crate::findings::subject::BUILT_IN;
use crate::findings::usage::{Consumers, Measure, Usage};
use crate::resources::GroupResource;

static KIND: Kind = Kind {
    code: "no-usage",
    severity: Severity::Error,
    about: "`resourceRules` lacks a query or a label for pods or for nodes, so none of them has values: those are of CPU and memory together.",
};

pub(super) const CHECK: Check = Check {
    kind: &KIND,
    look: Look::Usage(look),
};

fn look(usage: &Usage<'_>, told: &mut Told<'_>) {
    let [cpu, memory] = &usage.measures;
    if !cpu.has_query() && !memory.has_query() {
        return told.tell(
            At::usage(""),
            "it has no query, so neither pods nor nodes have CPU and memory",
            "write `containerQuery` and `nodeQuery` of `cpu` and of `memory`, or leave `resourceRules` out",
        );
    }
    for (measure, other) in [(cpu, memory), (memory, cpu)] {
        if measure.has_query() {
            queries(measure, other, told);
            labels(measure, told);
        } else {
            let key = measure.key;
            told.tell(
                At::usage(key),
                format!("`{key}` has no query, so what `{}` says is served to nobody: values are of both", other.key),
                format!("write `containerQuery` and `nodeQuery` of `{key}`"),
            );
        }
    }
}

/// Queries that the other measure has.
fn queries(measure: &Measure<'_>, other: &Measure<'_>, told: &mut Told<'_>) {
    for consumers in Consumers::BOTH {
        if other.asks_about(consumers) && !measure.asks_about(consumers) {
            told.tell(
                measure.at(consumers.query()),
                format!(
                    "it is empty, so no {consumers} have values, which are of `cpu` and `memory` together"
                ),
                format!("write a query as `{}` has it", other.key),
            );
        }
    }
}

/// Labels that the queries need.
fn labels(measure: &Measure<'_>, told: &mut Told<'_>) {
    let labels = measure.labels;
    if !labels.has_template() && labels.overrides().count() == 0 {
        return told.tell(
            measure.at("resources"),
            "it needs `template` or `overrides`: else no label names pods and nodes, and none of them has values",
            "write `overrides` for the labels of namespaces, pods and nodes, such as `pod: {resource: pod}`",
        );
    }
    for consumers in Consumers::BOTH {
        if !measure.asks_about(consumers) {
            continue;
        }
        for resource in consumers.resources() {
            let named = GroupResource::new("", resource);
            if labels.label(&named, &BUILT_IN).is_err() {
                let singular = resource.trim_end_matches('s');
                told.tell(
                    measure.at("resources"),
                    format!("it has no label for {resource}, so no {consumers} have values"),
                    format!("add an override such as `{singular}: {{resource: {singular}}}`"),
                );
            }
        }
    }
}
