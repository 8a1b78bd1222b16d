//! Which pair a client is served with, by the name that it asks for.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Pairs by name, and one for all other names and for clients that ask for none.
#[derive(Debug)]
pub struct ByName {
    default: Arc<CertifiedKey>,
    named: HashMap<String, Arc<CertifiedKey>>,
}

impl ByName {
    /// Of several pairs for one name, the first is served. A name may begin with `*.`.
    #[must_use]
    pub fn new(
        default: Arc<CertifiedKey>,
        named: impl IntoIterator<Item = (Vec<String>, Arc<CertifiedKey>)>,
    ) -> Self {
        let mut by_name = HashMap::new();
        for (names, pair) in named {
            for name in names {
                by_name.entry(name).or_insert_with(|| pair.clone());
            }
        }
        Self {
            default,
            named: by_name,
        }
    }

    /// As `crypto/tls` looks for certificates: by the name, then by a `*` in place of its first label.
    fn of(&self, name: &str) -> Option<&Arc<CertifiedKey>> {
        let name = name.to_ascii_lowercase();
        let name = name.trim_end_matches('.');
        let wildcard = || Some(format!("*.{}", name.split_once('.')?.1));
        self.named
            .get(name)
            .or_else(|| self.named.get(&wildcard()?))
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello.server_name().and_then(|name| self.of(name));
        Some(named.unwrap_or(&self.default).clone())
    }
}

/// The DNS names that a certificate is for, in lower case: its subject's common name and its alternative names. One that can't be parsed is for none.
#[must_use]
pub fn certificate_names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else {
        return Vec::new();
    };
    let common = certificate.subject().iter_common_name();
    let common = common.filter_map(|name| name.as_str().ok());
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let alternative = alternative
        .iter()
        .flat_map(|names| &names.value.general_names);
    let alternative = alternative.filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(*name),
        _ => None,
    });
    common
        .chain(alternative)
        .map(str::to_ascii_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use rustls::crypto::aws_lc_rs;
    use rustls_pki_types::PrivateKeyDer;

    use super::*;

    fn pair(name: &str) -> Arc<CertifiedKey> {
        let pair = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(pair.signing_key.serialize_der().into());
        let provider = aws_lc_rs::default_provider();
        let chain = vec![pair.cert.der().clone()];
        Arc::new(CertifiedKey::from_der(chain, key, &provider).unwrap())
    }

    #[test]
    fn a_client_gets_the_pair_for_the_name_that_it_asks_for() {
        let list = |names: &[&str]| {
            names
                .iter()
                .map(|&name| name.to_owned())
                .collect::<Vec<_>>()
        };
        let (a, b, c) = (pair("a"), pair("b"), pair("c"));
        let named = [
            (list(&["a.example.com"]), a.clone()),
            (list(&["*.example.com", "a.example.com"]), b.clone()),
        ];
        let by_name = ByName::new(c, named);
        let served = |name: &str| by_name.of(name);
        assert!(served("A.example.com").is_some_and(|found| Arc::ptr_eq(found, &a)));
        assert!(served("x.example.com.").is_some_and(|found| Arc::ptr_eq(found, &b)));
        for other in ["example.com", "x.y.example.com", "com", ""] {
            assert!(served(other).is_none(), "{other}");
        }
    }

    #[test]
    fn a_certificate_says_which_names_it_is_for() {
        let found = certificate_names(&pair("Adapter.example.com").cert[0]);
        assert!(
            found.contains(&"adapter.example.com".to_owned()),
            "{found:?}"
        );
    }
}
