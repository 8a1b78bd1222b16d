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
use setpoint_cluster::{Authority, Cluster, MintRequest, Minted, Target};

/// The port that the product's adapter serves on (`adapter/deploy`).
const ADAPTER_PORT: u16 = 6443;
/// The name that kube-apiserver's own front-proxy certificate has.
pub const FRONT_PROXY: &str = "front-proxy-client";

/// As whom a question is asked.
#[derive(Debug, Clone)]
pub enum Identity {
    /// As nobody.
    Nobody,
    /// With a certificate of the client CA.
    Certificate(MintRequest),
    /// With a front proxy's certificate, in somebody's name.
    FrontProxy {
        /// The certificate.
        certificate: ProxyCertificate,
        /// The user.
        user: String,
        /// The groups.
        groups: Vec<String>,
    },
    /// With a bearer token.
    Token(Secret),
}

/// A certificate that is shown by who claims to be the front proxy.
#[derive(Debug, Clone)]
pub enum ProxyCertificate {
    /// One of the front proxy's CA.
    Minted(MintRequest),
    /// The front proxy's own, without its key.
    WithoutKey,
    /// One that was made elsewhere.
    Other(Minted),
}

impl ProxyCertificate {
    /// As kube-apiserver's own.
    #[must_use]
    pub fn genuine() -> Self {
        Self::Minted(MintRequest {
            common_name: FRONT_PROXY.to_owned(),
            ..MintRequest::default()
        })
    }
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
            certificate: ProxyCertificate::genuine(),
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
        self.route(&question.identity).await?.ask(question).await
    }

    /// The way to the adapter as it is now, for many questions of one identity.
    ///
    /// # Errors
    /// When there is none.
    pub async fn route(&self, identity: &Identity) -> Result<Route, RequestError> {
        let tls = tls(&*self.cluster, identity, self.ca_bundle().await?).await?;
        Ok(Route {
            cluster: self.cluster.clone(),
            to: Destination::Pod(self.pod().await?),
            server: self.server(),
            connector: tokio_rustls::TlsConnector::from(Arc::new(tls)),
        })
    }

    /// The name that the API server expects in the adapter's certificate.
    #[must_use]
    pub fn server(&self) -> String {
        format!("{}.{}.svc", self.service, self.namespace)
    }

    /// The leaf of the certificate chain that the adapter shows to a new connection, whatever it is worth.
    ///
    /// # Errors
    /// When it shows none.
    pub async fn shown_certificate(&self) -> Result<CertificateDer<'static>, RequestError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(failed("set TLS up"))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
            .with_no_client_auth();
        let route = Route {
            cluster: self.cluster.clone(),
            to: Destination::Pod(self.pod().await?),
            server: self.server(),
            connector: tokio_rustls::TlsConnector::from(Arc::new(tls)),
        };
        let stream = route.connect().await?;
        let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let leaf = shown.first().cloned();
        leaf.ok_or_else(|| failed("see the adapter's certificate")("it shows none"))
    }

    async fn pod(&self) -> Result<Target, RequestError> {
        let client = self.cluster.client();
        let within = std::time::Duration::from_secs(10);
        let pod = crate::expect::ready_pod(&client, &self.namespace, "adapter", within);
        Ok(Target::Pod {
            namespace: self.namespace.clone(),
            name: pod.await.map_err(failed("find a pod of the adapter"))?,
        })
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
    cluster: &Arc<dyn Cluster>,
    question: &Question,
) -> Result<Answer, RequestError> {
    route_to_api_server(cluster, &question.identity)
        .await?
        .ask(question)
        .await
}

/// The way to the API server, for many questions of one identity.
///
/// # Errors
/// When there is none.
pub async fn route_to_api_server(
    cluster: &Arc<dyn Cluster>,
    identity: &Identity,
) -> Result<Route, RequestError> {
    let config = cluster.config();
    let host = config.cluster_url.host().unwrap_or("localhost").to_owned();
    let port = config.cluster_url.port_u16().unwrap_or(443);
    let mut store = rustls::RootCertStore::empty();
    for der in config.root_cert.iter().flatten() {
        store
            .add(CertificateDer::from(der.clone()))
            .map_err(failed("use the cluster's CA"))?;
    }
    let tls = tls(&**cluster, identity, store).await?;
    Ok(Route {
        cluster: cluster.clone(),
        to: Destination::Host(host.clone(), port),
        server: host,
        connector: tokio_rustls::TlsConnector::from(Arc::new(tls)),
    })
}

/// A way to ask as somebody; each question takes a connection of its own.
pub struct Route {
    cluster: Arc<dyn Cluster>,
    to: Destination,
    /// The name in the server's certificate.
    server: String,
    connector: tokio_rustls::TlsConnector,
}

enum Destination {
    Host(String, u16),
    Pod(Target),
}

impl Route {
    /// Asks.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn ask(&self, question: &Question) -> Result<Answer, RequestError> {
        ask_over(self.connect().await?, &self.server, question).await
    }

    async fn connect(
        &self,
    ) -> Result<tokio_rustls::client::TlsStream<setpoint_cluster::Connection>, RequestError> {
        let (stream, to) = match &self.to {
            Destination::Host(host, port) => {
                let stream = tokio::net::TcpStream::connect((host.as_str(), *port)).await;
                let stream = stream.map_err(failed("reach the API server"))?;
                let stream: setpoint_cluster::Connection = Box::new(stream);
                (stream, "the API server".to_owned())
            }
            Destination::Pod(target) => {
                let stream = self.cluster.connect(target, ADAPTER_PORT).await;
                let stream = stream.map_err(failed(format!("reach {target}")))?;
                (stream, format!("{} in {target}", self.server))
            }
        };
        let name = ServerName::try_from(self.server.clone())
            .map_err(failed(format!("use the name {}", self.server)))?;
        self.connector
            .connect(name, stream)
            .await
            .map_err(failed(format!("speak TLS with {to}")))
    }
}

/// Takes every certificate, to look at it.
#[derive(Debug)]
struct Anybody(Arc<rustls::crypto::CryptoProvider>);

impl rustls::client::danger::ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: rustls_pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Asks over a stream that somebody opened.
pub(crate) async fn ask_over<S>(
    stream: S,
    host: &str,
    question: &Question,
) -> Result<Answer, RequestError>
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
        Identity::FrontProxy { user, groups, .. } => {
            request = request.header("x-remote-user", user);
            for group in groups {
                request = request.header("x-remote-group", group);
            }
        }
        Identity::Token(Secret(token)) => {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        Identity::Nobody | Identity::Certificate(_) => {}
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
    let shown = match identity {
        Identity::Nobody | Identity::Token(_) => return Ok(builder.with_no_client_auth()),
        Identity::Certificate(request) => mint(cluster, Authority::Client, request).await?,
        Identity::FrontProxy { certificate, .. } => match certificate {
            ProxyCertificate::Minted(request) => {
                mint(cluster, Authority::FrontProxy, request).await?
            }
            ProxyCertificate::Other(minted) => minted.clone(),
            ProxyCertificate::WithoutKey => return without_key(cluster, builder).await,
        },
    };
    let (chain, key) = parsed(&shown)?;
    builder
        .with_client_auth_cert(chain, key)
        .map_err(failed("use a certificate"))
}

type Pair = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn parsed(minted: &Minted) -> Result<Pair, RequestError> {
    let certificate = CertificateDer::from_pem_slice(minted.certificate.as_bytes())
        .map_err(failed("read a certificate"))?;
    let key = PrivateKeyDer::from_pem_slice(minted.key.as_bytes()).map_err(failed("read a key"))?;
    Ok((vec![certificate], key))
}

async fn mint(
    cluster: &dyn Cluster,
    authority: Authority,
    request: &MintRequest,
) -> Result<Minted, RequestError> {
    let minted = cluster.mint(authority, request).await;
    minted.map_err(failed("get a certificate"))
}

/// Shows the front proxy's certificate and signs with another key.
async fn without_key(
    cluster: &dyn Cluster,
    builder: rustls::ConfigBuilder<rustls::ClientConfig, rustls::client::WantsClientCert>,
) -> Result<rustls::ClientConfig, RequestError> {
    #[derive(Debug)]
    struct Thief(Arc<rustls::sign::CertifiedKey>);
    impl rustls::client::ResolvesClientCert for Thief {
        fn resolve(
            &self,
            _: &[&[u8]],
            _: &[rustls::SignatureScheme],
        ) -> Option<Arc<rustls::sign::CertifiedKey>> {
            Some(self.0.clone())
        }
        fn has_certs(&self) -> bool {
            true
        }
    }
    let request = MintRequest {
        common_name: FRONT_PROXY.to_owned(),
        ..MintRequest::default()
    };
    let (chain, _) = parsed(&mint(cluster, Authority::FrontProxy, &request).await?)?;
    let (_, key) = parsed(&mint(cluster, Authority::Client, &request).await?)?;
    let signer = aws_lc_rs::sign::any_supported_type(&key).map_err(failed("use a key"))?;
    let key = rustls::sign::CertifiedKey::new(chain, signer);
    Ok(builder.with_client_cert_resolver(Arc::new(Thief(Arc::new(key)))))
}
