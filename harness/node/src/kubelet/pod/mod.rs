//! One pod from its binding to its removal: carries out what its [`PodMachine`] says, and tells it what happened.

mod driver;
mod machine;
mod report;

pub(super) use driver::run;
pub(super) use machine::{FIRST_RETRY, LAST_RETRY, is_over};
