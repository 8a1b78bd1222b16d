//! The schema for editors has the keys that the configuration has.

use serde_json::{Value, json};

use crate::config::MetricsDiscoveryConfig;

/// The keys of an object of the schema.
fn keys(object: &Value) -> Vec<String> {
    let properties = object["properties"].as_object().unwrap();
    let mut keys: Vec<_> = properties.keys().cloned().collect();
    keys.sort();
    keys
}

/// The keys that a part of the configuration may have: what the error about another one says.
fn expected(part: impl Fn(Value) -> Value) -> Vec<String> {
    let configuration = part(json!({"no-such-key": 1}));
    let error = serde_json::from_value::<MetricsDiscoveryConfig>(configuration).unwrap_err();
    let error = error.to_string();
    let (_, listed) = error
        .split_once("expected one of ")
        .or_else(|| error.split_once("expected "))
        .unwrap();
    let mut keys: Vec<_> = listed
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect();
    keys.sort();
    keys
}

#[test]
fn the_schema_has_the_keys_of_the_configuration() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/config.schema.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let of = |name: &str| keys(&schema["$defs"][name]);
    assert_eq!(keys(&schema), expected(|part| part));
    let rule = |rule: Value| json!({ "rules": [rule] });
    assert_eq!(of("DiscoveryRule"), expected(rule));
    let filter = |part| rule(json!({"seriesFilters": [part]}));
    assert_eq!(of("RegexFilter"), expected(filter));
    let resources = |part| rule(json!({ "resources": part }));
    assert_eq!(of("ResourceMapping"), expected(resources));
    let name = |part| rule(json!({ "name": part }));
    assert_eq!(of("NameMapping"), expected(name));
    let resource = |part| resources(json!({"overrides": {"pod": part}}));
    assert_eq!(of("ResourceName"), expected(resource));
    let policy = |part| rule(json!({ "valuePolicy": part }));
    assert_eq!(of("ValuePolicy"), expected(policy));
    let upstream = |part| json!({ "upstreams": [part] });
    assert_eq!(of("Upstream"), expected(upstream));
    let basic = |part| upstream(json!({ "basicAuth": part }));
    assert_eq!(of("BasicAuth"), expected(basic));
    let tls = |part| upstream(json!({ "tls": part }));
    assert_eq!(of("TlsFiles"), expected(tls));
    let usage = |part| json!({ "resourceRules": part });
    assert_eq!(of("ResourceRules"), expected(usage));
    let cpu = |part| usage(json!({ "cpu": part }));
    assert_eq!(of("ResourceRule"), expected(cpu));
}
