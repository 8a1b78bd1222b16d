//! Requests over HTTP/2: whether their connections outlive them.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{RequestStep, StepContext};
use crate::outcome::{Finding, Kind, Unmet};
use crate::request::{Limit, Question};
use crate::steps::context::Remark;

/// How long a connection is watched after an answer. A server says at once that it ends one; clients have it closed by then.
const WATCHED: Duration = Duration::from_secs(2);

/// A request over HTTP/2.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OverHttp2 {
    /// Whether the server ends the connection after its answer (GOAWAY), or keeps it.
    pub ends: bool,
}

/// What became of a connection is not as expected.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum ConnectionFinding {
    #[error("the connection stays after the answer {status}")]
    Stays { status: u16 },
    #[error("the connection ends after the answer {status}")]
    Ends { status: u16 },
}

impl Finding for ConnectionFinding {
    fn kind(&self) -> Kind {
        Kind::UnexpectedConnection
    }
}

impl OverHttp2 {
    fn judge(self, ends: bool, status: u16) -> Result<(), ConnectionFinding> {
        match (self.ends, ends) {
            (true, false) => Err(ConnectionFinding::Stays { status }),
            (false, true) => Err(ConnectionFinding::Ends { status }),
            (true, true) | (false, false) => Ok(()),
        }
    }
}

impl RequestStep {
    /// Asks over HTTP/2, and judges the answer and what becomes of the connection.
    pub(super) async fn ask_over_http2(
        &self,
        context: &StepContext,
        question: &Question,
        expected: OverHttp2,
    ) -> Result<Remark, Unmet> {
        let answer = context.expect.timeouts.answer;
        let limit = Limit::of(answer);
        let route = context.route(self.via, &question.identity, limit).await?;
        let watched = match expected.ends {
            true => context.expect.timeouts.factor.scale(WATCHED),
            false => WATCHED,
        };
        let asked = route.own()?.ask_over_http2(question, limit, watched);
        let (answer, ends) = asked.await?;
        let status = answer.status;
        self.judge(Ok(answer), context)?;
        expected.judge(ends, status)?;
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_ends_or_stays_as_it_is_told_to() {
        let told = |expected, seen| {
            let judged = OverHttp2 { ends: expected }.judge(seen, 403);
            judged.err().map(|finding| finding.to_string())
        };
        assert_eq!(told(true, true), None);
        assert_eq!(told(false, false), None);
        let stays = told(true, false).unwrap();
        assert_eq!(stays, "the connection stays after the answer 403");
        let ends = told(false, true).unwrap();
        assert_eq!(ends, "the connection ends after the answer 403");
    }
}
