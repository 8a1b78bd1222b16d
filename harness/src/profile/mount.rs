//! Volumes that an adapter's container has besides.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::fields;
use super::placeholders::{OF_THE_ADAPTER, no_such, texts, unknown};
use crate::format::{Checks, Place};

/// A volume of the adapter's pod, and where its container has it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mount {
    /// The folder in the container.
    pub mount_path: String,
    /// The volume without its name, as a pod has it: `{secret: {secretName: certificates}}`.
    pub volume: serde_json::Map<String, Value>,
}

impl Mount {
    /// Tells what is wrong with it. The container has others mounted at the paths that are taken.
    pub(super) fn check(
        &self,
        place: &Place,
        taken: &mut BTreeSet<String>,
        checks: &mut Checks<'_>,
    ) {
        let (at, of_volume) = (place.key("mountPath"), place.key("volume"));
        let path = self.mount_path.trim_end_matches('/');
        if !path.starts_with('/') || path.contains(':') {
            checks.at(at, "expected an absolute path without `:`, such as /certs");
        } else if !taken.insert(path.to_owned()) {
            checks.at(at, format!("another volume is mounted at {path}"));
        }
        let volume = Value::Object(self.volume.clone());
        let texts = texts(&volume, of_volume).into_iter();
        for (place, text) in texts.chain([(at, self.mount_path.as_str())]) {
            if let Some(unknown) = unknown(text, |name| OF_THE_ADAPTER.contains(&name)) {
                checks.at(place, no_such(unknown, &OF_THE_ADAPTER));
            }
        }
        self.check_volume(of_volume, checks);
    }

    fn check_volume(&self, place: &Place, checks: &mut Checks<'_>) {
        let mut volume = self.volume.clone();
        // The type has a name; what it is says `mount`.
        if volume.insert("name".to_owned(), json!("")).is_some() {
            let problem = "expected a volume without its name, which it gets when it is mounted";
            checks.at(place.key("name"), problem);
        }
        let given = self.volume.iter();
        let given = given.filter(|(key, source)| *key != "name" && !source.is_null());
        let sources: Vec<&str> = given.map(|(key, _)| key.as_str()).collect();
        match sources.as_slice() {
            [_] => {}
            [] => {
                let example = "{secret: {secretName: certificates}}";
                let problem = format!("expected the source of the volume, such as {example}");
                checks.at(place, problem);
            }
            several => {
                let several = several.join(" and ");
                checks.at(
                    place,
                    format!("expected one source of the volume, not {several}"),
                );
            }
        }
        let volume = Value::Object(volume);
        fields::check::<v1::Volume>(&volume, place, checks);
        for (place, problem) in fields::missing::<v1::Volume>(&volume, place) {
            checks.at(place, problem);
        }
    }
}
