//! The shapes in which people keep rules.

use serde::Deserialize as _;
use serde_json::{Map, Value, json};

use super::{LISTS, Places, RuleFile, not_yaml, position};
use crate::config::{DiscoveryRule, MetricsDiscoveryConfig, ResourceRules};
use crate::findings::Finding;
use crate::place::{Embedded, Place};
use crate::yaml_error::{error_place, error_without_place};

/// What the chart's values have below `rules`.
const KEYS: [&str; 5] = ["default", "custom", "external", "resource", "existing"];

/// The value of a key that is left out.
static NOTHING: Value = Value::Null;

/// The key of a ConfigMap's data that the manifests and the charts use.
const USUAL_KEY: &str = "config.yaml";

pub(super) type Read = Result<RuleFile, Vec<Finding>>;

pub(super) fn of_document(text: &str, value: &Value, place: Place) -> Option<Read> {
    if value["kind"] == "ConfigMap" {
        return of_config_map(text, &value["data"], place.key("data"));
    }
    // Roles have `rules` too.
    if value["kind"].is_string() && value["apiVersion"].is_string() {
        return None;
    }
    if let Some(rules) = value["rules"].as_object() {
        return Some(of_values(rules, place.into_key("rules")));
    }
    of_parts(value.as_object()?, place)
}

/// The rules in values of a chart that has the adapter's chart as a part.
fn of_parts(values: &Map<String, Value>, place: Place) -> Option<Read> {
    let rules = values
        .iter()
        .filter_map(|(part, values)| Some((part, values["rules"].as_object()?)));
    // Other charts have `rules` too.
    let is_ours = |(part, rules): &(&String, &Map<String, Value>)| {
        part.contains("adapter") || KEYS.iter().any(|key| rules.contains_key(*key))
    };
    let parts: Vec<_> = rules.filter(is_ours).collect();
    match parts.as_slice() {
        [] => None,
        [(part, rules)] => Some(of_values(rules, place.into_key(part).into_key("rules"))),
        several => {
            let keys = several.iter().map(|(part, _)| part.as_str());
            Some(Err(vec![one_of_several(keys, &place)]))
        }
    }
}

/// The rules in the data of a ConfigMap, whose values stand at `place`.
fn of_config_map(text: &str, data: &Value, place: &Place) -> Option<Read> {
    match configurations(data).as_slice() {
        [] => None,
        [(key, rules)] => {
            let outer = place.key(key).embedded(text);
            Some(of_configuration(rules, Place::of(rules), Some(outer)))
        }
        several => {
            let keys = several.iter().map(|(key, _)| *key);
            Some(Err(vec![one_of_several(keys, place)]))
        }
    }
}

/// Several keys of a map hold rules; it is told at the second of them in the file.
fn one_of_several<'a>(keys: impl Iterator<Item = &'a str>, map: &Place) -> Finding {
    let mut keys: Vec<_> = keys.collect();
    keys.sort_by_key(|key| position(map.key(key)));
    let place = keys.get(1).map_or(map, |second| map.key(second));
    let named: Vec<_> = keys.iter().map(|key| format!("`{key}`")).collect();
    let problem = format!(
        "{} have rules, and an adapter has one configuration: keep one of them in this file",
        named.join(" and ")
    );
    not_yaml(position(place), problem)
}

/// Whether a document is a configuration. Roles have `rules` too.
pub(super) fn is_configuration(document: &Place) -> bool {
    let is_object = document.has("kind") && document.has("apiVersion");
    let has_list = |key| document.has(key) && document.key(key).is_list();
    let has_map = |key| document.has(key) && document.key(key).is_map();
    !is_object && (has_list("rules") || has_list("externalRules") || has_map("resourceRules"))
}

/// The keys and the texts of the configurations in the data of a ConfigMap. Under the usual key is one, whatever it says.
fn configurations(data: &Value) -> Vec<(&str, &str)> {
    let data = data.as_object().into_iter().flatten();
    let texts = data.filter_map(|(key, text)| Some((key.as_str(), text.as_str()?)));
    let (usual, others): (Vec<_>, Vec<_>) = texts.partition(|(key, _)| *key == USUAL_KEY);
    let has_rules = |(_, text): &(&str, &str)| is_configuration(&Place::of(text));
    let others: Vec<_> = others.into_iter().filter(has_rules).collect();
    // Beside another one, it may be of another program.
    let counts = |usual: &(&str, &str)| {
        others.is_empty() || Place::read(usual.1).is_err() || has_rules(usual)
    };
    let mut found: Vec<_> = usual.into_iter().filter(counts).collect();
    found.extend(others);
    found
}

/// The rules of a configuration whose values stand at `root`; `outer` is where its text stands, if that is in another.
pub(super) fn of_configuration(text: &str, root: Place, outer: Option<Embedded>) -> Read {
    let config = MetricsDiscoveryConfig::from_yaml(text).map_err(|error| {
        let (line, column) = error_place(&error);
        let place = outer.map_or((line, column), |outer| outer.outer(line, column));
        vec![not_yaml(place, error_without_place(&error))]
    })?;
    let places = match outer {
        Some(outer) => Places::Embedded(root, outer),
        None => Places::Configuration(root),
    };
    Ok(RuleFile::new(config, places))
}

/// The rules of the chart's values below `rules`.
fn of_values(values: &Map<String, Value>, place: Place) -> Read {
    let at = |place: &Place, problem: String| not_yaml(position(place), problem);
    let value = |key: &str| values.get(key).unwrap_or(&NOTHING);
    let existing = value("existing").as_str();
    if let Some(name) = existing.filter(|name| !name.is_empty()) {
        let problem =
            format!("the rules are in the ConfigMap {name}: give its file in place of this one");
        return Err(vec![at(place.key("existing"), problem)]);
    }
    let unknown = values.keys().filter(|key| !KEYS.contains(&key.as_str()));
    let mut found: Vec<_> = unknown
        .map(|key| {
            let known = KEYS.join("`, `");
            let problem = format!(
                "the chart knows no `{key}` below `rules`, so it has no effect; there are `{known}`"
            );
            at(place.key(key), problem)
        })
        .collect();
    let mut configuration = Map::new();
    for (from, to) in LISTS {
        let rules = value(from);
        let place = place.key(from);
        if rules.is_null() {
            continue;
        }
        let Some(list) = rules.as_array() else {
            found.push(at(place, format!("`{from}` is no list of rules")));
            continue;
        };
        for (index, rule) in list.iter().enumerate() {
            if let Err(error) = DiscoveryRule::deserialize(rule) {
                found.push(at(place.item(index), error.to_string()));
            }
        }
        configuration.insert(to.to_owned(), rules.clone());
    }
    let resource = value("resource");
    if resource.as_object().is_some_and(|rules| !rules.is_empty()) {
        if let Err(error) = ResourceRules::deserialize(resource) {
            found.push(at(place.key("resource"), error.to_string()));
        }
        configuration.insert("resourceRules".to_owned(), resource.clone());
    } else if !resource.is_object() && !resource.is_null() {
        let problem = "`resource` is no map of rules".to_owned();
        found.push(at(place.key("resource"), problem));
    }
    if !found.is_empty() {
        return Err(found);
    }
    // JSON is YAML.
    let config = MetricsDiscoveryConfig::from_yaml(&json!(configuration).to_string());
    let config = config.map_err(|error| vec![at(&place, error_without_place(&error))])?;
    let mut file = RuleFile::new(config, Places::Values(place));
    file.has_default_rules = *value("default") != false;
    Ok(file)
}
