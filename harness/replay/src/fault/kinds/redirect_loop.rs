//! A redirect to where was asked.

use super::{Amount, Context, FaultKind, TEXT, nothing_asked};
use crate::fault::reply::Reply;

pub(super) const KIND: FaultKind = FaultKind {
    name: "redirect-loop",
    meaning: "A redirect to where was asked.",
    amount: Some(Amount::status(307.0, 300.0, 308.0)),
    ask: nothing_asked,
    answer,
};

fn answer(context: Context, url: &str, reply: &mut Reply) {
    reply.replace(context.amount as u16, TEXT, "");
    // What is known of the URL is the path and the query.
    let target = url.splitn(4, '/').nth(3).unwrap_or_default();
    reply
        .headers
        .push(("location".to_owned(), format!("/{target}")));
}
