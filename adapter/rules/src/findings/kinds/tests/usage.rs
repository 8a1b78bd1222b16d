//! `resourceRules`.

use super::*;

const OVERRIDES: &str =
    "{overrides: {namespace: {resource: namespace}, pod: {resource: pod}, node: {resource: node}}}";
const OF_CONTAINERS: &str = "sum(x{<<.LabelMatchers>>}) by (<<.GroupBy>>)";
const OF_NODES: &str = "sum(y{<<.LabelMatchers>>}) by (<<.GroupBy>>)";

/// What is found in `resourceRules` with these measures: codes and keys.
fn found(rules: &str) -> Vec<String> {
    let rules = Rules::parse(&format!("resourceRules: {{{rules}}}"));
    let rules = rules.unwrap_or_else(|error| panic!("{error}"));
    let found = rules.findings().iter();
    let found = found.map(|finding| format!("{} {}", finding.kind.code, finding.subject));
    found.collect()
}

/// A measure without some of its keys, and with others.
fn measure(left_out: &[&str], others: &[(&str, &str)]) -> String {
    let (of_containers, of_nodes) = (format!("'{OF_CONTAINERS}'"), format!("'{OF_NODES}'"));
    let keys = [
        ("containerQuery", of_containers.as_str()),
        ("nodeQuery", of_nodes.as_str()),
        ("resources", OVERRIDES),
        ("containerLabel", "container"),
    ];
    let is_kept = |(key, _): &(&str, &str)| {
        !left_out.contains(key) && others.iter().all(|(other, _)| other != key)
    };
    let keys = keys
        .into_iter()
        .filter(is_kept)
        .chain(others.iter().copied());
    let keys: Vec<_> = keys.map(|(key, value)| format!("{key}: {value}")).collect();
    format!("{{{}}}", keys.join(", "))
}

#[test]
fn queries_of_resource_rules_are_looked_at_too() {
    let of = |query: &str| {
        let cpu = measure(&[], &[("containerQuery", &format!("'{query}'"))]);
        let codes = found(&format!("cpu: {cpu}, memory: {}", measure(&[], &[])));
        let codes = codes.iter().filter_map(|told| told.split(' ').next());
        codes.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(of(GOOD.replace("<<.Series>>", "x").as_str()), [""; 0]);
    assert_eq!(of("sum(x{<<.LabelMatchers>>})"), ["label-lost"]);
    assert_eq!(of("sum(x) by (<<.GroupBy>>)"), ["no-label-matchers"]);
    assert_eq!(of("sum(<<.Seris>>) by (<<.GroupBy>>)"), ["unknown-field"]);
    assert_eq!(
        of("sum(x{<<.LabelMatchers>>}) by (<<.GroupBy>>, namespace)"),
        [""; 0]
    );
    assert_eq!(
        of("sum(x{<<.LabelMatchers>>}) by (<<.GroupBy>>, id)"),
        ["several-results"]
    );
}

#[test]
fn what_leaves_pods_or_nodes_without_values_is_found_at_its_key() {
    let whole = measure(&[], &[]);
    let no_pods = "{overrides: {namespace: {resource: namespace}, node: {resource: node}}}";
    let no_nodes = "{overrides: {namespace: {resource: namespace}, pod: {resource: pod}}}";
    let no_namespaces = "{overrides: {pod: {resource: pod}, node: {resource: node}}}";
    for (memory, expected) in [
        (whole.clone(), &[][..]),
        (
            measure(&["nodeQuery"], &[]),
            &["no-usage resourceRules.memory.nodeQuery"],
        ),
        (
            measure(&["containerQuery"], &[]),
            &["no-usage resourceRules.memory.containerQuery"],
        ),
        (
            measure(&[], &[("nodeQuery", "' '")]),
            &["no-usage resourceRules.memory.nodeQuery"],
        ),
        (
            measure(&["resources"], &[]),
            &["no-usage resourceRules.memory.resources"],
        ),
        (
            measure(&[], &[("resources", no_pods)]),
            &["no-usage resourceRules.memory.resources"],
        ),
        (
            measure(&[], &[("resources", no_nodes)]),
            &["no-usage resourceRules.memory.resources"],
        ),
        (
            measure(&[], &[("resources", no_namespaces)]),
            &["no-usage resourceRules.memory.resources"],
        ),
        (
            measure(&[], &[("resources", "{template: '<<.Resource>>'}")]),
            &[],
        ),
        (
            measure(&["containerLabel"], &[]),
            &["no-container-label resourceRules.memory.containerLabel"],
        ),
        ("{}".to_owned(), &["no-usage resourceRules.memory"]),
    ] {
        assert_eq!(
            found(&format!("cpu: {whole}, memory: {memory}")),
            expected,
            "{memory}"
        );
    }
    assert_eq!(
        found(&format!("memory: {whole}")),
        ["no-usage resourceRules.cpu"]
    );
    assert_eq!(found(""), ["no-usage resourceRules"]);
}

#[test]
fn rules_of_pods_alone_or_of_nodes_alone_are_noted_and_need_labels_of_these() {
    let both = |one: &str| found(&format!("cpu: {one}, memory: {one}"));
    let no_nodes = "{overrides: {namespace: {resource: namespace}, pod: {resource: pod}}}";
    let pods = measure(&["nodeQuery"], &[("resources", no_nodes)]);
    assert_eq!(both(&pods), ["half-usage resourceRules"]);
    let nodes = measure(
        &["containerQuery", "containerLabel"],
        &[("resources", "{overrides: {node: {resource: node}}}")],
    );
    assert_eq!(both(&nodes), ["half-usage resourceRules"]);
}

#[test]
fn labels_of_resource_rules_are_looked_at_too() {
    let of = |resources: &str| {
        let cpu = measure(&[], &[("resources", resources)]);
        found(&format!("cpu: {cpu}, memory: {}", measure(&[], &[])))
    };
    assert_eq!(
        of("{template: '<<.Resource>>.name'}"),
        ["label-template resourceRules.cpu.resources.template"]
    );
    let with = |others: &str| of(&OVERRIDES.replace("}}}", &format!("}}, {others}}}}}")));
    assert_eq!(
        with("w: {resource: widget}"),
        ["unknown-resource resourceRules.cpu.resources.overrides"]
    );
    assert_eq!(
        with("a_pod: {resource: pod}"),
        ["two-labels resourceRules.cpu.resources.overrides"]
    );
    assert_eq!(
        of(
            "{overrides: {namespace: {resource: namespace}, pod: {resource: node}, p: {resource: pod}}}"
        ),
        ["wrong-label resourceRules.cpu.resources.overrides"]
    );
}
