//! An error as Prometheus tells it.

use super::{Amount, Context, FaultKind, nothing_asked};
use crate::api::error_of_status;
use crate::fault::reply::Reply;

pub(super) const KIND: FaultKind = FaultKind {
    name: "prometheus-error",
    meaning: "An error as Prometheus tells it.",
    amount: Some(Amount::status(503.0, 400.0, 599.0)),
    ask: nothing_asked,
    answer,
};

fn answer(context: Context, _: &str, reply: &mut Reply) {
    reply.answer = error_of_status(context.amount as u16);
}
