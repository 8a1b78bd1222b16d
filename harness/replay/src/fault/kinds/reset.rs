//! The connection is reset instead of an answer.

use super::{Context, FaultKind, nothing_asked};
use crate::delivery::Delivery;
use crate::fault::reply::Reply;

pub(super) const KIND: FaultKind = FaultKind {
    name: "reset",
    meaning: "The connection is reset instead of an answer.",
    amount: None,
    ask: nothing_asked,
    answer,
};

fn answer(_: Context, _: &str, reply: &mut Reply) {
    reply.delivery = Delivery::Reset;
}
