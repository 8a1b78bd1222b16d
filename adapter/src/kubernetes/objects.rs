//! Lists of objects: their names and labels alone, page by page.

use std::collections::BTreeMap;
use std::time::Duration;

use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::core::Request;
use kube::{Client, Resource as _};
use serde::Deserialize;
use setpoint_rules::{Resource, Selector, is_object_name};

use super::{AnswerError, within};

/// How many objects are listed with one request, and the most that a selector may select.
const PAGE: u32 = 500;
pub(crate) const MAX_OBJECTS: usize = 10_000;

/// Which objects are listed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) resource: &'a Resource,
    /// None for those of all namespaces, and for root-scoped ones.
    pub(crate) namespace: Option<&'a str>,
    pub(crate) selector: &'a Selector,
    /// Empty for all.
    pub(crate) field_selector: &'a str,
}

/// What is kept of an object.
#[derive(Debug, Deserialize)]
pub(crate) struct ObjectMetadata {
    #[serde(default)]
    pub(crate) name: String,
    pub(crate) namespace: Option<String>,
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    metadata: PageMetadata,
    /// `null` where there are none: Go writes an empty slice of metadata so.
    items: Option<Vec<Item>>,
}

#[derive(Default, Deserialize)]
struct PageMetadata {
    #[serde(rename = "continue")]
    continue_: Option<String>,
}

#[derive(Deserialize)]
struct Item {
    metadata: ObjectMetadata,
}

/// Why objects aren't listed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListError {
    #[error(transparent)]
    Answer(#[from] AnswerError),
    #[error("more than {MAX_OBJECTS} objects")]
    TooMany,
}

/// Lists objects whose names can stand in a query. Each request may take `timeout`.
pub(crate) async fn list(
    client: &Client,
    wanted: Wanted<'_>,
    timeout: Duration,
) -> Result<Vec<ObjectMetadata>, ListError> {
    let Wanted { resource, .. } = wanted;
    let api_resource = ApiResource {
        group: resource.group.clone(),
        version: resource.version.clone(),
        api_version: resource.api_version().trim_start_matches('/').to_owned(),
        kind: resource.kind.clone(),
        plural: resource.plural.clone(),
    };
    let namespace = wanted.namespace.filter(|_| resource.namespaced);
    let path = Request::new(DynamicObject::url_path(&api_resource, namespace));
    let mut parameters = ListParams::default()
        .labels(&wanted.selector.to_string())
        .fields(wanted.field_selector)
        .limit(PAGE);
    let mut objects = Vec::new();
    loop {
        let listed = async {
            let request = path
                .list_metadata(&parameters)
                .map_err(kube::Error::BuildRequest)?;
            client.request::<Page>(request).await
        };
        let page = within(timeout, "a list of objects", listed).await?;
        let items = page.items.unwrap_or_default().into_iter();
        let items = items.map(|item| item.metadata);
        objects.extend(items.filter(|object| is_object_name(&object.name)));
        if objects.len() > MAX_OBJECTS {
            return Err(ListError::TooMany);
        }
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => parameters.continue_token = Some(token),
            None => return Ok(objects),
        }
    }
}
