//! What a server grants to its clients.

use std::time::Duration;

/// Limits of a server. The default times are those of `k8s.io/apiserver`
/// (`pkg/server/secure_serving.go`); the default sizes are for a pod of 64 MiB.
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
    /// Connections that are served at a time. One more waits, if its address has as many as any
    /// other; else it closes the oldest of the address that has the most. Those of trusted clients
    /// are never closed for others.
    pub connections: usize,
    /// Further connections whose clients have sent nothing yet; one more closes the oldest of them. They are
    /// sockets and nothing else. Where two thousand come in a second, each of 256 has a tenth of a second.
    pub silent: usize,
    /// Time for the first bytes of a client, again to wait for a place, and again for a TLS handshake and for telling
    /// whether the client is trusted.
    pub handshake: Duration,
    /// Time for the head of a request, from the end of the handshake or, over HTTP/1.1, of the
    /// request before. Over HTTP/2 it is the time until the first request.
    pub request_head: Duration,
    /// Time for a request over HTTP/2, from its head to the last byte of its response; then its
    /// stream is reset.
    pub request: Duration,
    /// Time that the client of an HTTP/1.1 connection has to take what is written to it; then the
    /// connection is closed.
    pub write: Duration,
    /// How long an HTTP/2 connection may be without a request.
    pub idle: Duration,
    /// How long a connection may be without a request while another one of its own address waits for a place; then it is
    /// closed for it. Before its first request, a tenth of this without any bytes of the client is enough: a handshake and a
    /// request take milliseconds, and their bytes come without a pause. It is looked for such connections every hundredth of a second at
    /// most.
    pub unused: Duration,
    /// Time for requests in flight after shutdown has begun.
    pub drain: Duration,
    /// Bytes of all requests in flight, with their responses. All strangers together have half of
    /// them. A request beyond that is answered with 429.
    pub in_flight_bytes: usize,
    /// Paths of probes. Requests for them without credentials are served whatever other requests
    /// are in flight.
    pub probe_paths: &'static [&'static str],
    /// Limits of clients that [`Server::trust`](crate::Server::trust) says to trust.
    pub trusted: ClientLimits,
    /// Limits of all others.
    pub stranger: ClientLimits,
}

/// Limits of one client.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ClientLimits {
    /// Streams of an HTTP/2 connection at a time.
    pub streams: u32,
    /// Bytes of the head of a request: buffer over HTTP/1.1, header list over HTTP/2. Go's default
    /// is 1 MiB.
    pub head_bytes: u32,
    /// Headers of a request over HTTP/1.1; a front proxy sends one for each group of the user. Over
    /// HTTP/2 only the size of the header list is limited.
    pub headers: usize,
    /// Bytes of a request's path and query; a longer one is answered with 414.
    pub target_bytes: usize,
    /// Bytes of the requests in flight from one address, with their responses.
    pub in_flight_bytes: usize,
    /// Requests for the paths of probes in flight from one address.
    pub probes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            silent: 256,
            handshake: Duration::from_secs(10),
            request_head: Duration::from_secs(32),
            request: Duration::from_secs(90),
            write: Duration::from_secs(30),
            idle: Duration::from_secs(90),
            unused: Duration::from_secs(1),
            drain: Duration::from_secs(15),
            in_flight_bytes: 16 << 20,
            probe_paths: &["/livez", "/readyz", "/healthz"],
            // The streams and the size of the head are those of `k8s.io/apiserver`.
            trusted: ClientLimits {
                streams: 100,
                head_bytes: 1 << 20,
                headers: 16_384,
                target_bytes: 1 << 20,
                in_flight_bytes: 16 << 20,
                probes: 100,
            },
            stranger: ClientLimits {
                streams: 16,
                head_bytes: 32 << 10,
                headers: 100,
                target_bytes: 8 << 10,
                in_flight_bytes: 4 << 20,
                probes: 32,
            },
        }
    }
}

/// What a connection takes without a request: TLS, HTTP and their buffers.
const CONNECTION_BYTES: usize = 64 << 10;

impl Limits {
    /// About the most bytes that clients take, whatever they send: their connections, the heads
    /// that strangers are sending, and the requests in flight.
    #[must_use]
    pub fn most_bytes(&self) -> usize {
        // The buffer of HTTP/1.1 is doubled while a head fits into it.
        let connection = CONNECTION_BYTES + 2 * self.stranger.head_bytes as usize;
        self.connections * connection + self.in_flight_bytes
    }

    pub(crate) fn of(&self, trusted: bool) -> &ClientLimits {
        if trusted {
            &self.trusted
        } else {
            &self.stranger
        }
    }
}
