//! No series, names or values.

use super::{Context, FaultKind, nothing_asked};
use crate::fault::reply::Reply;

pub(super) const KIND: FaultKind = FaultKind {
    name: "absent",
    meaning: "No series, names or values.",
    amount: None,
    ask: nothing_asked,
    answer,
};

fn answer(_: Context, _: &str, reply: &mut Reply) {
    reply.change_list(Vec::clear);
}
