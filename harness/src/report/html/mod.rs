//! The report as one HTML file that loads nothing: it can be mailed, kept and opened anywhere.

use std::fmt::{self, Write as _};

use super::areas::{Area, areas};
use super::curves::{self, escaped};
use super::document::Report;
use super::markdown::on;
use super::obligations::{Obligation, Word};
use super::outcome::Outcome;
use super::verdict::Verdict;

const STYLE: &str = include_str!("style.css");
/// How many entries of a failure's timeline are shown, from the last, and how long each may be. With these, a report in which
/// everything failed has less than 2 MB.
const ENTRIES: usize = 50;
const LONG: usize = 200;

impl Report {
    /// The report as an HTML file: counts, areas, obligations, and each scenario with its steps and its curves, of a failure
    /// also its timeline.
    #[must_use]
    pub fn to_html(&self) -> String {
        let mut html = String::new();
        // Writing to a string doesn't fail.
        let _: fmt::Result = self.write_html(&mut html);
        html
    }

    fn write_html(&self, html: &mut String) -> fmt::Result {
        let title = escaped(&format!("Setpoint: {}", self.counts()));
        write!(
            html,
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{title}</title>\n<style>\n{STYLE}</style>\n<h1>{title}</h1>\n"
        )?;
        let (adapter, setpoint) = (escaped(&self.adapter.to_string()), escaped(&self.setpoint));
        let on = escaped(&on(self));
        writeln!(
            html,
            "<p>Adapter {adapter}, judged by setpoint {setpoint}{on}, in {:.0}s.</p>",
            self.seconds
        )?;
        if self.interrupted {
            writeln!(html, "<p class=\"failed\">The run was interrupted.</p>")?;
        }
        for problem in self.problems_of_known_failures() {
            writeln!(html, "<p class=\"failed\">{}</p>", escaped(&problem))?;
        }
        write_areas(html, self)?;
        writeln!(html, "<h2>Scenarios</h2>")?;
        let mut scenarios: Vec<&Outcome> = self.scenarios.iter().collect();
        scenarios.sort_by_key(|outcome| outcome.verdict.word());
        for outcome in scenarios {
            write_scenario(html, self, outcome)?;
        }
        write_obligations(html, &self.obligations)?;
        html.push_str("</html>\n");
        Ok(())
    }
}

fn write_areas(html: &mut String, report: &Report) -> fmt::Result {
    let heads = ["passed", "failed", "unclear", "skipped", "seconds", "share"]
        .map(|head| format!("<th class=\"number\">{head}"));
    writeln!(
        html,
        "<h2>Areas</h2>\n<table>\n<tr><th>area{}",
        heads.concat()
    )?;
    for Area {
        name,
        counts,
        seconds,
    } in areas(&report.scenarios)
    {
        let counts = [
            counts.passed,
            counts.failed,
            counts.inconclusive,
            counts.skipped,
        ];
        let cells = counts.map(|count| format!("<td class=\"number\">{count}"));
        writeln!(
            html,
            "<tr><td>{}{}<td class=\"number\">{seconds:.0}<td class=\"number\">{:.0} %",
            escaped(name),
            cells.concat(),
            report.share(seconds)
        )?;
    }
    writeln!(html, "</table>")
}

fn write_scenario(html: &mut String, report: &Report, outcome: &Outcome) -> fmt::Result {
    let word = outcome.verdict.word();
    let (sentence, name) = (escaped(&outcome.sentence), escaped(&outcome.name));
    let open = if word == Word::Failed { " open" } else { "" };
    writeln!(
        html,
        "<details{open} id=\"{name}\"><summary><span class=\"word {word}\">{word}</span>{sentence} <span class=\"seconds\">{name}, {:.1}s, {:.1} % of the time</span></summary>",
        outcome.seconds,
        report.share(outcome.seconds)
    )?;
    match &outcome.verdict {
        Verdict::Passed => {}
        Verdict::Skipped { reason } => writeln!(html, "<p>{}</p>", escaped(&reason.to_string()))?,
        Verdict::Failed(problem) | Verdict::Inconclusive(problem) => {
            let (owner, kind) = (problem.owner, problem.kind);
            writeln!(
                html,
                "<p><b>{owner}, {kind}</b>: {}</p>",
                escaped(&problem.cause)
            )?;
        }
    }
    for obligation in report.broken_by(outcome) {
        writeln!(html, "<p>Breaks {}</p>", escaped(&obligation.to_string()))?;
    }
    if let Some(known) = &outcome.known {
        writeln!(
            html,
            "<p>It is known, until {}: {}</p>",
            known.expires,
            escaped(&known.reason)
        )?;
    }
    for curves in curves::of(outcome) {
        html.push_str(&curves::draw(&curves));
    }
    write_steps(html, outcome)?;
    if let Some(more) = outcome.timeline.len().checked_sub(ENTRIES) {
        writeln!(html, "<p>{more} earlier entries are in report.json.</p>")?;
    }
    if !outcome.timeline.is_empty() {
        let shown = outcome.timeline.iter().rev().take(ENTRIES).rev();
        let lines: Vec<String> = shown
            .map(|entry| entry.to_string().chars().take(LONG).collect())
            .collect();
        writeln!(html, "<pre>{}</pre>", escaped(&lines.join("\n")))?;
    }
    if outcome.verdict.problem().is_some() {
        writeln!(html, "<pre>{}</pre>", escaped(&outcome.again))?;
    }
    writeln!(html, "</details>")
}

fn write_steps(html: &mut String, outcome: &Outcome) -> fmt::Result {
    if outcome.steps.is_empty() {
        return Ok(());
    }
    writeln!(html, "<table>")?;
    for (index, step) in outcome.steps.iter().enumerate() {
        let said = step
            .said
            .as_ref()
            .map_or_else(String::new, |said| format!(": {said}"));
        let text = escaped(&format!("{}{said}", step.step));
        writeln!(
            html,
            "<tr><td class=\"number\">{index}<td>{text}<td class=\"number\">{:.1}s",
            step.seconds
        )?;
    }
    writeln!(html, "</table>")
}

fn write_obligations(html: &mut String, obligations: &[Obligation]) -> fmt::Result {
    if obligations.is_empty() {
        return Ok(());
    }
    writeln!(
        html,
        "<h2>Obligations</h2>\n<table>\n<tr><th>obligation<th>verdict<th>scenarios"
    )?;
    for obligation in obligations {
        let Obligation {
            verdict,
            owner,
            scenarios,
            ..
        } = obligation;
        let owner = owner.map_or_else(String::new, |owner| format!(" ({owner})"));
        let link = |name: &String| format!("<a href=\"#{name}\">{name}</a>", name = escaped(name));
        let links: Vec<String> = scenarios.iter().map(link).collect();
        writeln!(
            html,
            "<tr><td>{}<td class=\"{verdict}\">{verdict}{owner}<td>{}",
            escaped(&obligation.to_string()),
            links.join(", ")
        )?;
    }
    writeln!(html, "</table>")
}

#[cfg(test)]
mod tests {
    use super::super::tests::{outcome, report};
    use super::super::timeline::{Entry, Source};
    use super::*;
    use crate::outcome::{Kind, Owner};
    use crate::report::{Counts, Problem};

    #[test]
    fn the_html_report_tells_failures_first_and_loads_nothing() {
        let html = report().to_html();
        let without_style = html.replace(STYLE, "");
        insta::assert_snapshot!(without_style);
        for loading in [
            "http://", "https://", "src=", "@import", "url(", "<script", "<link",
        ] {
            assert!(
                !html
                    .replace("http://www.w3.org/2000/svg", "")
                    .contains(loading),
                "{loading}"
            );
        }
    }

    #[test]
    fn text_of_scenarios_and_adapters_can_be_no_markup() {
        let mut report = report();
        report.scenarios[1].sentence = "<img src=x>".to_owned();
        report.scenarios[1].timeline[0].text = "</pre><script>".to_owned();
        let html = report.to_html();
        assert!(
            !html.contains("<img") && !html.contains("<script"),
            "{html}"
        );
    }

    #[test]
    fn a_report_in_which_everything_failed_has_less_than_two_megabytes() {
        let failed = |index: usize| {
            let problem = Problem {
                owner: Owner::Adapter,
                kind: Kind::DidNotStay,
                cause: "x".repeat(500),
            };
            let mut outcome = outcome(&format!("hpa/number-{index}"), Verdict::Failed(problem));
            let entry = Entry {
                seconds: 1.0,
                source: Source::Adapter,
                text: "y".repeat(400),
            };
            outcome.timeline = vec![entry; 1_000];
            outcome
        };
        let mut report = report();
        report.scenarios = (0..150).map(failed).collect();
        assert_eq!(
            report.counts(),
            Counts {
                failed: 150,
                ..Counts::default()
            }
        );
        let length = report.to_html().len();
        assert!(length < 2_000_000, "{length}");
    }
}
