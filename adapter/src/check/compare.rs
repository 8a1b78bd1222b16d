//! How metrics differ from those that a running server lists.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Certificate, StatusCode};
use serde::Deserialize;
use setpoint_rules::{Finding, Kind, Severity};
use url::Url;

use super::discovery::Discovered;
use crate::prometheus::system_roots;

static MISSING: Kind = Kind {
    code: "metric-missing",
    severity: Severity::Warning,
    about: "The running adapter lists a metric that these rules don't give.",
};
static NEW: Kind = Kind {
    code: "metric-new",
    severity: Severity::Note,
    about: "These rules give a metric that the running adapter doesn't list.",
};

/// The kinds of findings by a running adapter.
pub(super) static KINDS: [&Kind; 2] = [&MISSING, &NEW];

/// The most bytes of a discovery document.
const MAX_DOCUMENT: usize = 64 << 20;
const TIMEOUT: Duration = Duration::from_secs(30);
/// How many metrics of a kind are told by name.
const TOLD: usize = 50;

/// Groups and the version of them that is listed.
const GROUPS: [(&str, &str); 3] = [
    ("custom.metrics.k8s.io", "v1beta1"),
    ("external.metrics.k8s.io", "v1beta1"),
    ("metrics.k8s.io", "v1beta1"),
];

/// A server that lists metrics.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) url: Url,
    pub(super) ca: Option<PathBuf>,
    pub(super) token: Option<PathBuf>,
}

/// Why it isn't known what a server lists.
#[derive(Debug, thiserror::Error)]
pub(super) enum CompareError {
    #[error("read {path}")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("ask {url}")]
    Send {
        url: Url,
        #[source]
        source: reqwest::Error,
    },
    #[error("{url} answers {status}; the lists of metrics are for those whom RBAC lets discover")]
    Status { url: Url, status: StatusCode },
    #[error("{url} has more than {} MiB", MAX_DOCUMENT >> 20)]
    TooLong { url: Url },
    #[error("{url} is no list of resources")]
    Shape {
        url: Url,
        #[source]
        source: serde_json::Error,
    },
}

#[derive(Deserialize)]
struct ResourceList {
    resources: Vec<NamedResource>,
}

#[derive(Deserialize)]
struct NamedResource {
    name: String,
}

impl Listed {
    /// What differs.
    pub(super) async fn compare(&self, ours: &Discovered) -> Result<Vec<Finding>, CompareError> {
        let client = self.client()?;
        let token = self.token.as_deref().map(read).transpose()?;
        let token = token.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
        let mut theirs = BTreeSet::new();
        for (group, version) in GROUPS {
            let url = self.document_url(group, version);
            let mut request = client.get(url.clone());
            if let Some(token) = &token {
                request = request.bearer_auth(token);
            }
            let names = names(url, request).await?;
            theirs.extend(names.into_iter().map(|name| (group, name)));
        }
        let ours: BTreeSet<_> = ours.names().collect();
        let missing = told(&MISSING, theirs.difference(&ours), |name| {
            format!(
                "{name} is listed at {}, and these rules don't give it",
                self.url
            )
        });
        let new = told(&NEW, ours.difference(&theirs), |name| {
            format!(
                "these rules give {name}, which isn't listed at {}",
                self.url
            )
        });
        Ok([missing, new].concat())
    }

    fn client(&self) -> Result<reqwest::Client, CompareError> {
        let failed = |source| CompareError::Send {
            url: self.url.clone(),
            source,
        };
        let roots = match &self.ca {
            Some(path) => Certificate::from_pem_bundle(&read(path)?).map_err(failed)?,
            None if self.url.scheme() == "https" => system_roots(&self.url),
            None => Vec::new(),
        };
        let client = reqwest::Client::builder()
            .tls_certs_only(roots)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT);
        client.build().map_err(failed)
    }

    fn document_url(&self, group: &str, version: &str) -> Url {
        let mut url = self.url.clone();
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{path}/apis/{group}/{version}"));
        url.set_query(None);
        url
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CompareError> {
    std::fs::read(path).map_err(|source| CompareError::Read {
        path: path.to_owned(),
        source,
    })
}

/// The resources of a list; none where the group isn't served.
async fn names(url: Url, request: reqwest::RequestBuilder) -> Result<Vec<String>, CompareError> {
    let failed = |source: reqwest::Error| CompareError::Send {
        url: url.clone(),
        source: source.without_url(),
    };
    let mut response = request.send().await.map_err(failed)?;
    match response.status() {
        StatusCode::NOT_FOUND => return Ok(Vec::new()),
        StatusCode::OK => {}
        status => return Err(CompareError::Status { url, status }),
    }
    let mut document = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(failed)? {
        document.extend_from_slice(&piece);
        if document.len() > MAX_DOCUMENT {
            return Err(CompareError::TooLong { url });
        }
    }
    let list: ResourceList =
        serde_json::from_slice(&document).map_err(|source| CompareError::Shape { url, source })?;
    Ok(list.resources.into_iter().map(|found| found.name).collect())
}

/// Findings of some metrics, and one of the rest.
fn told<'a>(
    kind: &'static Kind,
    names: impl Iterator<Item = &'a (&'static str, String)>,
    sentence: impl Fn(&str) -> String,
) -> Vec<Finding> {
    let names: Vec<_> = names.collect();
    let finding = |(group, name): &&(&'static str, String)| {
        let subject = format!("{group}/{name}");
        Finding::new(kind, subject, (1, 1), sentence(name), "")
    };
    let mut found: Vec<_> = names.iter().take(TOLD).map(finding).collect();
    let more = names.len().saturating_sub(TOLD);
    if more > 0 {
        let sentence = format!("so it is with {more} further metrics");
        found.push(Finding::new(kind, "", (1, 1), sentence, ""));
    }
    found
}
