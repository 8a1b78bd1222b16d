//! A scenario on a cluster that others use too: its objects, and all that speaks of them, are where the run may have them.

use serde_json::{Value, json};
use setpoint_cluster::existing::Placement;

use super::{Document, Scenario};
use crate::format::default_namespace;
use crate::outcome::HarnessProblem;

/// What has a namespace even where it names none.
const DEFAULTED: [&str; 5] = ["hpa", "hpas", "pod", "replicas", "traffic"];

impl Scenario {
    /// The same scenario, where this placement has its objects.
    ///
    /// # Errors
    /// When it can't be read again: a mistake of this program.
    pub fn placed(&self, placement: &Placement) -> Result<Self, HarnessProblem> {
        let document = self.document_by(|document| placement.place(document));
        let mut document = document.map_err(|source| HarnessProblem::NotMade {
            doing: format!("place `{}` in the namespaces of its run", self.name()),
            source,
        })?;
        // What no file can say is not in its text.
        document.install = self.document.install;
        Ok(Self {
            path: self.path.clone(),
            source: self.source.clone(),
            document,
        })
    }

    /// The document after a change of what is in the file, with every namespace named.
    pub(super) fn document_by(
        &self,
        change: impl FnOnce(&mut Value),
    ) -> Result<Document, Box<dyn std::error::Error + Send + Sync>> {
        let mut document: Value = serde_saphyr::from_str(&self.source)?;
        document["uses"] = json!([]);
        document["manifests"] = json!([]);
        name_namespaces(&mut document);
        document["manifests"] = json!(self.document.manifests);
        change(&mut document);
        Ok(serde_json::from_value(document)?)
    }
}

/// Names the namespace wherever the format has a default for it.
fn name_namespaces(value: &mut Value) {
    let name = |field: &mut Value| {
        if field.is_object() && field["namespace"].is_null() {
            field["namespace"] = json!(default_namespace());
        }
    };
    match value {
        Value::Array(items) => items.iter_mut().for_each(name_namespaces),
        // A manifest says by itself where it is.
        Value::Object(fields) if !fields.contains_key("metadata") => {
            for (key, field) in fields {
                name_namespaces(field);
                if DEFAULTED.contains(&key.as_str()) {
                    name(field);
                }
                let items = field.as_array_mut().into_iter().flatten();
                let metrics = items.filter(|item| key == "metrics" && !item["custom"].is_null());
                metrics.for_each(name);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::scenario::load;

    fn all() -> Vec<Scenario> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
        load(&[folder]).unwrap()
    }

    #[test]
    fn a_scenario_that_nobody_moves_stays_what_it_is() {
        for scenario in all() {
            let same = scenario.document_by(|_| {}).unwrap();
            let mut without_uses = scenario.document.clone();
            without_uses.uses = Vec::new();
            assert_eq!(
                format!("{same:?}"),
                format!("{without_uses:?}"),
                "{}",
                scenario.name()
            );
        }
    }

    /// Finds an expectation that is new and has a default that is not in [`DEFAULTED`].
    #[test]
    fn no_namespace_of_a_scenario_is_left_to_a_default() {
        for scenario in all() {
            let mut moved = None;
            let document = scenario.document_by(|document| {
                rename(document);
                moved = Some(document.to_string());
            });
            let document = format!("{:?}", document.unwrap());
            let left = r#"namespace: "default""#;
            assert!(!document.contains(left), "{}: {document}", scenario.name());
        }
    }

    fn rename(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (key, field) in fields {
                    if key == "namespace" && field == "default" {
                        *field = json!("moved");
                    }
                    rename(field);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(rename),
            _ => {}
        }
    }
}
