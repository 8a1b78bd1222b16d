//! What a comparison found, for people.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use super::corpus::Configuration;
use super::difference::Difference;
use crate::text::cut;

/// Characters of an answer that are shown where it is unlisted.
const SHOWN: usize = 1500;

/// What a comparison found.
#[derive(Debug)]
pub struct Comparison {
    other: String,
    configurations: Vec<Compared>,
    kinds: Vec<Kind>,
    whole: bool,
}

/// A listed kind of difference, and where it is found.
#[derive(Debug)]
struct Kind {
    name: String,
    text: [String; 3],
    found: usize,
    example: Option<String>,
}

/// What was found by one configuration.
#[derive(Debug)]
pub struct Compared {
    pub(super) name: String,
    pub(super) covers: String,
    pub(super) requests: usize,
    pub(super) equal: usize,
    /// The requests whose answers differ as intended, with the places of the kinds in the list.
    pub(super) intended: Vec<(String, Vec<usize>)>,
    pub(super) unlisted: Vec<Unlisted>,
}

/// Two answers that differ for no reason that is listed.
#[derive(Debug)]
pub(super) struct Unlisted {
    pub(super) request: String,
    pub(super) theirs: String,
    pub(super) ours: String,
}

impl Compared {
    pub(super) fn of(configuration: &Configuration) -> Self {
        Self {
            name: configuration.name.clone(),
            covers: configuration.covers.clone(),
            requests: 0,
            equal: 0,
            intended: Vec::new(),
            unlisted: Vec::new(),
        }
    }

    /// Whether every difference is listed.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.unlisted.is_empty()
    }

    /// The requests whose answers differ for no reason that is listed.
    pub fn requests(&self) -> impl Iterator<Item = &str> {
        self.unlisted.iter().map(|unlisted| &*unlisted.request)
    }

    /// Keeps what differs in another comparison too while the other adapter says the same: it may answer by chance. How many
    /// answers it gave that it didn't give again.
    pub fn keep_repeated(&mut self, again: &Self) -> usize {
        let before = self.unlisted.len();
        self.unlisted.retain(|one| {
            let mut repeated = again.unlisted.iter();
            repeated.any(|other| (&one.request, &one.theirs) == (&other.request, &other.theirs))
        });
        before - self.unlisted.len()
    }
}

impl Comparison {
    pub(super) fn new(
        other: String,
        configurations: Vec<Compared>,
        differences: &[Difference],
        whole: bool,
    ) -> Self {
        let mut found = BTreeMap::<usize, (usize, String)>::new();
        for compared in &configurations {
            for (request, kinds) in &compared.intended {
                for kind in kinds {
                    let example = || (0, format!("{}: {request}", compared.name));
                    found.entry(*kind).or_insert_with(example).0 += 1;
                }
            }
        }
        let kinds = differences.iter().enumerate().map(|(index, difference)| {
            let found = found.remove(&index);
            Kind {
                name: difference.kind.clone(),
                text: [
                    difference.reason.clone(),
                    difference.benefit.clone(),
                    difference.source.clone(),
                ],
                found: found.as_ref().map_or(0, |(count, _)| *count),
                example: found.map(|(_, example)| example),
            }
        });
        Self {
            other,
            kinds: kinds.collect(),
            configurations,
            whole,
        }
    }

    /// Whether every difference is listed, and every listed one is found.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.unlisted() == 0 && self.stale().next().is_none()
    }

    fn unlisted(&self) -> usize {
        let all = self.configurations.iter();
        all.map(|compared| compared.unlisted.len()).sum()
    }

    /// The listed kinds that are found nowhere.
    fn stale(&self) -> impl Iterator<Item = &Kind> {
        let kinds = self.kinds.iter().filter(|_| self.whole);
        kinds.filter(|kind| kind.found == 0)
    }

    /// How many answers are equal, and how many aren't.
    fn summary(&self) -> String {
        let count = |count: fn(&Compared) -> usize| -> usize {
            self.configurations.iter().map(count).sum()
        };
        format!(
            "{} configurations, {} answers compared with {}: {} equal, {} different as intended, {} different otherwise.",
            self.configurations.len(),
            count(|compared| compared.requests),
            self.other,
            count(|compared| compared.equal),
            count(|compared| compared.intended.len()),
            self.unlisted(),
        )
    }

    /// What a reader of a repository wants to know.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = self.summary() + "\n\n";
        text.push_str("| intended difference | answers | why | what it is good for | source |\n|---|---|---|---|---|\n");
        for Kind {
            name,
            text: [reason, benefit, source],
            found,
            ..
        } in &self.kinds
        {
            let _ = writeln!(
                text,
                "| {name} | {found} | {reason} | {benefit} | {source} |"
            );
        }
        text.push_str("\n| configuration | answers | equal | intended | other | what only it covers |\n|---|---|---|---|---|---|\n");
        for compared in &self.configurations {
            let Compared {
                name,
                covers,
                requests,
                equal,
                intended,
                unlisted,
            } = compared;
            let (intended, unlisted) = (intended.len(), unlisted.len());
            let _ = writeln!(
                text,
                "| {name} | {requests} | {equal} | {intended} | {unlisted} | {covers} |"
            );
        }
        text
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for compared in &self.configurations {
            for Unlisted {
                request,
                theirs,
                ours,
            } in &compared.unlisted
            {
                writeln!(f, "== {}: {request}", compared.name)?;
                writeln!(f, "-- theirs\n{}", cut(theirs, SHOWN))?;
                writeln!(f, "-- ours\n{}", cut(ours, SHOWN))?;
            }
        }
        for kind in self.stale() {
            writeln!(
                f,
                "== the listed difference `{}` is found nowhere",
                kind.name
            )?;
        }
        for kind in &self.kinds {
            if let Some(example) = &kind.example {
                writeln!(
                    f,
                    "{}: {} answers, such as {example}",
                    kind.name, kind.found
                )?;
            }
        }
        writeln!(f, "{}", self.summary())
    }
}
