//! Two adapters on one plane, asked by one configuration after another.

use std::collections::{BTreeMap, BTreeSet};

use setpoint_cluster::Cluster as _;

use super::adapter::{START, Side, ask};
use super::compare::{Against, Options, judged};
use super::corpus::{Configuration, Served};
use super::difference::Difference;
use super::listed::{DISCOVERY, Listed};
use super::recording::{Answers, Recording};
use super::report::{Compared, Comparison};
use super::request::Request;
use super::stage::Stage;
use super::{AgainstError, Corpus};

/// A plane, with a Prometheus and what metrics describe, on which two adapters are asked.
pub struct Session {
    stage: Stage,
    /// What the other adapter answered, where it isn't run.
    recording: Option<Recording>,
    differences: Vec<Difference>,
    other: String,
}

/// What two adapters answer.
pub(super) struct Both {
    pub(super) theirs: Answers,
    pub(super) ours: Answers,
}

/// A configuration that isn't of a corpus.
pub struct Trial<'a> {
    /// What it is called: a part of a pod's name.
    pub name: String,
    /// The adapter's file.
    pub rules: String,
    /// What the other adapter lists once it has asked Prometheus: a path below `/apis`, and a name of a resource.
    pub serves: Vec<(&'static str, String)>,
    /// What is asked, beside the documents of discovery, where so much is listed.
    pub requests: &'a dyn Fn(&Listed) -> Vec<String>,
}

impl Session {
    /// Starts the plane.
    ///
    /// # Errors
    /// When it doesn't start, or a recording that is needed can't be read.
    pub async fn start(corpus: &Corpus, options: &Options) -> Result<Self, AgainstError> {
        let (theirs, recording) = match &options.against {
            Against::Program { path, .. } => (Some(path.as_path()), None),
            Against::Recording => (None, Some(Recording::read(&corpus.recording)?)),
        };
        let programs = (options.binaries.clone(), &options.programs);
        Ok(Self {
            stage: Stage::start(corpus, programs, theirs, options.timeouts).await?,
            recording,
            differences: corpus.differences.clone(),
            other: options.other.clone(),
        })
    }

    /// Gives both adapters a configuration and asks them the same: the other one first, since what is asked may depend on
    /// what it answers.
    pub(super) async fn ask(
        &self,
        configuration: &Configuration,
        then: impl FnOnce(&Answers) -> Vec<Request>,
    ) -> Result<Both, AgainstError> {
        self.stage.reach().await?;
        let mut more = Vec::new();
        let theirs = match &self.recording {
            Some(recording) => recording.of(configuration),
            None => {
                let then = |answers: &Answers| {
                    more = then(answers);
                    more.clone()
                };
                ask(&self.stage, configuration, Side::Theirs, then).await?
            }
        };
        let ours = ask(&self.stage, configuration, Side::Ours, |_| more).await?;
        Ok(Both { theirs, ours })
    }

    /// Compares the adapters by a configuration that isn't of the corpus.
    ///
    /// # Errors
    /// When they can't be compared, or a line that is to be asked is no request.
    pub async fn compare(&self, trial: &Trial<'_>) -> Result<Compared, AgainstError> {
        let no_request = |source| AgainstError::Request {
            configuration: trial.name.clone(),
            source,
        };
        let requests = |lines: &mut dyn Iterator<Item = &str>| {
            let requests = lines.map(|line| Request::of(line, &BTreeMap::new()));
            requests.collect::<Result<Vec<_>, _>>().map_err(no_request)
        };
        let serves = trial.serves.iter().map(|(version, resource)| Served {
            version: (*version).to_owned(),
            resource: resource.clone(),
        });
        let configuration = Configuration {
            name: trial.name.clone(),
            covers: String::new(),
            rules: trial.rules.clone(),
            arguments: Vec::new(),
            serves: serves.collect(),
            requests: requests(&mut DISCOVERY.into_iter())?,
        };
        let mut wrong = None;
        let then = |answers: &Answers| {
            let lines: BTreeSet<String> =
                (trial.requests)(&Listed::of(answers)).into_iter().collect();
            requests(&mut lines.iter().map(String::as_str)).unwrap_or_else(|error| {
                wrong = Some(error);
                Vec::new()
            })
        };
        let both = self.ask(&configuration, then).await?;
        match wrong {
            Some(error) => Err(error),
            None => Ok(judged(
                &self.differences,
                &configuration,
                &both,
                &BTreeMap::new(),
            )),
        }
    }

    /// What comparisons found.
    #[must_use]
    pub fn comparison(&self, compared: Vec<Compared>) -> Comparison {
        Comparison::new(self.other.clone(), compared, &self.differences, false)
    }

    /// Ends the plane.
    pub async fn end(self) {
        if let Err(error) = self.stage.cluster.stop().await {
            tracing::warn!(%error, "end the plane");
        }
    }
}

impl Both {
    /// The start, then what is asked of a configuration in its order, then all else that was asked.
    pub(super) fn lines<'a>(
        &'a self,
        configuration: &'a Configuration,
    ) -> impl Iterator<Item = &'a str> {
        let own = configuration.requests.iter().map(|request| &*request.line);
        let own: Vec<&str> = [START].into_iter().chain(own).collect();
        let all = self.theirs.keys().chain(self.ours.keys());
        let all: BTreeSet<&str> = all.map(String::as_str).collect();
        let more: Vec<&str> = all.into_iter().filter(|line| !own.contains(line)).collect();
        own.into_iter().chain(more)
    }
}
