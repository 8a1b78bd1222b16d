//! What came of each break when it was last run, as a table of `ci/reports`. A run of some breaks keeps the rows of the others.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use libtest_mimic::{Failed, Trial};

/// The commit that the adapters are built of.
const COMMIT: &str = "SETPOINT_COMMIT";
/// How much of a cause is written.
const LONGEST: usize = 260;

/// What the head of a break says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) name: String,
    pub(crate) what: String,
    /// `none` where no scenario catches it.
    pub(crate) scenario: String,
    /// Empty where no scenario catches it.
    pub(crate) kind: String,
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    claim: Claim,
    /// Day and commit; empty if it was never run.
    run: String,
    verdict: String,
}

/// The rows that were written before and those of this run; clones are the same.
#[derive(Clone)]
pub(crate) struct BreakRows {
    claims: Arc<[Claim]>,
    /// By the names of breaks.
    verdicts: Arc<Mutex<BTreeMap<String, String>>>,
}

impl BreakRows {
    /// What the verdict on a break begins with that no scenario catches, as its head says.
    pub(crate) const SURVIVES: &str = "not caught:";
    /// What the verdict on a break begins with that is not as its head says.
    pub(crate) const UNEXPECTED: &str = "NOT AS ITS HEAD SAYS:";

    pub(crate) fn new(claims: Vec<Claim>) -> Self {
        Self {
            claims: claims.into(),
            verdicts: Arc::default(),
        }
    }

    /// Notes what came of a break.
    pub(crate) fn note(&self, name: &str, verdict: &str) {
        let mut verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        verdicts.insert(name.to_owned(), cell(verdict));
    }

    /// Writes the table if any break was run.
    pub(crate) fn write(&self, file: &Path) -> anyhow::Result<()> {
        let verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        if verdicts.is_empty() {
            return Ok(());
        }
        let before = before(file)?;
        let rows = rows(&self.claims, &verdicts, &run(), &before);
        std::fs::write(file, report(&rows)).with_context(|| format!("write {}", file.display()))
    }
}

/// What was written before; nothing the first time.
pub(crate) fn before(file: &Path) -> anyhow::Result<String> {
    match std::fs::read_to_string(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        read => read.with_context(|| format!("read {}", file.display())),
    }
}

/// A text as a cell of a table.
pub(crate) fn cell(text: &str) -> String {
    let text: String = text.chars().take(LONGEST).collect();
    text.replace('|', "\\|").replace('\n', " ")
}

/// The day and the commit of this run.
pub(crate) fn run() -> String {
    let day = jiff::Timestamp::now().strftime("%F");
    match std::env::var(COMMIT) {
        Ok(commit) => format!("{day} {commit}"),
        Err(_) => day.to_string(),
    }
}

/// A row for each claim: of this run, else the one that was written before if the claim is still the same.
fn rows(
    claims: &[Claim],
    verdicts: &BTreeMap<String, String>,
    run: &str,
    before: &str,
) -> Vec<Row> {
    let before: Vec<Row> = before.lines().filter_map(Row::parse).collect();
    let row = |claim: &Claim| match verdicts.get(&claim.name) {
        Some(verdict) => Row {
            claim: claim.clone(),
            run: run.to_owned(),
            verdict: verdict.clone(),
        },
        None => {
            let known = before.iter().find(|row| row.claim == *claim);
            known.cloned().unwrap_or_else(|| Row {
                claim: claim.clone(),
                run: String::new(),
                verdict: "not run yet".to_owned(),
            })
        }
    };
    claims.iter().map(row).collect()
}

fn report(rows: &[Row]) -> String {
    let number = |is: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| is(row)).count();
    let unexpected = number(&|row| row.verdict.starts_with(BreakRows::UNEXPECTED));
    let survive = number(&|row| row.verdict.starts_with(BreakRows::SURVIVES));
    let not_run = number(&|row| row.run.is_empty());
    let run = rows.len() - not_run;
    let caught = run - unexpected - survive;
    let percent = caught * 100 / run.max(1);
    let mut text = String::from(
        "# Breaks\n\nWhat the suite says of our own adapter, broken on purpose by each patch of `ci/breaks`, when `ci/breaks/run` last ran it.\n\n",
    );
    let _ = writeln!(
        text,
        "Caught: {caught} of {run} ({percent} %). Not caught, as listed: {survive}. Not as listed: {unexpected}. Not run yet: {not_run}.\n\n\
         | break | what is wrong | scenario | kind | run | verdict |\n|---|---|---|---|---|---|"
    );
    for row in rows {
        let Row {
            claim,
            run,
            verdict,
        } = row;
        let Claim {
            name,
            what,
            scenario,
            kind,
        } = claim;
        let _ = writeln!(
            text,
            "| {name} | {what} | {scenario} | {kind} | {run} | {verdict} |"
        );
    }
    text
}

impl Row {
    fn parse(line: &str) -> Option<Self> {
        let cells = line.strip_prefix("| ")?.strip_suffix(" |")?;
        let cells: Vec<&str> = cells.splitn(6, " | ").collect();
        let &[name, what, scenario, kind, run, verdict] = cells.as_slice() else {
            return None;
        };
        let claim = Claim {
            name: name.to_owned(),
            what: what.to_owned(),
            scenario: scenario.to_owned(),
            kind: kind.to_owned(),
        };
        Some(Self {
            claim,
            run: run.to_owned(),
            verdict: verdict.to_owned(),
        })
    }
}

pub(crate) fn tests() -> Vec<Trial> {
    vec![Trial::test(
        "rows_of_breaks_that_were_not_run_stay_unless_their_heads_say_something_else",
        rows_stay,
    )]
}

fn rows_stay() -> Result<(), Failed> {
    let claim = |name: &str, scenario: &str, kind: &str| Claim {
        name: name.to_owned(),
        what: format!("{name} is wrong"),
        scenario: scenario.to_owned(),
        kind: kind.to_owned(),
    };
    let noted = |names: &[&str], verdict: &str| -> BTreeMap<String, String> {
        let verdict = |name: &&str| ((*name).to_owned(), verdict.to_owned());
        names.iter().map(verdict).collect()
    };
    let mut claims = [
        claim("a", "hpa/x", "unexpected-value"),
        claim("b", "none", ""),
        claim("c", "hpa/x", "unexpected-value"),
        claim("d", "hpa/x", "unexpected-value"),
    ];
    let first = report(&rows(
        &claims,
        &noted(&["a", "c"], "it has \\| 1"),
        "monday 1",
        "",
    ));
    let why = format!("{} why", BreakRows::SURVIVES);
    let second = report(&rows(&claims, &noted(&["b"], &why), "tuesday 2", &first));
    claims[2] = claim("c", "values/y", "unexpected-body");
    let third = report(&rows(&claims, &BTreeMap::new(), "", &second));
    let expected = "\
Caught: 1 of 2 (50 %). Not caught, as listed: 1. Not as listed: 0. Not run yet: 2.

| break | what is wrong | scenario | kind | run | verdict |
|---|---|---|---|---|---|
| a | a is wrong | hpa/x | unexpected-value | monday 1 | it has \\| 1 |
| b | b is wrong | none |  | tuesday 2 | not caught: why |
| c | c is wrong | values/y | unexpected-body |  | not run yet |
| d | d is wrong | hpa/x | unexpected-value |  | not run yet |
";
    match third.ends_with(expected) {
        true => Ok(()),
        false => Err(third.into()),
    }
}
