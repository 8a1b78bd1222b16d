//! What the tests of a file have found, for people and for programs.

use std::fmt::Write as _;
use std::path::PathBuf;

use anstyle::{AnsiColor, Style};
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use serde::Serialize;
use serde_json::Value as Json;

use crate::report::xml_text;

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const LESS: Style = AnsiColor::Red.on_default();
const MORE: Style = AnsiColor::Green.on_default();
const DIM: Style = Style::new().dimmed();

/// What the tests of a file have found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FileReport {
    /// The file.
    pub path: PathBuf,
    /// What of its rules isn't tested.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Its tests, in the order of the file.
    pub tests: Vec<TestReport>,
}

/// What one test has found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TestReport {
    /// The name of its group.
    pub group: String,
    /// What is asked, and when.
    pub question: String,
    /// Where it stands, from 1.
    pub line: usize,
    /// Where it stands, from 1.
    pub column: usize,
    /// Whether the answer is the expected one.
    pub passed: bool,
    /// What differs, as a unified diff.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub diff: String,
    /// What helps to understand why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub explanation: Vec<String>,
    /// The document that is answered: a `MetricValueList` or a `Status`; none for a list of metrics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<Json>,
}

/// The results of all files, as one document.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Whole<'a> {
    api_version: &'static str,
    passed: usize,
    failed: usize,
    files: &'a [FileReport],
}

impl FileReport {
    /// How many tests have failed.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.tests.iter().filter(|test| !test.passed).count()
    }

    /// The report for people, with colours: a line for the file, and each failure with what differs and why.
    #[must_use]
    pub fn to_text(&self) -> String {
        let (all, failed) = (self.tests.len(), self.failed());
        let path = self.path.display();
        let mut text = match failed {
            0 => format!("{GOOD}passed{GOOD:#} {path} {DIM}({all}){DIM:#}\n"),
            _ => format!("{BAD}FAILED{BAD:#} {path} {DIM}({failed} of {all}){DIM:#}\n"),
        };
        for note in &self.notes {
            let _ = writeln!(text, "  {DIM}note: {note}{DIM:#}");
        }
        for test in self.tests.iter().filter(|test| !test.passed) {
            text.push_str(&self.failure(test));
        }
        text
    }

    fn failure(&self, test: &TestReport) -> String {
        let (path, line, column) = (self.path.display(), test.line, test.column);
        let mut text = format!(
            "\n  {BAD}{}{BAD:#}: {}\n  {DIM}{path}:{line}:{column}{DIM:#}\n",
            test.group, test.question
        );
        for line in test.diff.lines() {
            let style = match line.chars().next() {
                Some('-') => LESS,
                Some('+') => MORE,
                _ => DIM,
            };
            let _ = writeln!(text, "    {style}{line}{style:#}");
        }
        for line in &test.explanation {
            let _ = writeln!(text, "    {line}");
        }
        text
    }
}

/// The results of files as JSON, with `setpoint.dev/rule-tests/v1alpha1` as the version of its form.
///
/// # Errors
/// When it can't be written.
pub fn to_json(files: &[FileReport]) -> Result<String, serde_json::Error> {
    let failed = files.iter().map(FileReport::failed).sum();
    let all: usize = files.iter().map(|file| file.tests.len()).sum();
    serde_json::to_string_pretty(&Whole {
        api_version: "setpoint.dev/rule-tests/v1alpha1",
        passed: all - failed,
        failed,
        files,
    })
}

/// The results of files as JUnit XML: a test suite for each file, a test case for each test.
///
/// # Errors
/// When it can't be written.
pub fn to_junit(files: &[FileReport]) -> Result<String, quick_junit::SerializeError> {
    let mut report = quick_junit::Report::new("setpoint test");
    for file in files {
        let mut suite = TestSuite::new(xml_text(&file.path.display().to_string()));
        for test in &file.tests {
            suite.add_test_case(test_case(test));
        }
        report.add_test_suite(suite);
    }
    report.to_string()
}

fn test_case(test: &TestReport) -> TestCase {
    let status = if test.passed {
        TestCaseStatus::success()
    } else {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status
            .set_type("unexpected-answer")
            .set_message(format!("line {}: the answer is another", test.line))
            .set_description(xml_text(&format!(
                "{}{}",
                test.diff,
                test.explanation.join("\n")
            )));
        status
    };
    let mut case = TestCase::new(xml_text(&test.question), status);
    case.set_classname(xml_text(&test.group));
    case
}
