//! Reports that differ.

use super::super::tests::report;
use super::*;
use crate::convergence::{Convergence, CountedBy};
use crate::report::{Verdict, Word};

fn convergence(syncs: u64, overshoot: u32) -> Convergence {
    Convergence {
        deployment: "default/web".to_owned(),
        from: 1,
        to: 8,
        seconds: 2.5,
        syncs,
        overshoot,
        direction_changes: 0,
        counted_by: CountedBy::KubeControllerManager,
    }
}

/// A report whose first scenario converges so.
fn converging(syncs: u64, overshoot: u32) -> Report {
    let mut report = report();
    report.scenarios[0].steps[0].convergence = Some(convergence(syncs, overshoot));
    report
}

fn told(before: &Report, now: &Report) -> (String, u8) {
    let comparison = Comparison::of(before, now);
    (comparison.to_string(), comparison.exit_code())
}

#[test]
fn equal_reports_have_no_changes() {
    let (text, code) = told(&converging(4, 0), &converging(4, 0));
    assert_eq!(
        (text.as_str(), code),
        ("4 scenarios in both reports, 0 changes, 0 for the worse", 0)
    );
}

#[test]
fn a_scenario_that_passed_and_fails_now_is_a_regression_and_the_reverse_is_not() {
    let before = report();
    let mut now = report();
    now.scenarios[0].verdict = before.scenarios[1].verdict.clone();
    now.scenarios[1].verdict = Verdict::Passed;
    let (text, code) = told(&before, &now);
    assert_eq!(code, 1);
    insta::assert_snapshot!(text, @r"
    WORSE    discovery/sorted: passed before, failed now: step 1 of 1: 4 are wanted & 4 ready
    changed  hpa/scales-up: failed before, passed now
    4 scenarios in both reports, 2 changes, 1 for the worse
    ");
    now.scenarios[0].verdict = before.scenarios[3].verdict.clone();
    assert_eq!(
        told(&before, &now).1,
        0,
        "what is inconclusive says nothing of the adapter"
    );
}

/// A report whose failed scenario says this of obligations.
fn breaking(obligations: &[(&str, Word)]) -> Report {
    let mut report = report();
    let obligations = obligations.iter();
    report.scenarios[1].obligations = obligations
        .map(|(id, word)| ((*id).to_owned(), *word))
        .collect();
    report
}

#[test]
fn a_scenario_that_fails_as_before_and_breaks_more_is_a_regression_and_the_reverse_is_not() {
    use Word::{Failed, Inconclusive, Passed};
    let one = breaking(&[("C21", Failed), ("C22", Passed), ("C23", Inconclusive)]);
    let all = breaking(&[("C21", Failed), ("C22", Failed), ("C23", Failed)]);
    let (text, code) = told(&one, &all);
    assert_eq!(code, 1);
    insta::assert_snapshot!(text, @r"
    WORSE    hpa/scales-up: failed before and now, now by C22 (passed before), C23 (inconclusive before) too
    4 scenarios in both reports, 1 changes, 1 for the worse
    ");
    let (text, code) = told(&all, &one);
    assert_eq!(code, 0);
    insta::assert_snapshot!(text, @r"
    changed  hpa/scales-up: failed before and now, no longer by C22
    4 scenarios in both reports, 1 changes, 0 for the worse
    ");
    // An obligation that one report alone has says nothing.
    let less = breaking(&[("C21", Failed)]);
    assert_eq!(told(&less, &all), told(&all, &less));
}

#[test]
fn a_scenario_that_fails_later_than_before_is_no_regression_unless_it_breaks_what_had_passed() {
    use Word::{Failed, Inconclusive, Passed};
    let before = breaking(&[("C21", Failed), ("C22", Inconclusive)]);
    let now = breaking(&[("C21", Passed), ("C22", Failed)]);
    let (text, code) = told(&before, &now);
    assert_eq!(code, 0);
    assert!(
        text.contains("now by C22 (inconclusive before) too, no longer by C21"),
        "{text}"
    );
    let before = breaking(&[("C21", Failed), ("C22", Passed)]);
    assert_eq!(told(&before, &now).1, 1);
    // What another verdict says is not said again.
    let mut passed = before.clone();
    passed.scenarios[1].verdict = Verdict::Passed;
    let (text, code) = told(&passed, &now);
    assert_eq!((text.lines().count(), code), (2, 1), "{text}");
}

#[test]
fn replicas_that_settle_later_or_go_further_are_a_regression_beyond_what_counts_may_differ_by() {
    assert_eq!(told(&converging(4, 0), &converging(6, 0)).1, 0);
    let (text, code) = told(&converging(4, 0), &converging(7, 1));
    assert_eq!(code, 1);
    assert!(
        text.contains("default/web settles at 8 after 7 syncs; 4 before"),
        "{text}"
    );
    assert!(
        text.contains("default/web goes 1 beyond 8; 0 before"),
        "{text}"
    );
    let (text, code) = told(&converging(7, 1), &converging(4, 0));
    assert_eq!(code, 0);
    assert!(text.starts_with("changed"), "{text}");
}

#[test]
fn scenarios_of_one_report_alone_are_told_and_are_no_regression() {
    let mut less = report();
    let removed = less.scenarios.remove(1);
    let (text, code) = told(&report(), &less);
    assert_eq!(code, 0);
    assert!(
        text.contains(&format!("{}: failed before; was not run now", removed.name)),
        "{text}"
    );
    let (text, code) = told(&less, &report());
    assert_eq!(code, 0);
    assert!(text.contains("was not run before; failed now"), "{text}");
}

#[test]
fn reports_without_a_scenario_in_common_are_no_comparison_and_adapters_that_differ_are_named() {
    let mut other = report();
    other.adapter.profile = "other".to_owned();
    other.scenarios.truncate(1);
    let mut before = report();
    before.scenarios.remove(0);
    let (text, code) = told(&before, &other);
    assert_eq!(code, 2);
    assert!(
        text.starts_with(
            "before   test-adapter v1.37.0 bin/test-adapter (sha256 00ff…)\nnow      other v1.37.0"
        ),
        "{text}"
    );
}
