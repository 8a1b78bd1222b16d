//! One request, through the API server or straight to the adapter, as anybody; judged from raw bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::Api;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use setpoint_cluster::{Authority, Cluster, MintRequest, Target};

/// The port that the product's adapter serves on (`adapter/deploy`).
const ADAPTER_PORT: u16 = 6443;
/// The name that kube-apiserver's own front-proxy certificate has.
const FRONT_PROXY: &str = "front-proxy-client";

/// As whom a question is asked.
#[derive(Debug, Clone)]
pub enum Identity {
    /// As nobody.
    Nobody,
    /// With a certificate of the client CA.
    Certificate {
        /// The user.
        user: String,
        /// The groups.
        groups: Vec<String>,
    },
    /// With the front proxy's certificate, in somebody's name.
    FrontProxy {
        /// The user.
        user: String,
        /// The groups.
        groups: Vec<String>,
    },
    /// With a bearer token.
    Token(Secret),
}

/// Text that is never shown.
#[derive(Clone)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Identity {
    /// As kube-aggregator asks for discovery.
    #[must_use]
    pub fn aggregator() -> Self {
        Self::FrontProxy {
            user: "system:kube-aggregator".to_owned(),
            groups: vec!["system:masters".to_owned()],
        }
    }
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct Question {
    /// Path and query.
    pub path: String,
    /// Headers besides those of the identity.
    pub headers: BTreeMap<String, String>,
    /// As whom.
    pub identity: Identity,
}

/// What is answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: http::HeaderMap,
    /// The body, as it came.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[error("{doing}")]
pub struct RequestError {
    doing: String,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

fn failed<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    doing: impl Into<String>,
) -> impl FnOnce(E) -> RequestError {
    let doing = doing.into();
    move |source| RequestError {
        doing,
        source: source.into(),
    }
}

/// The adapter, reached without the API server between.
pub struct Adapter {
    cluster: Arc<dyn Cluster>,
    namespace: String,
    service: String,
}

impl Adapter {
    /// The adapter behind a Service.
    #[must_use]
    pub fn new(cluster: Arc<dyn Cluster>, namespace: &str, service: &str) -> Self {
        Self {
            cluster,
            namespace: namespace.to_owned(),
            service: service.to_owned(),
        }
    }

    /// Asks a pod of the adapter. Its certificate is verified as the API server does: against the caBundle
    /// of the APIService, for the Service's name.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn ask(&self, question: &Question) -> Result<Answer, RequestError> {
        let client = self.cluster.client();
        let pod = crate::expect::ready_pod(
            &client,
            &self.namespace,
            "adapter",
            std::time::Duration::from_secs(10),
        );
        let name = pod.await.map_err(failed("find a pod of the adapter"))?;
        let target = Target::Pod {
            namespace: self.namespace.clone(),
            name,
        };
        let stream = self
            .cluster
            .connect(&target, ADAPTER_PORT)
            .await
            .map_err(failed(format!("reach {target}")))?;
        let roots = self.ca_bundle().await?;
        let tls = tls(&*self.cluster, &question.identity, roots).await?;
        let server = format!("{}.{}.svc", self.service, self.namespace);
        let server_name = ServerName::try_from(server.clone())
            .map_err(failed(format!("use the name {server}")))?;
        let connector = tokio_rustls::TlsConnector::from(Arc::new(tls));
        let stream = connector
            .connect(server_name, stream)
            .await
            .map_err(failed(format!("speak TLS with {server} in {target}")))?;
        ask_over(stream, &server, question).await
    }

    async fn ca_bundle(&self) -> Result<rustls::RootCertStore, RequestError> {
        let services: Api<APIService> = Api::all(self.cluster.client());
        let list = services
            .list(&kube::api::ListParams::default())
            .await
            .map_err(failed("list APIServices"))?;
        let specs = list.items.into_iter().filter_map(|service| service.spec);
        let is_ours = |spec: &k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIServiceSpec| {
            spec.service.as_ref().is_some_and(|service| service.name.as_deref() == Some(&self.service))
        };
        let bundle = specs
            .filter(is_ours)
            .find_map(|spec| spec.ca_bundle)
            .unwrap_or_default();
        roots(&bundle.0)
    }
}

/// Asks the API server.
///
/// # Errors
/// When there is no answer.
pub async fn ask_api_server(
    cluster: &dyn Cluster,
    question: &Question,
) -> Result<Answer, RequestError> {
    let config = cluster.config();
    let host = config.cluster_url.host().unwrap_or("localhost").to_owned();
    let port = config.cluster_url.port_u16().unwrap_or(443);
    let stream = tokio::net::TcpStream::connect((host.as_str(), port))
        .await
        .map_err(failed("reach the API server"))?;
    let mut store = rustls::RootCertStore::empty();
    for der in config.root_cert.iter().flatten() {
        store
            .add(CertificateDer::from(der.clone()))
            .map_err(failed("use the cluster's CA"))?;
    }
    let tls = tls(cluster, &question.identity, store).await?;
    let name =
        ServerName::try_from(host.clone()).map_err(failed(format!("use the name {host}")))?;
    let connector = tokio_rustls::TlsConnector::from(Arc::new(tls));
    let stream = connector
        .connect(name, stream)
        .await
        .map_err(failed("speak TLS with the API server"))?;
    ask_over(stream, &host, question).await
}

async fn ask_over<S>(stream: S, host: &str, question: &Question) -> Result<Answer, RequestError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    let doing = || format!("ask for {}", question.path);
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(failed(doing()))?;
    // Ends with the request's last byte, or with the sender.
    tokio::spawn(connection);
    let mut request = http::Request::get(&question.path).header("host", host);
    match &question.identity {
        Identity::FrontProxy { user, groups } => {
            request = request.header("x-remote-user", user);
            for group in groups {
                request = request.header("x-remote-group", group);
            }
        }
        Identity::Token(Secret(token)) => {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        Identity::Nobody | Identity::Certificate { .. } => {}
    }
    for (name, value) in &question.headers {
        request = request.header(name, value);
    }
    let request = request
        .body(Empty::<bytes::Bytes>::new())
        .map_err(failed(doing()))?;
    let response = sender
        .send_request(request)
        .await
        .map_err(failed(doing()))?;
    let (head, body) = response.into_parts();
    let body = body
        .collect()
        .await
        .map_err(failed(doing()))?
        .to_bytes()
        .to_vec();
    Ok(Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        body,
    })
}

fn roots(pem: &[u8]) -> Result<rustls::RootCertStore, RequestError> {
    let mut store = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(failed("read the caBundle"))?;
        store.add(certificate).map_err(failed("use the caBundle"))?;
    }
    Ok(store)
}

async fn tls(
    cluster: &dyn Cluster,
    identity: &Identity,
    roots: rustls::RootCertStore,
) -> Result<rustls::ClientConfig, RequestError> {
    let builder =
        rustls::ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(failed("set TLS up"))?
            .with_root_certificates(roots);
    let (authority, request) = match identity {
        Identity::Nobody | Identity::Token(_) => return Ok(builder.with_no_client_auth()),
        Identity::Certificate { user, groups } => (
            Authority::Client,
            MintRequest {
                common_name: user.clone(),
                organizations: groups.clone(),
            },
        ),
        Identity::FrontProxy { .. } => (
            Authority::FrontProxy,
            MintRequest {
                common_name: FRONT_PROXY.to_owned(),
                organizations: Vec::new(),
            },
        ),
    };
    let minted = cluster
        .mint(authority, &request)
        .await
        .map_err(failed("get a certificate"))?;
    let certificate = CertificateDer::from_pem_slice(minted.certificate.as_bytes())
        .map_err(failed("read a certificate"))?;
    let key = PrivateKeyDer::from_pem_slice(minted.key.as_bytes()).map_err(failed("read a key"))?;
    builder
        .with_client_auth_cert(vec![certificate], key)
        .map_err(failed("use a certificate"))
}
