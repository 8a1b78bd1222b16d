//! A GET in the documents of OpenAPI.

use serde_json::{Value, json};

use super::group::{ApiGroup, DiscoveredResource};

/// The two forms of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Swagger 2.0.
    V2,
    /// OpenAPI 3.0.
    V3,
}

impl Form {
    /// What references to definitions begin with.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::V2 => "#/definitions/",
            Self::V3 => "#/components/schemas/",
        }
    }
}

/// A GET of a path.
pub(super) struct Operation {
    path: String,
    id: String,
    description: &'static str,
    /// What it answers, where that is a kind of the group.
    answer: Option<Answer>,
    /// In the path, in braces.
    parameters: Vec<&'static str>,
}

/// A kind of a group.
struct Answer {
    group: &'static str,
    version: String,
    /// What the resource is a list of.
    kind: &'static str,
    is_list: bool,
}

impl Operation {
    pub(super) fn of_the_group(group: &dyn ApiGroup) -> Self {
        Self {
            path: format!("/apis/{}/", group.name()),
            id: format!("getAPIGroup{}", in_camel_case(group)),
            description: "get information of a group",
            answer: None,
            parameters: Vec::new(),
        }
    }

    /// Metrics of custom and external metrics have no paths: they come and go, and
    /// prometheus-adapter's documents don't name them either.
    pub(super) fn of_a_version(group: &dyn ApiGroup, version: &str) -> Vec<Self> {
        let root = format!("/apis/{}/{version}/", group.name());
        let discovery = Self {
            path: root.clone(),
            id: format!("getAPIResources{version}{}", in_camel_case(group)),
            description: "get available resources",
            answer: None,
            parameters: Vec::new(),
        };
        let resources = group.resources();
        let fixed = resources.iter().filter(|resource| resource.is_listed());
        let of_resources = fixed.flat_map(|resource| {
            let answer = |is_list| Answer {
                group: group.name(),
                version: version.to_owned(),
                kind: resource.kind,
                is_list,
            };
            Self::of_a_resource(&root, resource, answer)
        });
        std::iter::once(discovery).chain(of_resources).collect()
    }

    fn of_a_resource(
        root: &str,
        resource: &DiscoveredResource,
        answer: impl Fn(bool) -> Answer,
    ) -> Vec<Self> {
        let (name, kind) = (&resource.resource, resource.kind);
        let (scope, namespaced, mut parameters) = if resource.namespaced {
            ("namespaces/{namespace}/", "Namespaced", vec!["namespace"])
        } else {
            ("", "", Vec::new())
        };
        let listed = parameters.clone();
        parameters.push("name");
        let operation = |path, id, is_list, parameters| Self {
            path,
            id,
            description: if is_list {
                "list objects"
            } else {
                "read an object"
            },
            answer: Some(answer(is_list)),
            parameters,
        };
        let mut operations = vec![
            operation(
                format!("{root}{scope}{name}"),
                format!("list{namespaced}{kind}"),
                true,
                listed,
            ),
            operation(
                format!("{root}{scope}{name}/{{name}}"),
                format!("read{namespaced}{kind}"),
                false,
                parameters,
            ),
        ];
        if resource.namespaced {
            operations.push(operation(
                format!("{root}{name}"),
                format!("list{kind}ForAllNamespaces"),
                true,
                Vec::new(),
            ));
        }
        operations
    }

    /// The path, and its item.
    pub(super) fn into_path(self, form: Form) -> (String, Value) {
        let item = self.item(form);
        (self.path, item)
    }

    fn item(&self, form: Form) -> Value {
        let mut success = json!({"description": "OK"});
        if let Some(answer) = &self.answer {
            let schema = json!({"$ref": format!("{}{}", form.prefix(), answer.definition())});
            match form {
                Form::V2 => success["schema"] = schema,
                Form::V3 => success["content"] = json!({"application/json": {"schema": schema}}),
            }
        }
        let mut get = json!({
            "description": self.description,
            "operationId": self.id,
            "responses": {"200": success, "401": {"description": "Unauthorized"}},
        });
        if form == Form::V2 {
            get["produces"] = json!(["application/json"]);
            get["schemes"] = json!(["https"]);
        }
        if let Some(answer) = &self.answer {
            let Answer {
                group,
                version,
                kind,
                is_list,
            } = answer;
            get["x-kubernetes-action"] = json!(if *is_list { "list" } else { "get" });
            get["x-kubernetes-group-version-kind"] =
                json!({"group": group, "version": version, "kind": kind});
        }
        let mut item = json!({"get": get});
        if !self.parameters.is_empty() {
            let parameters = self.parameters.iter();
            item["parameters"] = parameters.map(|name| parameter(name, form)).collect();
        }
        item
    }
}

impl Answer {
    fn definition(&self) -> String {
        // `metrics` for `metrics.k8s.io`.
        let group = self.group.trim_end_matches(".k8s.io").replace('.', "_");
        let list = if self.is_list { "List" } else { "" };
        format!(
            "io.k8s.metrics.pkg.apis.{group}.{}.{}{list}",
            self.version, self.kind
        )
    }
}

fn parameter(name: &str, form: Form) -> Value {
    let mut parameter = json!({"name": name, "in": "path", "required": true});
    match form {
        Form::V2 => parameter["type"] = json!("string"),
        Form::V3 => parameter["schema"] = json!({"type": "string"}),
    }
    parameter
}

/// `CustomMetrics` for `custom.metrics.k8s.io`.
fn in_camel_case(group: &dyn ApiGroup) -> String {
    let capitalized = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + rest
    };
    let name = group.name().trim_end_matches(".k8s.io");
    name.split('.').map(capitalized).collect()
}
