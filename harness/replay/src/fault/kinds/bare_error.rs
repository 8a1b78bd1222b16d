//! An HTTP error without a body.

use super::{Amount, Context, FaultKind, TEXT, nothing_asked};
use crate::fault::reply::Reply;

pub(super) const KIND: FaultKind = FaultKind {
    name: "bare-error",
    meaning: "An HTTP error without a body.",
    amount: Some(Amount {
        usual: 502.0,
        least: 400.0,
        most: 599.0,
        unit: "(an HTTP status)",
    }),
    ask: nothing_asked,
    answer,
};

fn answer(context: Context, _: &str, reply: &mut Reply) {
    reply.replace(context.amount as u16, TEXT, "");
}
