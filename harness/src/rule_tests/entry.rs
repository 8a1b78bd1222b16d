//! What stands in `objects`, with the items of lists in place of the lists.

use std::borrow::Cow;

use serde_json::Value;

use super::cluster::ObjectError;
use crate::format::{Checks, Place};

/// A manifest or a short form.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) object: Cow<'a, Value>,
    pub(super) place: &'a Place,
    pub(super) is_manifest: bool,
}

/// All objects. A list, as `kubectl get -o yaml` prints it, is its items. What is wrong with lists goes to `checks`.
pub(super) fn entries<'a>(
    objects: &'a [Value],
    place: &'a Place,
    checks: &mut Checks<'_>,
) -> Vec<Entry<'a>> {
    let mut entries = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        let is_manifest = object["kind"].is_string() || object["apiVersion"].is_string();
        let entry = Entry {
            object: Cow::Borrowed(object),
            place: place.item(index),
            is_manifest,
        };
        add(entry, &mut entries, checks);
    }
    entries
}

/// Adds an object, or the items of a list; one of their items may be a list too. Readers of YAML and JSON limit how deep.
fn add<'a>(entry: Entry<'a>, entries: &mut Vec<Entry<'a>>, checks: &mut Checks<'_>) {
    let Some(of_items) = list_of(&entry.object) else {
        entries.push(entry);
        return;
    };
    let place = entry.place.key("items");
    let Some(items) = entry.object["items"].as_array() else {
        checks.at(place, ObjectError::NoItems.to_string());
        return;
    };
    for (index, item) in items.iter().enumerate() {
        let entry = Entry {
            object: Cow::Owned(typed(item, &entry.object, of_items)),
            place: place.item(index),
            is_manifest: true,
        };
        add(entry, entries, checks);
    }
}

/// The kind of the items of a list, empty where each says its own; none for what is no list.
fn list_of(object: &Value) -> Option<&str> {
    let of_items = object["kind"].as_str()?.strip_suffix("List")?;
    let is_list = of_items.is_empty() || object.get("items").is_some();
    is_list.then_some(of_items)
}

/// An item with its kind. The API server leaves it out in lists of one kind, such as a `PodList`.
fn typed(item: &Value, list: &Value, kind: &str) -> Value {
    let mut item = item.clone();
    if !kind.is_empty()
        && let Some(keys) = item.as_object_mut()
    {
        keys.entry("kind").or_insert_with(|| kind.into());
        keys.entry("apiVersion")
            .or_insert_with(|| list["apiVersion"].clone());
    }
    item
}
