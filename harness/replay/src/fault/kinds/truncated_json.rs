//! A document that ends in the middle, in an answer that is whole.

use super::{Context, FaultKind, nothing_asked};
use crate::fault::reply::Reply;

pub(super) const KIND: FaultKind = FaultKind {
    name: "truncated-json",
    meaning: "A document that ends in the middle, in an answer that is whole.",
    amount: None,
    ask: nothing_asked,
    answer,
};

fn answer(_: Context, _: &str, reply: &mut Reply) {
    let half = reply.answer.body.len() / 2;
    let half = (0..=half)
        .rev()
        .find(|at| reply.answer.body.is_char_boundary(*at));
    reply.answer.body.truncate(half.unwrap_or_default());
}
