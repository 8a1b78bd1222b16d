//! `setpoint-adapter certs`: fills in what can't be committed with manifests, the serving pair and the caBundle.

mod mint;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

pub(crate) use mint::{MintError, mint};

/// Why manifests can't be filled in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CertsError {
    /// No APIService says which name to serve under.
    #[error(
        "the manifests have no APIService with spec.service, so there is no name to make a certificate for"
    )]
    NoService,
    /// They don't agree.
    #[error("the manifests' APIServices name several Services ({names}); fill them in one by one")]
    SeveralServices {
        /// The Services.
        names: String,
    },
    /// Nothing to put the pair into.
    #[error(
        "the manifests have no Secret of type kubernetes.io/tls in namespace `{namespace}` to put the pair into"
    )]
    NoSecret {
        /// The Service's namespace.
        namespace: String,
    },
    /// There is a pair already.
    #[error("Secret `{name}` already holds a pair; --replace makes a new one")]
    Filled {
        /// The Secret.
        name: String,
    },
    /// No certificate could be made.
    #[error("make the serving pair")]
    Mint(#[from] MintError),
    /// The manifests couldn't be written.
    #[error("write the manifests")]
    Write(#[source] serde_json::Error),
}

/// Fills the pair into the Secret of type `kubernetes.io/tls` in the namespace of the Service that the
/// APIServices name, and their caBundle with the pair's CA. All else is handed on as it is.
///
/// # Errors
/// When it isn't clear what to fill in, or there is nothing to fill.
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
                document["data"] =
                    json!({"tls.crt": base64(&pair.certificate), "tls.key": base64(&pair.key)});
                filled = true;
            }
            Some("APIService") if document["spec"]["service"].is_object() => {
                document["spec"]["caBundle"] = json!(base64(&pair.ca));
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

/// Namespace and name of the one Service behind all APIServices.
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

/// Base64 as Secrets and caBundles hold it. `ByteString` is Kubernetes' own encoding of bytes.
fn base64(text: &str) -> String {
    let bytes = k8s_openapi::ByteString(text.as_bytes().to_vec());
    serde_json::to_value(bytes)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// The documents of a YAML stream; empty ones are left out.
///
/// # Errors
/// When the text is no YAML, with line and column.
pub(crate) fn read(text: &str) -> Result<Vec<Value>, serde_saphyr::Error> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text)?;
    Ok(documents
        .into_iter()
        .filter(|document| !document.is_null())
        .collect())
}

/// The documents as a stream of JSON, which is YAML and what `kubectl apply` takes.
///
/// # Errors
/// Never in practice: every document came from a parser.
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
