//! Every change of a number of replicas, with its time.

use std::fmt;

/// How many changes a sentence tells, from the last.
const TOLD: usize = 12;

/// A moment, since the trajectory began.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moment {
    /// Seconds.
    pub seconds: f64,
    /// Syncs that the HPA controller has finished; one too many where one finished just now.
    pub syncs: u64,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seconds, syncs } = self;
        write!(f, "{seconds:.1}s (sync {syncs})")
    }
}

/// What a watch saw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    /// When.
    pub at: Moment,
    /// How many replicas are wanted.
    pub wanted: i32,
    /// How many are ready.
    pub ready: i32,
}

/// What a watch saw since it began: at first what was there, then every change.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Trajectory {
    first: Point,
    more: Vec<Point>,
}

impl Trajectory {
    /// It begins with what is there.
    pub(crate) fn from(first: Point) -> Self {
        let more = Vec::new();
        Self { first, more }
    }

    /// Something was seen.
    pub(crate) fn push(&mut self, point: Point) {
        self.more.push(point);
    }

    /// What was there at first.
    pub(super) fn first(&self) -> Point {
        self.first
    }

    /// What is there now.
    pub(super) fn last(&self) -> Point {
        self.more.last().copied().unwrap_or(self.first)
    }

    /// The points at which another number was wanted than before, and the first.
    pub(super) fn changes(&self) -> Vec<Point> {
        let mut changes = vec![self.first];
        for point in &self.more {
            if changes
                .last()
                .is_none_or(|last| last.wanted != point.wanted)
            {
                changes.push(*point);
            }
        }
        changes
    }
}

/// `1, 4 after 1.1s (sync 1), 8 after 2.1s (sync 2)`
impl fmt::Display for Trajectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let changes = self.changes();
        write!(f, "{}", self.first.wanted)?;
        let hidden = changes.len().saturating_sub(TOLD + 1);
        if hidden > 0 {
            write!(f, ", {hidden} changes")?;
        }
        for Point { at, wanted, .. } in &changes[1 + hidden..] {
            write!(f, ", {wanted} after {at}")?;
        }
        Ok(())
    }
}
