use super::*;
use crate::path::tests::resource;
use crate::resources::tests::cluster;
use crate::{Rules, UsageQuery};

const RULES: &str = "resourceRules:
  cpu:
    containerQuery: sum by (<<.GroupBy>>) (rate(cpu{<<.LabelMatchers>>}[2m]))
    nodeQuery: sum by (<<.GroupBy>>) (rate(cpu{<<.LabelMatchers>>,id='/'}[2m]))
    resources: {overrides: {node: {resource: node}, ns: {resource: namespace}, pod: {resource: pod}}}
    containerLabel: container
  memory:
    containerQuery: sum by (<<.GroupBy>>) (memory{<<.LabelMatchers>>})
    resources: {template: '<<.Resource>>'}
    containerLabel: container
  window: 1m30s
";

fn rules() -> std::sync::Arc<UsageRules> {
    Rules::parse(RULES).unwrap().usage().unwrap().clone()
}

fn query(path: &str, query_string: &str) -> Result<UsageQuery, crate::InvalidQuery> {
    let path = format!("/apis/metrics.k8s.io/v1beta1/{path}");
    UsageQuery::new(&resource(&path), query_string)
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[test]
fn queries_name_the_objects_and_group_by_them_and_their_containers() {
    let rules = rules();
    let promql = |measure, consumers, asked: &[&str]| {
        let promql = rules.promql(measure, consumers, &names(asked), &cluster());
        promql.unwrap_or_else(|error| error.to_string())
    };
    let pods = Consumers::Pods("shop");
    assert_eq!(
        promql(Measure::Cpu, pods, &["a", "b"]),
        r#"sum by (pod,container) (rate(cpu{ns="shop",pod=~"a|b"}[2m]))"#
    );
    assert_eq!(
        promql(Measure::Memory, pods, &["a"]),
        r#"sum by (pod,container) (memory{namespace="shop",pod="a"})"#
    );
    assert_eq!(
        promql(Measure::Cpu, Consumers::Nodes, &["n"]),
        r#"sum by (node) (rate(cpu{node="n",id='/'}[2m]))"#
    );
    assert_eq!(
        promql(Measure::Memory, Consumers::Nodes, &["n"]),
        "resourceRules.memory gives no query for nodes: metricsQuery gives an empty query"
    );
}

/// A sample of a container of an object, at a second.
fn sample(label: &str, name: &str, container: Option<&str>, value: f64, second: i64) -> Sample {
    let labels = [
        (label.to_owned(), name.to_owned()),
        (
            "container".to_owned(),
            container.unwrap_or_default().to_owned(),
        ),
    ];
    Sample {
        labels: labels.into_iter().collect(),
        timestamp: Timestamp::from_second(second).unwrap(),
        value,
    }
}

fn pods(cpu: &[Sample], memory: &[Sample]) -> Vec<PodMetrics> {
    let (rules, asked) = (rules(), names(&["a", "b"]));
    let of = |measure, samples: &[Sample]| {
        let pods = Consumers::Pods("shop");
        let mut measured = rules.measured(measure, pods, &asked, &cluster()).unwrap();
        samples.iter().for_each(|sample| measured.add(sample));
        measured.finish().unwrap()
    };
    let (cpu, memory) = (of(Measure::Cpu, cpu), of(Measure::Memory, memory));
    let consumer = |name: &String| Consumer {
        name: name.clone(),
        namespace: Some("shop".to_owned()),
        labels: BTreeMap::from([("app".to_owned(), "web".to_owned())]),
    };
    let pod = |name: &String| rules.pod(&consumer(name), &cpu, &memory, Timestamp::UNIX_EPOCH);
    asked.iter().filter_map(pod).collect()
}

#[test]
fn a_pod_has_all_its_containers_the_oldest_time_and_the_window() {
    let pod = |container, value, second| sample("pod", "a", Some(container), value, second);
    let metrics = pods(
        &[
            pod("web", 0.25, 9),
            pod("proxy", f64::NAN, 8),
            sample("pod", "other", None, 1.0, 1),
        ],
        &[pod("web", 104_857_600.0, 7), pod("init", -5.0, 9)],
    );
    insta::assert_json_snapshot!(metrics, @r#"
    [
      {
        "metadata": {
          "name": "a",
          "namespace": "shop",
          "creationTimestamp": "1970-01-01T00:00:00Z",
          "labels": {
            "app": "web"
          }
        },
        "timestamp": "1970-01-01T00:00:07Z",
        "window": "1m30s",
        "containers": [
          {
            "name": "init",
            "usage": {
              "cpu": "0",
              "memory": "0"
            }
          },
          {
            "name": "proxy",
            "usage": {
              "cpu": "0",
              "memory": "0"
            }
          },
          {
            "name": "web",
            "usage": {
              "cpu": "250m",
              "memory": "100Mi"
            }
          }
        ]
      }
    ]
    "#);
}

#[test]
fn a_pod_without_one_of_the_measures_or_with_an_infinite_value_is_left_out() {
    let both = |name: &str, value| [sample("pod", name, Some("web"), value, 1)];
    assert_eq!(pods(&both("a", 1.0), &both("b", 1.0)), []);
    assert_eq!(pods(&both("a", 1.0), &both("a", f64::INFINITY)), []);
    assert_eq!(pods(&both("a", 1.0), &both("a", 1.0)).len(), 1);
}

#[test]
fn of_several_samples_of_a_node_the_first_counts() {
    let (rules, asked) = (rules(), names(&["n"]));
    let measured = |measure, values: [f64; 2]| {
        let mut measured = rules
            .measured(measure, Consumers::Nodes, &asked, &cluster())
            .unwrap();
        for (container, value) in ["x", "y"].into_iter().zip(values) {
            measured.add(&sample("node", "n", Some(container), value, 3));
        }
        measured
    };
    let (cpu, memory) = (
        measured(Measure::Cpu, [1.0, 2.0]),
        measured(Measure::Memory, [1024.0, 5.0]),
    );
    let node = Consumer {
        name: "n".to_owned(),
        namespace: None,
        labels: BTreeMap::new(),
    };
    let node = rules
        .node(&node, &cpu, &memory, Timestamp::UNIX_EPOCH)
        .unwrap();
    let usage = (node.usage.cpu.to_string(), node.usage.memory.to_string());
    assert_eq!(usage, ("1".to_owned(), "1Ki".to_owned()));
}

#[test]
fn an_answer_of_too_many_samples_is_an_error() {
    let (rules, asked) = (rules(), names(&["a"]));
    for (count, is_answer) in [(MAX_SAMPLES, true), (MAX_SAMPLES + 2, false)] {
        let pods = Consumers::Pods("shop");
        let mut measured = rules
            .measured(Measure::Cpu, pods, &asked, &cluster())
            .unwrap();
        let mut one = sample("pod", "a", None, 1.0, 1);
        for container in 0..count {
            let container = ("container".to_owned(), container.to_string());
            one.labels.extend([container]);
            measured.add(&one);
        }
        let held = measured.by_object["a"].as_ref().unwrap().len();
        assert_eq!(held, MAX_SAMPLES, "no more is held in memory");
        let finished = measured.finish();
        assert_eq!(finished.is_ok(), is_answer);
        assert!(is_answer || matches!(finished, Err(UsageError::TooMany { .. })));
    }
}

#[test]
fn a_window_that_is_no_duration_is_refused_with_its_place() {
    let error = Rules::parse(&RULES.replace("1m30s", "soon")).unwrap_err();
    let said = setpoint_support::error_chain(&error);
    assert_eq!(
        said,
        "resourceRules: window: `soon` is no duration such as 5m or 1h30m"
    );
    let query = RULES.replace(
        "containerQuery: sum by (<<.GroupBy>>) (rate",
        "containerQuery: <<nope>> (rate",
    );
    let error = Rules::parse(&query).unwrap_err();
    let said = setpoint_support::error_chain(&error);
    assert!(
        said.starts_with("resourceRules.cpu: containerQuery: column 3: there is no function"),
        "{said}"
    );
}

#[test]
fn paths_and_field_selectors_say_which_objects_are_meant() {
    for (path, fields, expected) in [
        ("nodes", "", ""),
        ("nodes/n1", "", "metadata.name=n1"),
        (
            "pods",
            "fieldSelector=metadata.namespace%3Da",
            "status.phase=Running,metadata.namespace=a",
        ),
        ("namespaces/shop/pods", "", "status.phase=Running"),
        (
            "namespaces/shop/pods",
            "fieldSelector=metadata.name!%3Dx",
            "status.phase=Running,metadata.name!=x",
        ),
        (
            "namespaces/shop/pods/web-1",
            "",
            "status.phase=Running,metadata.name=web-1",
        ),
    ] {
        let asked = query(path, fields).unwrap();
        assert_eq!(asked.field_selector(), expected, "{path}");
    }
    for path in ["pods/web", "namespaces/shop/nodes", "services", "nodes/a/b"] {
        assert!(
            matches!(query(path, ""), Err(crate::InvalidQuery::NoSuchPath)),
            "{path}"
        );
    }
    for (path, query_string) in [
        ("nodes/a%2Cb", ""),
        ("namespaces/a%3Db/pods", ""),
        ("nodes", "labelSelector=a+b"),
        ("nodes", "fieldSelector=spec.nodeName%3Da"),
        ("nodes", "fieldSelector=metadata.name%3Da%5C%2C"),
    ] {
        let refused = query(path, query_string).unwrap_err();
        assert!(
            !matches!(refused, crate::InvalidQuery::NoSuchPath),
            "{path}?{query_string}"
        );
    }
}

#[test]
fn an_object_is_the_document_where_one_is_asked_for_by_name_else_a_list() {
    let one = |name: &str, second| sample("pod", name, Some("web"), 1.0, second);
    let kind = |path: &str, of: &[Sample]| {
        let query = query(path, "").unwrap();
        let document = UsageDocument::new(&query, pods(of, of));
        serde_json::to_value(document).unwrap()["kind"].clone()
    };
    let (a, both) = ([one("a", 1)], [one("a", 1), one("b", 1)]);
    assert_eq!(kind("namespaces/shop/pods/a", &a), "PodMetrics");
    assert_eq!(kind("namespaces/shop/pods", &a), "PodMetricsList");
    assert_eq!(kind("namespaces/shop/pods", &both), "PodMetricsList");
    assert_eq!(kind("namespaces/shop/pods", &[]), "PodMetricsList");
}

#[test]
fn what_is_absent_is_404_and_a_rule_that_fails_has_a_kind_of_failure() {
    let absent = UsageError::NotFound {
        group_resource: GroupResource::new("", "pods"),
        name: "web-1".to_owned(),
    };
    assert_eq!((absent.code(), absent.kind()), (404, None));
    let no_query = rules().promql(
        Measure::Memory,
        Consumers::Nodes,
        &names(&["n"]),
        &cluster(),
    );
    let no_query = no_query.unwrap_err();
    assert_eq!((no_query.code(), no_query.kind()), (500, Some("no_query")));
    let too_many = |measure| UsageError::TooMany { measure };
    for (measure, key) in [(Measure::Cpu, "cpu"), (Measure::Memory, "memory")] {
        let error = too_many(measure);
        assert_eq!((error.code(), error.kind()), (500, Some("too_long")));
        let rule = format!("resourceRules.{key} gives more than");
        assert!(error.to_string().contains(&rule), "{error}");
    }
}
