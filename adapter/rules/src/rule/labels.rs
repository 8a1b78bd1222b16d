//! Labels that name Kubernetes objects (`pkg/naming/resource_converter.go`, `lbl_res.go`).

use std::collections::BTreeMap;

use setpoint_go_regex::GoRegex;

use super::{Compiled, RuleError};
use crate::config::{ResourceMapping, ResourceName};
use crate::resources::{GroupResource, Resource, RestMapper};
use crate::template::{Template, TemplateError, Value};

/// Which label names the objects of which resource.
#[derive(Debug)]
pub(crate) struct ResourceLabels {
    overrides: BTreeMap<String, GroupResource>,
    template: Option<LabelTemplate>,
}

#[derive(Debug)]
struct LabelTemplate {
    template: Template,
    /// Matches the labels that the template can give, and captures group and resource.
    labels: GoRegex,
}

/// Why a resource has no label.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabelError {
    /// The rule has no template, and no override for the resource.
    #[error("the rule has no label for {resource}: neither an override nor a template")]
    NoTemplate {
        /// The resource.
        resource: GroupResource,
    },
    /// The cluster doesn't serve the resource.
    #[error("the cluster has no resource {resource}")]
    NoResource {
        /// The resource.
        resource: GroupResource,
    },
    /// The template gives no label for the resource.
    #[error("resources.template gives no label for {resource}")]
    Template {
        /// The resource.
        resource: GroupResource,
        /// What is wrong with it.
        #[source]
        source: TemplateError,
    },
}

/// An override to a resource that the cluster doesn't have.
pub(crate) struct Unknown<'a> {
    pub(crate) label: &'a str,
    pub(crate) resource: &'a GroupResource,
    /// A resource of that name in another group.
    pub(crate) elsewhere: Option<GroupResource>,
}

impl ResourceLabels {
    /// The labels of a mapping, whose template stands at `key`.
    pub(crate) fn new(
        key: &'static str,
        mapping: &ResourceMapping,
        compiled: &mut Compiled,
    ) -> Result<Self, RuleError> {
        let template = match mapping.template.as_str() {
            "" => None,
            text => Some(LabelTemplate::new(key, text, compiled)?),
        };
        let overrides = mapping.overrides.iter();
        let overrides = overrides.map(|(label, ResourceName { group, resource })| {
            (label.clone(), GroupResource::new(group, resource))
        });
        Ok(Self {
            overrides: overrides.collect(),
            template,
        })
    }

    /// The label that names the objects of a resource as the cluster calls it.
    pub(crate) fn label(
        &self,
        resource: &GroupResource,
        mapper: &RestMapper,
    ) -> Result<String, LabelError> {
        let overridden = self
            .overrides
            .iter()
            .find(|(_, name)| normalized(name, mapper).as_ref() == Some(resource));
        if let Some((label, _)) = overridden {
            return Ok(label.clone());
        }
        let Some(template) = &self.template else {
            return Err(LabelError::NoTemplate {
                resource: resource.clone(),
            });
        };
        let Some(known) = mapper.resource(resource) else {
            return Err(LabelError::NoResource {
                resource: resource.clone(),
            });
        };
        let group = resource.group.replace(['.', '-'], "_");
        rendered(&template.template, &group, &known.singular).map_err(|source| {
            let resource = resource.clone();
            LabelError::Template { resource, source }
        })
    }

    /// The labels that name the objects of some resources.
    pub(crate) fn overrides(&self) -> impl Iterator<Item = (&str, &GroupResource)> {
        let overrides = self.overrides.iter();
        overrides.map(|(label, resource)| (label.as_str(), resource))
    }

    /// Whether there is a template of labels.
    pub(crate) fn has_template(&self) -> bool {
        self.template.is_some()
    }

    /// The label that the template gives for a resource.
    pub(crate) fn label_by_template(
        &self,
        resource: &GroupResource,
        mapper: &RestMapper,
    ) -> Option<String> {
        let template = &self.template.as_ref()?.template;
        let known = mapper.resource(resource)?;
        let group = resource.group.replace(['.', '-'], "_");
        rendered(template, &group, &known.singular).ok()
    }

    /// Overrides to resources that the cluster doesn't have. prometheus-adapter ends where it finds one.
    pub(crate) fn unknown<'a>(
        &'a self,
        mapper: &'a RestMapper,
    ) -> impl Iterator<Item = Unknown<'a>> {
        let unknown = self
            .overrides
            .iter()
            .filter(|(_, name)| mapper.resource(name).is_none());
        unknown.map(|(label, resource)| {
            let elsewhere = GroupResource::new("", &resource.resource);
            Unknown {
                label,
                resource,
                elsewhere: mapper.resource(&elsewhere).map(Resource::group_resource),
            }
        })
    }

    /// The resource whose objects a label names.
    pub(crate) fn of_label(&self, label: &str, mapper: &RestMapper) -> Option<GroupResource> {
        if let Some(name) = self.overrides.get(label) {
            return normalized(name, mapper);
        }
        let captures = self.template.as_ref()?.labels.captures(label)?;
        let text = |name: &str| captures.name(name).map_or("", |found| found.as_str());
        normalized(&GroupResource::new(text("group"), text("resource")), mapper)
    }
}

/// The name that the cluster has for a resource.
fn normalized(name: &GroupResource, mapper: &RestMapper) -> Option<GroupResource> {
    mapper.resource(name).map(Resource::group_resource)
}

impl LabelTemplate {
    fn new(key: &'static str, text: &str, compiled: &mut Compiled) -> Result<Self, RuleError> {
        let failed = |source| RuleError::Template { key, source };
        let template = Template::parse(text).map_err(failed)?;
        template
            .check_fields(&["Group", "Resource"])
            .map_err(failed)?;
        let pattern = rendered(&template, "(?P<group>.+?)", "(?P<resource>.+?)").map_err(failed)?;
        let labels = super::regex(key, &format!("^{pattern}$"), compiled)?;
        let names_resource = labels
            .regex()
            .capture_names()
            .flatten()
            .any(|name| name == "resource");
        if !names_resource {
            return Err(RuleError::NoResource {
                key,
                template: text.to_owned(),
            });
        }
        Ok(Self { template, labels })
    }
}

fn rendered(template: &Template, group: &str, resource: &str) -> Result<String, TemplateError> {
    let data = [
        ("Group", Value::text(group)),
        ("Resource", Value::text(resource)),
    ];
    template.render(&Value::Record(data.into()))
}
