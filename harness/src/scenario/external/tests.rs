use std::path::Path;

use super::*;
use crate::format::Need;
use crate::scenario::load;

/// A profile with these further lines.
fn profile(rest: &str) -> Profile {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("profile.yaml");
    let head = "apiVersion: setpoint.dev/v1alpha1\nadapter: example\n";
    std::fs::write(&path, format!("{head}{rest}")).unwrap();
    Profile::from_file(&path).unwrap()
}

const OWN_NAMES: &str = r#"
externalMetrics:
  name: s0-prometheus
  selector: {example.org/object: $(OBJECT)}
  manifests:
    - {apiVersion: example.org/v1, kind: Query, metadata: {name: $(OBJECT), namespace: $(NAMESPACE)}, spec: {query: 'sum($(METRIC){$(MATCHERS)})', at: $(PROMETHEUS)}}
"#;

fn scenario(text: &str) -> Scenario {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scenario.yaml");
    let head = "apiVersion: setpoint.dev/v1alpha1\nscenario: x\n";
    std::fs::write(&path, format!("{head}{text}")).unwrap();
    load(&[path]).unwrap().remove(0)
}

fn external() -> Scenario {
    scenario(
        r#"
needs: [external-metrics, hpa]
metrics:
  - {custom: queue_length, on: {object: {label: service, name: web}}, labels: {queue: orders}, values: "10"}
manifests:
  - {apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: a, namespace: shop}, rules: [{apiGroups: [external.metrics.k8s.io], resources: [queue_length], verbs: [get]}]}
  - apiVersion: autoscaling/v2
    kind: HorizontalPodAutoscaler
    metadata: {name: web, namespace: shop}
    spec:
      metrics:
        - {type: External, external: {metric: {name: queue_length, selector: {matchLabels: {queue: 'or"ders'}}}, target: {type: Value, value: "1"}}}
        - {type: External, external: {metric: {name: other}, target: {type: Value, value: "1"}}}
steps:
  - request: {path: /apis/external.metrics.k8s.io/v1beta1/namespaces/shop/queue_length, expect: {body: {items: [{metricName: queue_length, value: "10"}]}}}
  - request: {path: /apis/external.metrics.k8s.io/v1beta1/namespaces/shop/nothing, expect: {status: 404}}
"#,
    )
}

#[test]
fn external_metrics_have_the_names_of_the_adapter_and_the_objects_that_make_them() {
    let played = external().for_profile(&profile(OWN_NAMES)).unwrap();
    let manifests = json!(played.document.manifests);
    assert_eq!(
        manifests[0]["rules"][0]["resources"],
        json!(["s0-prometheus"])
    );
    let metrics = &manifests[1]["spec"]["metrics"];
    assert_eq!(
        metrics[0]["external"]["metric"],
        json!({"name": "s0-prometheus", "selector": {"matchLabels": {"example.org/object": "queue-length-0"}}})
    );
    assert_eq!(metrics[1]["external"]["metric"], json!({"name": "other"}));
    let steps = format!("{:?}", played.document.steps);
    let path = "namespaces/shop/s0-prometheus?labelSelector=example.org%2Fobject%3Dqueue-length-1";
    assert!(steps.contains(path), "{steps}");
    assert!(
        steps.contains(r#""metricName": String("s0-prometheus")"#),
        "{steps}"
    );
    assert!(steps.contains("namespaces/shop/nothing\""), "{steps}");
    let made: Vec<&Value> = played.document.manifests[2..].iter().collect();
    let expected = |index: u8, matchers: &str| {
        let name = format!("queue-length-{index}");
        json!({
            "apiVersion": "example.org/v1", "kind": "Query", "metadata": {"name": name, "namespace": "shop"},
            "spec": {"query": format!("sum(queue_length{{{matchers}}})"), "at": "prometheus.setpoint.svc:9090"},
        })
    };
    assert_eq!(
        made,
        [
            &expected(0, r#"namespace="shop",queue="or\"ders""#),
            &expected(1, r#"namespace="shop""#)
        ]
    );
}

#[test]
fn what_is_fed_keeps_the_name_that_the_scenario_gives_it() {
    let played = external().for_profile(&profile(OWN_NAMES)).unwrap();
    assert_eq!(played.document.metrics[0].custom, "queue_length");
}

#[test]
fn a_scenario_that_the_adapter_does_not_claim_stays_as_it_is() {
    let text =
        format!("lacks: {{hpa-of-none: x}}{OWN_NAMES}").replace("hpa-of-none", "external-metrics");
    let scenario = external();
    let played = scenario.for_profile(&profile(&text)).unwrap();
    assert_eq!(
        format!("{:?}", played.document),
        format!("{:?}", scenario.document)
    );
}

#[test]
fn a_scenario_that_brings_its_adapter_along_stays_as_it_is() {
    let scenario = scenario(
        "adapter: scripted\nsteps:\n  - request: {path: /apis/custom.metrics.k8s.io/v1beta2, expect: {status: 200}}\n",
    );
    let alone = profile(&format!(
        "lacks: {{custom-metrics: it has none}}{OWN_NAMES}"
    ));
    let played = scenario.for_profile(&alone).unwrap();
    assert_eq!(played.source, scenario.source);
}

#[test]
fn what_any_metrics_api_has_is_asked_of_the_one_that_the_adapter_serves() {
    let scenario = scenario(
        r"
needs: [metrics-api]
steps:
  - expect: {apiservice: {name: v1beta1.custom.metrics.k8s.io, available: 'True'}}
  - request: {path: /apis/custom.metrics.k8s.io/v1beta1, expect: {status: 200}}
  - apply: [{apiVersion: apiregistration.k8s.io/v1, kind: APIService, metadata: {name: v1beta1.custom.metrics.k8s.io}, spec: {group: custom.metrics.k8s.io}}]
",
    );
    let alone = profile("lacks: {custom-metrics: it serves others}\n");
    let played = format!("{:?}", scenario.for_profile(&alone).unwrap().document);
    assert!(
        played.contains("v1beta1.external.metrics.k8s.io"),
        "{played}"
    );
    assert!(
        played.contains("/apis/external.metrics.k8s.io/v1beta1"),
        "{played}"
    );
    assert!(!played.contains("custom.metrics"), "{played}");
    let both = profile("lacks: {}\n");
    let played = format!("{:?}", scenario.for_profile(&both).unwrap().document);
    assert!(!played.contains("external.metrics"), "{played}");
}

/// Finds a selector of a kind that no other adapter can be asked by, in a scenario that other adapters are to play.
#[test]
fn scenarios_for_any_adapter_ask_for_external_metrics_by_what_each_can_be_asked_by() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let keda = profile(&format!(
        "lacks: {{custom-metrics: a, prometheus-adapter-rules: b}}{OWN_NAMES}"
    ));
    let mut played = 0;
    for scenario in load(&[folder]).unwrap() {
        let is_of_any = scenario.document.needs.contains(&Need::MetricsApi);
        let versions = scenario.source.contains("v1beta2");
        assert!(
            !(is_of_any && versions),
            "{}: external metrics have no v1beta2",
            scenario.name()
        );
        if keda.lacks_one_of(&scenario.document.needs).is_some() {
            continue;
        }
        let fitted = scenario.for_profile(&keda).unwrap();
        let text =
            json!(fitted.document.manifests).to_string() + &format!("{:?}", fitted.document.steps);
        let left =
            text.contains("matchExpressions") || text.contains("namespaces/default/queue_length");
        assert!(!left, "{}: {text}", scenario.name());
        played += usize::from(text.contains("s0-prometheus"));
    }
    assert!(played > 5, "{played} scenarios have external metrics");
}
