//! What programs read of a run: JSON and JUnit.

use std::collections::BTreeMap;
use std::time::Duration;

use super::timeline::{Entry, Source};
use super::*;
use crate::outcome::{Kind, Owner};

pub(super) fn outcome(name: &str, verdict: Verdict) -> Outcome {
    Outcome {
        name: name.to_owned(),
        sentence: format!("{name} is as it should be"),
        proves: vec!["H21".to_owned()],
        obligations: BTreeMap::from([("H21".to_owned(), verdict.word())]),
        brings: None,
        path: format!("scenarios/{name}.yaml").into(),
        verdict,
        known: None,
        seconds: 12.5,
        steps: vec![StepOutcome {
            step: "expect 8 replicas of deployment/web".to_owned(),
            at: 9.5,
            seconds: 2.5,
            breaks: None,
            said: None,
            convergence: None,
        }],
        replicas: vec![ReplicaChange {
            seconds: 1.5,
            deployment: "default/web".to_owned(),
            replicas: 1,
            ready: 1,
        }],
        hpas: Vec::new(),
        cluster: None,
        adapter_image: None,
        applied: Vec::new(),
        history: Vec::new(),
        timeline: Vec::new(),
        evidence: Vec::new(),
        kept: None,
        left: None,
        again: String::new(),
    }
}

/// One scenario of each verdict, judged by name.
pub(crate) fn report() -> Report {
    let failed = Verdict::Failed(Problem {
        owner: Owner::Adapter,
        kind: Kind::UnexpectedReplicas,
        cause: "step 1 of 1: 4 are wanted & 4 ready".to_owned(),
    });
    let inconclusive = Verdict::Inconclusive(Problem {
        owner: Owner::Cluster,
        kind: Kind::ApiServerUnreachable,
        cause: "step 1 of 1: list pods: connection refused".to_owned(),
    });
    let skipped = Verdict::Skipped {
        reason: SkipReason::NotImplemented {
            adapter: "test-adapter".to_owned(),
            need: "prometheus".to_owned(),
            why: "it has none".to_owned(),
        },
    };
    let failed = Outcome {
        timeline: vec![Entry {
            seconds: 3.25,
            source: Source::Hpa,
            text: "web measures <nothing>".to_owned(),
        }],
        evidence: vec![Evidence {
            name: "adapter log".to_owned(),
            text: "a line".to_owned(),
        }],
        ..outcome("hpa/scales-up", failed)
    };
    let judged = Judged {
        profile: "test-adapter".to_owned(),
        version: Some("v1.37.0".to_owned()),
        program: Some(Program {
            path: "bin/test-adapter".into(),
            sha256: "00ff".to_owned(),
        }),
        images: Vec::new(),
        arguments: Vec::new(),
        argument: Some("test-adapter:bin/test-adapter".to_owned()),
    };
    let outcomes = vec![
        outcome("discovery/sorted", Verdict::Passed),
        failed,
        outcome("hpa/holds", skipped),
        outcome("hpa/scales-down", inconclusive),
    ];
    Report::new(judged, false, Duration::from_millis(25_500), outcomes)
}

#[test]
fn an_interrupted_run_is_no_success_whatever_passed_before() {
    let mut report = report();
    assert_eq!(report.exit_code(), 1);
    report.scenarios.truncate(1);
    assert_eq!(report.exit_code(), 0);
    report.interrupted = true;
    assert_eq!(report.exit_code(), 3);
}

#[test]
fn a_run_that_leaves_something_behind_is_no_success_and_names_it() {
    let mut report = report();
    report.scenarios[0].left = Some("Namespace a: a finalizer keeps it".to_owned());
    assert_eq!(report.exit_code(), 1);
    report.scenarios.truncate(1);
    assert_eq!(report.exit_code(), 3);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(
        json["scenarios"][0]["left"],
        "Namespace a: a finalizer keeps it"
    );
}

#[test]
fn where_images_ran_no_program_of_this_machine_is_named() {
    let mut report = report();
    report.scenarios[0].adapter_image = Some("r/adapter:v1 (r/adapter@sha256:12)".to_owned());
    report.scenarios[1].adapter_image = Some("r/adapter:v1 (r/adapter@sha256:12)".to_owned());
    let judged = report.adapter.by_image(report.scenarios.iter());
    assert_eq!(
        judged.to_string(),
        "test-adapter v1.37.0 r/adapter:v1 (r/adapter@sha256:12)"
    );
    let json = serde_json::to_value(&judged).unwrap();
    assert!(json.get("path").is_none(), "{json}");
    let none = judged.by_image(std::iter::empty());
    assert_eq!(
        none.to_string(),
        "test-adapter v1.37.0, whose image is not known"
    );
}

#[test]
fn the_json_report_tells_everything_and_how_to_see_it_again() {
    insta::assert_json_snapshot!(report());
}

#[test]
fn the_junit_report_has_a_suite_for_each_area_and_tells_failures_whole() {
    insta::assert_snapshot!(report().to_junit().unwrap());
}
