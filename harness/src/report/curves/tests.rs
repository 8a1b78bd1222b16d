//! The curves of outcomes that were made by hand.

use super::*;
use crate::report::tests::outcome;
use crate::report::{HpaMetric, StepOutcome, Verdict};

fn scaled() -> Outcome {
    let replicas = |seconds, replicas, ready| ReplicaChange {
        seconds,
        deployment: "default/web".to_owned(),
        replicas,
        ready,
    };
    let hpa = |seconds, current| HpaChange {
        seconds,
        hpa: "default/web".to_owned(),
        scales: "default/web".to_owned(),
        least: 1,
        most: 8,
        metrics: vec![HpaMetric {
            name: "Pods queue_length".to_owned(),
            current,
            target: Some(10.0),
        }],
    };
    let step = |at, step: &str, breaks| StepOutcome {
        at,
        step: step.to_owned(),
        seconds: 2.0,
        breaks,
        said: None,
        convergence: None,
    };
    Outcome {
        replicas: vec![
            replicas(0.5, 1, 0),
            replicas(1.0, 1, 1),
            replicas(3.0, 4, 1),
            replicas(3.5, 4, 4),
        ],
        hpas: vec![
            hpa(1.0, Some(10.0)),
            hpa(3.0, Some(40.0)),
            hpa(6.0, None),
            hpa(8.0, Some(20.0)),
        ],
        steps: vec![
            step(0.0, "set up", None),
            step(2.0, "metrics queue_length = <40>", None),
            step(5.0, "Prometheus answers 503", Some(true)),
            step(7.5, "no fault any more", Some(false)),
        ],
        ..outcome("hpa/scales-up", Verdict::Passed)
    }
}

#[test]
fn replicas_metrics_limits_and_faults_are_drawn_on_one_time_axis() {
    let curves = of(&scaled());
    assert_eq!(curves.len(), 1);
    insta::assert_snapshot!(draw(&curves[0]));
}

#[test]
fn a_fault_that_is_not_mended_lasts_to_the_end() {
    let mut outcome = scaled();
    outcome.steps.truncate(3);
    assert_eq!(of(&outcome)[0].faults, [(5.0, 7.0)]);
}

#[test]
fn a_scenario_without_an_hpa_has_no_curves() {
    assert_eq!(of(&outcome("discovery/sorted", Verdict::Passed)), []);
}

#[test]
fn every_drawing_is_well_formed_xml() {
    let mut curves = of(&scaled()).remove(0);
    curves.hpa = "a<b>&\"\u{1}".to_owned();
    curves.seconds = 0.0;
    curves.metrics[0].current = vec![
        (0.0, Some(f64::NAN)),
        (1.0, Some(f64::INFINITY)),
        (2.0, Some(-3.0)),
    ];
    let svg = draw(&curves);
    let tags = |pattern: &str| svg.matches(pattern).count();
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    assert_eq!(tags("<text"), tags("</text>"));
    assert!(svg.contains("a&lt;b&gt;&amp;&quot;\u{fffd}"), "{svg}");
}
