//! What holds for all trajectories.

use proptest::prelude::*;

use super::tests::at;
use super::*;

/// Any trajectory: what is wanted, and how many seconds later the next one is.
fn points() -> impl Strategy<Value = Vec<Point>> {
    let point = (0..10_i32, 0..4_u32);
    prop::collection::vec(point, 1..12).prop_map(|steps| {
        let mut seconds = 0;
        let point = |(wanted, later)| {
            let point = Point {
                at: at(seconds),
                wanted,
                ready: wanted,
            };
            seconds += later;
            point
        };
        steps.into_iter().map(point).collect()
    })
}

fn terms() -> impl Strategy<Value = Terms> {
    let bound = || {
        prop_oneof![
            (0..12_u64).prop_map(Bound::Syncs),
            (0.0..12.0).prop_map(Bound::Seconds)
        ]
    };
    let count = || prop::option::of(0..6_u32);
    let number = || prop::option::of(0..10_i32);
    (
        0..10_i32,
        bound(),
        bound(),
        count(),
        count(),
        number(),
        number(),
    )
        .prop_map(
            |(to, within, settle, overshoot, direction_changes, never_above, never_below)| Terms {
                to,
                within,
                settle,
                overshoot,
                direction_changes,
                never_above,
                never_below,
            },
        )
}

fn trajectory(points: &[Point]) -> Trajectory {
    let mut all = Trajectory::from(points[0]);
    for point in &points[1..] {
        all.push(*point);
    }
    all
}

/// Which verdict it is, without where.
fn word(judged: Judged) -> &'static str {
    match judged {
        Judged::Undecided => "undecided",
        Judged::Settled(_) => "settled",
        Judged::NotReady(_) => "not ready",
        Judged::Breaks(Reason::Overshoot { .. }) => "overshoot",
        Judged::Breaks(Reason::Turned { .. }) => "turned",
        Judged::Breaks(Reason::Above { .. }) => "above",
        Judged::Breaks(Reason::Below { .. }) => "below",
        Judged::Breaks(Reason::Elsewhere { .. }) => "elsewhere",
        Judged::Breaks(Reason::Late { .. }) => "late",
    }
}

fn upside_down(number: i32) -> i32 {
    9 - number
}

proptest! {
    #[test]
    fn a_trajectory_upside_down_is_judged_as_it_is(points in points(), terms in terms(), more in 0..16_u32) {
        let mirrored: Vec<Point> = points.iter().map(|point| Point {
            wanted: upside_down(point.wanted), ready: upside_down(point.ready), ..*point
        }).collect();
        let terms_of_it = Terms {
            to: upside_down(terms.to),
            never_above: terms.never_below.map(upside_down),
            never_below: terms.never_above.map(upside_down),
            ..terms
        };
        let now = at(points[points.len() - 1].at.syncs as u32 + more);
        let expected = match word(judge(&trajectory(&points), now, &terms)) {
            "above" => "below",
            "below" => "above",
            other => other,
        };
        // A number beyond both of two limits that contradict each other is told by one of them.
        let contradict = terms.never_above.zip(terms.never_below).is_some_and(|(most, least)| most < least);
        prop_assume!(!contradict);
        prop_assert_eq!(word(judge(&trajectory(&mirrored), now, &terms_of_it)), expected);
    }

    #[test]
    fn what_is_seen_twice_changes_nothing(points in points(), terms in terms(), index in 0..12_usize) {
        let now = at(60);
        let mut twice = points.clone();
        let index = index % points.len();
        let next = points.get(index + 1).map_or(now, |next| next.at);
        twice.insert(index + 1, Point { at: next, ..points[index] });
        prop_assert_eq!(judge(&trajectory(&twice), now, &terms), judge(&trajectory(&points), now, &terms));
    }

    #[test]
    fn what_settles_by_strict_terms_settles_by_loose_ones(points in points(), terms in terms(), more in 0..16_u32) {
        let now = at(points[points.len() - 1].at.syncs as u32 + more);
        let all = trajectory(&points);
        if let Judged::Settled(settled) = judge(&all, now, &terms) {
            let loose = Terms { overshoot: None, direction_changes: None, never_above: None, never_below: None, ..terms };
            prop_assert_eq!(judge(&all, now, &loose), Judged::Settled(settled));
            let exact = Terms { overshoot: Some(settled.overshoot), direction_changes: Some(settled.direction_changes), ..terms };
            prop_assert_eq!(judge(&all, now, &exact), Judged::Settled(settled));
        }
    }

    #[test]
    fn what_breaks_a_bound_breaks_it_whatever_comes_later(points in points(), terms in terms(), later in 0..10_i32) {
        let now = points[points.len() - 1].at;
        let judged = judge(&trajectory(&points), now, &terms);
        if matches!(word(judged), "overshoot" | "turned" | "above" | "below") {
            let mut more = points.clone();
            more.push(Point { at: at(90), wanted: later, ready: later });
            prop_assert_eq!(judge(&trajectory(&more), at(99), &terms), judged);
        }
    }
}
