//! What a request for usage finds: objects, and those of them that have values.

use serde::Serialize;
use setpoint_metrics_api::List;
use setpoint_metrics_api::resource::{Document, GROUP, ObjectMetrics};

use super::{Consumer, UsageError};
use crate::query::UsageQuery;
use crate::resources::GroupResource;

impl UsageQuery {
    /// Whether a request is about an object that runs, for those who have no API server that lists it.
    #[must_use]
    pub fn selects(&self, object: &Consumer) -> bool {
        let namespace = object.namespace.as_deref().unwrap_or_default();
        let holds = |term: &String| {
            let (key, value) = term.split_once('=').unwrap_or((term, ""));
            let (key, is_not) = match key.strip_suffix('!') {
                Some(key) => (key, true),
                None => (key, false),
            };
            let actual = match key {
                "metadata.name" => object.name.as_str(),
                _ => namespace,
            };
            (actual == value.trim_start_matches('=')) != is_not
        };
        self.namespace
            .as_deref()
            .is_none_or(|wanted| wanted == namespace)
            && self.name.as_ref().is_none_or(|name| *name == object.name)
            && self.selector.matches(&object.labels)
            && self.fields.iter().all(holds)
    }

    /// An error if one object is asked for by name and there is none.
    ///
    /// # Errors
    /// [`UsageError::NotFound`]
    pub fn objects<T>(&self, objects: Vec<T>) -> Result<Vec<T>, UsageError> {
        // As client-go's listers name them.
        let resource = match self.resource {
            "nodes" => "node",
            other => other,
        };
        self.found(objects, GroupResource::new("", resource), None)
    }

    /// An error if one object is asked for by name and has no values.
    ///
    /// # Errors
    /// [`UsageError::NotFound`]
    pub fn values<T>(&self, metrics: Vec<T>) -> Result<Vec<T>, UsageError> {
        let resource = match self.namespace {
            Some(_) => "podmetrics",
            None => "nodemetrics",
        };
        let resource = GroupResource::new(GROUP, resource);
        self.found(metrics, resource, self.namespace.as_deref())
    }

    fn found<T>(
        &self,
        found: Vec<T>,
        group_resource: GroupResource,
        namespace: Option<&str>,
    ) -> Result<Vec<T>, UsageError> {
        match &self.name {
            Some(name) if found.is_empty() => Err(UsageError::NotFound {
                group_resource,
                name: namespace.map_or_else(|| name.clone(), |of| format!("{of}/{name}")),
            }),
            _ => Ok(found),
        }
    }
}

/// The usage of pods of several namespaces. Those that fail leave the others, as in prometheus-adapter, and are given to
/// `left_out`; where all fail, it is an error here, since an empty list would say that nothing runs.
///
/// # Errors
/// That of the first namespace, if all fail.
pub fn of_namespaces<T, E>(
    answers: impl IntoIterator<Item = Result<Vec<T>, E>>,
    mut left_out: impl FnMut(&E),
) -> Result<Vec<T>, E> {
    let (mut all, mut succeeded, mut failure) = (Vec::new(), false, None);
    for answer in answers {
        match answer {
            Ok(metrics) => {
                succeeded = true;
                all.extend(metrics);
            }
            Err(error) => {
                left_out(&error);
                failure.get_or_insert(error);
            }
        }
    }
    match failure {
        Some(error) if !succeeded => Err(error),
        _ => Ok(all),
    }
}

/// Usage as clients read it.
#[derive(Debug, Serialize)]
#[serde(untagged, bound(serialize = "T: Serialize"))]
#[non_exhaustive]
pub enum UsageDocument<T> {
    /// The object that is asked for by name.
    Object(Document<T>),
    /// All that are asked for.
    List(List<T>),
}

impl<T: ObjectMetrics> UsageDocument<T> {
    /// The document that answers a request.
    #[must_use]
    pub fn new(query: &UsageQuery, mut objects: Vec<T>) -> Self {
        match (&query.name, objects.len()) {
            (Some(_), 1) => Self::Object(objects.remove(0).into()),
            _ => Self::List(objects.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::tests::resource;

    fn query(path: &str) -> UsageQuery {
        query_with(path, "")
    }

    fn query_with(path: &str, query_string: &str) -> UsageQuery {
        let path = format!("/apis/metrics.k8s.io/v1beta1/{path}");
        UsageQuery::new(&resource(&path), query_string).unwrap()
    }

    #[test]
    fn usage_is_asked_of_the_objects_that_path_and_selectors_select() {
        let pod = |namespace: &str, name: &str, app: &str| Consumer {
            name: name.to_owned(),
            namespace: Some(namespace.to_owned()),
            labels: [("app".to_owned(), app.to_owned())].into(),
        };
        let pods = [
            pod("shop", "a", "web"),
            pod("shop", "b", "api"),
            pod("bank", "a", "web"),
        ];
        let selected = |path: &str, query_string: &str| {
            let query = query_with(path, query_string);
            let chosen = pods
                .iter()
                .map(|pod| u8::from(query.selects(pod)).to_string());
            chosen.collect::<String>()
        };
        for (path, query_string, expected) in [
            ("pods", "", "111"),
            ("namespaces/shop/pods", "", "110"),
            ("namespaces/shop/pods/b", "", "010"),
            ("pods", "labelSelector=app%3Dweb", "101"),
            ("pods", "fieldSelector=metadata.name%3Da", "101"),
            ("pods", "fieldSelector=metadata.name%3D%3Db", "010"),
            ("pods", "fieldSelector=metadata.namespace!%3Dbank", "110"),
            (
                "pods",
                "fieldSelector=metadata.namespace!%3Dbank,metadata.name!%3Da",
                "010",
            ),
        ] {
            assert_eq!(
                selected(path, query_string),
                expected,
                "{path}?{query_string}"
            );
        }
    }

    #[test]
    fn an_object_that_is_asked_for_by_name_has_to_be_there_and_to_have_values() {
        let none = || Vec::<u8>::new();
        let (pod, node) = (query("namespaces/shop/pods/web-1"), query("nodes/n1"));
        let said = |error: Result<_, UsageError>| error.unwrap_err().to_string();
        assert_eq!(said(pod.objects(none())), r#"pods "web-1" not found"#);
        assert_eq!(said(node.objects(none())), r#"node "n1" not found"#);
        assert_eq!(
            said(pod.values(none())),
            r#"podmetrics.metrics.k8s.io "shop/web-1" not found"#
        );
        assert_eq!(
            said(node.values(none())),
            r#"nodemetrics.metrics.k8s.io "n1" not found"#
        );
        assert!(query("pods").values(none()).is_ok());
        assert!(pod.values(vec![1]).is_ok());
    }

    #[test]
    fn a_namespace_that_fails_leaves_the_others_unless_all_fail() {
        let mut left_out = Vec::new();
        let mut of = |answers: Vec<Result<Vec<u8>, &'static str>>| {
            of_namespaces(answers, |error| left_out.push(*error))
        };
        assert_eq!(of(vec![Ok(vec![1]), Err("a"), Ok(vec![2])]), Ok(vec![1, 2]));
        assert_eq!(of(vec![Ok(vec![]), Err("b")]), Ok(vec![]));
        assert_eq!(of(vec![Err("c"), Err("d")]), Err("c"));
        assert_eq!(of(vec![]), Ok(vec![]));
        assert_eq!(left_out, ["a", "b", "c", "d"]);
    }
}
