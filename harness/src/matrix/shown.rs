//! The matrix on a terminal.

use std::fmt::Write as _;

use super::{Area, Entry, Matrix};

/// How long a line may be.
const WIDTH: usize = 110;
/// How far what an entry says is indented.
const INDENT: usize = 12;

impl Matrix {
    /// The areas, a line each, with how many of their entries scenarios show.
    #[must_use]
    pub(crate) fn areas_shown(&self) -> String {
        let mut text = String::new();
        let counted = |area: &Area| {
            let proven = area
                .entries
                .iter()
                .filter(|entry| entry.is_proven())
                .count();
            (proven, area.entries.len())
        };
        for area in &self.areas {
            let (proven, all) = counted(area);
            let _ = writeln!(
                text,
                "{:18} {proven:3} of {all:3}  {}",
                area.name, area.about
            );
        }
        let (proven, all) = self
            .areas
            .iter()
            .map(counted)
            .fold((0, 0), |(proven, all), (more, of)| {
                (proven + more, all + of)
            });
        let _ = write!(
            text,
            "{:18} {proven:3} of {all:3}  are shown by scenarios",
            "together"
        );
        text
    }

    /// The entries of an area, in whichever letters it is written, a line each.
    #[must_use]
    pub(crate) fn area_shown(&self, name: &str) -> Option<String> {
        let mut areas = self.areas.iter();
        let area = areas.find(|area| area.name.eq_ignore_ascii_case(name))?;
        let line = |entry: &Entry| {
            let open = if entry.is_proven() { "" } else { " (open)" };
            format!(
                "{} {:11} {}{open}",
                entry.id,
                entry.level.name(),
                entry.sentence
            )
        };
        let lines: Vec<String> = area.entries.iter().map(line).collect();
        Some(lines.join("\n"))
    }

    /// An entry as a whole.
    #[must_use]
    pub(crate) fn entry_shown(&self, area: &Area, entry: &Entry) -> String {
        let mut text = format!("{} {}: {}\n", entry.id, entry.level.name(), entry.sentence);
        for (name, said) in self.said(area, entry) {
            let mut before = name;
            for line in wrapped(&said) {
                let _ = write!(text, "\n  {before:10}{line}");
                before = "";
            }
        }
        text
    }

    fn said(&self, area: &Area, entry: &Entry) -> Vec<(&'static str, String)> {
        let mut said = vec![("area", area.name.clone())];
        // What is diagnosable is broken by its stimulus, which shows as is expected.
        let broken = entry.cure.is_some();
        let cause = entry.cause.as_ref();
        let symptom = entry.symptom.as_ref();
        if !(broken && cause.is_none() && symptom.is_none()) {
            said.push(("given", entry.stimulus.clone()));
            said.push(("expected", entry.expectation.clone()));
        }
        let stimulus = broken.then_some(&entry.stimulus);
        let expectation = broken.then_some(&entry.expectation);
        said.extend(cause.or(stimulus).map(|text| ("cause", text.clone())));
        said.extend(
            symptom
                .or(expectation)
                .map(|text| ("symptom", text.clone())),
        );
        said.extend(entry.cure.iter().map(|cure| ("cure", cure.clone())));
        let correction = entry.correction.iter();
        said.extend(correction.map(|text| ("predicted", text.clone())));
        for source in entry.sources.iter().filter_map(|key| self.sources.get(key)) {
            said.push(("source", format!("{}: {}", source.what, source.url())));
        }
        said.extend(
            entry
                .reports
                .iter()
                .map(|report| ("reported", report.clone())),
        );
        for scenario in &entry.scenarios {
            said.push((
                "scenario",
                format!("setpoint run scenarios/{scenario}.yaml"),
            ));
        }
        for lie in &entry.lies {
            said.push(("lie", format!("setpoint run --adapter scripted:{lie}")));
        }
        for patch in &entry.breaks {
            said.push(("break", format!("ci/breaks/run {patch}")));
        }
        said.push((
            "status",
            entry.open.map_or_else(
                || format!("proven on Kubernetes {}", area.kubernetes),
                |open| format!("open: {}", open.reason()),
            ),
        ));
        said
    }
}

/// A text in lines that fit behind the indentation.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let Some(line) = lines.last_mut() else {
            continue;
        };
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + word.chars().count() < WIDTH - INDENT {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}
