//! `/healthz`, `/livez`, `/readyz` in the form of `apiserver/pkg/server/healthz`, and `/version`.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Value, json};

/// A condition of health or readiness.
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) passed: bool,
    /// What is wrong although it passes. The log says more: anybody may read this.
    pub(crate) note: Option<&'static str>,
}

impl Check {
    pub(crate) fn new(name: &'static str, passed: bool) -> Self {
        let note = None;
        Self { name, passed, note }
    }
}

/// `ok`, or 500 and the list of checks; `?verbose` asks for the list in any case.
pub(super) fn answer(path: &str, query: Option<&str>, checks: &[Check]) -> Response {
    let endpoint = path.trim_matches('/');
    let passed = checks.iter().all(|check| check.passed);
    let verbose = query.is_some_and(|query| {
        url::form_urlencoded::parse(query.as_bytes()).any(|(key, _)| key == "verbose")
    });
    if passed && !verbose {
        return "ok".into_response();
    }
    let mut text = String::from("[+]ping ok\n");
    for Check { name, passed, note } in checks {
        text.push_str(&match (passed, note) {
            (true, None) => format!("[+]{name} ok\n"),
            (true, Some(note)) => format!("[+]{name} ok, but {note}\n"),
            (false, _) => format!("[-]{name} not yet\n"),
        });
    }
    text.push_str(&format!(
        "{endpoint} check {}\n",
        if passed { "passed" } else { "failed" }
    ));
    let code = if passed {
        StatusCode::OK
    } else {
        StatusCode::INTERNAL_SERVER_ERROR
    };
    (code, text).into_response()
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
