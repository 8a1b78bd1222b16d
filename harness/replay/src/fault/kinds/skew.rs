//! The times of samples are ahead, as of a clock that is wrong.

use super::{Amount, Context, FaultKind, nothing_asked};
use crate::fault::reply::Reply;

pub(super) const KIND: FaultKind = FaultKind {
    name: "skew",
    meaning: "The times of samples are ahead, as of a clock that is wrong.",
    amount: Some(Amount {
        usual: 3600.0,
        least: -1e9,
        most: 1e9,
        unit: "seconds",
    }),
    ask: nothing_asked,
    answer,
};

fn answer(context: Context, _: &str, reply: &mut Reply) {
    reply.move_times(context.amount);
}
