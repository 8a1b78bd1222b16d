use std::io::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use setpoint_rules::SeriesCollector;
use wiremock::matchers::{body_string_contains, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

fn client(url: &str, post: bool) -> HttpClient {
    client_with(url, post, &OwnMetrics::default())
}

fn client_with(url: &str, post: bool, metrics: &OwnMetrics) -> HttpClient {
    let options = HttpClientOptions {
        headers: vec![("X-Scope-OrgID".to_owned(), "team".to_owned())],
        post,
        ..HttpClientOptions::of(url.parse().unwrap())
    };
    HttpClient::new(options, metrics).unwrap()
}

async fn query(client: &HttpClient, promql: &str) -> Result<Vec<Sample>, PrometheusError> {
    let mut samples = Vec::new();
    client
        .query(&here(), promql, &mut |sample| samples.push(sample))
        .await
        .map(|_| samples)
}

fn here() -> Destination {
    Destination::default()
}

fn up() -> SeriesQuery {
    SeriesQuery {
        selector: "up".to_owned(),
        to: here(),
    }
}

const AGE: Duration = Duration::from_secs(60);

fn vector() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(
        json!({"status": "success", "data": {"resultType": "vector", "result": [
            {"metric": {"pod": "a"}, "value": [1.5, "2.5"]},
            {"metric": {"pod": "b"}, "value": [1.5, "NaN"]},
            {"metric": {"pod": "c"}, "value": [1.5, "+Inf"]},
            {"metric": {"pod": "d"}, "histogram": [1.5, {"count": "1"}]},
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
    let client = client(&format!("{}/prefix/", server.uri()), false);
    let samples = query(&client, "up{a=\"b c\"}").await.unwrap();
    assert_eq!(samples[0].value, 2.5);
    assert!(samples[1].value.is_nan());
    assert_eq!(samples[2].value, f64::INFINITY);
    assert_eq!(samples.len(), 3, "a native histogram is no value");
}

#[tokio::test]
async fn samples_have_their_times_and_a_scalar_is_one_without_labels() {
    let server = MockServer::start().await;
    let get = Mock::given(method("GET")).and(query_param("query", "scalar(up)"));
    // In Prometheus' order.
    let scalar =
        r#"{"status":"success","data":{"resultType":"scalar","result":[1435781451.781,"4"]}}"#;
    get.respond_with(ResponseTemplate::new(200).set_body_string(scalar))
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .respond_with(vector())
        .mount(&server)
        .await;
    let client = client(&server.uri(), false);
    let mut samples = Vec::new();
    let mut take = |sample: Sample| samples.push(sample);
    let kind = client
        .query(&here(), "scalar(up)", &mut take)
        .await
        .unwrap();
    assert_eq!(kind, ResultType::Scalar);
    assert_eq!(
        client.query(&here(), "up", &mut take).await.unwrap(),
        ResultType::Vector
    );
    let shown: Vec<_> = samples
        .iter()
        .take(2)
        .map(|sample| {
            (
                sample.timestamp.as_millisecond(),
                sample.labels.len(),
                sample.value,
            )
        })
        .collect();
    assert_eq!(shown, [(1_435_781_451_781, 0, 4.0), (1500, 1, 2.5)]);
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
    let series = client(&server.uri(), true)
        .series(&up(), AGE)
        .await
        .unwrap();
    let mut expected = SeriesCollector::default();
    expected.add("up", ["pod"]).unwrap();
    let (names, count) = (expected.finish(), 1);
    assert_eq!(series, FoundSeries { names, count });
}

async fn error_of(answer: ResponseTemplate) -> String {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(answer)
        .mount(&server)
        .await;
    let client = client(&server.uri(), false);
    let error = query(&client, "up").await.unwrap_err();
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
    // In Prometheus' order.
    let string = r#"{"status":"success","data":{"resultType":"string","result":[1,"1"]}}"#;
    let string = error_of(ResponseTemplate::new(200).set_body_string(string)).await;
    assert!(string.contains("instead of an instant vector"), "{string}");
}

#[tokio::test]
async fn credentials_in_the_address_are_sent_and_never_shown() {
    let server = MockServer::start().await;
    for (in_url, sent) in [
        ("user:secret", "user:secret"),
        ("us%40er:p%3A%2520", "us@er:p:%20"),
        (":secret", ":secret"),
        ("user", "user:"),
    ] {
        let sent = format!("Basic {}", BASE64_STANDARD.encode(sent));
        let basic = Mock::given(header("Authorization", sent));
        basic.respond_with(vector()).expect(1).mount(&server).await;
        let url = server
            .uri()
            .replace("http://", &format!("http://{in_url}@"));
        query(&client(&url, false), "up").await.unwrap();
        server.reset().await;
    }
    drop(server);
    for url in [
        "http://user:secret@127.0.0.1:1/",
        "http://127.0.0.1:1/?token=secret#secret",
    ] {
        for post in [false, true] {
            let error = query(&client(url, post), "up").await.unwrap_err();
            let shown = format!(
                "{error} {error:?} {}",
                crate::error_chain::error_chain(&error)
            );
            assert!(!shown.contains("secret"), "{shown}");
            assert!(shown.contains("http://127.0.0.1:1/"), "{shown}");
        }
    }
}

#[tokio::test]
async fn a_query_that_no_url_can_hold_is_posted() {
    let server = MockServer::start().await;
    let verb = |verb| Mock::given(method(verb)).respond_with(vector()).expect(1);
    verb("GET").mount(&server).await;
    verb("POST").mount(&server).await;
    let client = client(&server.uri(), false);
    query(&client, &"a".repeat(59_000)).await.unwrap();
    query(&client, &"a".repeat(70_000)).await.unwrap();
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server = MockServer::start().await;
    let elsewhere = ResponseTemplate::new(302).insert_header("Location", "/elsewhere");
    Mock::given(path("/api/v1/query"))
        .respond_with(elsewhere)
        .mount(&server)
        .await;
    Mock::given(path("/elsewhere"))
        .respond_with(vector())
        .expect(0)
        .mount(&server)
        .await;
    let error = query(&client(&server.uri(), false), "up")
        .await
        .unwrap_err();
    assert!(error.to_string().contains("code 302"), "{error}");
}

#[tokio::test]
async fn series_are_asked_for_by_prometheus_clock() {
    let server = MockServer::start().await;
    let found = json!({"status": "success", "data": []});
    let answer = ResponseTemplate::new(200).set_body_json(found);
    let ahead = answer.insert_header("Date", "Tue, 01 Jan 2999 00:00:00 GMT");
    Mock::given(path("/api/v1/series"))
        .respond_with(ahead)
        .mount(&server)
        .await;
    let client = client(&server.uri(), false);
    for _ in 0..2 {
        client.series(&up(), AGE).await.unwrap();
    }
    let asked = server.received_requests().await.unwrap();
    let start = |number: usize| -> f64 {
        let mut pairs = asked[number].url.query_pairs();
        let (_, start) = pairs.find(|(key, _)| key == "start").unwrap();
        start.parse().unwrap()
    };
    let year_2998 = 32_440_000_000.0;
    assert!(
        start(0) < year_2998,
        "its clock isn't known yet: {}",
        start(0)
    );
    assert!(start(1) > year_2998, "{}", start(1));
}

/// The error of a relist whose answer is this.
async fn relist_error(body: Vec<u8>, encoding: &str) -> String {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(200).set_body_raw(body, "application/json");
    let answer = answer.insert_header("Content-Encoding", encoding);
    Mock::given(method("GET"))
        .respond_with(answer)
        .mount(&server)
        .await;
    let mut client = client(&server.uri(), false);
    client.max_answer = 100_000;
    let error = client.series(&up(), AGE).await.unwrap_err();
    error.to_string().replace(&server.uri(), "URL")
}

fn compressed(text: &str) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

#[tokio::test]
async fn an_answer_without_an_end_or_a_bomb_is_read_no_further_than_the_limit() {
    let series = r#"{"__name__":"up","pod":"a"},"#.repeat(20_000);
    let endless = format!(r#"{{"status":"success","data":[{series}"#);
    let too_long =
        "the answer of Prometheus at URL/ is too long: its whole has more than 100000 bytes";
    assert_eq!(
        relist_error(endless.clone().into(), "identity").await,
        too_long
    );
    assert_eq!(relist_error(compressed(&endless), "gzip").await, too_long);
    let spaces = compressed(&" ".repeat(10_000_000));
    assert!(spaces.len() < 100_000, "a bomb");
    assert_eq!(relist_error(spaces, "gzip").await, too_long);
    let zeros = compressed(&"0".repeat(10_000_000));
    let no_answer = relist_error(zeros, "gzip").await;
    assert!(no_answer.contains("byte 0: expected `{`"), "{no_answer}");
    let truncated = compressed(&endless[..50_000]);
    let cut = relist_error(truncated[..truncated.len() / 2].to_vec(), "gzip").await;
    assert!(cut.starts_with("reach Prometheus at URL/"), "{cut}");
}

#[tokio::test]
async fn more_names_than_are_kept_are_an_error() {
    let server = MockServer::start().await;
    let series: Vec<_> = (0..50_001)
        .map(|number| json!({"__name__": format!("m{number}"), "pod": "a"}))
        .collect();
    let answer =
        ResponseTemplate::new(200).set_body_json(json!({"status": "success", "data": series}));
    Mock::given(method("GET"))
        .respond_with(answer)
        .mount(&server)
        .await;
    let error = client(&server.uri(), false)
        .series(&up(), AGE)
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("more than 50000 names"),
        "{error}"
    );
}

#[tokio::test]
async fn requests_are_timed_under_the_name_of_prometheus_adapter_if_they_are_answered() {
    let server = MockServer::start().await;
    let of = |query: &str| Mock::given(query_param("query", query));
    of("up").respond_with(vector()).mount(&server).await;
    let refused = json!({"status": "error", "errorType": "bad_data", "error": "parse error"});
    let refused = ResponseTemplate::new(400).set_body_json(refused);
    of("(").respond_with(refused).mount(&server).await;
    let metrics = OwnMetrics::default();
    let with_credentials = server.uri().replace("http://", "http://user:secret@");
    let answering = client_with(&with_credentials, false, &metrics);
    query(&answering, "up").await.unwrap();
    query(&answering, "(").await.unwrap_err();
    let silent = client_with("http://127.0.0.1:1/", false, &metrics);
    query(&silent, "up").await.unwrap_err();
    let text = metrics.text();
    let count = format!(
        "prometheus_adapter_prometheus_client_request_duration_seconds_count{{path=\"/api/v1/query\",server=\"{}\"}} 2",
        server.uri()
    );
    assert!(text.contains(&count), "{text}");
    assert!(
        !text.contains("secret") && !text.contains("127.0.0.1:1\""),
        "{text}"
    );
}

#[tokio::test]
async fn the_trace_of_a_request_is_told_and_nothing_without_one() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(vector())
        .mount(&server)
        .await;
    let client = client(&server.uri(), false);
    let trace = Trace::start();
    trace.scope(query(&client, "up")).await.unwrap();
    query(&client, "up").await.unwrap();
    let asked = server.received_requests().await.unwrap();
    assert_eq!(Trace::of(&asked[0].headers), trace);
    assert_eq!(asked[1].headers.get(TRACEPARENT), None);
}
