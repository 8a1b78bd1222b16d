//! Annotations of a run on GitHub: lines that its runner reads from what a step prints.

use super::obligations::{Obligation, Word};
use super::{Outcome, Report};

impl Report {
    /// A workflow command for each scenario that failed, which is an error, or is inconclusive or known to fail, which are warnings.
    #[must_use]
    pub fn to_github_annotations(&self) -> String {
        let lines = self
            .scenarios
            .iter()
            .filter_map(|outcome| annotation(outcome, self.broken_by(outcome)));
        let known = self.problems_of_known_failures();
        let known =
            known.map(|problem| format!("::error title=known failures::{}\n", data(&problem)));
        lines.chain(known).collect()
    }
}

fn annotation<'a>(
    outcome: &Outcome,
    broken: impl Iterator<Item = &'a Obligation>,
) -> Option<String> {
    let problem = outcome.verdict.problem()?;
    let is_error = matches!(outcome.verdict.word(), Word::Failed) && outcome.known.is_none();
    let level = if is_error { "error" } else { "warning" };
    let path = property(&outcome.path.display().to_string());
    let title = property(&format!(
        "{} ({}, {})",
        outcome.name, problem.owner, problem.kind
    ));
    let known = outcome
        .known
        .as_ref()
        .map(|known| format!("known: {}; ", known.reason));
    let broken: String = broken
        .map(|obligation| format!("\nbreaks {obligation}"))
        .collect();
    let cause = data(&format!(
        "{}{}{broken}",
        known.unwrap_or_default(),
        problem.cause
    ));
    Some(format!("::{level} file={path},title={title}::{cause}\n"))
}

/// Text as the runner reads it behind a command.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Text as the runner reads it in a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::super::tests::report;
    use crate::report::Verdict;

    #[test]
    fn a_failure_is_an_error_and_what_is_inconclusive_a_warning() {
        insta::assert_snapshot!(report().to_github_annotations());
    }

    #[test]
    fn text_can_begin_no_command() {
        let mut report = report();
        report.scenarios.truncate(2);
        report.obligations.clear();
        if let Verdict::Failed(problem) = &mut report.scenarios[1].verdict {
            problem.cause = "100%\n::error::x".to_owned();
        }
        let told = report.to_github_annotations();
        assert!(told.ends_with("::100%25%0A::error::x\n"), "{told}");
        assert_eq!(told.lines().count(), 1);
    }
}
