//! From answer to answer, times are earlier.

use super::{Amount, Context, FaultKind, nothing_asked};
use crate::fault::reply::Reply;

pub(super) const KIND: FaultKind = FaultKind {
    name: "backwards",
    meaning: "From answer to answer, times are earlier.",
    amount: Some(Amount {
        usual: 60.0,
        least: 0.0,
        most: 1e9,
        unit: "seconds",
    }),
    ask: nothing_asked,
    answer,
};

fn answer(context: Context, _: &str, reply: &mut Reply) {
    // Faster than clocks go on, if they are asked each so many seconds.
    reply.move_times(-2.0 * context.amount * context.count as f64);
}
