//! What is read of a request, and how an answer is sent.

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use http::header;
use wiremock::{Request, ResponseTemplate};

use crate::api;
use crate::delivery::HEADER;
use crate::fault::Reply;
use crate::promql::{Change, Version};

/// How a client wants an answer to be compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Gzip,
    Deflate,
}

impl Coding {
    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
        }
    }

    /// The first one that the client names and that is known, as in Prometheus.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        let accepted = request
            .headers
            .get(header::ACCEPT_ENCODING)?
            .to_str()
            .ok()?;
        accepted.split(',').find_map(|coding| match coding.trim() {
            "gzip" => Some(Self::Gzip),
            "deflate" => Some(Self::Deflate),
            _ => None,
        })
    }

    fn compressed(self, body: &str) -> Vec<u8> {
        // A vector takes all that is written.
        let done = match self {
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
                encoder
                    .write_all(body.as_bytes())
                    .and_then(|()| encoder.finish())
            }
            Self::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
                encoder
                    .write_all(body.as_bytes())
                    .and_then(|()| encoder.finish())
            }
        };
        done.unwrap_or_default()
    }
}

/// The form body's parameters, then the query's, as Go's `ParseForm` orders them.
pub(crate) fn parameters(request: &Request) -> Vec<(String, String)> {
    let is_form = request
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"));
    let body = if is_form {
        request.body.as_slice()
    } else {
        &[]
    };
    url::form_urlencoded::parse(body)
        .chain(request.url.query_pairs())
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect()
}

/// What is sent.
pub(crate) fn template(request: &Request, reply: Reply, version: Version) -> ResponseTemplate {
    let Reply { answer, .. } = reply;
    let mut template = ResponseTemplate::new(answer.status);
    let path = request.url.path();
    let is_head = request.method == http::Method::HEAD;
    let is_document = api::is_document(path, version) && answer.status != 405;
    let coding = Coding::of(request).filter(|_| is_document && !reply.as_it_is);
    template = match coding {
        Some(coding) => template
            .insert_header(header::CONTENT_ENCODING, coding.name())
            .set_body_raw(coding.compressed(&answer.body), answer.content_type),
        None if answer.status == 204 || is_head && answer.status == 200 => template,
        None => template.set_body_raw(answer.body, answer.content_type),
    };
    if is_document {
        if version.has(Change::VaryByEncoding) {
            template = template.append_header("vary", "Accept-Encoding");
        }
        template = template.append_header("vary", "Origin");
        if let Some(origin) = request.headers.get(header::ORIGIN) {
            // Prometheus allows any origin by default.
            template = template.insert_header("access-control-allow-origin", origin.clone());
            template = template.append_headers([
                ("access-control-allow-methods", "GET, POST, OPTIONS"),
                (
                    "access-control-allow-headers",
                    "Accept, Authorization, Content-Type, Origin",
                ),
                ("access-control-expose-headers", "Date"),
            ]);
        }
    }
    if matches!(answer.status, 404 | 405) && answer.content_type.starts_with("text/plain") {
        template = template.insert_header("x-content-type-options", "nosniff");
    }
    if answer.status == 405 {
        let mut methods = api::methods_of(path, version).unwrap_or_default().to_vec();
        methods.push("OPTIONS");
        methods.sort_unstable();
        template = template.insert_header("allow", methods.join(", ").as_str());
    }
    if let Some(delivery) = reply.delivery.header() {
        template = template.insert_header(HEADER, delivery.as_str());
    }
    for (name, value) in &reply.headers {
        template = template.insert_header(name.as_str(), value.as_str());
    }
    template.set_delay(Duration::from_secs_f64(reply.delay))
}
