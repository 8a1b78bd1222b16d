//! The matrix as a page: `docs/SPEC.md`.

use std::fmt::Write as _;

use super::{Area, Entry, Level, Matrix};

const HEAD: &str = "\
# What a metrics adapter has to do

This page is written from `fixtures/matrix` by `setpoint explain --markdown`; change it there. `setpoint explain ID` prints one entry.

- **MUST**, **SHOULD** and **MAY** bind a metrics adapter: by the definition of an API, by what kube-apiserver or kube-controller-manager need of it.
  What prometheus-adapter promises binds adapters that read its rules.
- A **fact** is what the control plane does, whatever the adapter.
- What is **diagnosable** is a fault of an installation, with the symptom that users see and the cure.

A **lie** is a fault of the test adapter (`setpoint scripted`), a **break** is a patch of setpoint-adapter (`ci/breaks`): the scenario catches it.

An entry that no scenario shows is open, and says why. What was predicted and a run has shown otherwise is marked.
";

impl Matrix {
    /// The whole matrix as a page.
    #[must_use]
    pub(crate) fn markdown(&self) -> String {
        let mut page = format!("{HEAD}\n{}", self.counts());
        for area in &self.areas {
            let _ = write!(page, "\n## {}\n\n{}.\n", area.name, area.about);
            for entry in &area.entries {
                self.entry_markdown(entry, &mut page);
            }
        }
        page
    }

    fn counts(&self) -> String {
        let heads = Level::ALL.map(Level::name).join(" | ");
        let mut table =
            format!("| area | {heads} | proven | open |\n|---|---|---|---|---|---|---|---|\n");
        for area in &self.areas {
            let name = &area.name;
            let _ = writeln!(table, "| [{name}](#{name}) | {} |", cells(&[area]));
        }
        let all: Vec<&Area> = self.areas.iter().collect();
        let _ = writeln!(table, "| together | {} |", cells(&all));
        table
    }

    fn entry_markdown(&self, entry: &Entry, page: &mut String) {
        let Entry {
            id,
            sentence,
            stimulus,
            expectation,
            ..
        } = entry;
        let level = entry.level.name();
        let _ = write!(
            page,
            "\n### {id}\n\n**{level}** · {sentence}\n\n- given: {stimulus}\n- expected: {expectation}\n"
        );
        for (name, said) in [
            ("cause", &entry.cause),
            ("symptom", &entry.symptom),
            ("cure", &entry.cure),
            ("predicted, and not so", &entry.correction),
        ] {
            if let Some(said) = said {
                let _ = writeln!(page, "- {name}: {said}");
            }
        }
        let sources = entry.sources.iter().filter_map(|key| self.sources.get(key));
        let sources = sources.map(|source| format!("[{}]({})", source.what, source.url()));
        let reports = entry.reports.iter().map(|report| link_to_report(report));
        let origins: Vec<String> = sources.chain(reports).collect();
        let _ = writeln!(page, "- source: {}", origins.join(", "));
        let link = |scenario: &String| format!("[{scenario}](../scenarios/{scenario}.yaml)");
        let scenarios: Vec<String> = entry.scenarios.iter().map(link).collect();
        match entry.open {
            Some(open) => {
                let _ = writeln!(page, "- open: {}", open.reason());
            }
            None => {
                let _ = writeln!(page, "- scenario: {}", scenarios.join(", "));
            }
        }
        if !entry.lies.is_empty() {
            let _ = writeln!(page, "- lie: `{}`", entry.lies.join("`, `"));
        }
        if !entry.breaks.is_empty() {
            let link = |name: &String| format!("[{name}](../ci/breaks/{name}.patch)");
            let breaks: Vec<String> = entry.breaks.iter().map(link).collect();
            let _ = writeln!(page, "- break: {}", breaks.join(", "));
        }
    }
}

/// How many entries of areas are of each level, how many are proven and how many open.
fn cells(areas: &[&Area]) -> String {
    let entries: Vec<&Entry> = areas.iter().flat_map(|area| &area.entries).collect();
    let count = |is: &dyn Fn(&Entry) -> bool| entries.iter().filter(|entry| is(entry)).count();
    let mut counts: Vec<usize> = Level::ALL
        .iter()
        .map(|level| count(&|entry| entry.level == *level))
        .collect();
    counts.push(count(&Entry::is_proven));
    counts.push(count(&|entry| !entry.is_proven()));
    let counts: Vec<String> = counts.iter().map(usize::to_string).collect();
    counts.join(" | ")
}

fn link_to_report(report: &str) -> String {
    let (repository, number) = report.split_once('#').unwrap_or((report, ""));
    format!("[{report}](https://github.com/{repository}/issues/{number})")
}
