//! The matrix: what a metrics adapter has to do, what the control plane does with one, and what breaks. Each entry has its source, and the
//! scenarios that show it or the reason why none does.
//!
//! An area is a file of `fixtures/matrix` and a line of [`areas!`]; `docs/SPEC.md` is written from them.

mod area;
mod entry;
mod markdown;
mod near;
mod shown;
mod source;

use std::collections::BTreeMap;
use std::sync::LazyLock;

pub(crate) use area::schema;
pub use area::{Area, MatrixError};
pub use entry::{Entry, Level, Open};
pub(crate) use near::near;
pub use source::Source;

/// The areas, in the order in which they are shown: a name each, which is the file's.
macro_rules! areas {
    ($($name:literal,)*) => {
        const AREAS: &[(&str, &str)] = &[
            $(($name, include_str!(concat!("../../../fixtures/matrix/", $name, ".yaml"))),)*
        ];
    };
}

areas! {
    "custom-metrics",
    "external-metrics",
    "resource-metrics",
    "discovery",
    "http",
    "authentication",
    "authorization",
    "tls",
    "registration",
    "availability",
    "proxying",
    "prometheus",
    "rules",
    "installation",
    "hpa",
    "load",
}

/// All areas with their entries, and what the sources are.
#[derive(Debug)]
pub struct Matrix {
    /// The areas, in the order in which they are shown.
    pub areas: Vec<Area>,
    /// The sources by their keys.
    pub sources: BTreeMap<String, Source>,
}

/// The matrix of this program, which is read once: it takes a tenth of a second where nothing is optimized.
///
/// # Errors
/// When a file of it is broken: a mistake of this program, which a test finds.
pub fn matrix() -> Result<&'static Matrix, MatrixError> {
    static MATRIX: LazyLock<Result<Matrix, MatrixError>> = LazyLock::new(read);
    MATRIX.as_ref().map_err(Clone::clone)
}

fn read() -> Result<Matrix, MatrixError> {
    let sources = source::sources()?;
    let mut areas = Vec::new();
    let mut problems = Vec::new();
    for (name, text) in AREAS {
        match Area::parse(name, text, &sources) {
            Ok(area) => areas.push(area),
            Err(error) => problems.extend(error.problems),
        }
    }
    if problems.is_empty() {
        Ok(Matrix { areas, sources })
    } else {
        Err(MatrixError { problems })
    }
}

impl Matrix {
    /// Every entry with its area.
    pub fn entries(&self) -> impl Iterator<Item = (&Area, &Entry)> {
        let areas = self.areas.iter();
        areas.flat_map(|area| area.entries.iter().map(move |entry| (area, entry)))
    }

    /// The entry of an id, in whichever letters it is written.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<(&Area, &Entry)> {
        self.entries()
            .find(|(_, entry)| entry.id.eq_ignore_ascii_case(id))
    }
}

#[cfg(test)]
mod tests;
