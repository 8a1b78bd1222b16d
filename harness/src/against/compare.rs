//! The comparison of two adapters by a corpus.

use std::path::PathBuf;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use setpoint_cluster::Cluster as _;
use setpoint_cluster::provision::Binaries;

use super::adapter::{ENDS, SERVES, START, Side, ask};
use super::answer::Answer;
use super::corpus::Configuration;
use super::difference::{Judgement, judge};
use super::recording::{Answers, Recording};
use super::report::{Compared, Comparison, Unlisted};
use super::stage::Stage;
use super::{AgainstError, Corpus};
use crate::programs::Programs;
use crate::timeouts::Timeouts;

/// What the judged adapter is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Against {
    /// A program, which is run.
    Program {
        /// Its path.
        path: PathBuf,
        /// Whether its answers are recorded.
        record: bool,
    },
    /// What it answered when it was recorded.
    Recording,
}

/// How two adapters are compared.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// The control plane's programs.
    pub binaries: Binaries,
    /// The judged adapter, and Prometheus.
    pub programs: Programs,
    /// What it is compared with.
    pub against: Against,
    /// What the other adapter is called, with its version.
    pub other: String,
    /// How many configurations are tried at once.
    pub jobs: usize,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// Whether a listed difference that is nowhere is a failure, as it is for a whole corpus.
    pub whole: bool,
}

impl Options {
    /// The comparison of a whole corpus, two configurations at once.
    #[must_use]
    pub fn new(binaries: Binaries, programs: Programs, against: Against, other: String) -> Self {
        Self {
            binaries,
            programs,
            against,
            other,
            jobs: 2,
            timeouts: Timeouts::default(),
            whole: true,
        }
    }
}

/// Compares two adapters.
///
/// # Errors
/// When they can't be compared. What differs is in the comparison.
pub async fn compare(corpus: &Corpus, options: &Options) -> Result<Comparison, AgainstError> {
    let (theirs, recording) = match &options.against {
        Against::Program { path, .. } => (Some(path.as_path()), None),
        Against::Recording => (None, Some(Recording::read(&corpus.recording)?)),
    };
    let programs = (options.binaries.clone(), &options.programs);
    let stage = Stage::start(corpus, programs, theirs, options.timeouts).await?;
    let one = async |configuration| {
        stage.reach().await?;
        let theirs = match &recording {
            Some(recording) => recording.of(configuration),
            None => ask(&stage, configuration, Side::Theirs).await?,
        };
        let ours = ask(&stage, configuration, Side::Ours).await?;
        let compared = judged(corpus, configuration, &theirs, &ours);
        Ok::<_, AgainstError>((configuration, theirs, compared))
    };
    let all = stream::iter(&corpus.configurations)
        .map(one)
        .buffered(options.jobs)
        .try_collect::<Vec<_>>()
        .await;
    if let Err(error) = stage.cluster.stop().await {
        tracing::warn!(%error, "end the plane");
    }
    let all = all?;
    if let Against::Program { record: true, .. } = options.against {
        let answers = all.iter().map(|(one, theirs, _)| (*one, theirs));
        let answers: Vec<_> = answers.collect();
        Recording::new(&options.other, &corpus.shared, &answers).write(&corpus.recording)?;
    }
    let compared = all.into_iter().map(|(_, _, compared)| compared);
    Ok(Comparison::new(
        options.other.clone(),
        compared.collect(),
        &corpus.differences,
        options.whole,
    ))
}

/// Judges all answers by one configuration.
fn judged(
    corpus: &Corpus,
    configuration: &Configuration,
    theirs: &Answers,
    ours: &Answers,
) -> Compared {
    let mut compared = Compared::of(configuration);
    let lines = configuration.requests.iter().map(|request| &*request.line);
    let missing = Answer::none("it was not asked");
    // The configuration says what the other adapter serves, or it is wrong.
    let start = theirs.get(START).unwrap_or(&missing);
    if ![SERVES, ENDS].contains(&&*start.body) {
        compared.unlisted.push(Unlisted {
            request: START.to_owned(),
            theirs: start.to_string(),
            ours: "it is to serve what the configuration says".to_owned(),
        });
    }
    for line in [START].into_iter().chain(lines) {
        // One that doesn't start isn't asked; that it doesn't start is compared.
        let (theirs, ours) = match (theirs.get(line), ours.get(line)) {
            (None, None) => continue,
            (None, Some(_)) if theirs.len() == 1 => continue,
            (Some(_), None) if ours.len() == 1 => continue,
            (theirs, ours) => (theirs.unwrap_or(&missing), ours.unwrap_or(&missing)),
        };
        compared.requests += 1;
        match judge(
            &corpus.differences,
            (&configuration.name, line),
            theirs,
            ours,
        ) {
            Judgement::Equal => compared.equal += 1,
            Judgement::Intended(kinds) => compared.intended.push((line.to_owned(), kinds)),
            Judgement::Unlisted => compared.unlisted.push(Unlisted {
                request: line.to_owned(),
                theirs: theirs.to_string(),
                ours: ours.to_string(),
            }),
        }
    }
    compared
}
