//! What every step does, and what it acts on.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::convergence::Convergence;
use crate::expect::ExpectContext;
use crate::feed::Feed;
use crate::format::{Checks, Metric, ObjectRef, Place};
use crate::install::{ApplyError, Names};
use crate::notes::Notes;
use crate::outcome::{HarnessProblem, Unmet};
use crate::pki::Authorities;
use crate::request::Secret;
use crate::traffic::Traffic;

/// What every step does.
pub(crate) trait Play: Send + Sync {
    /// Notes what is wrong with it beyond its shape.
    fn check(&self, _place: &Place, _checks: &mut Checks<'_>) {}

    /// Itself in a few words, for progress and reports.
    fn describe(&self) -> String;

    /// What it needs of the installation.
    fn needs(&self) -> Needs {
        Needs::default()
    }

    /// Whether it breaks something on purpose, or mends what was broken; nothing for most steps.
    fn breaks(&self) -> Option<bool> {
        None
    }

    /// Whether the adapter may end by it: it is about the adapter's pods, or changes what is in their namespace, rights or APIServices.
    fn disturbs_adapter(&self, namespace: &str) -> bool {
        let changes = self.changes();
        changes
            .iter()
            .any(|object| concerns_adapter(object, namespace))
    }

    /// The metrics that it gives values.
    fn metrics(&self) -> &[Metric] {
        &[]
    }

    /// The objects that it may leave in the cluster.
    fn objects(&self) -> Vec<&Value> {
        Vec::new()
    }

    /// The objects that it makes, changes or deletes by their names.
    fn changes(&self) -> Vec<ObjectRef> {
        self.objects().into_iter().map(ObjectRef::of).collect()
    }

    /// Does it. A remark says more of a step that went well, such as how many requests a load made.
    ///
    /// # Errors
    /// What is not as it should be, and whose problem it is.
    fn play<'a>(&'a self, context: &'a StepContext) -> BoxFuture<'a, Result<Remark, Unmet>>;
}

/// What there is to say of a step that went well.
pub(crate) type Remark = Option<Said>;

/// Something that a step says of itself.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Said {
    /// For people.
    pub text: String,
    /// How replicas converged, for programs.
    pub convergence: Option<Convergence>,
}

impl From<String> for Said {
    fn from(text: String) -> Self {
        Self {
            text,
            convergence: None,
        }
    }
}

impl From<Convergence> for Said {
    fn from(convergence: Convergence) -> Self {
        Self {
            text: convergence.to_string(),
            convergence: Some(convergence),
        }
    }
}

/// What a step needs of the installation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// It tells the fake Prometheus something.
    pub fake_prometheus: bool,
    /// It asks a real Prometheus.
    pub real_prometheus: bool,
    /// It acts on an adapter that the scenario installed, or looks at it.
    pub own_adapter: bool,
    /// It changes whom the API server and adapters trust, which outlives the scenario's objects.
    pub own_trust: bool,
    /// It gives the adapter a further serving pair.
    pub sni_pairs: bool,
    /// It stops the API server for a moment.
    pub pausing_api_server: bool,
}

/// Whether an object is in the adapter's namespace, or gives it rights or its place in the API.
pub(super) fn concerns_adapter(object: &ObjectRef, namespace: &str) -> bool {
    let groups = ["rbac.authorization.k8s.io/", "apiregistration.k8s.io/"];
    object.namespace.as_deref() == Some(namespace)
        || groups
            .iter()
            .any(|group| object.api_version.starts_with(group))
}

impl Needs {
    const NOTHING: Self = Self {
        fake_prometheus: false,
        real_prometheus: false,
        own_adapter: false,
        own_trust: false,
        sni_pairs: false,
        pausing_api_server: false,
    };
    pub(super) const FAKE_PROMETHEUS: Self = Self {
        fake_prometheus: true,
        ..Self::NOTHING
    };
    pub(super) const OWN_ADAPTER: Self = Self {
        own_adapter: true,
        ..Self::NOTHING
    };

    /// What two steps need together.
    #[must_use]
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            fake_prometheus: self.fake_prometheus || other.fake_prometheus,
            real_prometheus: self.real_prometheus || other.real_prometheus,
            own_adapter: self.own_adapter || other.own_adapter,
            own_trust: self.own_trust || other.own_trust,
            sni_pairs: self.sni_pairs || other.sni_pairs,
            pausing_api_server: self.pausing_api_server || other.pausing_api_server,
        }
    }
}

/// What steps act on.
pub(crate) struct StepContext {
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
    /// The tokens of ServiceAccounts.
    pub tokens: Mutex<BTreeMap<TokenOf, Secret>>,
}

/// Whose a token is: the ServiceAccount's namespace and name, and for whom, if not for the API server.
pub(crate) type TokenOf = (String, String, Option<String>);

impl StepContext {
    /// Changes objects.
    pub(super) async fn change(
        &self,
        change: impl Future<Output = Result<(), ApplyError>>,
    ) -> Result<Remark, Unmet> {
        self.expect.timeouts.call("change objects", change).await?;
        Ok(None)
    }

    pub(super) fn feed(&self) -> Result<&Feed, HarnessProblem> {
        let none = || HarnessProblem::NotInstalled {
            what: "fake Prometheus".to_owned(),
        };
        self.feed.as_deref().ok_or_else(none)
    }
}
