//! What is wrong with a scenario that its shape alone can't tell, each with its line and column.

use std::path::Path;

use serde_json::Value;

use super::words::of_a_problem;
use super::{Place, Span, manifest};

/// How many problems of a file are told.
const MOST: usize = 20;

/// Collects what is wrong with a scenario.
pub(crate) struct Checks<'a> {
    /// The folder of the scenario's file.
    pub folder: &'a Path,
    found: Vec<(usize, usize, String)>,
}

impl<'a> Checks<'a> {
    /// Nothing is wrong so far.
    #[must_use]
    pub(crate) fn new(folder: &'a Path) -> Self {
        Self {
            folder,
            found: Vec::new(),
        }
    }

    /// Something is wrong at that place.
    pub(crate) fn at(&mut self, place: &Place, problem: impl Into<String>) {
        self.at_line(place.line, place.column, problem);
    }

    /// Something is wrong at that line and column.
    pub(crate) fn at_line(&mut self, line: usize, column: usize, problem: impl Into<String>) {
        self.found.push((line, column, problem.into()));
    }

    /// Everything that is wrong in the order of the file, each as `line:column: …`; of very much, how much more there is.
    #[must_use]
    pub(crate) fn problems(mut self) -> Vec<String> {
        self.found.sort();
        let more = self.found.len().saturating_sub(MOST);
        let first = self.found.get(MOST);
        let more = first.map(|(line, column, _)| format!("{line}:{column}: and {more} more"));
        let told = self.found.iter().take(MOST);
        told.map(|(line, column, problem)| format!("{line}:{column}: {}", of_a_problem(problem)))
            .chain(more)
            .collect()
    }

    /// A time that may be left out, but not be zero.
    pub(crate) fn longer_than_zero(&mut self, span: Option<Span>, place: &Place) {
        if span.is_some_and(Span::is_zero) {
            self.at(place, "expected a time longer than 0s");
        }
    }

    /// Kubernetes objects.
    pub(crate) fn manifests(&mut self, objects: &[Value], list: &Place) {
        for (index, object) in objects.iter().enumerate() {
            self.manifest(object, list.item(index));
        }
    }

    /// A Kubernetes object.
    pub(crate) fn manifest(&mut self, object: &Value, place: &Place) {
        for (place, problem) in manifest::problems(object, place) {
            self.at(place, problem);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_very_many_problems_the_first_are_told_and_how_many_more_there_are() {
        let problems = |count: usize| {
            let mut checks = Checks::new(Path::new("."));
            for line in (1..=count).rev() {
                checks.at_line(line, 1, "it is wrong");
            }
            checks.problems()
        };
        assert!(problems(0).is_empty());
        assert_eq!(problems(MOST).len(), MOST);
        assert_eq!(problems(MOST)[0], "1:1: it is wrong");
        let told = problems(1_000);
        assert_eq!(told.len(), MOST + 1);
        assert_eq!(told[MOST - 1], "20:1: it is wrong");
        assert_eq!(told[MOST], "21:1: and 980 more");
    }
}
