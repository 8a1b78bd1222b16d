//! What an adapter doesn't do, as its authors write it.

use std::collections::BTreeMap;

use schemars::{JsonSchema as _, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use crate::format::{Checks, Need, Place};
use crate::nearest::nearest;

/// The names of what an adapter can lack, each with what it means.
pub(super) fn schema(generator: &mut SchemaGenerator) -> Schema {
    let reasons = claims(generator).into_iter().map(|(need, meaning)| {
        let reason = json!({"type": "string", "description": meaning});
        (need.to_string(), reason)
    });
    let properties: Map<String, Value> = reasons.collect();
    json_schema!({"type": "object", "properties": properties, "additionalProperties": false})
}

/// What an adapter can claim, and so lack, each with what it means.
fn claims(generator: &mut SchemaGenerator) -> Vec<(Need, Value)> {
    let needs = Need::json_schema(generator);
    let needs = needs.get("oneOf").and_then(Value::as_array);
    let of_adapters = needs.into_iter().flatten().filter_map(|shape| {
        let need = named(shape["const"].as_str()?)?;
        (!need.is_of_the_cluster()).then(|| (need, shape["description"].clone()))
    });
    of_adapters.collect()
}

fn named(name: &str) -> Option<Need> {
    serde_json::from_value(Value::from(name)).ok()
}

/// Tells which names are of no claim, and which have no reason.
pub(super) fn check(lacks: &BTreeMap<String, String>, place: &Place, checks: &mut Checks<'_>) {
    for (name, reason) in lacks {
        let place = place.key(name);
        match named(name) {
            None => {
                let near = nearest_first(name).join(", ");
                checks.at(
                    place,
                    format!("{name} is nothing that an adapter can lack; expected one of {near}"),
                );
            }
            Some(need) if need.is_of_the_cluster() => checks.at(
                place,
                format!("{need} is what a cluster offers, not an adapter"),
            ),
            Some(_) if reason.trim().is_empty() => {
                checks.at(place, "expected the reason, which reports write");
            }
            Some(_) => {}
        }
    }
}

/// The same, read: what was checked has no other names.
pub(super) fn read(lacks: BTreeMap<String, String>) -> BTreeMap<Need, String> {
    let lacks = lacks.into_iter();
    lacks
        .filter_map(|(name, reason)| Some((named(&name)?, reason)))
        .collect()
}

/// The names of all claims, first the one that somebody may have meant by another name.
fn nearest_first(name: &str) -> Vec<String> {
    let claims = claims(&mut SchemaGenerator::default()).into_iter();
    let mut names: Vec<String> = claims.map(|(need, _)| need.to_string()).collect();
    let meant = nearest(name, names.iter().map(String::as_str)).map(str::to_owned);
    names.sort_by_key(|claim| Some(claim) != meant.as_ref());
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_nobody_knows_is_told_with_the_claims_of_adapters_and_the_nearest_first() {
        for (name, nearest) in [
            ("external-metric", "external-metrics"),
            ("http-2", "http2"),
            ("listed_metrics", "listed-metrics"),
            ("any", "metrics-api"),
        ] {
            let names = nearest_first(name);
            assert_eq!(names[0], nearest, "{name}");
            assert!(!names.iter().any(|name| name == "hpa" || name == "mint"));
            assert_eq!(names.len(), claims(&mut SchemaGenerator::default()).len());
        }
    }
}
