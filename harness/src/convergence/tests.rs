//! What is said of trajectories that were drawn by hand.

use super::*;
use crate::outcome::{Finding as _, Kind};

/// One sync a second.
pub(super) fn at(seconds: u32) -> Moment {
    Moment {
        seconds: f64::from(seconds),
        syncs: seconds.into(),
    }
}

pub(super) fn trajectory(changes: &[(u32, i32)]) -> Trajectory {
    let point = |&(seconds, wanted): &(u32, i32)| Point {
        at: at(seconds),
        wanted,
        ready: wanted,
    };
    let mut all = Trajectory::from(point(&changes[0]));
    for change in &changes[1..] {
        all.push(point(change));
    }
    all
}

fn terms(to: i32) -> Terms {
    Terms {
        to,
        within: Bound::Syncs(10),
        settle: Bound::Syncs(3),
        overshoot: None,
        direction_changes: None,
        never_above: None,
        never_below: None,
    }
}

fn reason(changes: &[(u32, i32)], now: u32, terms: &Terms) -> Reason {
    match judge(&trajectory(changes), at(now), terms) {
        Judged::Breaks(reason) => reason,
        other => panic!("{other:?}"),
    }
}

fn told(changes: &[(u32, i32)], now: u32, terms: &Terms) -> (Kind, String) {
    let finding = DoesNotConverge {
        reason: reason(changes, now, terms),
        trajectory: trajectory(changes),
        counted_by: CountedBy::Period,
    };
    (finding.kind(), finding.to_string())
}

#[test]
fn a_number_that_stays_long_enough_has_settled_and_before_nothing_is_decided() {
    let rises = trajectory(&[(0, 1), (1, 4), (2, 8)]);
    // The third sync after the change may be the second one that was begun after it.
    assert_eq!(judge(&rises, at(5), &terms(8)), Judged::Undecided);
    let Judged::Settled(settled) = judge(&rises, at(6), &terms(8)) else {
        panic!("not settled");
    };
    assert_eq!((settled.from, settled.since), (1, at(2)));
    assert_eq!((settled.overshoot, settled.direction_changes), (0, 0));
}

#[test]
fn a_number_that_goes_and_comes_back_is_judged_by_when_it_came_back() {
    let returns = [(0, 1), (2, 4), (4, 6), (5, 4)];
    let Judged::Settled(settled) = judge(&trajectory(&returns), at(9), &terms(4)) else {
        panic!("not settled");
    };
    assert_eq!(settled.since, at(5));
    assert_eq!((settled.overshoot, settled.direction_changes), (2, 1));
    let late = [(0, 1), (2, 4), (4, 6), (11, 4)];
    assert_eq!(
        told(&late, 12, &terms(4)),
        (
            Kind::DidNotSettle,
            "4 are wanted for good only since 11.0s (sync 11), which is too late; all changes, syncs counted by the HPA controller's period: \
             1, 4 after 2.0s (sync 2), 6 after 4.0s (sync 4), 4 after 11.0s (sync 11)"
                .to_owned()
        )
    );
}

#[test]
fn a_number_that_does_not_come_in_time_did_not_settle() {
    let stays = trajectory(&[(0, 1)]);
    assert_eq!(judge(&stays, at(10), &terms(4)), Judged::Undecided);
    let (kind, text) = told(&[(0, 1)], 11, &terms(4));
    assert_eq!(kind, Kind::DidNotSettle);
    let said = "1 are wanted since 0.0s (sync 0), and 4 are to be; it is 11.0s (sync 11) now";
    assert!(text.starts_with(said), "{text}");
}

#[test]
fn each_term_has_a_finding_of_its_own_which_says_where() {
    let rises = [(0, 2), (1, 6), (2, 9), (3, 5), (4, 6)];
    let of = |terms: Terms| told(&rises, 4, &terms);
    let (kind, text) = of(Terms {
        overshoot: Some(2),
        ..terms(6)
    });
    assert_eq!(kind, Kind::Overshoot);
    assert!(
        text.starts_with("9 are wanted after 2.0s (sync 2), 3 beyond 6, and 2 may be"),
        "{text}"
    );
    let (kind, text) = of(Terms {
        direction_changes: Some(1),
        ..terms(6)
    });
    assert_eq!(kind, Kind::TurnedTooOften);
    assert!(
        text.starts_with("it turns for the 2. time after 4.0s (sync 4), and may turn 1 times"),
        "{text}"
    );
    let (kind, text) = of(Terms {
        never_above: Some(8),
        ..terms(6)
    });
    assert_eq!(kind, Kind::WentAbove);
    assert!(text.contains("never more than 8"), "{text}");
    let (kind, text) = of(Terms {
        never_below: Some(6),
        ..terms(6)
    });
    assert_eq!(kind, Kind::WentBelow);
    assert!(text.starts_with("2 are wanted after 0.0s"), "{text}");
}

#[test]
fn a_number_that_is_there_from_the_beginning_overshoots_in_either_direction() {
    let none = Terms {
        overshoot: Some(0),
        ..terms(4)
    };
    for other in [3, 5] {
        let reason = reason(&[(0, 4), (1, other), (2, 4)], 3, &none);
        assert!(
            matches!(reason, Reason::Overshoot { by: 1, .. }),
            "{reason}"
        );
    }
    // Coming from below, fewer are not beyond.
    let falls_back = trajectory(&[(0, 1), (1, 3), (2, 2), (3, 4)]);
    assert_eq!(judge(&falls_back, at(4), &none), Judged::Undecided);
}

#[test]
fn pods_that_are_not_ready_are_waited_for_and_are_not_the_hpas_doing() {
    let point = Point {
        at: at(1),
        wanted: 4,
        ready: 1,
    };
    let mut slow = trajectory(&[(0, 1)]);
    slow.push(point);
    assert_eq!(judge(&slow, at(9), &terms(4)), Judged::Undecided);
    assert_eq!(judge(&slow, at(11), &terms(4)), Judged::NotReady(point));
    slow.push(Point {
        at: at(11),
        ready: 4,
        ..point
    });
    let judged = judge(&slow, at(11), &terms(4));
    let Judged::Settled(settled) = judged else {
        panic!("{judged:?}");
    };
    assert_eq!(
        settled.since,
        at(1),
        "readiness is no change of what is wanted"
    );
}

#[test]
fn time_by_the_wall_is_not_measured_by_syncs() {
    let seconds = Terms {
        within: Bound::Seconds(3.0),
        settle: Bound::Seconds(1.5),
        ..terms(4)
    };
    let moment = |seconds: f64| Moment { seconds, syncs: 90 };
    let there = trajectory(&[(0, 1), (1, 4)]);
    assert_eq!(judge(&there, moment(2.4), &seconds), Judged::Undecided);
    let judged = judge(&there, moment(2.5), &seconds);
    assert!(matches!(judged, Judged::Settled(_)), "{judged:?}");
}

#[test]
fn a_long_trajectory_is_told_from_its_end() {
    let changes: Vec<(u32, i32)> = (0..40)
        .map(|second| (second, 1 + (second % 2) as i32))
        .collect();
    let told = trajectory(&changes).to_string();
    assert!(told.starts_with("1, 27 changes, 1 after 28.0s"), "{told}");
    assert!(told.ends_with("2 after 39.0s (sync 39)"), "{told}");
}
