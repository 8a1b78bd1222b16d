use proptest::prelude::*;

use super::*;
use crate::outcome::tests::Measured;
use crate::outcome::{ClusterProblem, Kind};

fn finding() -> Unmet {
    Measured.into()
}

fn gone() -> Unmet {
    let of = "pods".to_owned();
    ClusterProblem::WatchEnded { of }.into()
}

fn task_ended() -> Unmet {
    let what = "the watch on pods";
    HarnessProblem::TaskEnded { what }.into()
}

/// A run of two steps that was set up and has seen these events, and what it does then.
fn after_set_up(events: impl IntoIterator<Item = Event>) -> (RunMachine, Next) {
    let mut machine = RunMachine::new(2, true);
    let mut next = machine.on(Event::SetUp(Ok(())));
    for event in events {
        next = machine.on(event);
    }
    (machine, next)
}

fn inconclusive(verdict: &Verdict) -> (Owner, Kind, &str) {
    match verdict {
        Verdict::Inconclusive(problem) => (problem.owner, problem.kind, &problem.cause),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_scenario_passes_when_all_its_steps_do_and_the_cluster_is_still_there() {
    let steps = || [Event::Played(Ok(())), Event::Played(Ok(()))];
    let (machine, next) = after_set_up(steps());
    assert_eq!(next, Next::Begin(Activity::Check));
    assert_eq!(machine.verdict, None);
    let (machine, next) = after_set_up(steps().into_iter().chain([Event::Checked(Ok(()))]));
    assert_eq!(next, Next::Leave(Leaving::GiveBack));
    assert_eq!(machine.into_verdict(), Verdict::Passed);
}

#[test]
fn what_a_step_finds_fails_the_scenario_when_the_cluster_is_still_there() {
    let (machine, next) = after_set_up([Event::Played(Err(finding()))]);
    assert_eq!(next, Next::Begin(Activity::Check));
    assert_eq!(machine.verdict, None);
    let (machine, next) = after_set_up([
        Event::Played(Err(finding())),
        Event::Checked(Ok(())),
        Event::Collected,
    ]);
    assert_eq!(next, Next::Leave(Leaving::Keep));
    assert!(matches!(machine.into_verdict(), Verdict::Failed(_)));
}

#[test]
fn what_a_step_finds_says_nothing_when_the_cluster_is_gone() {
    let (machine, next) = after_set_up([
        Event::Played(Err(finding())),
        Event::Checked(Err(gone())),
        Event::Collected,
    ]);
    assert_eq!(next, Next::Leave(Leaving::Remove));
    let verdict = machine.into_verdict();
    let (owner, kind, cause) = inconclusive(&verdict);
    assert_eq!((owner, kind), (Owner::Cluster, Kind::WatchEnded));
    assert!(cause.contains("the watch ended"), "{cause}");
    assert!(cause.contains("it measures 9"), "{cause}");
}

#[test]
fn a_background_task_that_ends_makes_a_scenario_inconclusive() {
    let (machine, next) = after_set_up([Event::TaskEnded(task_ended())]);
    assert_eq!(next, Next::Begin(Activity::Collect));
    let verdict = machine.into_verdict();
    let (owner, kind, _) = inconclusive(&verdict);
    assert_eq!((owner, kind), (Owner::Harness, Kind::TaskEnded));
}

#[test]
fn an_interrupt_removes_the_cluster_after_the_evidence_is_collected() {
    let (machine, next) = after_set_up([Event::Interrupted]);
    assert_eq!(next, Next::Begin(Activity::Collect));
    assert!(machine.is_interrupted());
    let (machine, next) = after_set_up([Event::Interrupted, Event::Collected]);
    assert_eq!(next, Next::Leave(Leaving::Remove));
    assert_eq!(inconclusive(&machine.into_verdict()).1, Kind::Interrupted);
}

#[test]
fn an_interrupt_after_the_verdict_changes_only_what_becomes_of_the_cluster() {
    let (machine, next) = after_set_up([
        Event::Played(Err(finding())),
        Event::Checked(Ok(())),
        Event::Interrupted,
        Event::Collected,
    ]);
    assert_eq!(next, Next::Leave(Leaving::Remove));
    assert!(matches!(machine.into_verdict(), Verdict::Failed(_)));
}

/// How an activity ends, or what happens beside it; below 3 all is well.
fn event(doing: Activity, choice: u8) -> Event {
    let result = match choice {
        3 if doing != Activity::Check => Err(finding()),
        4 => Err(gone()),
        5 => Err(task_ended()),
        6 => return Event::Interrupted,
        7 => return Event::TaskEnded(task_ended()),
        _ => Ok(()),
    };
    match doing {
        Activity::SetUp => Event::SetUp(result),
        Activity::Play(_) => Event::Played(result),
        Activity::Check => Event::Checked(result),
        Activity::Collect => Event::Collected,
    }
}

/// A whole run: each activity with the choice that it met, its end, and its verdict. When there are
/// no more choices, all is well.
fn run(choices: &[u8]) -> (Vec<(Activity, u8)>, Leaving, Verdict) {
    let mut machine = RunMachine::new(3, true);
    let mut history = Vec::new();
    for choice in choices.iter().copied().chain([0; 20]) {
        let doing = machine.doing;
        history.push((doing, choice));
        match machine.on(event(doing, choice)) {
            Next::GoOn => assert_eq!(machine.doing, doing),
            Next::Begin(next) => assert!(order(next) > order(doing), "{history:?}"),
            Next::Leave(leaving) => return (history, leaving, machine.into_verdict()),
        }
    }
    panic!("it doesn't end: {history:?}")
}

fn order(activity: Activity) -> usize {
    match activity {
        Activity::SetUp => 0,
        Activity::Play(step) => 1 + step,
        Activity::Check => 100,
        Activity::Collect => 101,
    }
}

proptest! {
    #[test]
    fn whatever_happens_a_run_ends_with_a_verdict_that_explains_it(
        choices in proptest::collection::vec(0_u8..8, 0..30)
    ) {
        let (history, leaving, verdict) = run(&choices);
        let has = |wanted: &dyn Fn(Activity, u8) -> bool| {
            history.iter().any(|(doing, choice)| wanted(*doing, *choice))
        };
        let is_checked = has(&|doing, choice| doing == Activity::Check && choice <= 3);
        let has_finding = has(&|doing, choice| choice == 3 && order(doing) < 100);
        let is_interrupted = has(&|_, choice| choice == 6);
        match &verdict {
            Verdict::Passed => prop_assert!(is_checked && !has_finding && !is_interrupted),
            Verdict::Failed(problem) => {
                prop_assert!(is_checked && has_finding);
                prop_assert_eq!(problem.owner, Owner::Adapter);
            }
            Verdict::Inconclusive(problem) => {
                prop_assert_ne!(problem.owner, Owner::Adapter);
                prop_assert!(!is_checked || problem.kind == Kind::TaskEnded, "{history:?}");
            }
            Verdict::Skipped { .. } => prop_assert!(false, "it was run"),
        }
        let has_evidence = has(&|doing, _| doing == Activity::Collect);
        prop_assert_eq!(has_evidence, verdict != Verdict::Passed);
        prop_assert_eq!(is_interrupted && leaving != Leaving::Remove, false);
    }
}
