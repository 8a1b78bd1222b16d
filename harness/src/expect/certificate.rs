//! The certificate that the adapter shows.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;
use setpoint_serve::certificate_names;

use super::context::{Expect, ExpectContext};
use crate::format::{Checks, Place, Span};
use crate::outcome::{Finding, Kind, Unmet};
use crate::request::Limit;
use crate::wait::Wait;

/// The pause before the certificate is looked at again.
const PAUSE: Duration = Duration::from_millis(100);

/// The certificate that the adapter shows to a new connection, whatever it is worth.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Certificate {
    /// The name that the client asks for (SNI); without it, it asks for none.
    pub server_name: Option<String>,
    /// The names that the certificate is for, in any order: its subject's common name and its alternative names.
    pub names: BTreeSet<String>,
    /// Time until then.
    pub within: Option<Span>,
}

/// A certificate for other names is shown.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is for [{}]", .0.iter().map(String::as_str).collect::<Vec<_>>().join(", "))]
struct OtherNames(BTreeSet<String>);

impl Finding for OtherNames {
    fn kind(&self) -> Kind {
        Kind::UnexpectedCertificate
    }
}

impl Expect for Certificate {
    fn check(&self, place: &Place, checks: &mut Checks<'_>) {
        checks.longer_than_zero(self.within, place.key("within"));
        if self.names.is_empty() {
            checks.at(place.key("names"), "a certificate is for a name at least");
        }
        let name = self.server_name.clone();
        let is_name = |name| rustls_pki_types::DnsName::try_from(name).is_ok();
        if !name.is_none_or(is_name) {
            let problem = "a client asks for a DNS name, such as adapter.example";
            checks.at(place.key("serverName"), problem);
        }
    }

    fn describe(&self) -> String {
        let asked = self.server_name.as_deref().unwrap_or("no name");
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        format!("certificate for {}, asked for {asked}", names.join(", "))
    }

    fn looks_at_adapter(&self) -> bool {
        true
    }

    fn judge<'a>(&'a self, context: &'a ExpectContext) -> BoxFuture<'a, Result<(), Unmet>> {
        Box::pin(async move {
            let what = format!("the adapter shows a {}", self.describe());
            let within = context.within(self.within);
            let limit = Limit::of(within);
            let ask = || async move {
                let limit = context.timeouts.limit_of_answer(Some(limit.ends()));
                let asked = self.server_name.as_deref();
                let shown = context.adapter.shown_certificate(asked, limit).await?;
                let names = certificate_names(&shown).into_iter().collect();
                Ok(self.judge_names(names)?)
            };
            Wait::until(what, within).asking(PAUSE, ask).await
        })
    }
}

impl Certificate {
    fn judge_names(&self, shown: BTreeSet<String>) -> Result<(), OtherNames> {
        if shown == self.names {
            Ok(())
        } else {
            Err(OtherNames(shown))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_certificate_is_for_all_of_the_names_and_no_other() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let expected = json!({"names": ["b.example", "a.example"]});
        let expected: Certificate = serde_json::from_value(expected).unwrap();
        let judged = |shown| expected.judge_names(names(shown));
        assert_eq!(judged(&["a.example", "b.example"]), Ok(()));
        assert_eq!(
            judged(&["a.example"]).unwrap_err().to_string(),
            "it is for [a.example]"
        );
        assert!(judged(&["a.example", "b.example", "c.example"]).is_err());
    }
}
