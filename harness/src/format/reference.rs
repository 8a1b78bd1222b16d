//! References to objects.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::default_namespace;

/// An object by kind and name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ObjectRef {
    /// Its API version.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl ObjectRef {
    /// What an object says of itself; empty where it doesn't.
    pub(crate) fn of(object: &Value) -> Self {
        let text = |pointer: &str| Some(object.pointer(pointer)?.as_str()?.to_owned());
        Self {
            api_version: text("/apiVersion").unwrap_or_default(),
            kind: text("/kind").unwrap_or_default(),
            namespace: text("/metadata/namespace"),
            name: text("/metadata/name").unwrap_or_default(),
        }
    }

    /// Its API group; empty for the core.
    pub(crate) fn group(&self) -> &str {
        let version = self.api_version.rsplit_once('/');
        version.map_or("", |(group, _)| group)
    }

    /// What tells it from every other object.
    pub(crate) fn identity(&self) -> Identity {
        Identity {
            group: self.group().to_owned(),
            kind: self.kind.clone(),
            namespace: self.namespace.clone().unwrap_or_else(default_namespace),
            name: self.name.clone(),
        }
    }
}

/// What tells an object from every other one, in whichever version of its API it is written. Where no namespace is named,
/// the default one is meant; of a kind without namespaces no object names one, so that these are told apart all the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Identity {
    group: String,
    kind: String,
    namespace: String,
    name: String,
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

/// A Deployment, such as `deployment/web`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(crate) struct DeploymentRef {
    /// Its name.
    pub name: String,
}

impl TryFrom<String> for DeploymentRef {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.strip_prefix("deployment/") {
            Some(name) if !name.is_empty() => Ok(Self {
                name: name.to_owned(),
            }),
            _ => Err(format!(
                "`{text}` is no Deployment; expected deployment/NAME"
            )),
        }
    }
}

impl fmt::Display for DeploymentRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "deployment/{}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_the_same_in_any_version_and_in_the_default_namespace_by_name_or_not() {
        let identity = |version: &str, kind: &str, metadata: Value| {
            let object = json!({"apiVersion": version, "kind": kind, "metadata": metadata});
            ObjectRef::of(&object).identity()
        };
        let web = json!({"name": "web"});
        let named = json!({"name": "web", "namespace": "default"});
        let hpa = "HorizontalPodAutoscaler";
        let same = [
            (("v1", "Pod", &web), ("v1", "Pod", &named)),
            (
                ("autoscaling/v1", hpa, &web),
                ("autoscaling/v2", hpa, &named),
            ),
        ];
        for ((a, b, c), (d, e, f)) in same {
            assert_eq!(identity(a, b, c.clone()), identity(d, e, f.clone()));
        }
        let pod = identity("v1", "Pod", web.clone());
        for other in [
            identity("example.org/v1", "Pod", web.clone()),
            identity("v1", "Service", web),
            identity("v1", "Pod", json!({"name": "api"})),
            identity("v1", "Pod", json!({"name": "web", "namespace": "shop"})),
        ] {
            assert_ne!(pod, other);
        }
    }
}
