//! Certificates that are not the cluster's: the adapter's serving pairs, and those of strangers.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use setpoint_cluster::{Flaw, Minted, signed_by_sha1};

/// How long certificates are valid.
const VALIDITY: Duration = Duration::from_secs(24 * 60 * 60);
/// How far back their time begins, for clocks that differ.
const BACKDATED: Duration = Duration::from_secs(60 * 60);

/// The authorities of one scenario, by name; each is made when it is first named.
#[derive(Default)]
pub(crate) struct Authorities(BTreeMap<String, CertifiedIssuer<'static, KeyPair>>);

/// What a certificate is to say.
#[derive(Debug, Clone, Default)]
pub(crate) struct Leaf {
    /// The subject's CN.
    pub common_name: String,
    /// The subject's O.
    pub organizations: Vec<String>,
    /// DNS names.
    pub names: Vec<String>,
    /// For clients instead of servers.
    pub client: bool,
    /// What is wrong with it.
    pub flaw: Option<Flaw>,
}

impl Authorities {
    /// The CA certificate of an authority, PEM.
    ///
    /// # Errors
    /// When it can't be made.
    pub(crate) fn certificate(&mut self, authority: &str) -> Result<String, rcgen::Error> {
        Ok(self.authority(authority)?.pem())
    }

    /// The CA certificates of all authorities that are made, PEM.
    pub(crate) fn certificates(&self) -> impl Iterator<Item = String> {
        self.0.values().map(CertifiedIssuer::pem)
    }

    /// A certificate of an authority, and its key.
    ///
    /// # Errors
    /// When a name can't stand in a certificate.
    pub(crate) fn issue(&mut self, authority: &str, leaf: &Leaf) -> Result<Minted, rcgen::Error> {
        issue(self.authority(authority)?, leaf)
    }

    /// A certificate of an authority that has its own certificate from the one that is named; that certificate too, PEM.
    ///
    /// # Errors
    /// When a name can't stand in a certificate.
    pub(crate) fn issue_through(
        &mut self,
        authority: &str,
        leaf: &Leaf,
    ) -> Result<(Minted, String), rcgen::Error> {
        let params = of_authority(&format!("{authority}'s intermediate"));
        let key = KeyPair::generate()?;
        let intermediate = CertifiedIssuer::signed_by(params, key, self.authority(authority)?)?;
        Ok((issue(&intermediate, leaf)?, intermediate.pem()))
    }

    fn authority(
        &mut self,
        name: &str,
    ) -> Result<&CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
        if !self.0.contains_key(name) {
            let issuer = CertifiedIssuer::self_signed(of_authority(name), KeyPair::generate()?)?;
            self.0.insert(name.to_owned(), issuer);
        }
        Ok(&self.0[name])
    }
}

/// The beginning of an authority's certificate.
fn of_authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    let name = format!("authority {name} of a scenario");
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn issue(issuer: &CertifiedIssuer<'static, KeyPair>, leaf: &Leaf) -> Result<Minted, rcgen::Error> {
    let mut params = CertificateParams::new(leaf.names.clone())?;
    let now = SystemTime::now();
    let (from, to) = match leaf.flaw {
        Some(Flaw::Expired) => (now - BACKDATED, now - BACKDATED / 2),
        Some(Flaw::NotYetValid) => (now + VALIDITY, now + VALIDITY * 2),
        Some(Flaw::WrongUsage | Flaw::Sha1Signature) | None => (now - BACKDATED, now + VALIDITY),
    };
    (params.not_before, params.not_after) = (from.into(), to.into());
    params
        .distinguished_name
        .push(DnType::CommonName, &leaf.common_name);
    for organization in &leaf.organizations {
        let name = DnType::OrganizationName;
        params.distinguished_name.push(name, organization);
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let wrong = leaf.flaw == Some(Flaw::WrongUsage);
    params.extended_key_usages = vec![if leaf.client == wrong {
        ExtendedKeyUsagePurpose::ServerAuth
    } else {
        ExtendedKeyUsagePurpose::ClientAuth
    }];
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, issuer)?;
    let certificate = match leaf.flaw {
        Some(Flaw::Sha1Signature) => signed_by_sha1(&certificate, issuer.key())?,
        _ => certificate.pem(),
    };
    Ok(Minted {
        certificate,
        key: key.serialize_pem(),
    })
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject as _;

    use super::*;

    fn roots(pem: &str) -> rustls::RootCertStore {
        let mut roots = rustls::RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
            .unwrap();
        roots
    }

    /// What a client says of a serving certificate.
    fn verified(leaf: &Leaf, authority: &str) -> Result<(), rustls::Error> {
        use rustls::client::danger::ServerCertVerifier as _;
        let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut authorities = Authorities::default();
        let trusted = roots(&authorities.certificate("a").unwrap());
        let minted = authorities.issue(authority, leaf).unwrap();
        let verifier = rustls::client::WebPkiServerVerifier::builder_with_provider(
            std::sync::Arc::new(trusted),
            provider,
        )
        .build()
        .unwrap();
        let der = CertificateDer::from_pem_slice(minted.certificate.as_bytes()).unwrap();
        let name = "adapter.example".try_into().unwrap();
        let now = rustls_pki_types::UnixTime::now();
        let outcome = verifier.verify_server_cert(&der, &[], &name, &[], now);
        outcome.map(|_| ())
    }

    #[test]
    fn a_flaw_is_what_a_client_complains_of_and_nothing_else_is() {
        let good = Leaf {
            common_name: "adapter".to_owned(),
            names: vec!["adapter.example".to_owned()],
            ..Leaf::default()
        };
        assert_eq!(verified(&good, "a"), Ok(()));
        for (leaf, authority, complaint) in [
            (good.clone(), "b", "UnknownIssuer"),
            (
                Leaf {
                    flaw: Some(Flaw::Expired),
                    ..good.clone()
                },
                "a",
                "expired",
            ),
            (
                Leaf {
                    flaw: Some(Flaw::NotYetValid),
                    ..good.clone()
                },
                "a",
                "not valid yet",
            ),
            (
                Leaf {
                    flaw: Some(Flaw::WrongUsage),
                    ..good.clone()
                },
                "a",
                "extended key usage",
            ),
            (
                Leaf {
                    flaw: Some(Flaw::Sha1Signature),
                    ..good.clone()
                },
                "a",
                "algorithm",
            ),
            (
                Leaf {
                    names: vec!["other.example".to_owned()],
                    ..good.clone()
                },
                "a",
                "not valid for name",
            ),
        ] {
            let found = verified(&leaf, authority).unwrap_err().to_string();
            assert!(found.contains(complaint), "{complaint}: {found}");
        }
    }
}
