//! The variables of a container, and the placeholders beside them: both are written `$(NAME)`.

use serde_json::Value;

use super::placeholders::{OF_THE_ADAPTER, changed, expanded};

/// What is in the names of variables that each container has of Services, such as `KUBERNETES_SERVICE_HOST`.
const OF_SERVICES: [&str; 2] = ["_SERVICE_HOST", "_SERVICE_PORT"];

/// The variables of a container, which Kubernetes itself puts in the place of `$(NAME)`.
pub(super) struct Variables<'c> {
    /// Those of `env`.
    env: Vec<&'c str>,
    /// Whether there are others, which a ConfigMap or a Secret names.
    has_others: bool,
}

impl<'c> Variables<'c> {
    pub(super) fn of(container: &'c Value) -> Self {
        let env = container["env"].as_array().into_iter().flatten();
        let names = env.map(|variable| variable["name"].as_str().unwrap_or_default());
        Self {
            env: names.collect(),
            has_others: container["envFrom"].is_array(),
        }
    }

    /// Whether one of the first so many of `env` is meant.
    fn define(&self, reference: &str, first: usize) -> bool {
        let name = reference.trim_start_matches("$(").trim_end_matches(')');
        self.env
            .iter()
            .take(first)
            .any(|variable| *variable == name)
    }

    /// Whether something may stand for it: a placeholder, or a variable, be it of a Service.
    pub(super) fn may_have(&self, reference: &str) -> bool {
        let mut of_services = OF_SERVICES.iter();
        OF_THE_ADAPTER.contains(&reference)
            || self.has_others
            || self.define(reference, usize::MAX)
            || of_services.any(|part| reference.contains(part))
    }
}

/// Fills a container in. What is a variable of its own stays: an item of `env` knows those before it, all else knows all.
pub(super) fn fill(container: &mut Value, places: &[(&str, &str)]) {
    let read = container.clone();
    let variables = Variables::of(&read);
    let fill = |value: &mut Value, first: usize| {
        let with = |reference: &str| {
            let found = places.iter().find(|(place, _)| *place == reference);
            let found = found.filter(|_| !variables.define(reference, first));
            found.map(|(_, with)| *with)
        };
        *value = changed(value, &|text| expanded(text, with));
    };
    for (key, field) in container.as_object_mut().into_iter().flatten() {
        if key == "env" {
            let env = field.as_array_mut().into_iter().flatten();
            env.enumerate()
                .for_each(|(index, variable)| fill(variable, index));
        } else {
            fill(field, usize::MAX);
        }
    }
}
