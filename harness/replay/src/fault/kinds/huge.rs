//! A document of many mebibytes, of which all but the true answer is spaces.

use super::{Amount, Context, FaultKind, nothing_asked};
use crate::fault::reply::Reply;

pub(super) const KIND: FaultKind = FaultKind {
    name: "huge",
    meaning: "A document of many mebibytes, of which all but the true answer is spaces.",
    amount: Some(Amount {
        usual: 64.0,
        least: 1.0,
        most: 256.0,
        unit: "MiB",
    }),
    ask: nothing_asked,
    answer,
};

fn answer(context: Context, _: &str, reply: &mut Reply) {
    let spaces = (context.amount as usize) << 20;
    reply.change(|_| {});
    let end = reply.answer.body.len().saturating_sub(1);
    reply.answer.body.insert_str(end, &" ".repeat(spaces));
}
