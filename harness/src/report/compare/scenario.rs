//! What changed of a scenario that is in both runs.

use std::collections::BTreeMap;

use super::What;
use crate::convergence::Convergence;
use crate::report::{Outcome, Word};

/// By how many syncs two counts of the same time may differ: each may be one too high.
const JITTER: u64 = 2;

/// Its changes: of its verdict or of what it breaks, then of how replicas converge.
pub(super) fn changes(before: &Outcome, now: &Outcome) -> Vec<What> {
    let verdict = verdict(before, now).or_else(|| obligations(before, now));
    let measured = convergences(before).zip(convergences(now));
    let same =
        measured.filter(|(before, now)| before.deployment == now.deployment && before.to == now.to);
    let measured = same.flat_map(|(before, now)| differences(before, now));
    verdict.into_iter().chain(measured).collect()
}

fn verdict(before: &Outcome, now: &Outcome) -> Option<What> {
    let (word, was) = (now.verdict.word(), before.verdict.word());
    (word != was).then(|| What::Verdict {
        before: was,
        now: word,
        cause: now.verdict.problem().map(|problem| problem.cause.clone()),
    })
}

/// What a scenario breaks that fails in both runs. One that has another verdict says it by that.
fn obligations(before: &Outcome, now: &Outcome) -> Option<What> {
    if now.verdict.word() != Word::Failed || before.verdict.word() != Word::Failed {
        return None;
    }
    let (mut newly, mut no_longer) = (BTreeMap::new(), Vec::new());
    for (id, word) in &now.obligations {
        // Reports of before have none.
        let Some(was) = before.obligations.get(id) else {
            continue;
        };
        if *word == Word::Failed && *was != Word::Failed {
            newly.insert(id.clone(), *was);
        }
        if *word == Word::Passed && *was == Word::Failed {
            no_longer.push(id.clone());
        }
    }
    let is_none = newly.is_empty() && no_longer.is_empty();
    (!is_none).then_some(What::Obligations { newly, no_longer })
}

fn convergences(outcome: &Outcome) -> impl Iterator<Item = &Convergence> {
    outcome
        .steps
        .iter()
        .filter_map(|step| step.convergence.as_ref())
}

fn differences(before: &Convergence, now: &Convergence) -> Vec<What> {
    let (deployment, to) = (&now.deployment, now.to);
    let settles = (before.syncs.abs_diff(now.syncs) > JITTER).then(|| What::Settles {
        deployment: deployment.clone(),
        to,
        before: before.syncs,
        now: now.syncs,
    });
    let overshoot = (before.overshoot != now.overshoot).then(|| What::Overshoot {
        deployment: deployment.clone(),
        to,
        before: before.overshoot,
        now: now.overshoot,
    });
    settles.into_iter().chain(overshoot).collect()
}
