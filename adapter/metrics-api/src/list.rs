//! The lists that answer requests; each API has its own items.

use serde::{Deserialize, Serialize};

use crate::ListMeta;
use crate::meta::null_as_default;

/// An item of a list, and what the list says of itself.
pub trait Item {
    /// The list's kind, such as `MetricValueList`.
    const LIST_KIND: &'static str;
    /// The list's group and version, such as `custom.metrics.k8s.io/v1beta1`.
    const API_VERSION: &'static str;
}

/// The answer to a request: its items under [`Item::LIST_KIND`] and [`Item::API_VERSION`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    bound(deserialize = "T: Deserialize<'de>", serialize = "T: Serialize")
)]
pub struct List<T> {
    /// What is listed.
    pub kind: String,
    /// The group and version.
    pub api_version: String,
    /// Always empty.
    #[serde(default)]
    pub metadata: ListMeta,
    /// The items. Go may write an empty list as `null`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub items: Vec<T>,
}

impl<V, T: Item + From<V>> From<Vec<V>> for List<T> {
    fn from(items: Vec<V>) -> Self {
        Self {
            kind: T::LIST_KIND.to_owned(),
            api_version: T::API_VERSION.to_owned(),
            metadata: ListMeta::default(),
            items: items.into_iter().map(T::from).collect(),
        }
    }
}
