//! A redirect to a page to sign in at.

use super::{Amount, Context, FaultKind, TEXT, nothing_asked};
use crate::fault::reply::Reply;

pub(super) const KIND: FaultKind = FaultKind {
    name: "redirect",
    meaning: "A redirect to a page to sign in at.",
    amount: Some(Amount::status(302.0, 300.0, 308.0)),
    ask: nothing_asked,
    answer,
};

fn answer(context: Context, _: &str, reply: &mut Reply) {
    reply.replace(context.amount as u16, TEXT, "");
    reply
        .headers
        .push(("location".to_owned(), "/login".to_owned()));
}
