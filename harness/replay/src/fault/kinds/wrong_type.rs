//! A number where the result is a list.

use super::{Context, FaultKind, nothing_asked};
use crate::fault::reply::Reply;

pub(super) const KIND: FaultKind = FaultKind {
    name: "wrong-type",
    meaning: "A number where the result is a list.",
    amount: None,
    ask: nothing_asked,
    answer,
};

fn answer(_: Context, _: &str, reply: &mut Reply) {
    reply.change(|document| {
        let place = match document.pointer("/data/result") {
            Some(_) => "/data/result",
            None => "/data",
        };
        if let Some(data) = document.pointer_mut(place) {
            *data = 42.into();
        }
    });
}
