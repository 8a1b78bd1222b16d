use axum::Router;
use axum::body::{Body, to_bytes};
use http::{Request, StatusCode, header};
use tower::ServiceExt as _;

use super::*;

async fn ask(app: &Router, request: Request<Body>) -> (StatusCode, String, String) {
    let response = app.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let content_type = response.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.map_or("", |value| value.to_str().unwrap());
    let content_type = content_type.to_owned();
    let body = to_bytes(response.into_body(), LONGEST).await.unwrap();
    (
        status,
        content_type,
        String::from_utf8(body.to_vec()).unwrap(),
    )
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

fn put(body: &str) -> Request<Body> {
    Request::put(LOAD_PATH)
        .body(Body::from(body.to_owned()))
        .unwrap()
}

async fn counted(app: &Router, path: &str) -> f64 {
    let (_, _, text) = ask(app, get(path)).await;
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix("http_requests_total "));
    value.unwrap().parse().unwrap()
}

#[tokio::test]
async fn metrics_are_openmetrics_at_the_path_that_was_chosen_and_nowhere_else() {
    let app = router("/a/{b}".to_owned(), None);
    let (status, content_type, text) = ask(&app, get("/a/%7Bb%7D")).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "{content_type} {text}");
    let app = router("/stats".to_owned(), None);
    let (status, content_type, text) = ask(&app, get("/stats")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        content_type,
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    assert!(
        text.contains("# TYPE http_requests counter\nhttp_requests_total 0\n"),
        "{text}"
    );
    assert!(text.ends_with("\n# EOF\n"), "{text}");
    assert_eq!(ask(&app, get("/metrics")).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn requests_are_counted_and_probes_and_scrapes_are_not() {
    let app = router("/metrics".to_owned(), None);
    let probe = Request::get("/")
        .header(header::USER_AGENT, "kube-probe/1.36")
        .body(Body::empty())
        .unwrap();
    assert_eq!(ask(&app, probe).await.0, StatusCode::OK);
    assert_eq!(ask(&app, get("/elsewhere")).await.0, StatusCode::NOT_FOUND);
    assert_eq!(counted(&app, "/metrics").await, 0.0);
    assert_eq!(ask(&app, get("/")).await.0, StatusCode::OK);
    assert_eq!(counted(&app, "/metrics").await, 1.0);
}

#[tokio::test]
async fn a_load_is_counted_over_time_until_another_is_set() {
    let app = router("/metrics".to_owned(), None);
    assert_eq!(
        ask(&app, put(r#"{"requestsPerSecond": 1e9}"#)).await.0,
        StatusCode::NO_CONTENT
    );
    let (_, _, load) = ask(&app, get(LOAD_PATH)).await;
    assert_eq!(load, r#"{"requestsPerSecond":1000000000.0}"#);
    let first = counted(&app, "/metrics").await;
    let second = counted(&app, "/metrics").await;
    assert!(second > first && first > 0.0, "{first}, then {second}");
    ask(&app, put(r#"{"requestsPerSecond": 0}"#)).await;
    assert_eq!(
        counted(&app, "/metrics").await,
        counted(&app, "/metrics").await
    );
}

#[tokio::test]
async fn a_gauge_shows_the_load_once_it_was_set() {
    let app = router("/metrics".to_owned(), Some("queue_length".to_owned()));
    let (_, _, text) = ask(&app, get("/metrics")).await;
    assert!(!text.contains("queue_length"), "{text}");
    ask(&app, put(r#"{"requestsPerSecond": 2.5}"#)).await;
    let (_, _, text) = ask(&app, get("/metrics")).await;
    assert!(
        text.contains("# TYPE queue_length gauge\nqueue_length 2.5\n# EOF\n"),
        "{text}"
    );
}

#[tokio::test]
async fn what_is_no_load_is_refused_and_changes_nothing() {
    let app = router("/metrics".to_owned(), None);
    let long = format!("{}{{}}", " ".repeat(LONGEST));
    for (body, why) in [
        ("", "EOF"),
        (r#"{"requestsPerSecond": -1}"#, "from 0"),
        (r#"{"requests": 1}"#, "unknown field"),
        (long.as_str(), "limit"),
    ] {
        let (status, _, text) = ask(&app, put(body)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert!(text.contains(why), "{body}: {text}");
    }
    assert_eq!(counted(&app, "/metrics").await, 0.0);
    let post = Request::post(LOAD_PATH).body(Body::empty()).unwrap();
    assert_eq!(ask(&app, post).await.0, StatusCode::METHOD_NOT_ALLOWED);
}
