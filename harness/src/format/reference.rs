//! References to objects.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

/// An object by kind and name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObjectRef {
    /// Its API version.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
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
pub struct DeploymentRef {
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
