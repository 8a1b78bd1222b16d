//! What is wrong with a scenario that its shape alone can't tell, each with its line and column.

use std::path::Path;

use serde_json::Value;

use super::Place;
use super::{Span, manifest};

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

    /// Everything that is wrong in the order of the file, each as `line:column: …`.
    #[must_use]
    pub(crate) fn problems(mut self) -> Vec<String> {
        self.found.sort();
        let found = self.found.into_iter();
        found
            .map(|(line, column, problem)| format!("{line}:{column}: {problem}"))
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
