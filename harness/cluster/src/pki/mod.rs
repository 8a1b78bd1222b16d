//! The control plane's keys and certificates: three authorities that don't know each other.
//!
//! The authorities' own keys stay in memory and die with the client, so a plane's directory holds nothing
//! that could issue a certificate.

use std::net::IpAddr;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};

mod rebuilt;

use rebuilt::{by_sha1, pem, with_subject};

use crate::cluster::{Authority, Flaw, MintError, MintRequest, Minted};
use setpoint_node::address::{API_SERVICE_ADDRESS, NODE_ADDRESS, NODE_NAME};

/// How long everything but a minted certificate is valid: longer than any plane lives.
const VALIDITY: Duration = Duration::from_secs(365 * 24 * 3600);
/// How long [`crate::Cluster::mint`]'s certificates are valid.
const MINTED_VALIDITY: Duration = Duration::from_secs(24 * 3600);
/// How far back a validity starts, for clocks that differ a little.
const BACKDATED: Duration = Duration::from_secs(3600);

/// A key or certificate could not be made.
#[derive(Debug, thiserror::Error)]
#[error("make {what}")]
pub struct PkiError {
    /// Which one.
    pub what: String,
    /// What is wrong with it.
    #[source]
    pub source: rcgen::Error,
}

/// One certificate authority.
pub(crate) struct CertificateAuthority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl CertificateAuthority {
    fn new(common_name: &str) -> Result<Self, PkiError> {
        let make = || {
            let mut params = CertificateParams::default();
            valid_for(&mut params, VALIDITY);
            params.distinguished_name = rcgen::DistinguishedName::new();
            params
                .distinguished_name
                .push(DnType::CommonName, common_name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![
                KeyUsagePurpose::KeyCertSign,
                KeyUsagePurpose::DigitalSignature,
                KeyUsagePurpose::CrlSign,
            ];
            let key = KeyPair::generate()?;
            let certificate = params.self_signed(&key)?.pem();
            Ok(Self {
                certificate,
                issuer: Issuer::new(params, key),
            })
        };
        make().map_err(|source| PkiError {
            what: format!("authority `{common_name}`"),
            source,
        })
    }

    /// An existing authority, from its certificate and key, both PEM.
    fn of_files(name: &str, certificate: &str, key: &str) -> Result<Self, PkiError> {
        let read = || {
            let key = KeyPair::from_pem(key)?;
            Ok(Self {
                certificate: certificate.to_owned(),
                issuer: Issuer::from_ca_cert_pem(certificate, key)?,
            })
        };
        read().map_err(|source| PkiError {
            what: format!("authority `{name}` of its files"),
            source,
        })
    }

    /// The authority's certificate, PEM.
    pub(crate) fn certificate(&self) -> &str {
        &self.certificate
    }

    fn client(
        &self,
        common_name: &str,
        organizations: &[String],
        validity: Duration,
        flaw: Option<Flaw>,
    ) -> Result<Minted, PkiError> {
        let make = || {
            let mut params = leaf(common_name, validity);
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            match flaw {
                None | Some(Flaw::Sha1Signature) => {}
                Some(Flaw::Expired) => params.not_after = params.not_before + BACKDATED / 2,
                Some(Flaw::NotYetValid) => params.not_before = params.not_after - BACKDATED,
                Some(Flaw::WrongUsage) => {
                    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
                }
            }
            let key = KeyPair::generate()?;
            let certificate = params.signed_by(&key, &self.issuer)?;
            let issuer = self.issuer.key();
            let mut certificate =
                with_subject(certificate.der(), common_name, organizations, issuer)?;
            if flaw == Some(Flaw::Sha1Signature) {
                certificate = by_sha1(&certificate, issuer)?;
            }
            Ok(Minted {
                certificate: pem(&certificate),
                key: key.serialize_pem(),
            })
        };
        make().map_err(|source| PkiError {
            what: format!("client certificate for `{common_name}`"),
            source,
        })
    }

    fn server(
        &self,
        common_name: &str,
        names: &[&str],
        ips: &[IpAddr],
    ) -> Result<Minted, PkiError> {
        let make = || {
            let mut params = leaf(common_name, VALIDITY);
            for name in names {
                let name = SanType::DnsName((*name).try_into()?);
                params.subject_alt_names.push(name);
            }
            let ips = ips.iter().copied().map(SanType::IpAddress);
            params.subject_alt_names.extend(ips);
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            let key = KeyPair::generate()?;
            let certificate = params.signed_by(&key, &self.issuer)?;
            Ok(Minted {
                certificate: certificate.pem(),
                key: key.serialize_pem(),
            })
        };
        make().map_err(|source| PkiError {
            what: format!("serving certificate for `{common_name}`"),
            source,
        })
    }
}

/// A certificate as one that says that it is signed by SHA-1, which nobody takes any more; PEM.
///
/// # Errors
/// When the issuer's key is neither an RSA nor a P-256 key, or can't sign.
pub fn signed_by_sha1(
    certificate: &rcgen::Certificate,
    issuer: &KeyPair,
) -> Result<String, rcgen::Error> {
    Ok(pem(&by_sha1(certificate.der(), issuer)?))
}

fn leaf(common_name: &str, validity: Duration) -> CertificateParams {
    let mut params = CertificateParams::default();
    valid_for(&mut params, validity);
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyEncipherment,
    ];
    params.use_authority_key_identifier_extension = true;
    params
}

fn valid_for(params: &mut CertificateParams, validity: Duration) {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    let epoch = date_time_ymd(1970, 1, 1);
    params.not_before = epoch + now.saturating_sub(BACKDATED);
    params.not_after = epoch + now + validity;
}

/// The two authorities that a cluster knows callers by.
pub(crate) struct Authorities {
    client: CertificateAuthority,
    front_proxy: CertificateAuthority,
}

impl Authorities {
    /// A cluster's own, each by its certificate and key.
    pub(crate) fn of_files(
        client: (&str, &str),
        front_proxy: (&str, &str),
    ) -> Result<Self, PkiError> {
        Ok(Self {
            client: CertificateAuthority::of_files("client", client.0, client.1)?,
            front_proxy: CertificateAuthority::of_files(
                "front proxy",
                front_proxy.0,
                front_proxy.1,
            )?,
        })
    }

    /// A certificate as [`crate::Cluster::mint`] promises it.
    pub(crate) fn mint(
        &self,
        authority: Authority,
        request: &MintRequest,
    ) -> Result<Minted, MintError> {
        let issuer = match authority {
            Authority::FrontProxy => &self.front_proxy,
            Authority::Client => &self.client,
        };
        let MintRequest {
            common_name,
            organizations,
            flaw,
        } = request;
        let minted = issuer.client(common_name, organizations, MINTED_VALIDITY, *flaw);
        minted.map_err(|error| MintError::Issue {
            common_name: common_name.clone(),
            source: error.source.into(),
        })
    }
}

/// The three authorities of a plane.
pub(crate) struct Pki {
    callers: Authorities,
    serving: CertificateAuthority,
}

impl Pki {
    pub(crate) fn new() -> Result<Self, PkiError> {
        Ok(Self {
            callers: Authorities {
                client: CertificateAuthority::new("setpoint-client-ca")?,
                front_proxy: CertificateAuthority::new("setpoint-front-proxy-ca")?,
            },
            serving: CertificateAuthority::new("setpoint-serving-ca")?,
        })
    }

    /// The one that signed the API server's and the kubelet's serving certificates.
    pub(crate) fn serving(&self) -> &CertificateAuthority {
        &self.serving
    }

    /// A client certificate of cluster-admin rights (`system:masters`).
    pub(crate) fn admin(&self) -> Result<Minted, PkiError> {
        let masters = ["system:masters".to_owned()];
        self.callers
            .client
            .client("setpoint-admin", &masters, VALIDITY, None)
    }

    /// The kube-controller-manager's own client certificate.
    pub(crate) fn controller_manager(&self) -> Result<Minted, PkiError> {
        let user = "system:kube-controller-manager";
        self.callers.client.client(user, &[], VALIDITY, None)
    }

    /// Those that callers are known by, once all files are made.
    pub(crate) fn into_authorities(self) -> Authorities {
        self.callers
    }

    /// Every file that the plane's components read, by name; names are kubeadm's where it has one. The API server is
    /// called by `also` too: names and addresses.
    pub(crate) fn files(&self, also: &[String]) -> Result<Vec<(&'static str, String)>, PkiError> {
        let mut names = vec![
            "localhost",
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
        ];
        let mut ips = vec![
            IpAddr::from([127, 0, 0, 1]),
            API_SERVICE_ADDRESS.into(),
            NODE_ADDRESS.into(),
        ];
        for name in also {
            match name.parse() {
                Ok(ip) if ips.contains(&ip) => {}
                Ok(ip) => ips.push(ip),
                Err(_) => names.push(name),
            }
        }
        let api_server = self.serving.server("kube-apiserver", &names, &ips)?;
        let kubelet_user = format!("system:node:{NODE_NAME}");
        let kubelet = self
            .serving
            .server(&kubelet_user, &[NODE_NAME], &[NODE_ADDRESS.into()])?;
        let to_kubelet = self.callers.client.client(
            "kube-apiserver-kubelet-client",
            &["system:masters".to_owned()],
            VALIDITY,
            None,
        )?;
        let front_proxy =
            self.callers
                .front_proxy
                .client("front-proxy-client", &[], VALIDITY, None)?;
        let service_accounts = KeyPair::generate().map_err(|source| PkiError {
            what: "the ServiceAccounts' signing key".to_owned(),
            source,
        })?;
        Ok(vec![
            ("ca.crt", self.callers.client.certificate.clone()),
            (
                "front-proxy-ca.crt",
                self.callers.front_proxy.certificate.clone(),
            ),
            ("serving-ca.crt", self.serving.certificate.clone()),
            ("apiserver.crt", api_server.certificate),
            ("apiserver.key", api_server.key),
            ("kubelet.crt", kubelet.certificate),
            ("kubelet.key", kubelet.key),
            ("apiserver-kubelet-client.crt", to_kubelet.certificate),
            ("apiserver-kubelet-client.key", to_kubelet.key),
            ("front-proxy-client.crt", front_proxy.certificate),
            ("front-proxy-client.key", front_proxy.key),
            ("sa.key", service_accounts.serialize_pem()),
            ("sa.pub", service_accounts.public_key_pem()),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use x509_parser::prelude::{FromDer, Pem, X509Certificate};

    fn parsed<T>(pem: &str, look: impl FnOnce(&X509Certificate<'_>) -> T) -> T {
        let pem = Pem::iter_from_buffer(pem.as_bytes())
            .next()
            .unwrap()
            .unwrap();
        look(&X509Certificate::from_der(&pem.contents).unwrap().1)
    }

    fn signed_by(pem: &str, authority: &CertificateAuthority) -> bool {
        let authority = Pem::iter_from_buffer(authority.certificate.as_bytes())
            .next()
            .unwrap()
            .unwrap();
        let key = X509Certificate::from_der(&authority.contents).unwrap().1;
        parsed(pem, |certificate| certificate.issuer() == key.subject())
    }

    #[test]
    fn a_minted_certificate_names_its_user_and_groups_and_its_authority() {
        let pki = Pki::new().unwrap();
        let request = MintRequest {
            common_name: "jane".to_owned(),
            organizations: vec!["devs".to_owned(), "ops".to_owned()],
            ..MintRequest::default()
        };
        let minted = pki.callers.mint(Authority::FrontProxy, &request).unwrap();
        assert!(signed_by(&minted.certificate, &pki.callers.front_proxy));
        assert!(!signed_by(&minted.certificate, &pki.callers.client));
        let subject = parsed(&minted.certificate, |c| c.subject().to_string());
        assert_eq!(subject, "O=devs, O=ops, CN=jane");
        let lifetime = parsed(&minted.certificate, |c| {
            c.validity().not_after.timestamp() - c.validity().not_before.timestamp()
        });
        assert_eq!(lifetime, 25 * 3600);
    }

    #[test]
    fn a_signature_by_sha1_is_told_by_the_certificate_and_leaves_the_rest() {
        let authorities = Pki::new().unwrap().into_authorities();
        let request = MintRequest {
            common_name: "jane".to_owned(),
            organizations: vec!["devs".to_owned()],
            flaw: Some(Flaw::Sha1Signature),
        };
        let minted = authorities.mint(Authority::Client, &request).unwrap();
        assert!(signed_by(&minted.certificate, &authorities.client));
        let (subject, inner, outer) = parsed(&minted.certificate, |c| {
            let inner = c.signature.algorithm.to_id_string();
            let outer = c.signature_algorithm.algorithm.to_id_string();
            (c.subject().to_string(), inner, outer)
        });
        assert_eq!(subject, "O=devs, CN=jane");
        assert_eq!([inner, outer], ["1.2.840.10045.4.1", "1.2.840.10045.4.1"]);
    }

    #[test]
    fn the_api_server_serves_under_every_name_that_it_is_called_by() {
        let also = ["plane.example".to_owned(), "172.17.0.1".to_owned()];
        let files = Pki::new().unwrap().files(&also).unwrap();
        let (_, pem) = files
            .iter()
            .find(|(name, _)| *name == "apiserver.crt")
            .unwrap();
        let names = parsed(pem, |c| {
            let names = c.subject_alternative_name().unwrap().unwrap();
            let names: Vec<_> = names
                .value
                .general_names
                .iter()
                .map(ToString::to_string)
                .collect();
            names.join(" ")
        });
        for name in [
            "kubernetes.default.svc)",
            "localhost)",
            "7f:00:00:01",
            "0a:60:00:01",
            "ac:1e:00:02",
            "plane.example)",
            "ac:11:00:01",
        ] {
            assert!(names.contains(name), "{name} is not in {names}");
        }
    }

    #[test]
    fn no_authoritys_key_is_among_the_files() {
        let pki = Pki::new().unwrap();
        let keys = [&pki.callers.client, &pki.callers.front_proxy, &pki.serving]
            .map(|a| a.issuer.key().serialize_pem());
        for (name, content) in pki.files(&[]).unwrap() {
            assert!(!keys.contains(&content), "{name}");
        }
    }
}
