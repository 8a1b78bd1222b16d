//! `setpoint-adapter certs`: fills the serving pair and the caBundle into manifests.

mod mint;

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use setpoint_rules::YamlError;

pub(crate) use mint::{MintError, mint};

/// Why manifests can't be filled in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CertsError {
    #[error(
        "the manifests have no APIService with spec.service, so there is no name to make a certificate for"
    )]
    NoService,
    #[error("the manifests' APIServices name several Services ({names}); fill them in one by one")]
    SeveralServices { names: String },
    #[error(
        "the manifests have no Secret of type kubernetes.io/tls in namespace `{namespace}` to put the pair into"
    )]
    NoSecret { namespace: String },
    #[error("Secret `{name}` already holds a pair; --replace makes a new one")]
    Filled { name: String },
    #[error("make the serving pair")]
    Mint(#[from] MintError),
    #[error("write the manifests")]
    Write(#[source] serde_json::Error),
}

/// Makes a serving pair for the Service that the APIServices name, and fills it into the Secret of
/// type `kubernetes.io/tls` in the namespace of the Service, and its CA into `caBundle` of the
/// APIServices. Other documents stay as they are.
pub(crate) fn fill(
    documents: &mut [Value],
    valid_for: Duration,
    replace: bool,
) -> Result<(), CertsError> {
    let (namespace, name) = service(documents)?;
    let pair = mint(&name, &namespace, valid_for)?;
    let mut filled = false;
    for document in documents.iter_mut() {
        match document["kind"].as_str() {
            Some("Secret")
                if document["type"] == "kubernetes.io/tls"
                    && document["metadata"]["namespace"] == namespace.as_str() =>
            {
                let is_filled = ["tls.crt", "tls.key"].iter().any(|key| {
                    document["data"][key]
                        .as_str()
                        .is_some_and(|text| !text.is_empty())
                });
                if is_filled && !replace {
                    let name = document["metadata"]["name"]
                        .as_str()
                        .unwrap_or_default()
                        .to_owned();
                    return Err(CertsError::Filled { name });
                }
                document["data"] = json!({"tls.crt": STANDARD.encode(&pair.certificate), "tls.key": STANDARD.encode(&pair.key)});
                filled = true;
            }
            Some("APIService") if document["spec"]["service"].is_object() => {
                document["spec"]["caBundle"] = json!(STANDARD.encode(&pair.ca));
                if let Some(spec) = document["spec"].as_object_mut() {
                    spec.remove("insecureSkipTLSVerify");
                }
            }
            _ => {}
        }
    }
    if filled {
        Ok(())
    } else {
        Err(CertsError::NoSecret { namespace })
    }
}

/// Namespace and name of the one Service of all APIServices.
fn service(documents: &[Value]) -> Result<(String, String), CertsError> {
    let services: BTreeSet<(String, String)> = documents
        .iter()
        .filter(|document| document["kind"] == "APIService")
        .filter_map(|document| {
            let service = &document["spec"]["service"];
            Some((
                service["namespace"].as_str()?.to_owned(),
                service["name"].as_str()?.to_owned(),
            ))
        })
        .collect();
    let mut rest = services.iter();
    match (rest.next(), rest.next()) {
        (None, _) => Err(CertsError::NoService),
        (Some(service), None) => Ok(service.clone()),
        (Some(_), Some(_)) => {
            let names: Vec<String> = services
                .iter()
                .map(|(namespace, name)| format!("{namespace}/{name}"))
                .collect();
            Err(CertsError::SeveralServices {
                names: names.join(", "),
            })
        }
    }
}

/// The documents of a YAML stream; empty ones are left out.
pub(crate) fn read(text: &str) -> Result<Vec<Value>, YamlError> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text)?;
    Ok(documents
        .into_iter()
        .filter(|document| !document.is_null())
        .collect())
}

/// The documents as a stream of JSON, which is YAML too, for `kubectl apply`.
pub(crate) fn write(documents: &[Value]) -> Result<String, CertsError> {
    let mut text = String::new();
    for document in documents {
        text.push_str("---\n");
        text.push_str(&serde_json::to_string_pretty(document).map_err(CertsError::Write)?);
        text.push('\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
