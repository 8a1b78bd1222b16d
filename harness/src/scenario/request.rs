//! Steps that ask.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::Span;
use super::document::{Nothing, Step};
use super::pki::CertificateFlaw;

/// Requests all the time.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoadStep {
    /// Path and query.
    pub path: String,
    /// Through whom; each request has a connection of its own.
    #[serde(default)]
    pub via: Via,
    /// Requests a second.
    pub rate: u32,
    /// How many there must be; the load goes on after the steps until there are.
    #[serde(default)]
    pub at_least: u64,
    /// Time from the beginning of one of the steps to that of the next; none plays one as soon as the other is done.
    pub every: Option<Span>,
    /// What happens meanwhile.
    pub during: Vec<Step>,
}

/// One request.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestStep {
    /// Path and query.
    pub path: String,
    /// Through whom.
    #[serde(default)]
    pub via: Via,
    /// As whom; by default the cluster's admin, or the front proxy in the admin's name.
    #[serde(default, rename = "as")]
    pub as_: Option<As>,
    /// Further headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The answer.
    pub expect: ExpectedAnswer,
}

/// Through whom a request goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Via {
    /// The API server, which asks the adapter.
    #[default]
    ApiServer,
    /// Nobody: straight to the adapter's pod.
    Adapter,
}

/// As whom a request is made.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum As {
    /// As nobody.
    None(Nothing),
    /// With a certificate of the cluster's client CA.
    Certificate {
        /// The user.
        user: String,
        /// The groups.
        #[serde(default)]
        groups: Vec<String>,
        /// What is wrong with it.
        flaw: Option<CertificateFlaw>,
    },
    /// With the front proxy's certificate, in somebody's name.
    FrontProxy {
        /// The user.
        user: String,
        /// The groups.
        #[serde(default)]
        groups: Vec<String>,
        /// The certificate's own name, in place of the front proxy's.
        common_name: Option<String>,
        /// What is wrong with it.
        flaw: Option<CertificateFlaw>,
    },
    /// With the front proxy's name in a certificate of an authority that nobody trusts, in somebody's name.
    Stranger {
        /// The user.
        user: String,
        /// The groups.
        #[serde(default)]
        groups: Vec<String>,
    },
    /// With the front proxy's certificate but without its key, in somebody's name.
    Thief {
        /// The user.
        user: String,
        /// The groups.
        #[serde(default)]
        groups: Vec<String>,
    },
    /// With a ServiceAccount's token; it is the same one all through the scenario.
    Token {
        /// The ServiceAccount's namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// With this text as bearer token.
    Bearer(String),
}

/// What an answer must be.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExpectedAnswer {
    /// The HTTP status; 200 if nothing is said of it.
    #[serde(default = "ok")]
    pub status: u16,
    /// There must be no answer at all; what must be in the reason, in small letters.
    pub failure: Option<String>,
    /// Headers that must be there with these values.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// What the JSON body must hold: objects may have further keys, lists must be equally long.
    pub body: Option<Value>,
    /// How far from now, by the clock of the harness, the `timestamp` of each of the body's `items` may be.
    pub fresh: Option<Span>,
    /// A file beside the scenario that the whole JSON body must equal. `SETPOINT_UPDATE=1` writes it.
    pub snapshot: Option<String>,
    /// Whether elements that have a `name` may stand in any order, for the snapshot.
    #[serde(default)]
    pub any_order: bool,
    /// How long to try again until the answer is as expected; each try is counted.
    pub within: Option<Span>,
}

fn ok() -> u16 {
    200
}
