//! Steps: what a scenario does, in order. Each is a module: the keys that it has in a file, what can
//! be wrong with them, its description, and what it does.
//!
//! A new one is a file here and a line in [`Action`].

mod apply;
mod context;
mod delete;
mod expect;
mod fault;
mod load;
mod metrics;
mod pki;
mod refused;
mod request;
mod restart;
mod restore;
mod step;
mod traffic;

use crate::format::{Checks, Place, one_of};

pub(crate) use context::{Needs, Play, Remark, StepContext};
pub(crate) use step::Step;

one_of! {
    /// What a step does.
    pub enum Action: Play {
        /// Applies Kubernetes objects.
        Apply(apply::Apply),
        /// Applies an object that the API server must refuse.
        Refused(refused::Refused),
        /// Deletes an object.
        Delete(delete::Delete),
        /// Puts an object back as it was installed, whether it was deleted or changed.
        Restore(restore::Restore),
        /// Gives metrics new values from now on.
        Metrics(metrics::Metrics),
        /// Breaks something, or mends it.
        Fault(#[serde(deserialize_with = "crate::format::keyed")] fault::FaultStep),
        /// Expects a state, or that it stays.
        Expect(expect::ExpectStep),
        /// Makes one request and judges the answer.
        Request(request::RequestStep),
        /// Gives the adapter another serving pair, and the API server other authorities to verify it with.
        Pki(pki::PkiStep),
        /// Ends the adapter's pods; their Deployment brings new ones.
        Restart(restart::Restart),
        /// Lets a sample application count requests, shared among its ready pods, from now on.
        Traffic(traffic::TrafficStep),
        /// Makes requests all the time while other steps are played, and expects that each is answered by 200.
        Load(load::LoadStep),
    }
}

/// Notes what is wrong with steps.
pub(crate) fn check(steps: &[Step], list: &Place, checks: &mut Checks<'_>) {
    for (index, step) in steps.iter().enumerate() {
        step.check(step.place_in(list.item(index)), checks);
    }
}

/// The same of steps that are a part of another one.
pub(crate) fn check_nested(steps: &[Step], list: &Place, checks: &mut Checks<'_>) {
    check(steps, list, checks);
    for (index, _) in steps
        .iter()
        .enumerate()
        .filter(|(_, step)| !step.proves.is_empty())
    {
        checks.at(
            Step::place_of_proven(list.item(index), 0),
            "the step is a part of another one: that one says what it `proves`",
        );
    }
}
