//! Nothing comes at all, and the connection stays.

use super::{Context, FaultKind, nothing_asked};
use crate::delivery::Delivery;
use crate::fault::reply::Reply;

pub(super) const KIND: FaultKind = FaultKind {
    name: "never",
    meaning: "Nothing comes at all, and the connection stays.",
    amount: None,
    ask: nothing_asked,
    answer,
};

fn answer(_: Context, _: &str, reply: &mut Reply) {
    reply.delivery = Delivery::Never;
}
