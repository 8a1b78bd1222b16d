//! Why a request has no answer, and whose problem that is: by the types of errors, not by their texts.

use std::error::Error;
use std::io;

use rustls::CertificateError;
use setpoint_cluster::{ConnectError, MintError};

use super::limit::TooLate;
use crate::outcome::{ClusterProblem, Finding, HarnessProblem, Kind, Owner, RequestFailure, Unmet};

/// A part of a request failed.
#[derive(Debug, thiserror::Error)]
#[error("{doing}")]
pub struct RequestError {
    doing: String,
    #[source]
    source: BoxError,
}

type BoxError = Box<dyn Error + Send + Sync>;

/// The adapter gives no answer.
#[derive(Debug, thiserror::Error)]
#[error("{doing}")]
struct Unanswered {
    doing: String,
    failure: RequestFailure,
    #[source]
    source: BoxError,
}

impl Finding for Unanswered {
    fn kind(&self) -> Kind {
        Kind::Request(self.failure)
    }
}

/// The head of an answer came, and not its whole body.
#[derive(Debug, thiserror::Error)]
#[error("the answer ends early")]
pub(super) struct EndsEarly(#[source] pub(super) hyper::Error);

impl RequestError {
    /// Whether there was the beginning of an answer.
    pub(crate) fn is_half_answered(&self) -> bool {
        self.source.is::<EndsEarly>()
    }

    /// What it means where that party was asked.
    pub(crate) fn when_asking(self, asked: Owner) -> Unmet {
        let Self { doing, source } = self;
        match (party(&*source), asked) {
            (Party::ApiServer, _) | (Party::Asked(_), Owner::Cluster) => {
                ClusterProblem::call(doing, source).into()
            }
            (Party::Connection, _) => ClusterProblem::Connect { doing, source }.into(),
            (Party::Authority, _) => ClusterProblem::Mint { doing, source }.into(),
            (Party::Asked(failure), Owner::Adapter) => Unanswered {
                doing,
                failure,
                source,
            }
            .into(),
            (Party::Asked(_), Owner::Harness) => {
                HarnessProblem::Prometheus { doing, source }.into()
            }
        }
    }
}

/// What was asked for, before an error that it failed by.
pub(crate) fn failed<E: Into<BoxError>>(
    doing: impl Into<String>,
) -> impl FnOnce(E) -> RequestError {
    let doing = doing.into();
    move |source| RequestError {
        doing,
        source: source.into(),
    }
}

/// What it means that something failed which a party was asked for.
pub(crate) fn unanswered<E: Into<BoxError>>(
    doing: impl Into<String>,
    asked: Owner,
) -> impl FnOnce(E) -> Unmet {
    let doing = doing.into();
    move |source| failed(doing)(source).when_asking(asked)
}

/// Something of the harness' own can't be used.
pub(crate) fn not_made<E: Into<BoxError>>(
    doing: impl Into<String>,
) -> impl FnOnce(E) -> HarnessProblem {
    let doing = doing.into();
    move |source| HarnessProblem::NotMade {
        doing,
        source: source.into(),
    }
}

/// Whom an error comes from.
#[derive(Debug, PartialEq, Eq)]
enum Party {
    /// The API server, asked for something on the way.
    ApiServer,
    /// Whatever leads to pods.
    Connection,
    /// The cluster's authority.
    Authority,
    /// Whoever was asked.
    Asked(RequestFailure),
}

fn party(error: &(dyn Error + 'static)) -> Party {
    let mut failure = None;
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<kube::Error>() {
            return Party::ApiServer;
        } else if error.is::<MintError>() {
            return Party::Authority;
        } else if let Some(ConnectError::Cluster { .. }) = error.downcast_ref() {
            return Party::Connection;
        }
        // The innermost says most.
        failure = failure_of(error).or(failure);
        next = inner(error);
    }
    Party::Asked(failure.unwrap_or(RequestFailure::ConnectionClosed))
}

/// The source of an error; of an I/O error the error that it was made of, which it leaves out.
fn inner<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
    {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

fn failure_of(error: &(dyn Error + 'static)) -> Option<RequestFailure> {
    if error.is::<TooLate>() {
        Some(RequestFailure::TimeOut)
    } else if let Some(ConnectError::Refused { .. }) = error.downcast_ref() {
        Some(RequestFailure::ConnectionRefused)
    } else if let Some(error) = error.downcast_ref::<rustls::Error>() {
        Some(of_tls(error))
    } else if let Some(error) = error.downcast_ref::<io::Error>() {
        of_io(error.kind())
    } else if let Some(error) = error.downcast_ref::<hyper::Error>() {
        of_http(error)
    } else {
        None
    }
}

fn of_tls(error: &rustls::Error) -> RequestFailure {
    match error {
        rustls::Error::AlertReceived(_) => RequestFailure::TlsAlert,
        rustls::Error::InvalidCertificate(error) => of_certificate(error),
        _ => RequestFailure::TlsHandshake,
    }
}

fn of_certificate(error: &CertificateError) -> RequestFailure {
    match error {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            RequestFailure::CertificateName
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            RequestFailure::CertificateExpired
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            RequestFailure::CertificateNotYetValid
        }
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            RequestFailure::CertificateUntrusted
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            RequestFailure::CertificatePurpose
        }
        _ => RequestFailure::CertificateUnusable,
    }
}

fn of_io(kind: io::ErrorKind) -> Option<RequestFailure> {
    match kind {
        io::ErrorKind::ConnectionRefused => Some(RequestFailure::ConnectionRefused),
        io::ErrorKind::TimedOut => Some(RequestFailure::TimeOut),
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => Some(RequestFailure::ConnectionClosed),
        _ => None,
    }
}

fn of_http(error: &hyper::Error) -> Option<RequestFailure> {
    if error.is_parse() {
        Some(RequestFailure::NotHttp)
    } else if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        Some(RequestFailure::ConnectionClosed)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use setpoint_cluster::{Authority, Target};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    fn asked(source: impl Into<BoxError>) -> Unmet {
        failed("ask for /apis")(source).when_asking(Owner::Adapter)
    }

    fn kind(source: impl Into<BoxError>) -> Kind {
        let unmet = asked(source);
        assert_eq!(unmet.owner(), Owner::Adapter);
        unmet.kind()
    }

    fn target() -> Target {
        Target::Pod {
            namespace: "setpoint".to_owned(),
            name: "adapter".to_owned(),
        }
    }

    #[test]
    fn a_failure_is_told_by_the_innermost_error() {
        let alert = rustls::Error::AlertReceived(rustls::AlertDescription::BadCertificate);
        for (source, failure) in [
            (
                BoxError::from(TooLate(Duration::ZERO)),
                RequestFailure::TimeOut,
            ),
            // As TLS streams have it.
            (
                io::Error::new(io::ErrorKind::InvalidData, alert).into(),
                RequestFailure::TlsAlert,
            ),
            (
                rustls::Error::InvalidCertificate(CertificateError::NotValidForName).into(),
                RequestFailure::CertificateName,
            ),
            (
                rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer).into(),
                RequestFailure::CertificateUntrusted,
            ),
            (
                io::Error::from(io::ErrorKind::ConnectionReset).into(),
                RequestFailure::ConnectionClosed,
            ),
            (
                rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType).into(),
                RequestFailure::TlsHandshake,
            ),
        ] {
            let shown = source.to_string();
            assert_eq!(kind(source), Kind::Request(failure), "{shown}");
        }
        let refused = ConnectError::Refused {
            target: target(),
            port: 6443,
            reason: "connection refused".to_owned(),
        };
        let refused = asked(refused);
        assert_eq!(
            refused.kind(),
            Kind::Request(RequestFailure::ConnectionRefused)
        );
        assert_eq!(
            refused.to_string(),
            "ask for /apis: connect to pod setpoint/adapter port 6443: connection refused"
        );
    }

    #[test]
    fn what_the_cluster_does_on_the_way_is_not_the_adapters() {
        let broken = ConnectError::Cluster {
            target: target(),
            port: 6443,
            source: io::Error::from(io::ErrorKind::ConnectionRefused),
        };
        let minted = MintError::NotCapable {
            authority: Authority::FrontProxy,
        };
        for (source, kind) in [
            (BoxError::from(broken), Kind::NoConnection),
            (minted.into(), Kind::NotMinted),
            (
                kube::Error::Service("connection reset".into()).into(),
                Kind::ApiServerUnreachable,
            ),
        ] {
            let unmet = asked(source);
            assert_eq!((unmet.owner(), unmet.kind()), (Owner::Cluster, kind));
        }
        let reset = || io::Error::from(io::ErrorKind::ConnectionReset);
        let error = failed("ask for /apis")(reset()).when_asking(Owner::Cluster);
        assert_eq!(error.kind(), Kind::ApiServerUnreachable);
        let error = failed("ask for /apis")(reset()).when_asking(Owner::Harness);
        assert_eq!(error.kind(), Kind::PrometheusUnreachable);
    }

    #[tokio::test]
    async fn an_answer_that_is_not_http_is_told_from_one_that_breaks_off() {
        for (answer, failure) in [
            (&b"SSH-2.0-OpenSSH\r\n\r\n"[..], RequestFailure::NotHttp),
            (b"HTTP/1.1 200 OK\r\n", RequestFailure::ConnectionClosed),
        ] {
            let (client, mut server) = tokio::io::duplex(1024);
            tokio::spawn(async move {
                assert!(server.read(&mut [0; 1024]).await.unwrap() > 0);
                server.write_all(answer).await.unwrap();
            });
            let question = super::super::Question {
                method: http::Method::GET,
                path: "/apis".to_owned(),
                headers: std::collections::BTreeMap::new(),
                identity: super::super::Identity::Nobody,
            };
            let limit = super::super::Limit::of(Duration::from_secs(5));
            let asked = super::super::ask_over(Box::new(client), "adapter", &question, limit).await;
            let unmet = asked.unwrap_err().when_asking(Owner::Adapter);
            assert_eq!(unmet.kind(), Kind::Request(failure));
        }
    }
}
