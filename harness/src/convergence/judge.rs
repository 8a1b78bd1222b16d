//! The verdict on a trajectory.

use super::{Moment, Point, Reason, Terms, Trajectory};

/// What can be said of a trajectory by now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Judged {
    /// Nothing yet.
    Undecided,
    /// It has settled.
    Settled(Settled),
    /// It has settled, but pods aren't ready in time, which is not the HPA's doing.
    NotReady(Point),
    /// It breaks a term.
    Breaks(Reason),
}

/// How it settled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Settled {
    /// The number at the beginning.
    pub from: i32,
    /// Since when it is the number that it converges to.
    pub since: Moment,
    /// By how many it went beyond.
    pub overshoot: u32,
    /// How often it turned.
    pub direction_changes: u32,
}

/// Judges a trajectory by what is known of it now. What breaks a term first is told, whatever comes later.
pub(crate) fn judge(trajectory: &Trajectory, now: Moment, terms: &Terms) -> Judged {
    let changes = trajectory.changes();
    let broken = changes
        .iter()
        .enumerate()
        .find_map(|(index, _)| broken_by(&changes[..=index], terms));
    if let Some(reason) = broken {
        return Judged::Breaks(reason);
    }
    let (first, last) = (trajectory.first(), trajectory.last());
    // That it is as it is since then.
    let since = changes.last().map_or(first.at, |change| change.at);
    let is_late = |at: Moment| terms.within.is_over(first.at, at);
    if last.wanted != terms.to {
        if !is_late(now) {
            return Judged::Undecided;
        }
        return Judged::Breaks(Reason::Elsewhere {
            wanted: last.wanted,
            since,
            to: terms.to,
            now,
        });
    }
    if is_late(since) {
        let to = terms.to;
        return Judged::Breaks(Reason::Late { to, since });
    }
    if !terms.settle.is_over(since, now) {
        return Judged::Undecided;
    }
    if last.ready == terms.to {
        let direction = (terms.to - first.wanted).signum();
        let beyond = changes
            .iter()
            .map(|point| beyond(*point, terms.to, direction));
        return Judged::Settled(Settled {
            from: first.wanted,
            since,
            overshoot: beyond.max().unwrap_or_default(),
            direction_changes: turns(&changes),
        });
    }
    if is_late(now) {
        return Judged::NotReady(last);
    }
    Judged::Undecided
}

/// What the last of these changes breaks.
fn broken_by(changes: &[Point], terms: &Terms) -> Option<Reason> {
    let (first, point) = (*changes.first()?, *changes.last()?);
    if let Some(most) = terms.never_above.filter(|most| point.wanted > *most) {
        return Some(Reason::Above { point, most });
    }
    if let Some(least) = terms.never_below.filter(|least| point.wanted < *least) {
        return Some(Reason::Below { point, least });
    }
    let by = beyond(point, terms.to, (terms.to - first.wanted).signum());
    if let Some(allowed) = terms.overshoot.filter(|allowed| by > *allowed) {
        let terms = *terms;
        return Some(Reason::Overshoot {
            point,
            terms,
            by,
            allowed,
        });
    }
    let count = turns(changes);
    let allowed = terms.direction_changes.filter(|allowed| count > *allowed)?;
    let at = point.at;
    Some(Reason::Turned { at, count, allowed })
}

/// By how many a number is beyond another one, coming from this direction; from nowhere, any distance is beyond.
fn beyond(point: Point, to: i32, direction: i32) -> u32 {
    let distance = point.wanted - to;
    let distance = if direction == 0 {
        distance.abs()
    } else {
        distance * direction
    };
    u32::try_from(distance).unwrap_or(0)
}

/// How often it turns from rising to falling, or back.
fn turns(changes: &[Point]) -> u32 {
    let rises = changes.windows(2).map(|two| two[1].wanted > two[0].wanted);
    let rises: Vec<bool> = rises.collect();
    let turns = rises.windows(2).filter(|two| two[0] != two[1]).count();
    u32::try_from(turns).unwrap_or(u32::MAX)
}
