//! Each series, name or value twice.

use super::{Context, FaultKind, nothing_asked};
use crate::fault::reply::Reply;

pub(super) const KIND: FaultKind = FaultKind {
    name: "duplicates",
    meaning: "Each series, name or value twice.",
    amount: None,
    ask: nothing_asked,
    answer,
};

fn answer(_: Context, _: &str, reply: &mut Reply) {
    reply.change_list(|list| {
        *list = list
            .iter()
            .flat_map(|one| [one.clone(), one.clone()])
            .collect();
    });
}
