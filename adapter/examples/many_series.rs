//! A Prometheus that has many series, as fast as can be, to measure adapters by:
//! `many_series SERIES [LISTEN]`. It answers as Prometheus does, with gzip for those who take it.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use futures::stream;
use http::HeaderMap;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE};
use tokio::net::TcpListener;

/// The answer of `/series`, as it is and compressed.
struct Answers {
    plain: &'static [u8],
    gzip: &'static [u8],
}

/// The size in which Go's server writes answers.
const PIECE: usize = 32 * 1024;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let count = arguments.next().and_then(|count| count.parse().ok());
    let Some(count) = count else {
        eprintln!("usage: many_series SERIES [LISTEN]");
        std::process::exit(2);
    };
    let listen = arguments.next().unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let plain = series(count).into_bytes();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&plain)?;
    let answers = Arc::new(Answers {
        plain: plain.leak(),
        gzip: gzip.finish()?.leak(),
    });
    let listener = TcpListener::bind(listen).await?;
    println!(
        "serving {} bytes on {}",
        answers.plain.len(),
        listener.local_addr()?
    );
    let router = Router::new()
        .route("/api/v1/series", any(series_answer))
        .route("/api/v1/query", any(query_answer))
        .with_state(answers);
    axum::serve(listener, router).await
}

/// Series of 200 metrics of pods, all of them different.
fn series(count: usize) -> String {
    let mut body = String::from("{\"status\":\"success\",\"data\":[");
    for number in 0..count {
        let comma = if number == 0 { "" } else { "," };
        let (metric, pod) = (number % 200, number / 200);
        let written = write!(
            body,
            "{comma}{{\"__name__\":\"http_requests_{metric}_total\",\"code\":\"200\",\"container\":\"app\",\
             \"instance\":\"10.1.{}.{}:8080\",\"job\":\"kubernetes-pods\",\"method\":\"GET\",\
             \"namespace\":\"default\",\"path\":\"/api/v1/items\",\"pod\":\"web-{pod}\",\"service\":\"web\"}}",
            pod / 256 % 256,
            pod % 256,
        );
        debug_assert!(written.is_ok());
    }
    body.push_str("]}");
    body
}

async fn series_answer(State(answers): State<Arc<Answers>>, headers: HeaderMap) -> Response {
    let accepted = headers
        .get(ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok());
    let compressed = accepted.is_some_and(|encodings| encodings.contains("gzip"));
    let body = if compressed {
        answers.gzip
    } else {
        answers.plain
    };
    let pieces = stream::iter(body.chunks(PIECE).map(Ok::<_, std::io::Error>));
    let mut response = Body::from_stream(pieces).into_response();
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        http::HeaderValue::from_static("application/json"),
    );
    if compressed {
        headers.insert(CONTENT_ENCODING, http::HeaderValue::from_static("gzip"));
    }
    response
}

async fn query_answer() -> Response {
    let answer = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"pod":"web-0"},"value":[1,"5"]}]}}"#;
    ([(CONTENT_TYPE, "application/json")], answer).into_response()
}
