//! `/healthz`, `/livez`, `/readyz` in the form of `apiserver/pkg/server/healthz`, and `/version`.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Value, json};

/// `ok`, or 500 and the list of checks; the list also when `?verbose` asks for it.
pub(super) fn answer(path: &str, query: Option<&str>, checks: &[(&str, bool)]) -> Response {
    let name = path.trim_matches('/');
    let passed = checks.iter().all(|(_, passed)| *passed);
    let verbose = query.is_some_and(|query| {
        url::form_urlencoded::parse(query.as_bytes()).any(|(key, _)| key == "verbose")
    });
    if passed && !verbose {
        return "ok".into_response();
    }
    let mut text = String::from("[+]ping ok\n");
    for (check, passed) in checks {
        text.push_str(&if *passed {
            format!("[+]{check} ok\n")
        } else {
            format!("[-]{check} not yet\n")
        });
    }
    text.push_str(&format!(
        "{name} check {}\n",
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
