//! What a request for values asks for
//! (`custom-metrics-apiserver/pkg/apiserver/installer/cmhandlers.go`, `endpoints/handlers/get.go`).

use crate::path::ResourcePath;
use crate::resources::GroupResource;
use crate::selector::{ParseSelectorError, Selector};

/// A request for the values of a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricQuery {
    /// The resource of the described objects.
    pub group_resource: GroupResource,
    /// The namespace of the objects; none for root-scoped ones.
    pub namespace: Option<String>,
    /// Which objects.
    pub objects: Objects,
    /// The name of the metric.
    pub metric: String,
    /// `metricLabelSelector`: which series of the metric.
    pub metric_selector: Selector,
}

/// Which objects a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Objects {
    /// One, by name.
    Named(String),
    /// All that `labelSelector` selects.
    Selected(Selector),
}

/// Why a path and its parameters ask for no metric.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidQuery {
    /// The path is that of a namespace and a metric, without `metrics` between them.
    #[error("invalid request path")]
    Path,
    /// The group has no such path.
    #[error("the server could not find the requested resource")]
    NoSuchPath,
    /// No object can have such a name. It would stand in a query of Prometheus.
    #[error("`{text}` can't be the name of {what}")]
    Name {
        /// `an object` or `a namespace`.
        what: &'static str,
        /// The name, shortened.
        text: String,
    },
    /// A term of a selector of fields compares something else than names.
    #[error(
        "fieldSelector `{term}`: only `metadata.name` and `metadata.namespace` can be compared, with names"
    )]
    Field {
        /// The term, shortened.
        term: String,
    },
    /// A selector of fields selects another object than the path.
    #[error("fieldSelector metadata.name doesn't match requested name")]
    OtherName,
    /// A selector can't be parsed.
    #[error("{parameter} `{text}`: {reason}")]
    Selector {
        /// `labelSelector` or `metricLabelSelector`.
        parameter: &'static str,
        /// The value of the parameter.
        text: String,
        /// What is wrong with it.
        reason: ParseSelectorError,
    },
}

impl MetricQuery {
    /// Parses a path of `custom.metrics.k8s.io` and the query string of its URL, which may be
    /// empty:
    ///
    /// - `namespaces/<namespace>/<resource>/<name or *>/<metric>`
    /// - `<resource>/<name or *>/<metric>` for root-scoped objects
    /// - `namespaces/<namespace or *>/metrics/<metric>` for the namespace itself
    ///
    /// # Errors
    /// Another path, a name that no object can have, or a selector that isn't one.
    pub fn new(path: &ResourcePath, query_string: &str) -> Result<Self, InvalidQuery> {
        let metric_selector = selector(query_string, "metricLabelSelector")?;
        let objects = |name: &str, what| {
            // A selector of fields may say the path's name again, and `*` is one.
            let fields = fields(query_string)?;
            let names = |term: &String| {
                let value = term.strip_prefix("metadata.name=");
                value.is_some_and(|value| value.trim_start_matches('=') == name)
            };
            if !fields.is_empty() && !fields.iter().any(names) {
                return Err(InvalidQuery::OtherName);
            }
            match name {
                "*" => selector(query_string, "labelSelector").map(Objects::Selected),
                name => object_name(name, what).map(Objects::Named),
            }
        };
        match (path.parts.as_slice(), &path.namespace) {
            ([metrics, metric], Some(namespace)) if metrics == "metrics" => Ok(Self {
                group_resource: GroupResource::new("", "namespaces"),
                namespace: None,
                objects: objects(namespace, "a namespace")?,
                metric: metric.clone(),
                metric_selector,
            }),
            ([resource, name, metric], namespace) => Ok(Self {
                group_resource: GroupResource::parse(resource),
                namespace: namespace.as_deref().map(namespace_name).transpose()?,
                objects: objects(name, "an object")?,
                metric: metric.clone(),
                metric_selector,
            }),
            ([_], Some(_)) => Err(InvalidQuery::Path),
            _ => Err(InvalidQuery::NoSuchPath),
        }
    }
}

/// A request for the values of an external metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalQuery {
    /// The namespace that asks.
    pub namespace: String,
    /// The name of the metric.
    pub metric: String,
    /// `labelSelector`: which series of the metric.
    pub selector: Selector,
}

impl ExternalQuery {
    /// Parses a path of `external.metrics.k8s.io`, `namespaces/<namespace>/<metric>`, and the query
    /// string of its URL, which may be empty
    /// (`custom-metrics-apiserver/pkg/apiserver/installer/emhandlers.go`).
    ///
    /// # Errors
    /// Another path, a name that no namespace can have, or a selector that isn't one.
    pub fn new(path: &ResourcePath, query_string: &str) -> Result<Self, InvalidQuery> {
        let ([metric], Some(namespace)) = (path.parts.as_slice(), &path.namespace) else {
            return Err(InvalidQuery::NoSuchPath);
        };
        Ok(Self {
            namespace: namespace_name(namespace)?,
            metric: metric.clone(),
            selector: selector(query_string, "labelSelector")?,
        })
    }
}

/// A request for the CPU and memory of objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageQuery {
    /// `pods` or `nodes`.
    pub resource: &'static str,
    /// The namespace of the pods; none for all of them.
    pub namespace: Option<String>,
    /// One object.
    pub name: Option<String>,
    /// `labelSelector`: which objects, if it isn't one.
    pub selector: Selector,
    /// Terms of `fieldSelector`.
    pub(crate) fields: Vec<String>,
}

impl UsageQuery {
    /// Parses a path of `metrics.k8s.io` and the query string of its URL, which may be empty:
    /// `nodes`, `nodes/<name>`, `pods`, `namespaces/<namespace>/pods` and
    /// `namespaces/<namespace>/pods/<name>` (`sigs.k8s.io/metrics-server/pkg/api`).
    ///
    /// # Errors
    /// Another path, a name that no object can have, or a selector that isn't one.
    pub fn new(path: &ResourcePath, query_string: &str) -> Result<Self, InvalidQuery> {
        let (resource, name) = match path.parts.as_slice() {
            [resource] => (resource, None),
            [resource, name] => (resource, Some(name)),
            _ => return Err(InvalidQuery::NoSuchPath),
        };
        let resource = match (resource.as_str(), &path.namespace, name) {
            ("nodes", None, _) => "nodes",
            ("pods", Some(_), _) | ("pods", None, None) => "pods",
            _ => return Err(InvalidQuery::NoSuchPath),
        };
        let name = name.map(|name| object_name(name, "an object"));
        Ok(Self {
            resource,
            namespace: path.namespace.as_deref().map(namespace_name).transpose()?,
            name: name.transpose()?,
            selector: selector(query_string, "labelSelector")?,
            fields: fields(query_string)?,
        })
    }

    /// The selector of fields by which the API server lists the objects. Of pods, those count that
    /// run, as in prometheus-adapter.
    #[must_use]
    pub fn field_selector(&self) -> String {
        let running = (self.resource == "pods").then(|| "status.phase=Running".to_owned());
        let name = self
            .name
            .as_ref()
            .map(|name| format!("metadata.name={name}"));
        let terms: Vec<String> = running
            .into_iter()
            .chain(name)
            .chain(self.fields.iter().cloned())
            .collect();
        terms.join(",")
    }
}

/// The terms of `fieldSelector` (`runtime.DefaultMetaV1FieldSelectorConversion`).
fn fields(query_string: &str) -> Result<Vec<String>, InvalidQuery> {
    const KNOWN: [&str; 2] = ["metadata.name", "metadata.namespace"];
    let mut parameters = form_urlencoded::parse(query_string.as_bytes());
    let Some((_, text)) = parameters.find(|(key, _)| key == "fieldSelector") else {
        return Ok(Vec::new());
    };
    let terms = text.split(',').filter(|term| !term.is_empty());
    let term = |term: &str| {
        let (key, operator, value) = ["!=", "==", "="]
            .into_iter()
            .find_map(|operator| {
                let (key, value) = term.split_once(operator)?;
                Some((key, operator, value))
            })
            .filter(|(key, _, value)| {
                KNOWN.contains(key) && (value.is_empty() || is_object_name(value))
            })
            .ok_or_else(|| InvalidQuery::Field {
                term: term.chars().take(80).collect(),
            })?;
        Ok(format!("{key}{operator}{value}"))
    };
    terms.map(term).collect()
}

/// Whether a name can be that of an object whose metrics are served: up to 253 letters, digits and
/// `-._:@`, as almost all names in Kubernetes are. Rules may put names into any place of a query
/// (`.LabelValuesByName`), so they hold nothing that could end a string of PromQL.
#[must_use]
pub fn is_object_name(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || "-._:@".contains(c);
    (1..=253).contains(&name.len()) && name.chars().all(legal)
}

fn object_name(name: &str, what: &'static str) -> Result<String, InvalidQuery> {
    if !is_object_name(name) {
        let text = name.chars().take(80).collect();
        return Err(InvalidQuery::Name { what, text });
    }
    Ok(name.to_owned())
}

/// The namespace in a path. No namespace is called `*`; who asks for it is told of no object, as by prometheus-adapter.
fn namespace_name(name: &str) -> Result<String, InvalidQuery> {
    match name {
        "*" => Ok(name.to_owned()),
        name => object_name(name, "a namespace"),
    }
}

/// The selector in a parameter; one that isn't there selects everything.
fn selector(query_string: &str, parameter: &'static str) -> Result<Selector, InvalidQuery> {
    let value = form_urlencoded::parse(query_string.as_bytes())
        .find(|(key, _)| key == parameter)
        .map(|(_, value)| value.into_owned());
    let Some(text) = value else {
        return Ok(Selector::default());
    };
    Selector::parse(&text).map_err(|reason| InvalidQuery::Selector {
        parameter,
        text,
        reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::tests::resource;

    fn query(path: &str, query_string: &str) -> Result<MetricQuery, InvalidQuery> {
        let path = format!("/apis/custom.metrics.k8s.io/v1beta1/{path}");
        MetricQuery::new(&resource(&path), query_string)
    }

    #[test]
    fn objects_are_asked_for_by_name_by_selector_and_as_namespaces() {
        let mut pods = MetricQuery {
            group_resource: GroupResource::new("", "pods"),
            namespace: Some("default".to_owned()),
            objects: Objects::Named("web-1".to_owned()),
            metric: "load".to_owned(),
            metric_selector: Selector::default(),
        };
        assert_eq!(
            query(
                "namespaces/default/pods/web-1/load",
                "labelSelector=ignored"
            ),
            Ok(pods.clone())
        );
        pods.objects = Objects::Selected(Selector::parse("app=web").unwrap());
        pods.metric_selector = Selector::parse("verb=GET").unwrap();
        let selectors = "labelSelector=app%3Dweb&metricLabelSelector=verb%3DGET";
        assert_eq!(query("namespaces/default/pods/*/load", selectors), Ok(pods));
        let namespace = query("namespaces/default/metrics/load", "").unwrap();
        assert_eq!(namespace.objects, Objects::Named("default".to_owned()));
        assert_eq!(namespace.group_resource.to_string(), "namespaces");
        assert_eq!(namespace.namespace, None);
        let namespaces = query("namespaces/*/metrics/load", "labelSelector=a%3Db").unwrap();
        assert_eq!(
            namespaces.objects,
            Objects::Selected(Selector::parse("a=b").unwrap())
        );
        let node = query("nodes/n1/load", "").unwrap();
        assert_eq!(node.namespace, None);
    }

    #[test]
    fn a_selector_of_fields_must_name_the_object_of_the_path() {
        let named = |query_string: &str| query("nodes/n1/load", query_string);
        for same in ["fieldSelector=", "fieldSelector=metadata.name%3Dn1"] {
            assert_eq!(named(same), named(""), "{same}");
        }
        let other = named("fieldSelector=metadata.name%3Dn2");
        assert_eq!(other, Err(InvalidQuery::OtherName));
        let unequal = named("fieldSelector=metadata.name%21%3Dn1");
        assert_eq!(unequal, Err(InvalidQuery::OtherName));
        let every = query("nodes/*/load", "fieldSelector=metadata.name%3Dn1");
        assert_eq!(every, Err(InvalidQuery::OtherName));
    }

    #[test]
    fn other_paths_and_texts_that_are_no_selectors_are_refused() {
        for path in ["pods", "metrics/load", "namespaces/a/pods/web", "a/b/c/d"] {
            assert_eq!(query(path, ""), Err(InvalidQuery::NoSuchPath), "{path}");
        }
        assert_eq!(query("namespaces/a/load", ""), Err(InvalidQuery::Path));
        let long = "a".repeat(254);
        for name in [
            "x%22%7D) or vector(1) %23",
            "a%2Fb",
            "a%7Cb",
            "caf%C3%A9",
            "a%0Ab",
            &long,
        ] {
            for path in [
                format!("namespaces/a/pods/{name}/load"),
                format!("namespaces/{name}/pods/web/load"),
                format!("namespaces/{name}/metrics/load"),
            ] {
                let refused = query(&path, "");
                assert!(matches!(refused, Err(InvalidQuery::Name { .. })), "{path}");
            }
        }
        assert!(query("clusterroles.rbac/system:node@a.b-c_d/load", "").is_ok());
        let refused = |query_string: &str| {
            query("namespaces/a/pods/*/load", query_string)
                .unwrap_err()
                .to_string()
        };
        assert!(refused("labelSelector=a%20b").starts_with("labelSelector `a b`: unable to parse"));
        assert!(refused("metricLabelSelector=%2C").starts_with("metricLabelSelector `,`: "));
    }
}
