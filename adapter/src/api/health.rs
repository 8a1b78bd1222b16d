//! `/healthz`, `/livez`, `/readyz` in the form of `apiserver/pkg/server/healthz`, and `/version`.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::provider::{Relist, Relists};

/// A condition of health or readiness.
pub(crate) struct Check {
    pub(crate) name: Cow<'static, str>,
    /// What is wrong, in a word or two. Anybody may read them at the check's own path only if
    /// `--authorization-always-allow-paths` says so. The log says more.
    pub(crate) failure: Option<&'static str>,
    /// Whether the adapter isn't ready while it fails. Others only show in `?verbose`.
    pub(crate) required: bool,
}

impl Check {
    /// A check without which the adapter isn't ready.
    pub(crate) fn required(name: &'static str, passed: bool) -> Self {
        Self {
            name: name.into(),
            failure: (!passed).then_some("not yet"),
            required: true,
        }
    }

    /// As in kube-apiserver: whoever asks others meanwhile meets no adapter that has ended.
    pub(crate) fn shutdown(begun: bool) -> Self {
        Self {
            name: "shutdown".into(),
            failure: begun.then_some("process is shutting down"),
            required: true,
        }
    }

    /// A check that is only shown.
    pub(crate) fn shown(name: impl Into<Cow<'static, str>>, failure: Option<&'static str>) -> Self {
        let (name, required) = (name.into(), false);
        Self {
            name,
            failure,
            required,
        }
    }
}

/// How long the first relist keeps the adapter from being ready. After that it answers what it can:
/// Prometheus may be down, and requests say so better than an adapter that isn't there.
const FIRST_RELIST: Duration = Duration::from_secs(30);

/// What relists say of readiness.
pub(super) struct RelistChecks {
    relists: Arc<dyn Relists>,
    started: Instant,
}

impl RelistChecks {
    pub(super) fn new(relists: Arc<dyn Relists>) -> Self {
        let started = Instant::now();
        Self { relists, started }
    }

    pub(super) fn checks(&self) -> Vec<Check> {
        let attempted = self.relists.attempted();
        let waited = self.started.elapsed() >= FIRST_RELIST;
        let shown = |relist: Relist| Check::shown(relist.name, relist.failure);
        std::iter::once(Check::required("relist-attempted", attempted || waited))
            .chain(self.relists.relists().into_iter().map(shown))
            .collect()
    }
}

/// Whether a path is one of health or readiness, which answer to every method.
pub(super) fn is_endpoint(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next();
    matches!(first, Some("healthz" | "livez" | "readyz"))
}

/// Plain text, as Go writes it.
fn text(code: StatusCode, text: impl Into<String>) -> Response {
    let no_sniff = HeaderValue::from_static("nosniff");
    let headers = [(header::X_CONTENT_TYPE_OPTIONS, no_sniff)];
    (code, headers, text.into()).into_response()
}

/// Parameters of an endpoint.
#[derive(Default)]
struct Parameters {
    verbose: bool,
    exclude: BTreeSet<String>,
}

impl Parameters {
    fn new(query: Option<&str>) -> Self {
        let mut parameters = Self::default();
        for (key, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            match &*key {
                "verbose" => parameters.verbose = true,
                "exclude" => {
                    parameters.exclude.insert(value.into_owned());
                }
                _ => {}
            }
        }
        parameters
    }
}

/// `ok`, or 500 and the list of checks; `?verbose` asks for the list in any case, and `?exclude=NAME`
/// leaves a check out. Why one fails isn't told, since anybody may ask.
pub(super) fn answer(endpoint: &str, query: Option<&str>, checks: &[Check]) -> Response {
    let Parameters {
        verbose,
        mut exclude,
    } = Parameters::new(query);
    let (mut list, mut passed) = (String::from("[+]ping ok\n"), true);
    exclude.remove("ping");
    for check in checks {
        let name = &check.name;
        if exclude.remove(&**name) {
            list += &format!("[+]{name} excluded: ok\n");
        } else if check.failure.is_some() {
            passed &= !check.required;
            list += &format!("[-]{name} failed: reason withheld\n");
        } else {
            list += &format!("[+]{name} ok\n");
        }
    }
    if !exclude.is_empty() {
        list += "warn: some health checks cannot be excluded: there are none of these names\n";
    }
    match (passed, verbose) {
        (true, false) => text(StatusCode::OK, "ok"),
        (true, true) => text(StatusCode::OK, list + endpoint + " check passed\n"),
        (false, _) => text(
            StatusCode::INTERNAL_SERVER_ERROR,
            list + endpoint + " check failed\n",
        ),
    }
}

/// The answer of one check's own path, such as `/readyz/relist-rule-0`; none if there is no such
/// check.
pub(super) fn one(name: &str, checks: &[Check]) -> Option<Response> {
    if name == "ping" {
        return Some("ok".into_response());
    }
    let check = checks.iter().find(|check| check.name == name)?;
    Some(match check.failure {
        None => "ok".into_response(),
        Some(failure) => text(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("internal server error: {failure}; the adapter's log says more\n"),
        ),
    })
}

/// `/version`, a `version.Info`.
pub(super) fn version() -> Value {
    json!({
        "major": env!("CARGO_PKG_VERSION_MAJOR"),
        "minor": env!("CARGO_PKG_VERSION_MINOR"),
        "gitVersion": concat!("v", env!("CARGO_PKG_VERSION")),
        "gitCommit": "",
        "gitTreeState": "",
        "buildDate": "",
        "goVersion": "",
        "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
    })
}
