//! What a scenario's run does next. Pure: the driver ([`super::one`]) does it, and says how it ended.

#[cfg(test)]
mod tests;

use crate::outcome::{Context, HarnessProblem, Owner, Unmet};
use crate::report::Verdict;

/// What a run is doing. Each ends with the event that is named here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Activity {
    /// Installs the adapter, Prometheus and the scenario's manifests: [`Event::SetUp`].
    SetUp,
    /// Plays one step: [`Event::Played`].
    Play(usize),
    /// Looks whether the cluster and the fake Prometheus still do their part, without which nothing that was seen says anything of the adapter,
    /// and whether the adapter has ended: [`Event::Checked`].
    Check,
    /// Collects what explains the verdict: [`Event::Collected`].
    Collect,
}

/// What has happened.
#[derive(Debug)]
pub(super) enum Event {
    SetUp(Result<(), Unmet>),
    Played(Result<(), Unmet>),
    Checked(Result<(), Unmet>),
    Collected,
    /// A background task has ended, which none should before the scenario does.
    TaskEnded(Unmet),
    /// The user wants the run to end.
    Interrupted,
}

/// What the driver does after an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Goes on with what it is doing.
    GoOn,
    /// Drops that, and begins with another activity.
    Begin(Activity),
    /// Leaves the cluster; the verdict is there.
    Leave(Leaving),
}

/// What becomes of a scenario's cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaving {
    /// The next scenario may have it.
    GiveBack,
    /// It stays as it is, for the user.
    Keep,
    /// It ends.
    Remove,
}

/// The run of a scenario that has a cluster.
#[derive(Debug)]
pub(super) struct RunMachine {
    /// How many steps the scenario has.
    steps: usize,
    /// Whether the cluster of a scenario that failed is to stay.
    keep: bool,
    doing: Activity,
    is_interrupted: bool,
    /// What a step or the set-up found, until it is known whether the adapter can be blamed.
    found: Option<Unmet>,
    verdict: Option<Verdict>,
}

impl RunMachine {
    /// A run whose first activity is [`Activity::SetUp`].
    pub(super) fn new(steps: usize, keep: bool) -> Self {
        Self {
            steps,
            keep,
            doing: Activity::SetUp,
            is_interrupted: false,
            found: None,
            verdict: None,
        }
    }

    pub(super) fn is_interrupted(&self) -> bool {
        self.is_interrupted
    }

    /// The verdict, once the cluster is left.
    pub(super) fn into_verdict(self) -> Verdict {
        self.verdict.unwrap_or_else(Verdict::interrupted)
    }

    /// Takes an event.
    pub(super) fn on(&mut self, event: Event) -> Next {
        use Activity::{Check, Collect, Play, SetUp};
        match (self.doing, event) {
            (SetUp, Event::SetUp(Ok(()))) => self.play(0),
            (Play(step), Event::Played(Ok(()))) => self.play(step + 1),
            (SetUp, Event::SetUp(Err(unmet))) | (Play(_), Event::Played(Err(unmet))) => {
                self.doubt(unmet)
            }
            (Check, Event::Checked(Ok(()))) => self.judge(),
            (Check, Event::Checked(Err(unmet)))
            | (SetUp | Play(_) | Check, Event::TaskEnded(unmet)) => self.explain(unmet),
            (Collect, Event::Collected) => self.leave(),
            (_, Event::Interrupted) => self.interrupt(),
            // What was dropped can't say anything any more, and what ends late changes nothing.
            _ => Next::GoOn,
        }
    }

    fn begin(&mut self, activity: Activity) -> Next {
        self.doing = activity;
        Next::Begin(activity)
    }

    fn play(&mut self, step: usize) -> Next {
        let has_more = step < self.steps;
        self.begin(if has_more {
            Activity::Play(step)
        } else {
            Activity::Check
        })
    }

    /// What wasn't met may be the fault of a cluster that is gone.
    fn doubt(&mut self, unmet: Unmet) -> Next {
        if unmet.owner() == Owner::Cluster {
            return self.explain(unmet);
        }
        self.found = Some(unmet);
        self.begin(Activity::Check)
    }

    /// All are there that should be, so what was found is so.
    fn judge(&mut self) -> Next {
        match self.found.take() {
            Some(found) => self.explain(found),
            None => {
                self.verdict = Some(Verdict::Passed);
                self.leave()
            }
        }
    }

    fn interrupt(&mut self) -> Next {
        self.is_interrupted = true;
        match self.doing {
            // The verdict was there before.
            Activity::Collect => Next::GoOn,
            _ => self.explain(HarnessProblem::Interrupted.into()),
        }
    }

    /// Gives a verdict that needs evidence.
    fn explain(&mut self, unmet: Unmet) -> Next {
        let unmet = match self.found.take() {
            Some(found) => unmet.during(Context::After {
                found: found.to_string(),
            }),
            None => unmet,
        };
        self.verdict = Some(Verdict::from(&unmet));
        self.begin(Activity::Collect)
    }

    fn leave(&self) -> Next {
        Next::Leave(match &self.verdict {
            _ if self.is_interrupted => Leaving::Remove,
            Some(Verdict::Failed(_)) if self.keep => Leaving::Keep,
            Some(Verdict::Inconclusive(problem)) if problem.owner == Owner::Cluster => {
                Leaving::Remove
            }
            _ => Leaving::GiveBack,
        })
    }
}
