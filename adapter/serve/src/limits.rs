//! What a server grants to its clients.

use std::time::Duration;

use crate::heads::SHORT_HEAD;

/// Limits of a server. The default times are those of `k8s.io/apiserver`
/// (`pkg/server/secure_serving.go`).
///
/// ```
/// use std::time::Duration;
///
/// let mut limits = setpoint_serve::Limits::default();
/// limits.drain = Duration::from_secs(60);
/// ```
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Limits {
    /// Connections at a time; further ones wait in the queue of the kernel.
    pub connections: usize,
    /// Time for a TLS handshake.
    pub handshake: Duration,
    /// Time for the head of a request, from the end of the handshake or, over HTTP/1.1, of the
    /// request before. Over HTTP/2 it is the time until the first request.
    pub request_head: Duration,
    /// How long an HTTP/2 connection may be without a request.
    pub idle: Duration,
    /// Bytes of the head of a request: buffer over HTTP/1.1, header list over HTTP/2. Go's default
    /// is 1 MiB.
    pub request_head_bytes: u32,
    /// Bytes of all long heads that are being received, and again of all heads of requests in
    /// flight. A long head beyond that waits; a request beyond that is answered with 429. At least
    /// `request_head_bytes`.
    pub heads_bytes: u32,
    /// Headers of a request over HTTP/1.1; a front proxy sends one for each group of the user. Over
    /// HTTP/2 only the size of the header list is limited.
    pub request_headers: usize,
    /// Time for requests in flight after shutdown has begun.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            handshake: Duration::from_secs(10),
            request_head: Duration::from_secs(32),
            idle: Duration::from_secs(90),
            request_head_bytes: 1 << 20,
            heads_bytes: 64 << 20,
            request_headers: 16_384,
            drain: Duration::from_secs(15),
        }
    }
}

impl Limits {
    /// The most bytes that heads of requests take, whatever clients send.
    #[must_use]
    pub fn most_bytes_of_heads(&self) -> usize {
        self.connections * SHORT_HEAD + 2 * self.all_heads_bytes() as usize
    }

    pub(crate) fn all_heads_bytes(&self) -> u32 {
        self.heads_bytes.max(self.request_head_bytes)
    }
}
