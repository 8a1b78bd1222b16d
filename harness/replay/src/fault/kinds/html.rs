//! A page of HTML, as of a proxy that wants a person to sign in.

use super::{Amount, Context, FaultKind, nothing_asked};
use crate::fault::reply::Reply;

pub(super) const KIND: FaultKind = FaultKind {
    name: "html",
    meaning: "A page of HTML, as of a proxy that wants a person to sign in.",
    amount: Some(Amount::status(200.0, 200.0, 599.0)),
    ask: nothing_asked,
    answer,
};

fn answer(context: Context, _: &str, reply: &mut Reply) {
    let page = "<!doctype html><html><head><title>Sign in</title></head><body><form></form></body></html>\n";
    reply.replace(context.amount as u16, "text/html; charset=utf-8", page);
}
