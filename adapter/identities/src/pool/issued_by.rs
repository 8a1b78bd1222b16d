//! How a certificate is issued, and what is then true of it.

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, PKCS_ECDSA_P256_SHA256};
use rustls_pki_types::CertificateDer;

use super::mint::{Issuer, below, leaf, subject};
use super::{Authority, Credential, Pool};

/// Makes what one authority issues.
pub(super) struct IssuedBy<'a> {
    pub(super) pool: &'a Pool,
    pub(super) authority: Authority,
    pub(super) usual: &'static str,
}

/// How a certificate is made, and what is true of it.
pub(super) struct Made {
    pub(super) params: CertificateParams,
    pub(super) algorithm: &'static rcgen::SignatureAlgorithm,
    pub(super) common_name: &'static str,
    pub(super) organizations: Vec<&'static str>,
    pub(super) counts: bool,
    pub(super) is_authority: bool,
}

impl Made {
    /// With other names: the last common name counts.
    pub(super) fn named(&mut self, names: &[&'static str], organizations: &[&'static str]) {
        self.common_name = names.last().copied().unwrap_or_default();
        self.organizations = organizations.to_vec();
        self.params.distinguished_name = subject(names, organizations);
    }

    pub(super) fn flawed(&mut self, change: impl FnOnce(&mut CertificateParams)) {
        self.counts = false;
        change(&mut self.params);
    }
}

impl IssuedBy<'_> {
    pub(super) fn issuer(&self) -> &Issuer {
        self.pool.issuer(self.authority)
    }

    pub(super) fn made(&self, change: impl FnOnce(&mut Made)) -> Made {
        let mut made = Made {
            params: CertificateParams::default(),
            algorithm: &PKCS_ECDSA_P256_SHA256,
            common_name: self.usual,
            organizations: Vec::new(),
            counts: true,
            is_authority: false,
        };
        made.named(&[self.usual], &["team"]);
        made.params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut made);
        made
    }

    /// Issued by the authority itself.
    pub(super) fn make(&self, name: &str, change: impl FnOnce(&mut Made)) -> Credential {
        self.issued(name, self.issuer(), &[], self.made(change))
    }

    /// Issued by another one, with certificates behind it.
    pub(super) fn issued(
        &self,
        name: &str,
        issuer: &Issuer,
        behind: &[&CertificateDer<'static>],
        made: Made,
    ) -> Credential {
        let (certificate, key) = leaf(issuer, &made.params, made.algorithm);
        let behind = behind.iter().map(|&one| one.clone());
        Credential {
            name: format!("{:?}, {name}", self.authority),
            chain: std::iter::once(certificate).chain(behind).collect(),
            key,
            is_readable: true,
            vouched_by: made.counts.then_some(self.authority),
            is_authority: made.is_authority,
            has_unknown_extension: !made.params.custom_extensions.is_empty(),
            common_name: made.common_name.to_owned(),
            organizations: made
                .organizations
                .iter()
                .map(|&one| one.to_owned())
                .collect(),
        }
    }

    /// Issued by an intermediate, which is presented too.
    pub(super) fn under(
        &self,
        name: &str,
        counts: bool,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Credential {
        let middle = below(self.issuer(), "intermediate", change);
        let made = self.made(|made| made.counts = counts);
        self.issued(name, &middle, &[middle.der()], made)
    }

    /// The authority's own certificate, presented by who has its key.
    pub(super) fn of_the_authority(&self) -> Credential {
        let issuer = self.issuer();
        let (common_name, organizations) = match self.authority {
            Authority::FrontProxies => ("front-proxies", Vec::new()),
            Authority::Clients => ("clients", Vec::new()),
            _ => (self.usual, vec!["team".to_owned()]),
        };
        Credential {
            name: format!("{:?}, its own", self.authority),
            chain: vec![issuer.der().clone()],
            key: issuer.key().serialize_der(),
            is_readable: true,
            vouched_by: Some(self.authority),
            is_authority: self.authority != Authority::Pinned,
            has_unknown_extension: false,
            common_name: common_name.to_owned(),
            organizations,
        }
    }
}
