//! References to objects.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

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
