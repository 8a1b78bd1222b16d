//! The files of a volume, from the objects that it names: pure.

mod swap;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, KeyToPath, Secret};

use super::field::{self, FieldContext, FieldError};
use super::plan::{Source, permissions};
use super::resources::{self, ResourceError};

pub(crate) use swap::{SwapError, swap};

/// Files by their path in the volume.
pub(crate) type Payload = BTreeMap<String, File>;

/// A file of a volume.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) data: Vec<u8>,
    pub(crate) mode: u32,
}

/// What the API server had under the names of a volume's sources; `None` where it had nothing.
#[derive(Default)]
pub(crate) struct Objects {
    pub(crate) secrets: BTreeMap<String, Option<Secret>>,
    pub(crate) config_maps: BTreeMap<String, Option<ConfigMap>>,
    /// Tokens by audience and lifetime, see [`token_key`].
    pub(crate) tokens: BTreeMap<TokenKey, String>,
}

/// A token's audience (empty: the API server's own) and its lifetime in seconds.
pub(crate) type TokenKey = (String, i64);

/// Kubernetes' default lifetime of a projected token.
const TOKEN_SECONDS: i64 = 3600;

/// Which token a projection asks for.
pub(crate) fn token_key(
    projection: &k8s_openapi::api::core::v1::ServiceAccountTokenProjection,
) -> TokenKey {
    (
        projection.audience.clone().unwrap_or_default(),
        projection.expiration_seconds.unwrap_or(TOKEN_SECONDS),
    )
}

/// Why a volume can't be made, in the kubelet's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PayloadError {
    #[error("{kind} \"{name}\" not found")]
    NoObject { kind: &'static str, name: String },
    #[error("references non-existent {kind} key: {key}")]
    NoKey { kind: &'static str, key: String },
    #[error("the token was not issued")]
    NoToken,
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error(transparent)]
    Resource(#[from] ResourceError),
}

/// The files of a volume.
pub(crate) fn payload(
    sources: &[Source],
    default_mode: u32,
    objects: &Objects,
    fields: &FieldContext<'_>,
) -> Result<Payload, PayloadError> {
    let mut files = Payload::new();
    for source in sources {
        match source {
            Source::Secret {
                name,
                items,
                optional,
            } => {
                let secret = objects.secrets.get(name).and_then(Option::as_ref);
                if secret.is_none() && !optional {
                    return Err(PayloadError::NoObject {
                        kind: "secret",
                        name: name.clone(),
                    });
                }
                let data = secret.and_then(|secret| secret.data.clone());
                let data = data.unwrap_or_default().into_iter();
                let data = data.map(|(key, value)| (key, value.0)).collect();
                let chosen = choose(data, items.as_deref(), default_mode, *optional, "secret")?;
                files.extend(chosen);
            }
            Source::ConfigMap {
                name,
                items,
                optional,
            } => {
                let config_map = objects.config_maps.get(name).and_then(Option::as_ref);
                if config_map.is_none() && !optional {
                    return Err(PayloadError::NoObject {
                        kind: "configmap",
                        name: name.clone(),
                    });
                }
                let data = config_map.map(bytes_of).unwrap_or_default();
                let chosen = choose(data, items.as_deref(), default_mode, *optional, "config")?;
                files.extend(chosen);
            }
            Source::Downward(items) => {
                for item in items {
                    let value = match &item.resource_field_ref {
                        Some(resource) => resources::value(resource, None, fields.pod)?,
                        None => {
                            let path = item.field_ref.as_ref().map(|field| &*field.field_path);
                            field::value(path.unwrap_or_default(), fields)?
                        }
                    };
                    let mode = item.mode.map_or(default_mode, permissions);
                    let data = value.into_bytes();
                    files.insert(item.path.clone(), File { data, mode });
                }
            }
            Source::Token(projection) => {
                let token = objects.tokens.get(&token_key(projection));
                let token = token.ok_or(PayloadError::NoToken)?;
                let file = File {
                    data: token.clone().into_bytes(),
                    mode: default_mode,
                };
                files.insert(projection.path.clone(), file);
            }
        }
    }
    Ok(files)
}

fn bytes_of(config_map: &ConfigMap) -> BTreeMap<String, Vec<u8>> {
    let text = config_map.data.iter().flatten();
    let binary = config_map.binary_data.iter().flatten();
    text.map(|(key, value)| (key.clone(), value.clone().into_bytes()))
        .chain(binary.map(|(key, value)| (key.clone(), value.0.clone())))
        .collect()
}

/// All keys, or those that `items` name; the key that is missing, if it must not be.
fn choose(
    mut data: BTreeMap<String, Vec<u8>>,
    items: Option<&[KeyToPath]>,
    default_mode: u32,
    optional: bool,
    kind: &'static str,
) -> Result<Payload, PayloadError> {
    let Some(items) = items.filter(|items| !items.is_empty()) else {
        let file = |data| File {
            data,
            mode: default_mode,
        };
        return Ok(data
            .into_iter()
            .map(|(key, data)| (key, file(data)))
            .collect());
    };
    let mut files = Payload::new();
    for item in items {
        match data.remove(&item.key) {
            Some(data) => {
                let mode = item.mode.map_or(default_mode, permissions);
                files.insert(item.path.clone(), File { data, mode });
            }
            None if optional => {}
            None => {
                let key = item.key.clone();
                return Err(PayloadError::NoKey { kind, key });
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::Pod;
    use serde_json::json;

    fn volume(
        source: Source,
        objects: &Objects,
    ) -> Result<Vec<(String, String, u32)>, PayloadError> {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": "web-1", "namespace": "shop", "labels": {"b": "2", "a": "1"}},
        }))
        .expect("a pod");
        let fields = FieldContext {
            pod: &pod,
            pod_ip: None,
            node_ip: std::net::Ipv4Addr::LOCALHOST,
        };
        let files = payload(&[source], 0o644, objects, &fields)?;
        Ok(files
            .into_iter()
            .map(|(path, file)| {
                (
                    path,
                    String::from_utf8_lossy(&file.data).into_owned(),
                    file.mode,
                )
            })
            .collect())
    }

    fn config(items: serde_json::Value, optional: bool) -> Source {
        Source::ConfigMap {
            name: "config".to_owned(),
            items: serde_json::from_value(items).expect("items"),
            optional,
        }
    }

    fn objects() -> Objects {
        let map = json!({"data": {"a": "1", "b": "2"}, "binaryData": {"c": "Mw=="}});
        let map = serde_json::from_value(map).expect("a ConfigMap");
        Objects {
            config_maps: BTreeMap::from([("config".to_owned(), Some(map))]),
            ..Objects::default()
        }
    }

    fn file(path: &str, data: &str, mode: u32) -> (String, String, u32) {
        (path.to_owned(), data.to_owned(), mode)
    }

    #[test]
    fn without_items_each_key_is_a_file() {
        let files = volume(config(json!(null), false), &objects());
        let expected = vec![
            file("a", "1", 0o644),
            file("b", "2", 0o644),
            file("c", "3", 0o644),
        ];
        assert_eq!(files, Ok(expected));
    }

    #[test]
    fn items_choose_keys_and_give_them_paths_and_modes() {
        let items = json!([{"key": "b", "path": "dir/second", "mode": 0o400}]);
        let files = volume(config(items, false), &objects());
        assert_eq!(files, Ok(vec![file("dir/second", "2", 0o400)]));
    }

    #[test]
    fn a_missing_key_or_object_fails_unless_it_is_optional() {
        let items = json!([{"key": "z", "path": "z"}]);
        assert_eq!(
            volume(config(items.clone(), false), &objects()),
            Err(PayloadError::NoKey {
                kind: "config",
                key: "z".to_owned()
            })
        );
        assert_eq!(volume(config(items, true), &objects()), Ok(vec![]));
        let nothing = Objects::default();
        assert_eq!(
            volume(config(json!(null), false), &nothing),
            Err(PayloadError::NoObject {
                kind: "configmap",
                name: "config".to_owned()
            })
        );
        assert_eq!(volume(config(json!(null), true), &nothing), Ok(vec![]));
    }

    #[test]
    fn the_downward_api_writes_fields_of_the_pod() {
        let items = json!([
            {"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}},
            {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}, "mode": 0o600},
        ]);
        let items = serde_json::from_value(items).expect("items");
        assert_eq!(
            volume(Source::Downward(items), &Objects::default()),
            Ok(vec![
                file("labels", "a=\"1\"\nb=\"2\"", 0o600),
                file("namespace", "shop", 0o644)
            ])
        );
    }

    #[test]
    fn a_token_is_found_by_its_audience_and_lifetime() {
        let projection: k8s_openapi::api::core::v1::ServiceAccountTokenProjection =
            serde_json::from_value(json!({"path": "token", "audience": "vault"}))
                .expect("a projection");
        let objects = Objects {
            tokens: BTreeMap::from([(("vault".to_owned(), 3600), "secret".to_owned())]),
            ..Objects::default()
        };
        let files = volume(Source::Token(projection), &objects);
        assert_eq!(files, Ok(vec![file("token", "secret", 0o644)]));
    }
}
