use serde_json::json;
use wiremock::matchers::{body_string_contains, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

fn client(url: &str, post: bool) -> HttpClient {
    HttpClient::new(HttpClientOptions {
        url: url.parse().unwrap(),
        ca: None,
        token_file: None,
        headers: vec![("X-Scope-OrgID".to_owned(), "team".to_owned())],
        post,
    })
    .unwrap()
}

fn vector() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(
        json!({"status": "success", "data": {"resultType": "vector", "result": [
            {"metric": {"pod": "a"}, "value": [1.5, "2.5"]},
            {"metric": {"pod": "b"}, "value": [1.5, "NaN"]},
            {"metric": {"pod": "c"}, "value": [1.5, "+Inf"]},
        ]}}),
    )
}

#[tokio::test]
async fn a_query_keeps_the_addresss_path_and_reads_every_number() {
    let server = MockServer::start().await;
    let get = Mock::given(method("GET"))
        .and(path("/prefix/api/v1/query"))
        .and(query_param("query", "up{a=\"b c\"}"))
        .and(header("X-Scope-OrgID", "team"));
    get.respond_with(vector()).expect(1).mount(&server).await;
    let samples = client(&format!("{}/prefix/", server.uri()), false)
        .query("up{a=\"b c\"}")
        .await
        .unwrap();
    assert_eq!(samples[0].value, 2.5);
    assert!(samples[1].value.is_nan());
    assert_eq!(samples[2].value, f64::INFINITY);
}

#[tokio::test]
async fn a_form_is_sent_where_addresses_are_too_short() {
    let server = MockServer::start().await;
    let post = Mock::given(method("POST"))
        .and(path("/api/v1/series"))
        .and(body_string_contains("match%5B%5D=up"));
    let found = json!({"status": "success", "data": [{"__name__": "up", "pod": "a"}]});
    post.respond_with(ResponseTemplate::new(200).set_body_json(found))
        .expect(1)
        .mount(&server)
        .await;
    let series = client(&server.uri(), true).series("up", 1.0).await.unwrap();
    assert_eq!(
        (series[0].name.as_str(), series[0].labels["pod"].as_str()),
        ("up", "a")
    );
}

async fn error_of(answer: ResponseTemplate) -> String {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(answer)
        .mount(&server)
        .await;
    let error = client(&server.uri(), false).query("up").await.unwrap_err();
    error.to_string().replace(&server.uri(), "URL")
}

#[tokio::test]
async fn errors_say_what_prometheus_said() {
    let rejected = json!({"status": "error", "errorType": "bad_data", "error": "parse error"});
    let answer = ResponseTemplate::new(400).set_body_json(rejected);
    assert_eq!(
        error_of(answer).await,
        "Prometheus at URL/ answered 400 bad_data: parse error"
    );
    let html = error_of(ResponseTemplate::new(200).set_body_string("<html>")).await;
    assert!(html.contains("is it Prometheus?"), "{html}");
    let forbidden = error_of(ResponseTemplate::new(403)).await;
    assert!(
        forbidden.contains("unknown response code 403"),
        "{forbidden}"
    );
    let scalar = json!({"status": "success", "data": {"resultType": "scalar", "result": [1, "1"]}});
    let scalar = error_of(ResponseTemplate::new(200).set_body_json(scalar)).await;
    assert!(scalar.contains("instead of an instant vector"), "{scalar}");
}

#[tokio::test]
async fn credentials_in_the_address_are_sent_and_never_shown() {
    let server = MockServer::start().await;
    // user:secret
    let basic = Mock::given(header("Authorization", "Basic dXNlcjpzZWNyZXQ="));
    basic.respond_with(vector()).expect(1).mount(&server).await;
    let url = server.uri().replace("http://", "http://user:secret@");
    client(&url, false).query("up").await.unwrap();
    drop(server);
    for url in [
        "http://user:secret@127.0.0.1:1/",
        "http://127.0.0.1:1/?token=secret#secret",
    ] {
        for post in [false, true] {
            let error = client(url, post).query("up").await.unwrap_err();
            let shown = format!(
                "{error} {error:?} {}",
                crate::error_chain::error_chain(&error)
            );
            assert!(!shown.contains("secret"), "{shown}");
            assert!(shown.contains("http://127.0.0.1:1/"), "{shown}");
        }
    }
}
