use super::*;

#[test]
fn rules_of_a_role_are_none_of_the_adapter() {
    let role =
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nrules: [{verbs: [get]}]\n";
    assert!(RuleFile::parse(role).unwrap().is_none());
    let both = format!("{role}---\nrules: [{{seriesQuery: up}}]\n");
    let file = RuleFile::parse(&both).unwrap().unwrap();
    assert_eq!(file.custom().len(), 1);
    assert_eq!(file.place(&At::rule("rules", 0, "seriesQuery")), (5, 23));
}

fn refused(text: &str) -> Vec<String> {
    let findings = RuleFile::parse(text).unwrap_err();
    let said = |found: &Finding| format!("{}:{}: {}", found.line, found.column, found.sentence);
    findings.iter().map(said).collect()
}

#[test]
fn what_cant_be_read_is_told_where_it_stands() {
    for (text, expected) in [
        ("rules: [", "1:8: unclosed bracket"),
        ("rules: []\n---\nrules: []\n", "1:1: 2 documents have rules"),
        (
            "rules:\n  existing: other\n",
            "2:13: the rules are in the ConfigMap other",
        ),
        (
            "adapter:\n  rules:\n    custom: 7\n",
            "3:13: `custom` is no list of rules",
        ),
        ("rules:\n  custom:\n  - seriesQuery: [a]\n", "3:5: "),
        ("rules:\n  resource:\n    cpu: 7\n", "3:5: "),
        (
            "rules: {resource: cpu}",
            "1:19: `resource` is no map of rules",
        ),
        (
            "rules:\n  default: false\n  customs: []\n",
            "3:12: the chart knows no `customs` below `rules`, so it has no effect; there are `default`, `custom`",
        ),
        (
            "rules: {a: b}",
            "1:12: the chart knows no `a` below `rules`",
        ),
        (
            "a-adapter: {rules: {customs: []}}",
            "1:30: the chart knows no `customs` below `rules`",
        ),
        (
            "a: {rules: {custom: []}}\nb: {rules: {custom: []}}\n",
            "2:4: `a` and `b` have rules, and an adapter has one configuration",
        ),
        (
            "kind: ConfigMap\ndata:\n  a.yaml: 'rules: []'\n  b.yaml: 'rules: []'\n",
            "4:11: `a.yaml` and `b.yaml` have rules, and an adapter has one configuration",
        ),
        (
            "kind: ConfigMap\ndata:\n  config.yaml: 'rules: []'\n  a.yaml: 'externalRules: []'\n",
            "4:11: `config.yaml` and `a.yaml` have rules",
        ),
        (
            "kind: ConfigMap\ndata:\n  config.yaml: 'rules: ['\n  a.yaml: 'rules: []'\n",
            "4:11: `config.yaml` and `a.yaml` have rules",
        ),
        (
            "kind: ConfigMap\ndata:\n  config.yaml: |\n    rules: [{a: 7, seriesQuery: [x]}]\n",
            "4:",
        ),
    ] {
        let said = refused(text);
        assert!(said[0].starts_with(expected), "{text}: {said:?}");
    }
}

#[test]
fn rules_are_found_in_each_shape_that_people_keep_them_in() {
    let rule = "[{seriesQuery: up}]";
    for (text, custom, external, with_defaults) in [
        (format!("rules: {rule}"), 1, 0, false),
        (format!("externalRules: {rule}"), 0, 1, false),
        (
            format!("kind: ConfigMap\ndata:\n  config.yaml: 'rules: {rule}'\n"),
            1,
            0,
            false,
        ),
        (
            format!("kind: ConfigMap\ndata:\n  note: x\n  other.yaml: 'rules: {rule}'\n"),
            1,
            0,
            false,
        ),
        (
            format!(
                "kind: ConfigMap\ndata: {{config.yaml: 'log: debug', a.yaml: 'rules: {rule}'}}"
            ),
            1,
            0,
            false,
        ),
        (
            format!("rules: {{custom: {rule}, external: {rule}}}"),
            1,
            1,
            true,
        ),
        (
            format!("rules: {{existing: '', custom: {rule}}}"),
            1,
            0,
            true,
        ),
        (
            format!(
                "defaultRules: {{rules: {{etcd: true}}}}\nmetrics: {{rules: {{custom: {rule}}}}}"
            ),
            1,
            0,
            true,
        ),
        (
            format!("rules: {{default: false, custom: {rule}}}"),
            1,
            0,
            false,
        ),
        (
            format!("prometheus-adapter: {{rules: {{external: {rule}}}}}"),
            0,
            1,
            true,
        ),
    ] {
        let file = RuleFile::parse(&text).unwrap().unwrap();
        let found = (
            file.custom().len(),
            file.external().len(),
            file.has_default_rules(),
        );
        assert_eq!(found, (custom, external, with_defaults), "{text}");
    }
    for none in [
        "kind: ConfigMap\ndata: {note: x}",
        "defaultRules: {rules: {etcd: true}}",
    ] {
        assert!(RuleFile::parse(none).unwrap().is_none(), "{none}");
    }
}

#[test]
fn what_rules_give_is_known_as_far_as_no_series_decides_it() {
    let file = "rules:
- {seriesQuery: load, name: {as: pressure}, resources: {overrides: {ns: {resource: namespace}, pod: {resource: pod}}}, metricsQuery: 'sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)'}
- {seriesQuery: '{__name__=~\"^a_\"}', resources: {template: <<.Resource>>}, metricsQuery: 'max(<<.Series>>) by (<<.GroupBy>>)'}
externalRules:
- {seriesQuery: depth, metricsQuery: 'sum(<<.Series>>)'}
- {seriesQuery: '{__name__=~\"^b_\"}', metricsQuery: 'sum(<<.Series>>)'}
resourceRules:
  cpu: {containerQuery: 'cpu{<<.LabelMatchers>>}', nodeQuery: 'node_cpu', resources: {overrides: {pod: {resource: pod}}}}
  memory: {containerQuery: 'memory{<<.LabelMatchers>>}', nodeQuery: 'node_memory', resources: {overrides: {pod: {resource: pod}}}}
";
    let file = RuleFile::parse(file).unwrap().unwrap();
    assert!(!file.is_refused(), "{:?}", file.findings());
    insta::assert_debug_snapshot!(file.expected());
    let queries = file.sample_queries();
    let queries: Vec<_> = queries
        .iter()
        .map(|(at, to, query)| format!("{at} {:?} {query}", to.upstream))
        .collect();
    insta::assert_debug_snapshot!(queries);
}

#[test]
fn what_says_nothing_is_no_document_and_others_keep_their_lines() {
    let documents = yaml_documents("# a comment\n---\na: 1\n---\n\n# b\n---\nb: 2\n");
    assert_eq!(documents, ["\n\na: 1\n", "\n\n\n\n\n\n\nb: 2\n"]);
}

#[test]
fn an_object_of_kubernetes_has_both_kind_and_version() {
    let rules = "rules: [{seriesQuery: up}]";
    let values = "rules: {custom: [{seriesQuery: up}]}";
    for key in ["kind: of-our-own", "apiVersion: two"] {
        let file = RuleFile::parse(&format!("{key}\n{values}\n")).unwrap();
        assert_eq!(file.map(|file| file.custom().len()), Some(1), "{key}");
        let said = refused(&format!("{key}\n{rules}\n"));
        assert!(said[0].contains("unknown field"), "{key}: {said:?}");
    }
    for text in [rules, values] {
        let object = format!("kind: Role\napiVersion: v1\n{text}\n");
        assert!(RuleFile::parse(&object).unwrap().is_none(), "{text}");
    }
}
