//! The connection is closed in the middle of the body.

use super::{Context, FaultKind, nothing_asked};
use crate::delivery::Delivery;
use crate::fault::reply::Reply;

pub(super) const KIND: FaultKind = FaultKind {
    name: "cut-body",
    meaning: "The connection is closed in the middle of the body.",
    amount: None,
    ask: nothing_asked,
    answer,
};

fn answer(_: Context, _: &str, reply: &mut Reply) {
    reply.delivery = Delivery::Cut;
}
