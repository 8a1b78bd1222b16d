//! Between labels and the Kubernetes objects they name (`pkg/naming/resource_converter.go`, `lbl_res.go`).

use std::collections::BTreeMap;

use regex::Regex;

use super::RuleError;
use super::template::{Fields, Template};
use crate::config::{ResourceMapping, ResourceName};
use crate::prometheus::Series;
use crate::provider::GroupResource;
use crate::rest_mapping::{Resource, RestMapping};

/// Knows which label names which resource's objects.
#[derive(Debug)]
pub struct ResourceConverter {
    overrides: BTreeMap<String, ResourceName>,
    template: Option<LabelTemplate>,
}

#[derive(Debug)]
struct LabelTemplate {
    template: Template,
    /// The template turned around: which labels it could have made.
    labels: Regex,
}

/// Why a resource has no label.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabelError {
    /// Nothing in the rule speaks of it.
    #[error("the rule has no label for {resource}: neither an override nor a template")]
    NoTemplate {
        /// The resource.
        resource: GroupResource,
    },
    /// The cluster doesn't know it.
    #[error("the cluster has no resource {resource}")]
    NoResource {
        /// The resource.
        resource: GroupResource,
    },
}

impl ResourceConverter {
    pub(super) fn new(mapping: &ResourceMapping) -> Result<Self, RuleError> {
        let template = match mapping.template.as_str() {
            "" if mapping.overrides.is_empty() => return Err(RuleError::NoMapping),
            "" => None,
            text => Some(LabelTemplate::new(text)?),
        };
        Ok(Self {
            overrides: mapping.overrides.clone(),
            template,
        })
    }

    /// The label that names a resource's objects. `resource` is normalized.
    pub(super) fn label_for_resource(
        &self,
        resource: &GroupResource,
        mapping: &RestMapping,
    ) -> Result<String, LabelError> {
        let overridden = self
            .overrides
            .iter()
            .find(|(_, name)| normalized(name, mapping).as_ref() == Some(resource));
        if let Some((label, _)) = overridden {
            return Ok(label.clone());
        }
        let no_template = || LabelError::NoTemplate {
            resource: resource.clone(),
        };
        let template = self.template.as_ref().ok_or_else(no_template)?;
        let known = mapping
            .resource(resource)
            .ok_or_else(|| LabelError::NoResource {
                resource: resource.clone(),
            })?;
        Ok(template.template.render(&GroupAndResource {
            group: resource.group.replace(['.', '-'], "_"),
            resource: known.singular.clone(),
        }))
    }

    /// Which objects a series belongs to, and whether they live in namespaces: whether there is any label
    /// that names neither a namespace nor a node nor a persistent volume, as in the Go adapter.
    pub(super) fn resources_for_series(
        &self,
        series: &Series,
        mapping: &RestMapping,
    ) -> (Vec<GroupResource>, bool) {
        let mut resources = Vec::new();
        let mut namespaced = false;
        for label in series.labels.keys() {
            let resource = self.resource_for_label(label, mapping);
            namespaced |= !resource.as_ref().is_some_and(is_root_scoped);
            resources.extend(resource);
        }
        (resources, namespaced)
    }

    fn resource_for_label(&self, label: &str, mapping: &RestMapping) -> Option<GroupResource> {
        if let Some(name) = self.overrides.get(label) {
            return normalized(name, mapping);
        }
        let captures = self.template.as_ref()?.labels.captures(label)?;
        let text = |name: &str| {
            captures
                .name(name)
                .map_or_else(String::new, |found| found.as_str().to_owned())
        };
        normalized(
            &ResourceName {
                group: text("group"),
                resource: text("resource"),
            },
            mapping,
        )
    }
}

/// Resources whose metrics don't count as namespaced (`pkg/naming/resource_converter.go`).
pub(crate) fn is_root_scoped(resource: &GroupResource) -> bool {
    resource.group.is_empty()
        && matches!(
            resource.resource.as_str(),
            "namespaces" | "nodes" | "persistentvolumes"
        )
}

fn normalized(name: &ResourceName, mapping: &RestMapping) -> Option<GroupResource> {
    let asked = GroupResource {
        group: name.group.clone(),
        resource: name.resource.clone(),
    };
    mapping.resource(&asked).map(Resource::group_resource)
}

struct GroupAndResource {
    group: String,
    resource: String,
}

impl Fields for GroupAndResource {
    fn field(&self, name: &str) -> Option<String> {
        match name {
            "Group" => Some(self.group.clone()),
            "Resource" => Some(self.resource.clone()),
            _ => None,
        }
    }

    fn member(&self, _: &str, _: &str) -> Option<String> {
        None
    }
}

impl LabelTemplate {
    fn new(text: &str) -> Result<Self, RuleError> {
        const KEY: &str = "resources.template";
        let template = Template::parse(text, &["Group", "Resource"], &[])
            .map_err(|source| RuleError::Template { key: KEY, source })?;
        let pattern = template.render(&GroupAndResource {
            group: "(?P<group>.+?)".to_owned(),
            resource: "(?P<resource>.+?)".to_owned(),
        });
        let labels = super::regex(KEY, &format!("^{pattern}$"))?;
        let names_resource = labels
            .capture_names()
            .flatten()
            .any(|name| name == "resource");
        if !names_resource {
            return Err(RuleError::NoResource {
                template: text.to_owned(),
            });
        }
        Ok(Self { template, labels })
    }
}
