//! The body comes slowly.

use super::{Amount, Context, FaultKind, nothing_asked};
use crate::delivery::Delivery;
use crate::fault::reply::Reply;

pub(super) const KIND: FaultKind = FaultKind {
    name: "slow-drip",
    meaning: "The body comes slowly.",
    amount: Some(Amount {
        usual: 16.0,
        least: 0.1,
        most: 1e6,
        unit: "bytes a second",
    }),
    ask: nothing_asked,
    answer,
};

fn answer(context: Context, _: &str, reply: &mut Reply) {
    reply.delivery = Delivery::Drip(context.amount);
}
