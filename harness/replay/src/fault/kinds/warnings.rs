//! The true answer with a warning and an info.

use super::{Context, FaultKind, nothing_asked};
use crate::fault::reply::Reply;

pub(super) const KIND: FaultKind = FaultKind {
    name: "warnings",
    meaning: "The true answer with a warning and an info.",
    amount: None,
    ask: nothing_asked,
    answer,
};

fn answer(_: Context, _: &str, reply: &mut Reply) {
    reply.change(|document| {
        document["warnings"] = vec!["a store that was asked does not answer"].into();
        document["infos"] = vec!["the answer may be better later"].into();
    });
}
