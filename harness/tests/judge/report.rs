//! What came of it, as the tables of `ci/reports`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;

use crate::break_rows::{BreakRows, Claim};
use crate::prediction::Prediction;

/// The folder that reports are written to, if they are.
const FOLDER: &str = "SETPOINT_REPORTS";
/// How much of a cause is written.
const LONGEST: usize = 260;

/// A report of lies and one of breaks.
pub(crate) struct Reports {
    pub(crate) lies: Table,
    pub(crate) breaks: BreakRows,
}

/// What came of each prediction.
#[derive(Default)]
pub(crate) struct Table {
    expected: Mutex<usize>,
    rows: Arc<Mutex<BTreeMap<(String, String), String>>>,
}

/// A row that is still to come.
pub(crate) struct Row {
    what: String,
    prediction: Prediction,
    rows: Arc<Mutex<BTreeMap<(String, String), String>>>,
}

impl Reports {
    /// Of breaks with these claims.
    pub(crate) fn new(breaks: Vec<Claim>) -> Self {
        Self {
            lies: Table::default(),
            breaks: BreakRows::new(breaks),
        }
    }

    /// Writes the table of lies if all its rows are there, and that of breaks.
    pub(crate) fn write(&self) -> anyhow::Result<()> {
        let Some(folder) = std::env::var_os(FOLDER) else {
            return Ok(());
        };
        let folder = Path::new(&folder);
        let lies = "# Lies\n\nWritten by `ci/lies` on DATE: what the suite says of an adapter that lies.\n\n| lie |";
        self.lies.write(&folder.join("lies.md"), lies)?;
        self.breaks.write(&folder.join("breaks.md"))
    }
}

impl Table {
    pub(crate) fn row(&self, what: String, prediction: &Prediction) -> Row {
        *self.expected.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Row {
            what,
            prediction: prediction.clone(),
            rows: self.rows.clone(),
        }
    }

    fn write(&self, file: &Path, head: &str) -> anyhow::Result<()> {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let expected = *self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        if rows.len() < expected {
            return Ok(());
        }
        let date = jiff::Timestamp::now().strftime("%F").to_string();
        let mut text = head.replace("DATE", &date);
        text += " scenario | kind | verdict |\n|---|---|---|---|\n";
        for row in rows.values() {
            let _ = writeln!(text, "{row}");
        }
        std::fs::write(file, text).with_context(|| format!("write {}", file.display()))
    }
}

impl Row {
    pub(crate) fn note(self, cause: &str) {
        let (what, Prediction { scenario, kind }) = (self.what, self.prediction);
        let cause: String = cause
            .replace('|', "\\|")
            .replace('\n', " ")
            .chars()
            .take(LONGEST)
            .collect();
        let row = format!("| {what} | {scenario} | {kind} | {cause} |");
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        rows.insert((what, scenario), row);
    }
}
