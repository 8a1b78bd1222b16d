//! A container's environment from the objects that it refers to.

use k8s_openapi::api::core::v1::EnvVarSource;
use kube::ResourceExt;

use super::env::{self, Variables};
use super::field::{self, FieldContext, FieldError};
use super::objects::Names;
use super::plan::ContainerPlan;
use super::resources::{self, ResourceError};
use super::volume::Objects;

/// The objects that a container's environment refers to.
pub(super) fn names(plan: &ContainerPlan) -> Names {
    let mut names = Names::default();
    for source in &plan.env_from {
        names
            .config_maps
            .extend(source.config_map_ref.iter().map(|map| map.name.clone()));
        names
            .secrets
            .extend(source.secret_ref.iter().map(|secret| secret.name.clone()));
    }
    for source in plan.env.iter().filter_map(|env| env.value_from.as_ref()) {
        let map = source.config_map_key_ref.iter();
        names.config_maps.extend(map.map(|map| map.name.clone()));
        let secret = source.secret_key_ref.iter();
        names
            .secrets
            .extend(secret.map(|secret| secret.name.clone()));
    }
    names
}

/// Why a variable has no value, in the kubelet's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum VariableError {
    #[error("{kind} \"{name}\" not found")]
    NoObject { kind: &'static str, name: String },
    #[error("couldn't find key {key} in {object}")]
    NoKey { key: String, object: String },
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error(transparent)]
    Resource(#[from] ResourceError),
}

/// A container's variables.
pub(super) fn variables(
    plan: &ContainerPlan,
    objects: &Objects,
    services: &Variables,
    fields: &FieldContext<'_>,
) -> Result<Variables, VariableError> {
    let mut from = Variables::new();
    for source in &plan.env_from {
        let prefix = source.prefix.as_deref().unwrap_or_default();
        let data = if let Some(reference) = &source.config_map_ref {
            data_of_config_map(objects, &reference.name, reference.optional)?
        } else if let Some(reference) = &source.secret_ref {
            data_of_secret(objects, &reference.name, reference.optional)?
        } else {
            Variables::new()
        };
        from.extend(
            data.into_iter()
                .map(|(key, value)| (format!("{prefix}{key}"), value)),
        );
    }
    let namespace = fields.pod.namespace().unwrap_or_default();
    env::build(&plan.env, from, services, |source| {
        if let Some(resource) = &source.resource_field_ref {
            let value = resources::value(resource, Some(&plan.name), fields.pod)?;
            return Ok(Some(value));
        }
        value_from(source, objects, fields, &namespace)
    })
}

fn value_from(
    source: &EnvVarSource,
    objects: &Objects,
    fields: &FieldContext<'_>,
    namespace: &str,
) -> Result<Option<String>, VariableError> {
    let pick = |mut data: Variables, key: &str, optional: Option<bool>, object: String| match data
        .remove(key)
    {
        Some(value) => Ok(Some(value)),
        None if optional == Some(true) => Ok(None),
        None => Err(VariableError::NoKey {
            key: key.to_owned(),
            object,
        }),
    };
    if let Some(of) = &source.config_map_key_ref {
        let data = data_of_config_map(objects, &of.name, of.optional)?;
        let what = format!("ConfigMap {namespace}/{}", of.name);
        return pick(data, &of.key, of.optional, what);
    }
    if let Some(of) = &source.secret_key_ref {
        let data = data_of_secret(objects, &of.name, of.optional)?;
        let what = format!("Secret {namespace}/{}", of.name);
        return pick(data, &of.key, of.optional, what);
    }
    let field = source.field_ref.as_ref();
    let value = field.map(|field| field::value(&field.field_path, fields));
    Ok(value.transpose()?)
}

fn data_of_config_map(
    objects: &Objects,
    name: &str,
    optional: Option<bool>,
) -> Result<Variables, VariableError> {
    match objects.config_maps.get(name).and_then(Option::as_ref) {
        Some(map) => Ok(map.data.clone().unwrap_or_default()),
        None if optional == Some(true) => Ok(Variables::new()),
        None => Err(VariableError::NoObject {
            kind: "configmap",
            name: name.to_owned(),
        }),
    }
}

fn data_of_secret(
    objects: &Objects,
    name: &str,
    optional: Option<bool>,
) -> Result<Variables, VariableError> {
    match objects.secrets.get(name).and_then(Option::as_ref) {
        Some(secret) => {
            let data = secret.data.iter().flatten();
            let text = |(key, value): (&String, &k8s_openapi::ByteString)| {
                (key.clone(), String::from_utf8_lossy(&value.0).into_owned())
            };
            Ok(data.map(text).collect())
        }
        None if optional == Some(true) => Ok(Variables::new()),
        None => Err(VariableError::NoObject {
            kind: "secret",
            name: name.to_owned(),
        }),
    }
}
