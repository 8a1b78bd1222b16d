//! The HTTP API: the same requests, sent to the real server and to a fake one with the same series.

use std::path::Path;

use serde_json::Value;
use setpoint_replay::ScriptedSeries;

use crate::compare::{Same, compare};
use crate::server::{Both, Received, Server};

/// Method, path with query, headers, and form. `{}` is the time of a sample.
type Case = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
);

/// Headers that are compared; of the others some are a server's own matter, such as `Date`.
const COMPARED: [&str; 10] = [
    "content-type",
    "content-encoding",
    "vary",
    "allow",
    "access-control-allow-origin",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-expose-headers",
    "x-content-type-options",
    "location",
];

const CASES: &[Case] = &[
    ("GET", "/api/v1/query?query=up&time={}", &[], ""),
    ("GET", "/api/v1/query?query=up&time={}.25", &[], ""),
    (
        "GET",
        "/api/v1/query?query=up&time=2023-11-14T22:15:00Z",
        &[],
        "",
    ),
    ("POST", "/api/v1/query", &[], "query=up&time={}"),
    ("POST", "/api/v1/query?query=up", &[], "time={}"),
    (
        "POST",
        "/api/v1/query?query=absent_one&time=1",
        &[],
        "query=up&time={}",
    ),
    ("GET", "/api/v1/query?query=up&query=down&time={}", &[], ""),
    (
        "GET",
        "/api/v1/query?query=sum(up)&time={}&limit=1",
        &[],
        "",
    ),
    ("GET", "/api/v1/query?query=up&time={}&limit=0", &[], ""),
    ("GET", "/api/v1/query?query=up&time={}&limit=-1", &[], ""),
    ("GET", "/api/v1/query?query=up&time={}&limit=x", &[], ""),
    ("GET", "/api/v1/query?query=up&time={}&limit=1.5", &[], ""),
    ("GET", "/api/v1/query?query=up&time={}&timeout=1s", &[], ""),
    ("GET", "/api/v1/query?query=up&time={}&timeout=0", &[], ""),
    ("GET", "/api/v1/query?query=up&time={}&timeout=-90", &[], ""),
    ("GET", "/api/v1/query?query=up&time={}&timeout=x", &[], ""),
    (
        "GET",
        "/api/v1/query?query=up&time={}&timeout=1e99",
        &[],
        "",
    ),
    (
        "GET",
        "/api/v1/query?query=up&time={}&lookback_delta=1s",
        &[],
        "",
    ),
    (
        "GET",
        "/api/v1/query?query=ended&time={}&lookback_delta=10m",
        &[],
        "",
    ),
    (
        "GET",
        "/api/v1/query?query=ended&time={}&lookback_delta=30",
        &[],
        "",
    ),
    (
        "GET",
        "/api/v1/query?query=up&time={}&lookback_delta=x",
        &[],
        "",
    ),
    ("GET", "/api/v1/query?query=up&time=soon", &[], ""),
    ("GET", "/api/v1/query?query=1/0&time={}", &[], ""),
    ("GET", "/api/v1/query?query=%22text%22&time={}", &[], ""),
    ("GET", "/api/v1/query?query=up[2m]&time={}", &[], ""),
    ("GET", "/api/v1/query?query=quantile(2,up)&time={}", &[], ""),
    ("GET", "/api/v1/query?query=rate(up[5m])&time={}", &[], ""),
    ("GET", "/api/v1/query?query=up%2Bon()down&time={}", &[], ""),
    ("GET", "/api/v1/query?query=sum(&time={}", &[], ""),
    ("GET", "/api/v1/query", &[], ""),
    ("HEAD", "/api/v1/query?query=up", &[], ""),
    ("DELETE", "/api/v1/query?query=up", &[], ""),
    (
        "OPTIONS",
        "/api/v1/query",
        &[("Origin", "https://grafana")],
        "",
    ),
    (
        "GET",
        "/api/v1/query?query=up&time={}",
        &[("Origin", "https://grafana")],
        "",
    ),
    (
        "GET",
        "/api/v1/query?query=up&time={}",
        &[("Accept-Encoding", "gzip")],
        "",
    ),
    (
        "GET",
        "/api/v1/query?query=up&time={}",
        &[("Accept-Encoding", "br, deflate, gzip")],
        "",
    ),
    (
        "GET",
        "/api/v1/query?query=up&time={}",
        &[("Accept-Encoding", "identity")],
        "",
    ),
    (
        "GET",
        "/api/v1/query?query=sum(",
        &[("Accept-Encoding", "gzip")],
        "",
    ),
    (
        "GET",
        "/api/v1/query_range?query=up&start={}&end={}&step=1",
        &[],
        "",
    ),
    (
        "GET",
        "/api/v1/query_range?query=sum(up)&start={}.5&end={}.75&step=0.1",
        &[],
        "",
    ),
    (
        "POST",
        "/api/v1/query_range",
        &[],
        "query=up&start={}&end={}&step=1m&limit=1",
    ),
    (
        "GET",
        "/api/v1/query_range?query=up&start={}&end=1&step=1",
        &[],
        "",
    ),
    (
        "GET",
        "/api/v1/query_range?query=up&start=1&end={}&step=1",
        &[],
        "",
    ),
    (
        "GET",
        "/api/v1/query_range?query=up&start=1&end=2&step=-1",
        &[],
        "",
    ),
    (
        "GET",
        "/api/v1/query_range?query=up&start=1&end=2&step=x",
        &[],
        "",
    ),
    (
        "GET",
        "/api/v1/query_range?query=up&start=1&end=2&step=1e99",
        &[],
        "",
    ),
    ("GET", "/api/v1/query_range?query=up&start=1&end=2", &[], ""),
    ("GET", "/api/v1/query_range?query=up&end=2&step=1", &[], ""),
    (
        "GET",
        "/api/v1/query_range?query=up[1m]&start=1&end=2&step=1",
        &[],
        "",
    ),
    (
        "GET",
        "/api/v1/query_range?query=%22text%22&start=1&end=2&step=1",
        &[],
        "",
    ),
    (
        "GET",
        "/api/v1/query_range?query=1&start=1&end=2&step=1&timeout=0",
        &[],
        "",
    ),
    (
        "GET",
        "/api/v1/query_exemplars?query=up&start=1&end={}",
        &[],
        "",
    ),
    (
        "GET",
        "/api/v1/query_exemplars?query=up&start={}&end=1",
        &[],
        "",
    ),
    ("GET", "/api/v1/query_exemplars?query=sum(", &[], ""),
    ("GET", "/api/v1/series?match[]=up&start={}&end={}", &[], ""),
    (
        "GET",
        "/api/v1/series?match[]=up&match[]=down&match[]={pod=%22a%22}&start=1&end={}",
        &[],
        "",
    ),
    (
        "POST",
        "/api/v1/series?match[]=up",
        &[],
        "match[]=down&start=1&end={}",
    ),
    ("GET", "/api/v1/series?match[]=up&start=1&end=2", &[], ""),
    (
        "GET",
        "/api/v1/series?match[]=up&match[]=down&start=1&end={}&limit=1",
        &[],
        "",
    ),
    (
        "GET",
        "/api/v1/series?match[]=up&start=1&end={}&limit=9",
        &[],
        "",
    ),
    ("GET", "/api/v1/series?match[]=up&limit=x", &[], ""),
    ("GET", "/api/v1/series?match[]=up&start=x", &[], ""),
    ("GET", "/api/v1/series?match[]=up&end=x", &[], ""),
    ("GET", "/api/v1/series?match[]=sum(up)", &[], ""),
    ("GET", "/api/v1/series?match[]=up[5m]", &[], ""),
    ("GET", "/api/v1/series?match[]={a=%22%22}", &[], ""),
    ("GET", "/api/v1/series?match[]=", &[], ""),
    ("GET", "/api/v1/series", &[], ""),
    ("DELETE", "/api/v1/series", &[], ""),
    ("PUT", "/api/v1/series", &[], ""),
    ("GET", "/api/v1/labels?start=1&end={}", &[], ""),
    ("POST", "/api/v1/labels", &[], "match[]=down&start=1&end={}"),
    (
        "GET",
        "/api/v1/labels?match[]=down&match[]={pod=%22a%22}&start=1&end={}",
        &[],
        "",
    ),
    ("GET", "/api/v1/labels?start=1&end={}&limit=1", &[], ""),
    ("GET", "/api/v1/labels?match[]={", &[], ""),
    ("GET", "/api/v1/labels?match[]={a=%22%22}", &[], ""),
    ("GET", "/api/v1/labels?limit=-5", &[], ""),
    (
        "GET",
        "/api/v1/label/__name__/values?start=1&end={}",
        &[],
        "",
    ),
    (
        "GET",
        "/api/v1/label/pod/values?start=1&end={}&limit=1",
        &[],
        "",
    ),
    (
        "GET",
        "/api/v1/label/pod/values?match[]=down&start=1&end={}",
        &[],
        "",
    ),
    (
        "GET",
        "/api/v1/label/pod/values?match[]=up&match[]=down&start=1&end={}",
        &[],
        "",
    ),
    ("GET", "/api/v1/label/pod/values?match[]={", &[], ""),
    ("GET", "/api/v1/label/none/values", &[], ""),
    ("GET", "/api/v1/label/service.name/values", &[], ""),
    ("GET", "/api/v1/label/U__service_2e_name/values", &[], ""),
    ("GET", "/api/v1/label/caf%C3%A9/values", &[], ""),
    ("POST", "/api/v1/label/pod/values", &[], "limit=1"),
    ("GET", "/api/v1/metadata", &[], ""),
    ("GET", "/api/v1/metadata?limit=x", &[], ""),
    ("GET", "/api/v1/metadata?limit_per_metric=x", &[], ""),
    ("POST", "/api/v1/metadata", &[], ""),
    ("GET", "/api/v1/rules", &[], ""),
    ("GET", "/api/v1/alerts", &[], ""),
    ("GET", "/api/v1/alertmanagers", &[], ""),
    ("GET", "/api/v1/targets", &[], ""),
    ("GET", "/api/v1/status/buildinfo", &[], ""),
    ("GET", "/-/ready", &[("Accept-Encoding", "gzip")], ""),
    ("HEAD", "/-/ready", &[], ""),
    ("POST", "/-/ready", &[], ""),
    ("GET", "/-/healthy", &[], ""),
    ("HEAD", "/-/healthy", &[], ""),
    ("GET", "/api/v1/write", &[], ""),
    ("GET", "/api/v1/none", &[], ""),
    ("GET", "/none", &[], ""),
];

fn one(series: &str, values: &str) -> ScriptedSeries {
    ScriptedSeries {
        series: series.to_owned(),
        values: values.parse().unwrap(),
        interval: 15.0,
        from: 0.0,
        hold: false,
    }
}

pub(crate) fn series() -> Vec<ScriptedSeries> {
    vec![
        one(r#"up{pod="a",service="web"}"#, "1x20"),
        one(r#"up{pod="b",service="web"}"#, "0x20"),
        one(r#"down{pod="b",zone="\"north\""}"#, "0+1x20"),
        one(r#"ended{pod="a"}"#, "7x5"),
        one(r#"requests_total{pod="web-1"}"#, "0+10x20"),
        one(r#"requests_total{pod="web-2"}"#, "0+30x20"),
        one(r#"temperature{pod="web-1"}"#, "20.5+0.25x20"),
    ]
}

pub(crate) fn answers_alike(program: &Path) {
    let server = Server::start(program);
    let mut series = series();
    // Before v3 a name has no dots.
    series.push(one(
        r#"odd{"service.name"="x","café"="y"}"#,
        "NaN Inf -Inf 1e99 0.1x5",
    ));
    let both = Both::start(&server, series);
    // Five minutes after the beginning.
    let time = (both.origin / 1000 + 300).to_string();
    let mut differences = Vec::new();
    for (method, path, headers, form) in CASES {
        let (path, form) = (path.replace("{}", &time), form.replace("{}", &time));
        let [theirs, ours] = both.ask(method, &path, headers, &form);
        let told = format!("{method} {path} {headers:?} {form}");
        let asks_no_time = [&path, &form]
            .iter()
            .any(|text| text.contains("timeout=0") || text.contains("timeout=-"));
        let difference = match asks_no_time && !server.refuses_no_time() {
            // Where in the evaluation it ends is a race.
            true if theirs.status >= 400 && ours.status == 503 => continue,
            _ => difference(&path, &theirs, &ours),
        };
        if let Err(difference) = difference {
            differences.push(format!("{told}\n{difference}"));
        }
    }
    assert!(
        differences.is_empty(),
        "{} of {} requests are answered otherwise:\n{}",
        differences.len(),
        CASES.len(),
        differences.join("\n")
    );
}

fn difference(path: &str, theirs: &Received, ours: &Received) -> Result<(), String> {
    let head = |received: &Received| {
        let mut head: Vec<String> = received
            .headers
            .iter()
            .filter(|(name, _)| COMPARED.contains(&name.as_str()))
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        head.sort();
        format!("{} {head:?}", received.status)
    };
    let (a, b) = (head(theirs), head(ours));
    if a != b {
        return Err(format!(
            "  theirs {a} {}\n  ours   {b} {}",
            theirs.body, ours.body
        ));
    }
    let parsed = |received: &Received| serde_json::from_str::<Value>(&received.body);
    let (Ok(a), Ok(b)) = (parsed(theirs), parsed(ours)) else {
        return match theirs.body == ours.body {
            true => Ok(()),
            false => Err(format!("  theirs {}\n  ours   {}", theirs.body, ours.body)),
        };
    };
    if path.contains("buildinfo") {
        return match keys(&a["data"]) == keys(&b["data"]) {
            true => Ok(()),
            false => Err(format!("  theirs {a}\n  ours   {b}")),
        };
    }
    if a["data"]["resultType"].is_string() {
        return compare(path, &a, &b).map(|_: Same| ());
    }
    match without_place(a.clone()) == without_place(b.clone()) {
        true => Ok(()),
        false => Err(format!("  theirs {a}\n  ours   {b}")),
    }
}

fn keys(value: &Value) -> Vec<String> {
    value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, _)| key.clone())
        .collect()
}

/// Answers without what the parser says, which names places in the query.
fn without_place(mut answer: Value) -> Value {
    let place =
        regex::Regex::new(r"(unknown position|\d+:\d+): parse error.*|parse error.*").unwrap();
    if let Some(text) = answer["error"].as_str() {
        answer["error"] = place.replace(text, "parse error").into_owned().into();
    }
    answer
}
