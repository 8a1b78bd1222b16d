//! Everything that a scenario applies.

use serde_json::Value;

use crate::scenario::{Scenario, Step};

impl Scenario {
    /// The objects that the scenario installs, brings along and applies in its steps.
    #[must_use]
    pub fn objects(&self) -> Vec<Value> {
        let document = &self.document;
        // Manifests that can't be read are told of when they are installed.
        let mut objects = document.install.objects().unwrap_or_default();
        objects.extend(document.manifests.iter().cloned());
        document
            .steps
            .iter()
            .for_each(|step| applied(step, &mut objects));
        objects
    }
}

fn applied(step: &Step, objects: &mut Vec<Value>) {
    match step {
        Step::Apply(these) => objects.extend(these.iter().cloned()),
        // It is there after all when the scenario fails for that.
        Step::Refused(refused) => objects.push(refused.apply.clone()),
        Step::Load(load) => load.during.iter().for_each(|step| applied(step, objects)),
        _ => {}
    }
}
