//! Lists of objects: their names and labels alone, page by page.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use futures::AsyncReadExt as _;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::core::Request;
use kube::{Client, Resource as _};
use serde::Deserialize;
use setpoint_rules::{Resource, Selector, is_object_name};
use tokio::sync::Semaphore;

use super::{AnswerError, within};

/// How many objects are listed with one request, and the most that a selector may select.
const PAGE: u32 = 500;
/// The most bytes of a page. What comes of an object besides its labels are annotations and managed fields, and whoever owns it may write a MiB of them:
/// fewer objects are listed at a time then.
const PAGE_BYTES: usize = 4 << 20;
/// How many pages are in memory at a time.
static PAGES: Semaphore = Semaphore::const_new(4);
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
    #[error("the metadata of one object has more than {PAGE_BYTES} bytes")]
    TooLong,
}

/// The names of the objects that a selector selects, sorted. Each request may take `timeout`.
pub(crate) async fn object_names(
    client: &Client,
    resource: &Resource,
    namespace: Option<&str>,
    selector: &Selector,
    timeout: Duration,
) -> Result<Vec<String>, ListError> {
    let wanted = Wanted {
        resource,
        namespace,
        selector,
        field_selector: "",
    };
    let listed = list(client, wanted, timeout).await?;
    let mut names: Vec<_> = listed.into_iter().map(|object| object.name).collect();
    names.sort();
    Ok(names)
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
        .fields(wanted.field_selector);
    let (mut objects, mut limit) = (Vec::new(), PAGE);
    loop {
        parameters.limit = Some(limit);
        let request = path.list_metadata(&parameters);
        let request = request.map_err(|error| AnswerError::from(kube::Error::BuildRequest(error)));
        let listed = page(client, request?);
        let Some(page) = within(timeout, "a list of objects", listed).await? else {
            if limit == 1 {
                return Err(ListError::TooLong);
            }
            // The same page, with fewer objects.
            limit = limit.div_ceil(8);
            continue;
        };
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

/// A page of a list; none if it has too many bytes.
async fn page(
    client: &Client,
    request: http::Request<Vec<u8>>,
) -> Result<Option<Page>, kube::Error> {
    let body = pin!(client.request_stream(request).await?);
    // It is never closed. Until there is a permit, the API server keeps the page.
    let _permit = PAGES.acquire().await.ok();
    let mut bytes = Vec::new();
    let mut body = body.take(PAGE_BYTES as u64 + 1);
    let read = body.read_to_end(&mut bytes).await;
    read.map_err(|error| kube::Error::Service(error.into()))?;
    if bytes.len() > PAGE_BYTES {
        return Ok(None);
    }
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(kube::Error::SerdeError)
}
