//! Makes a serving pair, and the CA that issues it alone.

use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
};

/// A serving pair and its CA, in PEM. The key of the CA isn't kept.
pub(crate) struct IssuedPair {
    /// The certificate for `<service>.<namespace>.svc`.
    pub(crate) certificate: String,
    /// PKCS#8.
    pub(crate) key: String,
    pub(crate) ca: String,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MintError {
    #[error("make a certificate for {name}")]
    Make {
        name: String,
        #[source]
        source: rcgen::Error,
    },
    #[error("a certificate can't be valid for {0:?}: its dates end with the year 9999")]
    TooLong(Duration),
}

/// The last second that a certificate can name, as seconds since 1970.
const LAST_SECOND: u64 = 253_402_300_799;

/// How much sooner certificates begin: clocks of others may be behind
/// (`client-go/util/cert`, `GenerateSelfSignedCertKey`).
const BACKDATED: Duration = Duration::from_secs(3600);

/// Makes a CA and a serving certificate for a Service.
pub(crate) fn mint(
    service: &str,
    namespace: &str,
    valid_for: Duration,
) -> Result<IssuedPair, MintError> {
    let name = format!("{service}.{namespace}.svc");
    let failed = |source| MintError::Make {
        name: name.clone(),
        source,
    };
    let now = SystemTime::now();
    let from = now - BACKDATED;
    let last = SystemTime::UNIX_EPOCH + Duration::from_secs(LAST_SECOND);
    let until = now.checked_add(valid_for).filter(|until| *until <= last);
    let until = until.ok_or(MintError::TooLong(valid_for))?;

    let mut ca = parameters(Vec::new(), &format!("{name} CA"), from, until).map_err(failed)?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    let ca =
        CertifiedIssuer::self_signed(ca, KeyPair::generate().map_err(failed)?).map_err(failed)?;

    let names = vec![
        name.clone(),
        format!("{name}.cluster.local"),
        format!("{service}.{namespace}"),
    ];
    let mut leaf = parameters(names, &name, from, until).map_err(failed)?;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate().map_err(failed)?;
    let certificate = leaf.signed_by(&key, &ca).map_err(failed)?;
    Ok(IssuedPair {
        certificate: certificate.pem(),
        key: key.serialize_pem(),
        ca: ca.pem(),
    })
}

fn parameters(
    names: Vec<String>,
    common_name: &str,
    from: SystemTime,
    until: SystemTime,
) -> Result<CertificateParams, rcgen::Error> {
    let mut parameters = CertificateParams::new(names)?;
    parameters.distinguished_name = DistinguishedName::new();
    parameters
        .distinguished_name
        .push(DnType::CommonName, common_name);
    parameters.not_before = from.into();
    parameters.not_after = until.into();
    Ok(parameters)
}
