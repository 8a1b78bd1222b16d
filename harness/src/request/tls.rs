//! What is shown and believed when speaking TLS as somebody.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use setpoint_cluster::{Authority, Cluster, MintRequest, Minted};

use super::{FRONT_PROXY, Identity, Limit, ProxyCertificate, not_made};
use crate::outcome::{HarnessProblem, Owner, Unmet};

/// Shows an identity's certificate and believes in some roots.
pub(crate) async fn client_config(
    cluster: &dyn Cluster,
    identity: &Identity,
    roots: rustls::RootCertStore,
    limit: Limit,
) -> Result<rustls::ClientConfig, Unmet> {
    let builder =
        rustls::ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(not_made("set TLS up"))?
            .with_root_certificates(roots);
    let shown = match identity {
        Identity::Nobody | Identity::OfKubeconfig | Identity::Token { beside: None, .. } => {
            return Ok(builder.with_no_client_auth());
        }
        Identity::Certificate(request) => mint(cluster, Authority::Client, request, limit).await?,
        Identity::OtherCertificate(minted)
        | Identity::Token {
            beside: Some(minted),
            ..
        } => minted.clone(),
        Identity::FrontProxy { certificate, .. } => match certificate {
            ProxyCertificate::Minted(request) => {
                mint(cluster, Authority::FrontProxy, request, limit).await?
            }
            ProxyCertificate::Other(minted) => minted.clone(),
            ProxyCertificate::WithoutKey => return without_key(cluster, builder, limit).await,
        },
    };
    let (chain, key) = parsed(&shown)?;
    Ok(builder
        .with_client_auth_cert(chain, key)
        .map_err(not_made("use a certificate"))?)
}

/// Shows nothing and believes everything: to look at a certificate that may be worth nothing.
pub(super) fn client_config_without_verification() -> Result<rustls::ClientConfig, HarnessProblem> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    Ok(
        rustls::ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(not_made("set TLS up"))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
            .with_no_client_auth(),
    )
}

/// The roots in a caBundle.
pub(crate) fn roots(pem: &[u8]) -> Result<rustls::RootCertStore, HarnessProblem> {
    let mut store = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(not_made("read the caBundle"))?;
        store
            .add(certificate)
            .map_err(not_made("use the caBundle"))?;
    }
    Ok(store)
}

type Pair = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn parsed(minted: &Minted) -> Result<Pair, HarnessProblem> {
    let certificate = CertificateDer::from_pem_slice(minted.certificate.as_bytes())
        .map_err(not_made("read a certificate"))?;
    let key =
        PrivateKeyDer::from_pem_slice(minted.key.as_bytes()).map_err(not_made("read a key"))?;
    Ok((vec![certificate], key))
}

async fn mint(
    cluster: &dyn Cluster,
    authority: Authority,
    request: &MintRequest,
    limit: Limit,
) -> Result<Minted, Unmet> {
    let minted = cluster.mint(authority, request);
    let minted = limit.bound("get a certificate", minted).await;
    minted.map_err(|error| error.when_asking(Owner::Cluster))
}

/// Shows the front proxy's certificate and signs with another key.
async fn without_key(
    cluster: &dyn Cluster,
    builder: rustls::ConfigBuilder<rustls::ClientConfig, rustls::client::WantsClientCert>,
    limit: Limit,
) -> Result<rustls::ClientConfig, Unmet> {
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
    let (chain, _) = parsed(&mint(cluster, Authority::FrontProxy, &request, limit).await?)?;
    let (_, key) = parsed(&mint(cluster, Authority::Client, &request, limit).await?)?;
    let signer = aws_lc_rs::sign::any_supported_type(&key).map_err(not_made("use a key"))?;
    let key = rustls::sign::CertifiedKey::new(chain, signer);
    Ok(builder.with_client_cert_resolver(Arc::new(Thief(Arc::new(key)))))
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
