//! A hyper and rustls accept loop that hands the peer's certificate chain to the request.
