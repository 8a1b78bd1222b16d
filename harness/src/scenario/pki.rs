//! Steps that change certificates and those who serve with them.

use schemars::JsonSchema;
use serde::Deserialize;
use setpoint_cluster::Flaw;

/// Certificates from authorities that the scenario names; they are made when first named.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PkiStep {
    /// The authorities in the caBundle of the adapter's APIServices.
    pub ca_bundle: Option<Vec<String>>,
    /// The adapter's serving pair. The step ends when the adapter shows it, unless it is broken.
    pub serving: Option<Serving>,
}

/// A serving pair.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Serving {
    /// The authority.
    pub signed_by: String,
    /// DNS names; by default that of the adapter's Service, `<service>.<namespace>.svc`.
    pub names: Option<Vec<String>>,
    /// The Service's name only as the subject's CN, as certificates were made once.
    #[serde(default)]
    pub common_name_only: bool,
    /// What is wrong with the certificate.
    pub flaw: Option<CertificateFlaw>,
    /// What is wrong with the files.
    pub broken: Option<BrokenPair>,
}

/// What is wrong with a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateFlaw {
    /// Its time is over.
    Expired,
    /// Its time is still to come.
    NotYetValid,
    /// It is for clients where it should be for servers, or the other way round.
    WrongUsage,
}

/// What is wrong with a pair of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BrokenPair {
    /// The certificate's file is empty, as in the middle of a renewal.
    Empty,
    /// The key is another certificate's.
    OtherKey,
    /// The certificate's file holds something else.
    Garbage,
}

/// What is restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Restarted {
    /// The adapter.
    Adapter,
}

impl From<CertificateFlaw> for Flaw {
    fn from(flaw: CertificateFlaw) -> Self {
        match flaw {
            CertificateFlaw::Expired => Self::Expired,
            CertificateFlaw::NotYetValid => Self::NotYetValid,
            CertificateFlaw::WrongUsage => Self::WrongUsage,
        }
    }
}
