//! Which faults the wire can carry out.

use std::time::Duration;

use http::{HeaderName, HeaderValue};
use thiserror::Error;

use crate::Fault;

/// The longest delay, in seconds: an hour.
const LONGEST_DELAY: f64 = 3600.0;

/// Why a fault can't be carried out.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum FaultError {
    /// A path is no absolute path.
    #[error("the path {0:?} doesn't begin with `/`")]
    Path(String),
    /// No answer has this HTTP status.
    #[error("the status is {0}: expected 200 to 599")]
    Status(u16),
    /// A body without a status.
    #[error("a body needs a status: without one the true answer is given")]
    BodyWithoutStatus,
    /// The delay is negative, too long or no number.
    #[error("the delay is {0}: expected 0 to {LONGEST_DELAY} seconds")]
    Delay(f64),
    /// A header's name or value has forbidden characters.
    #[error("the header {0:?} can't be sent")]
    Header(String),
}

impl Fault {
    /// # Errors
    /// When the fault can't be carried out; the first reason found.
    pub fn check(&self) -> Result<(), FaultError> {
        let answer = &self.answer;
        if let Some(path) = self.paths.iter().find(|path| !path.starts_with('/')) {
            return Err(FaultError::Path(path.clone()));
        }
        if let Some(status) = answer.status.filter(|status| !(200..=599).contains(status)) {
            return Err(FaultError::Status(status));
        }
        if answer.status.is_none() && answer.body.is_some() {
            return Err(FaultError::BodyWithoutStatus);
        }
        let delay = Duration::try_from_secs_f64(answer.delay);
        if !delay.is_ok_and(|delay| delay.as_secs_f64() <= LONGEST_DELAY) {
            return Err(FaultError::Delay(answer.delay));
        }
        let unsendable = answer.headers.iter().find(|(name, value)| {
            HeaderName::try_from(*name).is_err() || HeaderValue::try_from(*value).is_err()
        });
        match unsendable {
            Some((name, _)) => Err(FaultError::Header(name.clone())),
            None => Ok(()),
        }
    }
}
