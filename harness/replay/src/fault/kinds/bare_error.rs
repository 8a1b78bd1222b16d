//! An HTTP error without a body.

use super::{Amount, Context, FaultKind, TEXT, nothing_asked};
use crate::fault::reply::Reply;

pub(super) const KIND: FaultKind = FaultKind {
    name: "bare-error",
    meaning: "An HTTP error without a body.",
    amount: Some(Amount::status(502.0, 400.0, 599.0)),
    ask: nothing_asked,
    answer,
};

fn answer(context: Context, _: &str, reply: &mut Reply) {
    reply.replace(context.amount as u16, TEXT, "");
}
