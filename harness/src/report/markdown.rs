//! The report as Markdown, which is also GitHub's summary of a step.

use std::fmt::{self, Write as _};

use super::areas::{Area, areas};
use super::obligations::{Obligation, Word};
use super::{Outcome, Problem, Report, Verdict};
use crate::text::cut;

/// How many characters of a cause are shown in a table.
const CAUSE: usize = 300;

impl Report {
    /// The report as Markdown: counts, what was judged and on what, each failure, and tables of areas, obligations and what was skipped.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut text = String::new();
        // Writing to a string doesn't fail.
        let _: fmt::Result = self.write_markdown(&mut text);
        text
    }

    fn write_markdown(&self, text: &mut String) -> fmt::Result {
        writeln!(text, "# Setpoint: {}\n", self.counts())?;
        writeln!(
            text,
            "Adapter {}, judged by setpoint {}{}, in {:.0}s.",
            self.adapter,
            self.setpoint,
            on(self),
            self.seconds
        )?;
        if self.interrupted {
            writeln!(text, "\nThe run was interrupted.")?;
        }
        for problem in self.problems_of_known_failures() {
            writeln!(text, "\n**{problem}**")?;
        }
        self.write_failures(text)?;
        writeln!(
            text,
            "\n| area | passed | failed | inconclusive | skipped | seconds | share of time |\n|---|---|---|---|---|---|---|"
        )?;
        for Area {
            name,
            counts,
            seconds,
        } in areas(&self.scenarios)
        {
            let [passed, failed, inconclusive, skipped] = [
                counts.passed,
                counts.failed,
                counts.inconclusive,
                counts.skipped,
            ];
            writeln!(
                text,
                "| {name} | {passed} | {failed} | {inconclusive} | {skipped} | {seconds:.0} | {:.0} % |",
                self.share(seconds)
            )?;
        }
        self.write_obligations(text)?;
        self.write_skipped(text)
    }

    fn write_failures(&self, text: &mut String) -> fmt::Result {
        let failing = self.scenarios.iter();
        for outcome in failing.filter(|outcome| outcome.verdict.problem().is_some()) {
            let Some(Problem { owner, kind, cause }) = outcome.verdict.problem() else {
                continue;
            };
            let word = Word::from(&outcome.verdict);
            writeln!(text, "\n## {word}: {}\n", inline(&outcome.name))?;
            writeln!(
                text,
                "{}. {owner}, `{kind}`: {}\n",
                inline(&outcome.sentence),
                inline(cause)
            )?;
            if let Some(known) = &outcome.known {
                writeln!(
                    text,
                    "It is known, until {}: {}\n",
                    known.expires,
                    inline(&known.reason)
                )?;
            }
            for obligation in self.broken_by(outcome) {
                writeln!(text, "- breaks {}", inline(&obligation.to_string()))?;
            }
            writeln!(text, "\n    {}", outcome.again.replace('\n', " "))?;
        }
        Ok(())
    }

    fn write_obligations(&self, text: &mut String) -> fmt::Result {
        if self.obligations.is_empty() {
            return Ok(());
        }
        writeln!(
            text,
            "\nObligations and facts: {}.",
            self.obligations_counted()
        )?;
        writeln!(
            text,
            "\n| obligation | verdict | owner of the problem | scenarios |\n|---|---|---|---|"
        )?;
        for obligation in &self.obligations {
            let Obligation {
                verdict,
                owner,
                scenarios,
                ..
            } = obligation;
            let owner = owner.map_or_else(String::new, |owner| owner.to_string());
            writeln!(
                text,
                "| {} | {verdict} | {owner} | {} |",
                inline(&obligation.to_string()),
                inline(&scenarios.join(", "))
            )?;
        }
        Ok(())
    }

    fn write_skipped(&self, text: &mut String) -> fmt::Result {
        let mut of_reasons: Vec<(String, Vec<&str>)> = Vec::new();
        for outcome in &self.scenarios {
            let Verdict::Skipped { reason } = &outcome.verdict else {
                continue;
            };
            let reason = reason.to_string();
            match of_reasons.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, names)) => names.push(&outcome.name),
                None => of_reasons.push((reason, vec![&outcome.name])),
            }
        }
        if of_reasons.is_empty() {
            return Ok(());
        }
        writeln!(
            text,
            "\n| why skipped | number | scenarios |\n|---|---|---|"
        )?;
        for (reason, names) in of_reasons {
            let number = names.len();
            let names: Vec<String> = names.into_iter().map(inline).collect();
            writeln!(
                text,
                "| {} | {number} | {} |",
                inline(&reason),
                names.join(", ")
            )?;
        }
        Ok(())
    }
}

/// On what: ` on local v1.37.2`.
pub(super) fn on(report: &Report) -> String {
    let mut all: Vec<String> = Vec::new();
    let facts = report
        .scenarios
        .iter()
        .filter_map(|outcome: &Outcome| outcome.cluster.as_ref());
    for facts in facts {
        let cluster = format!("{} {}", facts.backend, facts.kubernetes_version);
        if !all.contains(&cluster) {
            all.push(cluster);
        }
    }
    if all.is_empty() {
        String::new()
    } else {
        format!(" on {}", all.join(" and "))
    }
}

/// Text that means itself, in one line.
fn inline(text: &str) -> String {
    let mut safe = String::new();
    for char in cut(text, CAUSE).chars() {
        match char {
            '\n' | '\r' => safe.push(' '),
            '\\' | '`' | '*' | '_' | '<' | '>' | '[' | ']' | '|' | '#' => safe.extend(['\\', char]),
            char => safe.push(char),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::super::tests::report;
    use super::*;

    #[test]
    fn the_markdown_report_tells_failures_areas_and_obligations() {
        insta::assert_snapshot!(report().to_markdown());
    }

    #[test]
    fn text_means_itself_in_markdown() {
        assert_eq!(inline("a|b\n<c> `d`"), "a\\|b \\<c\\> \\`d\\`");
        assert!(inline(&"x".repeat(400)).ends_with("x…"));
    }
}
