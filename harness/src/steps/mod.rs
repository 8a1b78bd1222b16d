//! Steps: what a scenario does, in order. Each is a module: the keys that it has in a file, what can
//! be wrong with them, its description, and what it does.
//!
//! A new one is a file here and a line in [`Step`].

mod apply;
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
mod traffic;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::expect::ExpectContext;
use crate::feed::Feed;
use crate::format::{Checks, Place, one_of};
use crate::install::Names;
use crate::notes::Notes;
use crate::outcome::{HarnessProblem, Unmet};
use crate::pki::Authorities;
use crate::request::Secret;

pub use traffic::Traffic;

one_of! {
    /// One step.
    pub enum Step: Play {
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
        Fault(fault::FaultStep),
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

/// What every step does.
pub trait Play: Send + Sync {
    /// Notes what is wrong with it beyond its shape.
    fn check(&self, _place: &Place, _checks: &mut Checks<'_>) {}

    /// Itself in a few words, for progress and reports.
    fn describe(&self) -> String;

    /// What it needs of the installation.
    fn needs(&self) -> Needs {
        Needs::default()
    }

    /// The objects that it may leave in the cluster.
    fn objects(&self) -> Vec<&Value> {
        Vec::new()
    }

    /// Does it. A remark says more of a step that went well, such as how many requests a load made.
    ///
    /// # Errors
    /// What is not as it should be, and whose problem it is.
    fn play<'a>(&'a self, context: &'a StepContext) -> BoxFuture<'a, Result<Remark, Unmet>>;
}

/// What there is to say of a step that went well.
pub type Remark = Option<String>;

/// What a step needs of the installation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Needs {
    /// It tells the fake Prometheus something.
    pub fake_prometheus: bool,
    /// It asks a real Prometheus.
    pub real_prometheus: bool,
}

impl Needs {
    const FAKE_PROMETHEUS: Self = Self {
        fake_prometheus: true,
        real_prometheus: false,
    };

    /// What two steps need together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            fake_prometheus: self.fake_prometheus || other.fake_prometheus,
            real_prometheus: self.real_prometheus || other.real_prometheus,
        }
    }
}

/// Notes what is wrong with steps.
pub(crate) fn check(steps: &[Step], list: &Place, checks: &mut Checks<'_>) {
    for (index, step) in steps.iter().enumerate() {
        step.check(list.item(index).value(), checks);
    }
}

/// What steps act on.
pub struct StepContext {
    /// What their expectations are judged against.
    pub expect: ExpectContext,
    /// The fake Prometheus, where there is one.
    pub feed: Option<Arc<Feed>>,
    /// The traffic of sample applications.
    pub traffic: Arc<Traffic>,
    /// Where what happens is noted.
    pub notes: Notes,
    /// Where the scenario's file is.
    pub folder: PathBuf,
    /// The names of the installation's objects.
    pub names: Names,
    /// All objects that were installed, as they were.
    pub installed: Vec<Value>,
    /// The scenario's own authorities.
    pub authorities: Mutex<Authorities>,
    /// The tokens of ServiceAccounts, by namespace and name.
    pub tokens: Mutex<BTreeMap<(String, String), Secret>>,
}

impl StepContext {
    fn feed(&self) -> Result<&Feed, HarnessProblem> {
        let none = || HarnessProblem::NotInstalled {
            what: "fake Prometheus".to_owned(),
        };
        self.feed.as_deref().ok_or_else(none)
    }
}
