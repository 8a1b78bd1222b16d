//! The kinds of faults, by name: of the connection, of HTTP, of JSON, of time and of content.

mod absent;
mod backwards;
mod bare_error;
mod cut_body;
mod duplicates;
mod half_open;
mod html;
mod huge;
mod inf;
mod nan;
mod negative_inf;
mod never;
mod prometheus_error;
mod redirect;
mod redirect_loop;
mod reset;
mod skew;
mod slow_drip;
mod stale;
mod too_many_requests;
mod truncated_json;
mod warnings;
mod wrong_type;

use super::reply::Reply;

const TEXT: &str = "text/plain; charset=utf-8";

/// All kinds, in the order in which they are listed.
const KINDS: [&FaultKind; 23] = [
    &reset::KIND,
    &slow_drip::KIND,
    &cut_body::KIND,
    &half_open::KIND,
    &never::KIND,
    &prometheus_error::KIND,
    &bare_error::KIND,
    &too_many_requests::KIND,
    &html::KIND,
    &redirect::KIND,
    &redirect_loop::KIND,
    &truncated_json::KIND,
    &wrong_type::KIND,
    &duplicates::KIND,
    &huge::KIND,
    &stale::KIND,
    &skew::KIND,
    &backwards::KIND,
    &nan::KIND,
    &inf::KIND,
    &negative_inf::KIND,
    &absent::KIND,
    &warnings::KIND,
];

/// A kind of faults.
#[derive(Debug)]
#[non_exhaustive]
pub struct FaultKind {
    /// By which it is asked for.
    pub name: &'static str,
    /// What it does.
    pub meaning: &'static str,
    /// How much of it there may be, if it has an amount.
    pub amount: Option<Amount>,
    pub(super) ask: fn(Context, i64, &mut Vec<(String, String)>),
    pub(super) answer: fn(Context, &str, &mut Reply),
}

/// How much of a fault there may be.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Amount {
    /// Where none is given.
    pub usual: f64,
    /// The least.
    pub least: f64,
    /// The most.
    pub most: f64,
    /// What it counts.
    pub unit: &'static str,
}

impl Amount {
    const fn status(usual: f64, least: f64, most: f64) -> Self {
        Self {
            usual,
            least,
            most,
            unit: "(an HTTP status)",
        }
    }
}

/// What a kind is told of the fault.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context {
    pub(super) amount: f64,
    /// How many requests the fault has done something to before.
    pub(super) count: u64,
}

impl FaultKind {
    /// The kind of that name.
    #[must_use]
    pub fn of(name: &str) -> Option<&'static Self> {
        fault_kinds().find(|kind| kind.name == name)
    }
}

/// All kinds of faults.
///
/// ```
/// let names: Vec<&str> = setpoint_replay::fault_kinds().map(|kind| kind.name).collect();
/// assert!(names.contains(&"cut-body"));
/// ```
pub fn fault_kinds() -> impl Iterator<Item = &'static FaultKind> {
    KINDS.into_iter()
}

fn nothing_asked(_: Context, _: i64, _: &mut Vec<(String, String)>) {}

fn nothing_answered(_: Context, _: &str, _: &mut Reply) {}
