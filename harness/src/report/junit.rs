//! The report as JUnit XML, for those who show test results.

use std::time::Duration;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::xml_text::xml_text;
use super::{Obligation, Outcome, Problem, Report, Verdict};

impl Report {
    /// A test suite for each area, a test case for each scenario. A failed one has a failure, an
    /// inconclusive one an error, with the problem's kind as its type, the cause, the timeline and the
    /// command that repeats it; the problem's owner is a property of the test case. A failure that is known is skipped.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn to_junit(&self) -> Result<String, quick_junit::SerializeError> {
        let mut report = quick_junit::Report::new("setpoint");
        report.set_time(Duration::from_secs_f64(self.seconds.max(0.0)));
        let mut suites: Vec<TestSuite> = Vec::new();
        for outcome in &self.scenarios {
            let area = outcome.name.split('/').next().unwrap_or_default();
            let area = xml_text(area);
            if suites
                .last()
                .is_none_or(|suite| suite.name.as_str() != area)
            {
                suites.push(TestSuite::new(area));
            }
            if let Some(suite) = suites.last_mut() {
                suite.add_test_case(test_case(outcome, self.broken_by(outcome)));
            }
        }
        report.add_test_suites(suites);
        report.to_string()
    }
}

fn test_case<'a>(outcome: &Outcome, broken: impl Iterator<Item = &'a Obligation>) -> TestCase {
    let status = match &outcome.verdict {
        Verdict::Passed => TestCaseStatus::success(),

        Verdict::Failed(problem) => match &outcome.known {
            Some(known) => skipped(&format!(
                "known failure: {}; {}",
                known.reason, problem.cause
            )),
            None => non_success(NonSuccessKind::Failure, problem, outcome),
        },
        Verdict::Inconclusive(problem) => non_success(NonSuccessKind::Error, problem, outcome),
        Verdict::Skipped { reason } => skipped(&reason.to_string()),
    };
    let mut case = TestCase::new(xml_text(&outcome.sentence), status);
    case.set_classname(xml_text(&outcome.name))
        .set_time(Duration::from_secs_f64(outcome.seconds.max(0.0)));
    if let Some(problem) = outcome.verdict.problem() {
        case.add_property(("owner", problem.owner.to_string().as_str()));
        for obligation in broken {
            let told = obligation.to_string();
            case.add_property(("breaks", xml_text(&told).as_ref()));
        }
    }
    case
}

fn skipped(why: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(xml_text(why));
    status
}

fn non_success(kind: NonSuccessKind, problem: &Problem, outcome: &Outcome) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status
        .set_type(problem.kind.to_string())
        .set_message(xml_text(&problem.cause))
        .set_description(xml_text(&format!(
            "{}\nagain: {}",
            outcome.timeline_text(),
            outcome.again
        )));
    status
}
