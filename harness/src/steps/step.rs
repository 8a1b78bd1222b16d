//! A step of a scenario, as files have it.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::{Value, json};

use super::Action;
use super::context::Play;
use crate::format::{MapEntry, Place};

/// The key beside an action.
const PROVES: &str = "proves";

/// One step: an action under its key, and beside it what of the scenario's `proves` the step is about.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// Ids of the obligations that fail where this step does; nothing where it is about all that no step before it has shown.
    pub(crate) proves: Vec<String>,
    key: String,
    action: Action,
}

impl Step {
    /// Where its action stands, in a step that stands there.
    pub(crate) fn place_in<'a>(&self, step: &'a Place) -> &'a Place {
        step.key(&self.key)
    }

    /// Where the id of an obligation stands.
    pub(crate) fn place_of_proven(step: &Place, index: usize) -> &Place {
        step.key(PROVES).item(index)
    }
}

impl Deref for Step {
    type Target = dyn Play;

    fn deref(&self) -> &(dyn Play + 'static) {
        &*self.action
    }
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(StepVisitor)
    }
}

struct StepVisitor;

impl<'de> Visitor<'de> for StepVisitor {
    type Value = Step;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a step: an action such as `request: {…}`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Step, A::Error> {
        let mut proves = None;
        let mut done: Option<(String, Action)> = None;
        while let Some(key) = map.next_key::<String>()? {
            if key == PROVES {
                if proves.replace(map.next_value()?).is_some() {
                    return Err(A::Error::duplicate_field(PROVES));
                }
                continue;
            }
            if let Some((before, _)) = done {
                let problem =
                    format!("a step does one thing, and this one has `{before}` and `{key}`");
                return Err(A::Error::custom(problem));
            }
            let entry = MapEntry {
                key: &key,
                map: &mut map,
            };
            let action = Action::deserialize(entry)?;
            done = Some((key, action));
        }
        let (key, action) = done.ok_or_else(|| A::Error::custom("the step does nothing"))?;
        Ok(Step {
            proves: proves.unwrap_or_default(),
            key,
            action,
        })
    }
}

impl JsonSchema for Step {
    fn schema_name() -> Cow<'static, str> {
        "Step".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Action::json_schema(generator);
        let shapes = schema.get_mut("oneOf").and_then(Value::as_array_mut);
        for shape in shapes.into_iter().flatten() {
            shape["properties"][PROVES] = json!({
                "description": "Ids of the obligations, of those that the scenario proves, that fail where this step does. A step without is about all that no step before it has shown (scenarios/README.md).",
                "type": "array",
                "items": {"type": "string"},
            });
        }
        schema
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::located;

    fn read(text: &str) -> Result<Step, serde_saphyr::Error> {
        serde_saphyr::from_str(text)
    }

    #[test]
    fn a_step_has_an_action_and_may_say_beside_it_what_it_is_about() {
        for text in [
            "{restart: adapter, proves: [N01, N02]}",
            "proves: [N01, N02]\nrestart: adapter\n",
        ] {
            let step = read(text).unwrap();
            assert_eq!(step.proves, ["N01", "N02"]);
            assert!(matches!(step.action, Action::Restart(_)));
        }
        assert!(read("restart: adapter").unwrap().proves.is_empty());
    }

    #[test]
    fn what_is_wrong_with_a_step_is_told_where_it_stands() {
        let wrong = [
            "{proves: [N01]}",
            "restart",
            "{restart: adapter, delete: {}}",
            "{proves: [N01], proves: [N02], restart: adapter}",
            "{proves: N01, restart: adapter}",
            "{restarts: adapter}",
            "proves: [N01]\nrequest:\n  path: /\n  expect: {}\n  vias: adapter\n",
        ];
        let told: Vec<String> = wrong
            .iter()
            .map(|text| located(&read(text).unwrap_err()))
            .collect();
        insta::assert_snapshot!(told.join("\n"));
    }
}
