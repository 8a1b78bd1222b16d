//! What stands in the place of the adapter's container.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1;
use serde::Deserialize;
use serde_json::{Value, json};

use super::fields;
use super::placeholders::{OF_THE_ADAPTER, no_such, of_the_adapter, texts, unknown};
use super::variables::{Variables, fill};
use crate::format::{Checks, Install, Place};

/// How manifests call the adapter's container, which is found by it.
const NAME: &str = "adapter";
/// Whose manifests have one.
const INSTALLS: [Install; 4] = [
    Install::Base,
    Install::Walkthrough,
    Install::WalkthroughScrape,
    Install::Chart,
];
const PROBES: [&str; 3] = ["livenessProbe", "readinessProbe", "startupProbe"];
/// A probe does one of these.
const HANDLERS: [&str; 4] = ["exec", "grpc", "httpGet", "tcpSocket"];

/// A container that isn't the product's.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Container {
    /// Whether it runs this program instead of the adapter that was named.
    #[serde(default)]
    pub is_this_program: bool,
    /// Its arguments, in place of those of the manifests. `$(PROMETHEUS)` is the address of Prometheus, `host:port`.
    pub args: Option<Vec<String>>,
    /// A JSON merge patch (RFC 7386) of the container, with the same placeholders.
    #[serde(skip)]
    pub patch: Option<Value>,
}

impl Container {
    /// Takes the place of the container called `adapter`, if an object has one.
    pub(super) fn take_place(&self, object: &mut Value, image: &str, lie: Option<&str>) {
        let (namespace, service_account) = names_of(object);
        let Some(found) = of_adapter(object) else {
            return;
        };
        let prometheus = prometheus(&found["args"]);
        self.change(found, image, lie);
        let places = of_the_adapter(&prometheus, &namespace, &service_account);
        fill(found, &places);
    }

    fn change(&self, found: &mut Value, image: &str, lie: Option<&str>) {
        if let Some(args) = &self.args {
            let args = args.iter().map(String::as_str);
            found["args"] = args.chain(lie).collect();
        }
        if self.is_this_program {
            found["image"] = json!(image);
        }
        if let Some(patch) = self.patch.as_ref().filter(|patch| patch.is_object()) {
            json_patch::merge(found, patch);
        }
    }

    /// The containers that it takes the place of, changed, with nothing filled in.
    fn everywhere(&self) -> impl Iterator<Item = Value> {
        let objects = INSTALLS.into_iter();
        // Broken manifests are a mistake of this program, which is told when they are installed.
        let objects = objects.flat_map(|install| install.objects().unwrap_or_default());
        objects.filter_map(move |mut object| {
            let mut found = of_adapter(&mut object)?.take();
            self.change(&mut found, "", None);
            Some(found)
        })
    }

    /// Where it has a volume mounted, by any of the manifests.
    pub(super) fn mount_paths(&self) -> BTreeSet<String> {
        let path = |mount: &Value| {
            let path = mount["mountPath"].as_str()?;
            Some(path.trim_end_matches('/').to_owned())
        };
        let paths = |container: Value| {
            let mounts = container["volumeMounts"].as_array();
            let paths = mounts.into_iter().flatten().filter_map(path);
            paths.collect::<Vec<String>>()
        };
        self.everywhere().flat_map(paths).collect()
    }

    /// Tells what is wrong with it in the file of a profile.
    pub(super) fn check(&self, file: &Place, checks: &mut Checks<'_>) {
        let place = file.key("container");
        let patch = self.patch.as_ref().unwrap_or(&Value::Null);
        let args = self.args.iter().flatten().enumerate();
        let args = args.map(|(index, arg)| (file.key("args").item(index), arg.as_str()));
        let variables = Variables::of(patch);
        for (place, text) in args.chain(texts(patch, place)) {
            if let Some(unknown) = unknown(text, |name| variables.may_have(name)) {
                let no_such = no_such(unknown, &OF_THE_ADAPTER);
                checks.at(
                    place,
                    format!("{no_such}, and variables of the container's `env`"),
                );
            }
        }
        if patch.is_object() {
            self.check_fields(patch, place, checks);
        } else if self.patch.is_some() {
            let problem = "expected fields of a container, such as {livenessProbe: null}";
            checks.at(place, problem);
        }
    }

    fn check_fields(&self, patch: &Value, place: &Place, checks: &mut Checks<'_>) {
        if patch.get("name").is_some_and(|name| name != NAME) {
            let problem = format!("the container keeps its name, {NAME}, by which it is found");
            checks.at(place.key("name"), problem);
        }
        fields::check::<v1::Container>(patch, place, checks);
        let incomplete = self.everywhere().map(|found| incomplete(&found, place));
        // One patch has the same mistake in most manifests.
        let mut incomplete = incomplete.filter(|problems| !problems.is_empty());
        for (place, problem) in incomplete.next().into_iter().flatten() {
            checks.at(place, problem);
        }
    }
}

/// The container called `adapter`, if an object has one.
pub(super) fn of_adapter(object: &mut Value) -> Option<&mut Value> {
    let containers = object.pointer_mut("/spec/template/spec/containers")?;
    let mut containers = containers.as_array_mut()?.iter_mut();
    containers.find(|container| container["name"] == NAME)
}

/// The namespace of an object, and the ServiceAccount of its pods.
pub(super) fn names_of(object: &Value) -> (String, String) {
    let text = |pointer: &str| {
        let text = object.pointer(pointer).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    (
        text("/metadata/namespace"),
        text("/spec/template/spec/serviceAccountName"),
    )
}

/// What a patch leaves incomplete of a container, or asks for twice, each with its place.
fn incomplete<'p>(container: &Value, place: &'p Place) -> Vec<(&'p Place, String)> {
    let mut found = fields::missing::<v1::Container>(container, place);
    for name in PROBES {
        let probe = &container[name];
        let handlers = HANDLERS
            .into_iter()
            .filter(|handler| !probe[*handler].is_null());
        let handlers: Vec<&str> = handlers.collect();
        if probe.is_object() && handlers.len() != 1 {
            let all = HANDLERS.join(", ");
            let problem = match handlers.first() {
                None => format!("expected one of {all}: not all manifests have a {name}"),
                Some(first) => format!(
                    "expected one of {all}, and with that of the manifests there are {}; `{first}: null` takes one away",
                    handlers.join(" and ")
                ),
            };
            found.push((place.key(name), problem));
        }
    }
    found
}

/// `host:port` of the `--prometheus-url` among arguments.
fn prometheus(args: &Value) -> String {
    args.as_array()
        .into_iter()
        .flatten()
        .filter_map(|arg| arg.as_str()?.strip_prefix("--prometheus-url="))
        .map(|url| {
            url.trim_start_matches("http://")
                .trim_end_matches('/')
                .to_owned()
        })
        .next()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The adapter's container of these manifests, in whose place is one with this patch.
    fn placed(install: Install, args: Option<&[&str]>, patch: Value) -> Value {
        let container = Container {
            is_this_program: false,
            args: args.map(|args| args.iter().map(|arg| (*arg).to_owned()).collect()),
            patch: Some(patch),
        };
        let mut objects = install.objects().unwrap();
        let mut found = objects.iter_mut().filter_map(|object| {
            container.take_place(object, "setpoint", None);
            of_adapter(object).map(Value::take)
        });
        found.next().unwrap()
    }

    #[test]
    fn a_container_has_the_addresses_and_names_of_its_installation() {
        let patch = json!({
            "command": ["adapter", "--account=$(ADAPTER_SERVICE_ACCOUNT)"],
            "env": [{"name": "URL", "value": "http://$(PROMETHEUS)"}, {"name": "NAMESPACE", "value": "$(ADAPTER_NAMESPACE)"}],
            "readinessProbe": {"httpGet": {"path": "/$(ADAPTER_NAMESPACE)"}},
        });
        let args = ["--namespace=$(ADAPTER_NAMESPACE)"];
        let base = placed(Install::Base, Some(&args), patch.clone());
        let url = "http://prometheus.setpoint.svc:9090";
        assert_eq!(base["env"][0]["value"], url);
        assert_eq!(base["env"][1]["value"], "setpoint");
        assert_eq!(base["command"][1], "--account=setpoint-adapter");
        assert_eq!(base["args"], json!(["--namespace=setpoint"]));
        assert_eq!(base["readinessProbe"]["httpGet"]["path"], "/setpoint");
        let walkthrough = placed(Install::Walkthrough, Some(&args), patch);
        assert_eq!(walkthrough["env"][0]["value"], "http://127.0.0.1:9090");
        assert_eq!(walkthrough["command"][1], "--account=prom-cm-adapter");
    }

    #[test]
    fn what_kubernetes_expands_itself_stays() {
        let patch = json!({
            "command": ["adapter", "--a=$(A)", "--prometheus=$(PROMETHEUS)", "$$(ADAPTER_NAMESPACE)"],
            "env": [
                {"name": "A", "value": "$(ADAPTER_NAMESPACE)"},
                {"name": "PROMETHEUS", "value": "http://$(PROMETHEUS)"},
                {"name": "B", "value": "$(A) $(PROMETHEUS)"},
            ],
        });
        let found = placed(Install::Base, None, patch);
        let stays = [
            "adapter",
            "--a=$(A)",
            "--prometheus=$(PROMETHEUS)",
            "$$(ADAPTER_NAMESPACE)",
        ];
        assert_eq!(found["command"], json!(stays));
        assert_eq!(found["env"][0]["value"], "setpoint");
        let url = "http://prometheus.setpoint.svc:9090";
        assert_eq!(found["env"][1]["value"], url);
        assert_eq!(found["env"][2]["value"], "$(A) $(PROMETHEUS)");
    }

    #[test]
    fn no_manifests_have_a_container_that_is_incomplete() {
        let container = Container {
            is_this_program: false,
            args: None,
            patch: None,
        };
        let place = Place::of("{}");
        let found: Vec<Value> = container.everywhere().collect();
        assert_eq!(found.len(), INSTALLS.len());
        for found in found {
            assert!(incomplete(&found, &place).is_empty(), "{found}");
        }
        assert!(container.mount_paths().contains("/etc/adapter"));
    }
}
