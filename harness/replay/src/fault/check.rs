//! Which faults the wire can carry out.

use std::time::Duration;

use http::{HeaderName, HeaderValue};
use thiserror::Error;

use super::kinds::{FaultKind, fault_kinds};
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
    /// There is no such kind.
    #[error("`{0}` is no kind of faults: expected one of {known}", known = names())]
    Kind(String),
    /// A kind and a status.
    #[error("the kind `{0}` says what is answered: a status can't be given beside it")]
    KindAndStatus(String),
    /// The amount is none that the kind can do.
    #[error("the amount of `{kind}` is {amount}: expected {least} to {most} {unit}")]
    Amount {
        /// The kind.
        kind: &'static str,
        /// What was given.
        amount: f64,
        /// The least.
        least: f64,
        /// The most.
        most: f64,
        /// What it counts.
        unit: &'static str,
    },
    /// An amount of what has none.
    #[error("{0} has no amount")]
    NoAmount(String),
    /// The times of the schedule are none.
    #[error(
        "the fault is there from {from} until {until}: expected scenario times in seconds, the second one later"
    )]
    Schedule {
        /// When it begins.
        from: f64,
        /// When it ends.
        until: f64,
    },
    /// A number of requests that no request is.
    #[error("`{0}` is 0: expected 1 or more requests")]
    NoRequest(&'static str),
}

fn names() -> String {
    let names: Vec<&str> = fault_kinds().map(|kind| kind.name).collect();
    names.join(", ")
}

impl Fault {
    /// # Errors
    /// When the fault can't be carried out; the first reason found.
    pub fn check(&self) -> Result<(), FaultError> {
        if let Some(path) = self.paths.iter().find(|path| !path.starts_with('/')) {
            return Err(FaultError::Path(path.clone()));
        }
        self.check_answer()?;
        self.check_kind()?;
        let until = self.until.unwrap_or(f64::INFINITY);
        if !(self.from.is_finite() && self.from < until) {
            return Err(FaultError::Schedule {
                from: self.from,
                until,
            });
        }
        match (self.every, self.times) {
            (0, _) => Err(FaultError::NoRequest("every")),
            (_, Some(0)) => Err(FaultError::NoRequest("times")),
            _ => Ok(()),
        }
    }

    fn check_answer(&self) -> Result<(), FaultError> {
        let answer = &self.answer;
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

    fn check_kind(&self) -> Result<(), FaultError> {
        let Some(name) = &self.kind else {
            return match self.amount {
                Some(_) => Err(FaultError::NoAmount("a fault without a kind".to_owned())),
                None => Ok(()),
            };
        };
        let kind = FaultKind::of(name).ok_or_else(|| FaultError::Kind(name.clone()))?;
        if self.answer.status.is_some() {
            return Err(FaultError::KindAndStatus(name.clone()));
        }
        match (self.amount, kind.amount) {
            (Some(_), None) => Err(FaultError::NoAmount(format!("the kind `{name}`"))),
            (Some(amount), Some(may)) if !(may.least..=may.most).contains(&amount) => {
                Err(FaultError::Amount {
                    kind: kind.name,
                    amount,
                    least: may.least,
                    most: may.most,
                    unit: may.unit,
                })
            }
            _ => Ok(()),
        }
    }
}
