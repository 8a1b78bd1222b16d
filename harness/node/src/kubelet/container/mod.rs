//! One container for the life of its pod: carries out what its [`ContainerMachine`] says, and tells it what happened.

mod driver;
mod machine;
mod specification;

pub(super) use driver::{ContainerContext, run};
