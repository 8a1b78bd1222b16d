//! What an adapter lists, for whoever decides what to ask.

use serde_json::Value;

use super::recording::Answers;

const CUSTOM: &str = "GET /apis/custom.metrics.k8s.io/v1beta1";
const EXTERNAL: &str = "GET /apis/external.metrics.k8s.io/v1beta1";
const RESOURCE: &str = "GET /apis/metrics.k8s.io/v1beta1";
/// The requests for what is listed.
pub(super) const DISCOVERY: [&str; 4] = [
    CUSTOM,
    "GET /apis/custom.metrics.k8s.io/v1beta2",
    EXTERNAL,
    RESOURCE,
];

/// What an adapter lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    /// Custom metrics.
    pub custom: Vec<Custom>,
    /// Names of external metrics.
    pub external: Vec<String>,
    /// Whether there are resource metrics.
    pub resource: bool,
}

/// A custom metric of a kind of objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Custom {
    /// Such as `deployments.apps`.
    pub resource: String,
    /// Its name.
    pub metric: String,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
}

impl Listed {
    pub(super) fn of(answers: &Answers) -> Self {
        let list = |line: &str| -> Option<Vec<Value>> {
            let document: Value = serde_json::from_str(&answers.get(line)?.body).ok()?;
            document["resources"].as_array().cloned()
        };
        let custom = list(CUSTOM).unwrap_or_default();
        let custom = custom.iter().filter_map(|entry| {
            let (resource, metric) = entry["name"].as_str()?.split_once('/')?;
            Some(Custom {
                resource: resource.to_owned(),
                metric: metric.to_owned(),
                namespaced: entry["namespaced"].as_bool()?,
            })
        });
        let external = list(EXTERNAL).unwrap_or_default();
        let external = external.iter().filter_map(|entry| entry["name"].as_str());
        Self {
            custom: custom.collect(),
            external: external.map(str::to_owned).collect(),
            resource: list(RESOURCE).is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::answer::Answer;
    use super::*;

    #[test]
    fn metrics_are_taken_out_of_the_lists_of_groups() {
        let list = |resources: &str| Answer::none(format!("{{\"resources\":[{resources}]}}"));
        let answers = Answers::from([
            (
                CUSTOM.to_owned(),
                list(r#"{"name":"deployments.apps/a","namespaced":true},{"name":"b"}"#),
            ),
            (
                EXTERNAL.to_owned(),
                list(r#"{"name":"c","namespaced":true}"#),
            ),
            (RESOURCE.to_owned(), Answer::none("404 page not found")),
        ]);
        let custom = Custom {
            resource: "deployments.apps".to_owned(),
            metric: "a".to_owned(),
            namespaced: true,
        };
        let expected = Listed {
            custom: vec![custom],
            external: vec!["c".to_owned()],
            resource: false,
        };
        assert_eq!(Listed::of(&answers), expected);
    }
}
