//! 429, to be asked again after a time.

use super::{Amount, Context, FaultKind, TEXT, nothing_asked};
use crate::fault::reply::Reply;

pub(super) const KIND: FaultKind = FaultKind {
    name: "too-many-requests",
    meaning: "429, to be asked again after a time.",
    amount: Some(Amount {
        usual: 30.0,
        least: 0.0,
        most: 86400.0,
        unit: "seconds",
    }),
    ask: nothing_asked,
    answer,
};

fn answer(context: Context, _: &str, reply: &mut Reply) {
    reply.replace(429, TEXT, "Too Many Requests\n");
    let after = context.amount.ceil().to_string();
    reply.headers.push(("retry-after".to_owned(), after));
}
