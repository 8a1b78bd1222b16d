//! What came of it, as the tables of `ci/reports`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use libtest_mimic::{Failed, Trial};

use crate::break_rows::{BreakRows, Claim, before, cell, run};
use crate::prediction::Prediction;

/// The folder that reports are written to, if they are.
const FOLDER: &str = "SETPOINT_REPORTS";

/// A report of lies and one of breaks.
pub(crate) struct Reports {
    pub(crate) lies: Table,
    pub(crate) breaks: BreakRows,
}

/// What came of each prediction when it was last judged.
#[derive(Default)]
pub(crate) struct Table {
    /// The beginnings of all rows.
    expected: Mutex<BTreeSet<String>>,
    /// Those of this run, by their beginnings.
    rows: Arc<Mutex<BTreeMap<String, String>>>,
}

/// A row that is still to come.
pub(crate) struct Row {
    beginning: String,
    rows: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Reports {
    /// Of breaks with these claims.
    pub(crate) fn new(breaks: Vec<Claim>) -> Self {
        Self {
            lies: Table::default(),
            breaks: BreakRows::new(breaks),
        }
    }

    /// Writes the tables of which there are new rows.
    pub(crate) fn write(&self) -> anyhow::Result<()> {
        let Some(folder) = std::env::var_os(FOLDER) else {
            return Ok(());
        };
        let folder = Path::new(&folder);
        self.lies.write(&folder.join("lies.md"))?;
        self.breaks.write(&folder.join("breaks.md"))
    }
}

impl Table {
    pub(crate) fn row(&self, what: &str, prediction: &Prediction) -> Row {
        let Prediction { scenario, kind } = prediction;
        let beginning = format!("| {what} | {scenario} | {kind} |");
        let mut expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        expected.insert(beginning.clone());
        Row {
            beginning,
            rows: self.rows.clone(),
        }
    }

    fn write(&self, file: &Path) -> anyhow::Result<()> {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        if rows.is_empty() {
            return Ok(());
        }
        let expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        let before = before(file)?;
        std::fs::write(file, table(&expected, &rows, &before))
            .with_context(|| format!("write {}", file.display()))
    }
}

/// A row for each prediction: of this run, else the one that was written before.
fn table(expected: &BTreeSet<String>, rows: &BTreeMap<String, String>, before: &str) -> String {
    let mut text = String::from(
        "# Lies\n\nWhat the suite says of an adapter that lies, when `ci/lies` last had it judged.\n\n| lie | scenario | kind | run | verdict |\n|---|---|---|---|---|\n",
    );
    for beginning in expected {
        let known = || before.lines().find(|line| line.starts_with(beginning));
        let row = rows.get(beginning).map(String::as_str).or_else(known);
        let _ = match row {
            Some(row) => writeln!(text, "{row}"),
            None => writeln!(text, "{beginning} | not judged yet |"),
        };
    }
    text
}

impl Row {
    pub(crate) fn note(self, cause: &str) {
        let row = format!("{} {} | {} |", self.beginning, run(), cell(cause));
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        rows.insert(self.beginning, row);
    }
}

pub(crate) fn tests() -> Vec<Trial> {
    vec![Trial::test(
        "rows_of_lies_that_are_not_judged_are_kept",
        rows_are_kept,
    )]
}

fn rows_are_kept() -> Result<(), Failed> {
    let row = |lie: &str, verdict: &str| format!("| {lie} | a | kind | {verdict} |");
    let beginning = |lie: &str| format!("| {lie} | a | kind |");
    let expected = ["first", "new", "second"].map(beginning).into();
    let rows = [(beginning("second"), row("second", "now | caught"))].into();
    let before = [
        row("first", "before | caught"),
        row("gone", "before"),
        row("second", "before"),
    ];
    let written = table(&expected, &rows, &before.join("\n"));
    let written: Vec<&str> = written.lines().skip(6).collect();
    let expected = [
        row("first", "before | caught"),
        "| new | a | kind | | not judged yet |".to_owned(),
        row("second", "now | caught"),
    ];
    assert_eq!(written, expected);
    Ok(())
}
