//! How an answer reaches the client: whole, or not.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures::stream;
use http::{HeaderValue, header};
use serde::{Deserialize, Serialize};
use setpoint_serve::Reset;

/// The header by which the mock tells it to the front, which removes it.
pub(crate) const HEADER: &str = "setpoint-delivery";
/// How often a piece is sent that comes slowly.
const TICK: Duration = Duration::from_millis(50);

/// How an answer reaches the client.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(crate) enum Delivery {
    /// All of it at once.
    #[default]
    Whole,
    /// The connection is reset instead.
    Reset,
    /// Nothing comes, and the connection stays.
    Never,
    /// Half of the body, then the connection is closed.
    Cut,
    /// Half of the body, then nothing, and the connection stays.
    HalfOpen,
    /// So many bytes of the body a second.
    Drip(f64),
}

impl Delivery {
    /// The header's value; none for what needs none.
    pub(crate) fn header(self) -> Option<String> {
        (self != Self::Whole).then(|| serde_json::to_string(&self).unwrap_or_default())
    }

    /// What a header's value says.
    pub(crate) fn of(header: Option<&HeaderValue>) -> Self {
        let told = header.and_then(|value| serde_json::from_slice(value.as_bytes()).ok());
        told.unwrap_or_default()
    }

    /// The response with this head and body, as it is delivered.
    pub(crate) async fn deliver(self, head: http::response::Parts, body: Bytes) -> Response {
        let mut response = Response::from_parts(head, Body::empty());
        let half = body.slice(..body.len() / 2);
        let length = HeaderValue::from(body.len());
        let pieces = match self {
            Self::Whole => {
                *response.body_mut() = Body::from(body);
                return response;
            }
            Self::Never => std::future::pending().await,
            Self::Reset => {
                response.extensions_mut().insert(Reset);
                return response;
            }
            Self::Cut => Body::from_stream(stream::unfold(Some(half), |half| async {
                match half {
                    Some(half) => Some((Ok(half), None)),
                    None => {
                        // What was given before is sent first.
                        tokio::task::yield_now().await;
                        let cut = io::Error::from(io::ErrorKind::ConnectionAborted);
                        Some((Err(cut), None))
                    }
                }
            })),
            Self::HalfOpen => Body::from_stream(stream::unfold(Some(half), |half| async {
                match half {
                    Some(half) => Some((Ok::<_, io::Error>(half), None)),
                    None => std::future::pending().await,
                }
            })),
            Self::Drip(per_second) => dripping(body, per_second),
        };
        *response.body_mut() = pieces;
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, length);
        response
    }
}

fn dripping(body: Bytes, per_second: f64) -> Body {
    let tick = TICK.max(Duration::from_secs_f64(1.0 / per_second));
    let piece = (per_second * tick.as_secs_f64()).round().max(1.0) as usize;
    let start = (tokio::time::interval(tick), body);
    Body::from_stream(stream::unfold(
        start,
        move |(mut ticks, mut rest)| async move {
            if rest.is_empty() {
                return None;
            }
            ticks.tick().await;
            let next = rest.split_to(piece.min(rest.len()));
            Some((Ok::<_, io::Error>(next), (ticks, rest)))
        },
    ))
}
