//! An error as Prometheus tells it.

use super::{Amount, Context, FaultKind, nothing_asked};
use crate::api::error_of_status;
use crate::fault::reply::Reply;

pub(super) const KIND: FaultKind = FaultKind {
    name: "prometheus-error",
    meaning: "An error as Prometheus tells it.",
    amount: Some(Amount {
        usual: 503.0,
        least: 400.0,
        most: 599.0,
        unit: "(an HTTP status)",
    }),
    ask: nothing_asked,
    answer,
};

fn answer(context: Context, _: &str, reply: &mut Reply) {
    reply.answer = error_of_status(context.amount as u16);
}
