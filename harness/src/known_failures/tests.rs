//! What a file of known failures makes of a report.

use std::path::Path;

use super::*;
use crate::report::tests::report;

const FILE: &str = "\
apiVersion: setpoint.dev/known-failures/v1alpha1
failures:
  - id: hpa/scales-up
    reason: the adapter rounds
    expires: 2026-12-31
";

fn scenarios() -> Vec<(String, Vec<String>)> {
    let scenarios = report().scenarios.into_iter();
    scenarios
        .map(|outcome| (outcome.name, outcome.proves))
        .collect()
}

fn parse(text: &str) -> Result<KnownFailures, Vec<String>> {
    let other = ("elsewhere/other".to_owned(), vec!["H22".to_owned()]);
    KnownFailures::parse(Path::new("known.yaml"), text, &scenarios(), &[other])
}

fn marked(text: &str, today: &str) -> Report {
    let mut report = report();
    // Without the one that is inconclusive.
    report.scenarios.truncate(3);
    mark(&mut report, text, today);
    report
}

fn mark(report: &mut Report, text: &str, today: &str) {
    let known = parse(text).unwrap();
    known.mark(report, today.parse().unwrap());
}

#[test]
fn a_failure_that_is_known_does_not_fail_the_run_until_it_expires() {
    let report = marked(FILE, "2026-12-31");
    assert_eq!(report.exit_code(), 0);
    let known = report.scenarios[1].known.as_ref().unwrap();
    assert_eq!(known.reason, "the adapter rounds");
    let expired = marked(FILE, "2027-01-01");
    assert_eq!(expired.exit_code(), 1);
    assert_eq!(expired.scenarios[1].known, None);
    assert_eq!(
        expired.expired[0].to_string(),
        "`hpa/scales-up` was known to fail until 2026-12-31, and fails (hpa/scales-up): mend it, or give it another day in known.yaml"
    );
}

#[test]
fn a_failure_that_is_known_and_passes_fails_the_run_and_is_named() {
    let passes = FILE.replace("hpa/scales-up", "discovery/sorted");
    let mut report = marked(&passes, "2026-12-01");
    report.scenarios.truncate(1);
    assert_eq!(report.exit_code(), 1);
    assert_eq!(
        report.not_failing[0].to_string(),
        "`discovery/sorted` is known to fail and passed (discovery/sorted): remove it from known.yaml"
    );
}

#[test]
fn an_obligation_stands_for_all_scenarios_that_prove_it_and_one_that_fails_is_enough() {
    let report = marked(&FILE.replace("hpa/scales-up", "H21"), "2026-12-01");
    assert_eq!((report.exit_code(), report.not_failing.len()), (0, 0));
}

#[test]
fn an_obligation_that_passed_in_a_part_of_its_scenarios_may_fail_in_the_others() {
    let of_obligation = FILE.replace("hpa/scales-up", "H21");
    let mut report = report();
    report.scenarios.truncate(1);
    mark(&mut report, &of_obligation, "2026-12-01");
    assert_eq!((report.exit_code(), report.not_failing.len()), (0, 0));
    // All of them, of which one isn't claimed.
    let mut report = crate::report::tests::report();
    for outcome in &mut report.scenarios {
        // They follow the verdict.
        outcome.obligations.clear();
    }
    for index in [1, 3] {
        report.scenarios[index].verdict = Verdict::Passed;
    }
    mark(&mut report, &of_obligation, "2026-12-01");
    assert_eq!(report.not_failing[0].passed.len(), 3);
    // The same where a machine lacked something.
    let reason = SkipReason::NoPrometheus {
        why: "there is none".to_owned(),
    };
    report.not_failing.clear();
    report.scenarios[2].verdict = Verdict::Skipped { reason };
    mark(&mut report, &of_obligation, "2026-12-01");
    assert_eq!(report.not_failing, []);
}

#[test]
fn a_scenario_that_breaks_what_no_entry_names_is_not_known() {
    let of_obligation = FILE.replace("hpa/scales-up", "H21");
    let broken = |obligations: &[(&str, Word)]| {
        let mut report = report();
        report.scenarios.truncate(3);
        let failed = &mut report.scenarios[1];
        failed.proves = vec!["H21".to_owned(), "H22".to_owned()];
        let obligations = obligations.iter();
        failed.obligations = obligations
            .map(|(id, word)| ((*id).to_owned(), *word))
            .collect();
        mark(&mut report, &of_obligation, "2026-12-01");
        report.exit_code()
    };
    assert_eq!(broken(&[("H21", Word::Failed), ("H22", Word::Passed)]), 0);
    assert_eq!(broken(&[("H21", Word::Failed), ("H22", Word::Failed)]), 1);
    assert_eq!(
        broken(&[("H21", Word::Inconclusive), ("H22", Word::Failed)]),
        1
    );
}

#[test]
fn an_entry_of_a_scenario_elsewhere_says_nothing_of_these() {
    for id in ["elsewhere/other", "H22"] {
        let report = marked(&FILE.replace("hpa/scales-up", id), "2027-12-01");
        assert_eq!(report.not_failing, []);
        assert_eq!(report.expired, []);
        assert_eq!(report.exit_code(), 1);
    }
}

#[test]
fn a_file_without_failures_says_so_by_a_list() {
    let (before, _) = FILE.split_once("failures:").unwrap();
    assert!(parse(&format!("{before}failures: []\n")).is_ok());
    for none in ["", "failures:\n", "failures:\n#  - id: hpa/scales-up\n"] {
        let told = parse(&format!("{before}{none}")).unwrap_err().join("\n");
        assert!(
            told.ends_with(
                ": `failures` has no list: write one, or `failures: []` where none is known"
            ),
            "{told}"
        );
    }
}

#[test]
fn what_is_wrong_with_a_file_is_told_with_its_place() {
    let wrong = |text: String| parse(&text).unwrap_err().join("\n");
    insta::assert_snapshot!(
        [
            wrong(FILE.replace("hpa/scales-up", "hpa/no-such")),
            wrong(FILE.replace("the adapter rounds", "\"\"")),
            wrong(FILE.replace("hpa/scales-up", "hpa/scale-up")),
            wrong(FILE.replace("hpa/scales-up", "holds")),
            wrong(FILE.replace("hpa/scales-up", "h22")),
            wrong(FILE.replace("hpa/scales-up", "H23")),
            wrong(FILE.replace("2026-12-31", "soon")),
            wrong(FILE.replace("2026-12-31", "26-1-1")),
            wrong(FILE.replace("2026-12-31", "2027-02-30")),
            wrong(FILE.replace("2026-12-31", "2027-01-01T23:00:00Z")),
            wrong(FILE.replace("2026-12-31", "\"2027-01-01T23:00:00+14:00[Pacific/Apia]\"")),
            wrong(FILE.replace("v1alpha1", "v9")),
            wrong(FILE.replace("reason:", "because:")),
            wrong(format!(
                "{FILE}  - {{id: hpa/scales-up, reason: x, expires: 2026-12-31}}\n"
            )),
        ]
        .join("\n")
    );
}
