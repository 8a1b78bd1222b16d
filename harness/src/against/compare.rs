//! The comparison of two adapters by a corpus.

use std::collections::BTreeMap;
use std::path::PathBuf;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use setpoint_cluster::provision::Binaries;

use super::adapter::{ENDS, SERVES, START};
use super::answer::Answer;
use super::corpus::Configuration;
use super::difference::{Difference, Judgement, judge};
use super::recording::{Answers, Recording};
use super::report::{Compared, Comparison, Unlisted};
use super::session::{Both, Session};
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

/// Compares two adapters by a corpus.
///
/// # Errors
/// When they can't be compared. What differs is in the comparison.
pub async fn compare(corpus: &Corpus, options: &Options) -> Result<Comparison, AgainstError> {
    let session = Session::start(corpus, options).await?;
    let one = async |configuration| {
        let both = session.ask(configuration, |_| Vec::new()).await?;
        Ok::<_, AgainstError>((configuration, both))
    };
    let all = stream::iter(&corpus.configurations)
        .map(one)
        .buffered(options.jobs)
        .try_collect::<Vec<_>>()
        .await;
    session.end().await;
    let all = all?;
    if let Against::Program { record: true, .. } = options.against {
        let answers = all.iter().map(|(one, both)| (*one, &both.theirs));
        let answers: Vec<_> = answers.collect();
        Recording::new(&options.other, &corpus.shared, &answers).write(&corpus.recording)?;
    }
    let names = all.iter().map(|(one, both)| (&*one.name, &both.theirs));
    let by_name: BTreeMap<_, _> = names.collect();
    let compared = all
        .iter()
        .map(|(one, both)| judged(&corpus.differences, one, both, &by_name));
    Ok(Comparison::new(
        options.other.clone(),
        compared.collect(),
        &corpus.differences,
        options.whole,
    ))
}

/// Judges all answers by one configuration. `theirs` has the other adapter's answers by the names of configurations.
pub(super) fn judged(
    differences: &[Difference],
    configuration: &Configuration,
    both: &Both,
    theirs: &BTreeMap<&str, &Answers>,
) -> Compared {
    let mut compared = Compared::of(configuration);
    let missing = Answer::none("it was not asked");
    // The configuration says what the other adapter serves, or it is wrong.
    let start = both.theirs.get(START).unwrap_or(&missing);
    if ![SERVES, ENDS].contains(&&*start.body) {
        compared.unlisted.push(Unlisted {
            request: START.to_owned(),
            theirs: start.to_string(),
            ours: "it is to serve what the configuration says".to_owned(),
        });
    }
    for line in both.lines(configuration) {
        // One that doesn't start isn't asked; that it doesn't start is compared.
        let (asked, ours) = match (both.theirs.get(line), both.ours.get(line)) {
            (None, None) => continue,
            (None, Some(_)) if both.theirs.len() == 1 => continue,
            (Some(_), None) if both.ours.len() == 1 => continue,
            (asked, ours) => (asked.unwrap_or(&missing), ours.unwrap_or(&missing)),
        };
        compared.requests += 1;
        let place = (&*configuration.name, line);
        let by = |name: &str| theirs.get(name)?.get(line);
        match judge(differences, place, (asked, ours), by) {
            Judgement::Equal => compared.equal += 1,
            Judgement::Intended(kinds) => compared.intended.push((line.to_owned(), kinds)),
            Judgement::Unlisted => compared.unlisted.push(Unlisted {
                request: line.to_owned(),
                theirs: asked.to_string(),
                ours: ours.to_string(),
            }),
        }
    }
    compared
}
