//! The report for people, and progress while it comes about.

use std::collections::BTreeMap;
use std::sync::Mutex;

use anstyle::{AnsiColor, Style};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::{Outcome, Problem, ReplicaChange, Report, Verdict};
use crate::outcome::Owner;
use crate::run::Progress;

/// How many entries of a timeline are shown, and how wide.
const SHOWN: usize = 40;
const WIDE: usize = 240;

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const UNCLEAR: Style = AnsiColor::Yellow.on_default().bold();
const DIM: Style = Style::new().dimmed();

/// Shows progress on standard error: lines that change on a terminal, plain lines elsewhere.
#[derive(Default)]
pub struct Terminal {
    bars: MultiProgress,
    running: Mutex<BTreeMap<String, ProgressBar>>,
}

impl Progress for Terminal {
    fn at(&self, scenario: &str, doing: &str) {
        let Ok(mut running) = self.running.lock() else {
            return;
        };
        let bar = running
            .entry(scenario.to_owned())
            .or_insert_with(|| self.begin(scenario));
        if bar.is_hidden() && doing.starts_with("starting") {
            // What takes longest; every step of it would bury the verdicts.
            anstream::eprintln!("{DIM}{scenario}: {doing}{DIM:#}");
        }
        bar.set_message(doing.to_owned());
        tracing::debug!(scenario, doing);
    }

    fn ended(&self, outcome: &Outcome) {
        let bar = self
            .running
            .lock()
            .ok()
            .and_then(|mut running| running.remove(&outcome.name));
        if let Some(bar) = bar {
            bar.finish_and_clear();
            self.bars.remove(&bar);
        }
        self.bars
            .suspend(|| anstream::eprintln!("{}", line(outcome)));
    }
}

impl Terminal {
    fn begin(&self, scenario: &str) -> ProgressBar {
        let bar = self.bars.add(ProgressBar::new_spinner());
        if let Ok(style) =
            ProgressStyle::with_template("{spinner} {prefix} [{elapsed}] {wide_msg:.dim}")
        {
            bar.set_style(style);
        }
        bar.set_prefix(scenario.to_owned());
        bar.enable_steady_tick(std::time::Duration::from_millis(100));
        bar
    }
}

/// A scenario in one line with its time, replicas and load, and below it the cause of a failure.
fn line(outcome: &Outcome) -> String {
    let (style, word, below) = match &outcome.verdict {
        Verdict::Passed => (GOOD, "passed", None),
        Verdict::Failed(problem) => (BAD, "FAILED", Some(explained(problem))),
        Verdict::Inconclusive(problem) => (UNCLEAR, "INCONCLUSIVE", Some(explained(problem))),
        Verdict::Skipped { reason } => (DIM, "skipped", Some(reason.to_string())),
    };
    let curve = curve(&outcome.replicas);
    let said = outcome.steps.iter().filter_map(|step| step.said.as_ref());
    let said: String = said.map(|said| format!(", {said}")).collect();
    let first = format!(
        "{style}{word}{style:#} {} {DIM}{:.1}s{curve}{said}{DIM:#}",
        outcome.sentence, outcome.seconds
    );
    below.map_or(first.clone(), |below| format!("{first}\n       {below}"))
}

/// What went wrong, with its owner and kind where it isn't the adapter's.
fn explained(problem: &Problem) -> String {
    let Problem { owner, kind, cause } = problem;
    match owner {
        Owner::Adapter => cause.clone(),
        Owner::Cluster | Owner::Harness => format!("{owner} ({kind}): {cause}"),
    }
}

/// The replicas of the Deployment that changed most often: ` web 1 -> 4 -> 8`.
fn curve(changes: &[ReplicaChange]) -> String {
    let mut curves: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for change in changes {
        let curve = curves.entry(&change.deployment).or_default();
        let number = change.replicas.to_string();
        // Others became ready.
        if curve.last() != Some(&number) {
            curve.push(number);
        }
    }
    let longest = curves
        .into_iter()
        .filter(|(_, numbers)| numbers.len() > 1)
        .max_by_key(|(_, numbers)| numbers.len());
    longest.map_or_else(String::new, |(name, numbers)| {
        format!(", {name} {}", numbers.join(" -> "))
    })
}

impl Report {
    /// Prints what remains to be said after the scenarios' own lines.
    pub fn print_summary(&self) {
        for outcome in self
            .scenarios
            .iter()
            .filter(|outcome| !outcome.evidence.is_empty())
        {
            anstream::println!("\n{BAD}{}{BAD:#}", outcome.name);
            let hidden = outcome.timeline.len().saturating_sub(SHOWN);
            if hidden > 0 {
                anstream::println!("  {DIM}{hidden} earlier entries are in the report{DIM:#}");
            }
            for entry in &outcome.timeline[hidden..] {
                anstream::println!(
                    "  {}",
                    entry.to_string().chars().take(WIDE).collect::<String>()
                );
            }
            if let Some(problem) = outcome.verdict.problem() {
                anstream::println!("  {BAD}verdict{BAD:#} {}", explained(problem));
            }
            for obligation in self.broken_by(outcome) {
                anstream::println!("  {BAD}breaks{BAD:#}  {obligation}");
            }
            anstream::println!("  again:   {}", outcome.again);
            if let Some(kept) = &outcome.kept {
                anstream::println!(
                    "  kept:    export KUBECONFIG={}\n           until {:.0}, or `setpoint cluster down --cluster kind --name {}`",
                    kept.kubeconfig.display(),
                    kept.expires,
                    kept.name
                );
            }
        }
        if let Some(facts) = self
            .scenarios
            .iter()
            .find_map(|outcome| outcome.cluster.as_ref())
        {
            anstream::println!(
                "{DIM}{} {}, {}{DIM:#}",
                facts.backend,
                facts.kubernetes_version,
                facts.options.join(", ")
            );
        }
        anstream::println!("{DIM}adapter {}{DIM:#}", self.adapter);
        if !self.obligations.is_empty() {
            let counted = self.obligations_counted();
            anstream::println!("{DIM}obligations and facts: {counted}{DIM:#}");
        }
        for outcome in &self.scenarios {
            if let Some(known) = &outcome.known {
                let (name, reason, expires) = (&outcome.name, &known.reason, known.expires);
                anstream::println!("{DIM}{name} is known to fail until {expires}: {reason}{DIM:#}");
            }
        }
        for problem in self.problems_of_known_failures() {
            anstream::println!("{BAD}{problem}{BAD:#}");
        }
        for outcome in &self.scenarios {
            if let Some(left) = &outcome.left {
                anstream::println!("{BAD}LEFT BEHIND{BAD:#} by {}: {left}", outcome.name);
            }
        }
        let style = match self.exit_code() {
            0 => GOOD,
            1 => BAD,
            _ => UNCLEAR,
        };
        let (counts, seconds) = (self.counts(), self.seconds);
        anstream::println!("{style}{counts}{style:#} in {seconds:.1}s");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deployment_that_was_scaled_is_shown() {
        let change = |deployment: &str, replicas| ReplicaChange {
            seconds: 0.0,
            deployment: deployment.to_owned(),
            replicas,
            ready: 1,
        };
        let changes = [
            change("setpoint/adapter", 1),
            change("setpoint/adapter", 1),
            change("default/web", 1),
            change("default/web", 4),
        ];
        assert_eq!(curve(&changes), ", default/web 1 -> 4");
        assert_eq!(curve(&changes[..3]), "");
    }
}
