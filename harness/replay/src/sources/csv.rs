//! Tables. RFC 4180: cells are separated by commas, and quoted where they hold commas, quotes or ends of lines.

use super::{Collected, Recording, SourceError, millis, shown};
use crate::labels::{Labels, METRIC_NAME};
use crate::notation::parse_series;
use crate::number::value_of;

/// Cells of a row; a table of more series has rows of single samples.
const MAX_CELLS: usize = 100_000;

/// A cell and where it begins.
struct Cell {
    text: String,
    line: usize,
    column: usize,
}

impl Cell {
    fn expected(&self, expected: impl Into<String>) -> SourceError {
        SourceError {
            line: self.line,
            column: self.column,
            expected: expected.into(),
            found: shown(&self.text),
        }
    }
}

/// What the columns of a table are.
enum Columns {
    /// `time`, then a series each.
    Series(Vec<Labels>),
    /// `time` and `value` at their positions; all others are labels of these names.
    Samples {
        time: usize,
        value: usize,
        labels: Vec<String>,
    },
}

pub(super) fn read(text: &str) -> Result<Recording, SourceError> {
    // Programs for tables write it at the beginning.
    let mut rows = Rows::new(text.strip_prefix('\u{feff}').unwrap_or(text));
    let Some(head) = rows.next_row()? else {
        return Err(SourceError {
            line: 1,
            column: 1,
            expected: "a first line with the names of the columns, `time` among them".to_owned(),
            found: "the end".to_owned(),
        });
    };
    let columns = columns(&head)?;
    let mut all = Collected::default();
    while let Some(row) = rows.next_row()? {
        if row.len() != head.len() {
            let extra = row.get(head.len()).or(row.last());
            let expected = format!(
                "{} cells, as in the first line: there are {}",
                head.len(),
                row.len()
            );
            return extra.map_or(
                Ok(Recording::default()),
                |cell| Err(cell.expected(expected)),
            );
        }
        match &columns {
            Columns::Series(series) => wide(&row, series, &mut all)?,
            Columns::Samples {
                time,
                value,
                labels,
            } => long(&row, (*time, *value), labels, &mut all)?,
        }
    }
    Ok(all.recording())
}

fn columns(head: &[Cell]) -> Result<Columns, SourceError> {
    let place = |name: &str| {
        let mut names = head.iter();
        names.position(|cell| cell.text.trim().eq_ignore_ascii_case(name))
    };
    match (place("time"), place("value")) {
        (Some(time), Some(value)) => {
            let labels: Vec<String> = head
                .iter()
                .map(|cell| cell.text.trim().to_owned())
                .collect();
            for (index, cell) in head.iter().enumerate() {
                let name = cell.text.trim();
                if name.is_empty() || labels.iter().position(|other| other == name) != Some(index) {
                    return Err(cell.expected("the name of a label, each once"));
                }
            }
            Ok(Columns::Samples {
                time,
                value,
                labels,
            })
        }
        (Some(0), None) => {
            let mut series: Vec<Labels> = Vec::new();
            for cell in head.iter().skip(1) {
                let labels = parse_series(&cell.text).map_err(|problem| {
                    cell.expected(format!("a series ({problem}) or a column `value`"))
                })?;
                if series.contains(&labels) {
                    return Err(cell.expected("each series once"));
                }
                series.push(labels);
            }
            Ok(Columns::Series(series))
        }
        _ => Err(head.first().map_or_else(
            || Rows::new("").at("a column `time`", "the end"),
            |cell| cell.expected("`time`, the first column"),
        )),
    }
}

fn wide(row: &[Cell], series: &[Labels], all: &mut Collected) -> Result<(), SourceError> {
    let Some((time, values)) = row.split_first() else {
        return Ok(());
    };
    let at = time_of(time)?;
    for (cell, labels) in values.iter().zip(series) {
        if let Some(value) = value_in(cell)? {
            let taken = all.take(labels.clone(), Some(at), value);
            taken.map_err(|expected| time.expected(expected))?;
        }
    }
    Ok(())
}

fn long(
    row: &[Cell],
    (time, value): (usize, usize),
    names: &[String],
    all: &mut Collected,
) -> Result<(), SourceError> {
    let mut labels = Labels::new();
    for (index, (cell, name)) in row.iter().zip(names).enumerate() {
        if index != time && index != value {
            labels.set(name, &cell.text);
        }
    }
    let (Some(time), Some(value)) = (row.get(time), row.get(value)) else {
        return Ok(());
    };
    if !labels.contains(METRIC_NAME) {
        return Err(time.expected(format!(
            "a row with a metric name in column `{METRIC_NAME}`"
        )));
    }
    let at = time_of(time)?;
    if let Some(number) = value_in(value)? {
        let taken = all.take(labels, Some(at), number);
        taken.map_err(|expected| time.expected(expected))?;
    }
    Ok(())
}

/// Seconds since 1970, or a time as RFC 3339 writes it.
fn time_of(cell: &Cell) -> Result<i64, SourceError> {
    let text = cell.text.trim();
    let millis = match text.parse::<f64>() {
        Ok(seconds) => millis(seconds, 1000.0),
        Err(_) => {
            let time = text.parse::<jiff::Timestamp>().ok();
            time.map(jiff::Timestamp::as_millisecond)
        }
    };
    let expected = "a time: seconds since 1970, or such as 2026-01-02T15:04:05Z";
    millis.ok_or_else(|| cell.expected(expected))
}

/// The value of a cell; none where it is empty.
fn value_in(cell: &Cell) -> Result<Option<f64>, SourceError> {
    let text = cell.text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let value = value_of(text).map(Some);
    value.ok_or_else(|| cell.expected("a number, `stale`, or nothing"))
}

/// The rows of a table.
struct Rows<'a> {
    chars: std::iter::Peekable<std::str::Chars<'a>>,
    line: usize,
    column: usize,
}

impl<'a> Rows<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            chars: text.chars().peekable(),
            line: 1,
            column: 1,
        }
    }

    fn at(&self, expected: &str, found: &str) -> SourceError {
        SourceError {
            line: self.line,
            column: self.column,
            expected: expected.to_owned(),
            found: found.to_owned(),
        }
    }

    fn next_char(&mut self) -> Option<char> {
        let c = self.chars.next()?;
        if c == '\n' {
            self.line += 1;
            self.column = 1;
        } else {
            self.column += 1;
        }
        Some(c)
    }

    /// The next row that isn't empty; none at the end.
    fn next_row(&mut self) -> Result<Option<Vec<Cell>>, SourceError> {
        while matches!(self.chars.peek(), Some('\n' | '\r')) {
            self.next_char();
        }
        if self.chars.peek().is_none() {
            return Ok(None);
        }
        let mut row = Vec::new();
        loop {
            if row.len() == MAX_CELLS {
                return Err(self.at("at most 100000 cells in a line", "another"));
            }
            row.push(self.cell()?);
            match self.next_char() {
                Some(',') => {}
                Some('\r') if self.chars.peek() == Some(&'\n') => {
                    self.next_char();
                    return Ok(Some(row));
                }
                Some('\n') | None => return Ok(Some(row)),
                Some(other) => {
                    self.column = self.column.saturating_sub(1);
                    return Err(self.at("`,` or the end of the line", &format!("`{other}`")));
                }
            }
        }
    }

    /// The cell at this place, up to what follows it.
    fn cell(&mut self) -> Result<Cell, SourceError> {
        let (line, column) = (self.line, self.column);
        let mut text = String::new();
        if self.chars.peek() == Some(&'"') {
            self.next_char();
            loop {
                match self.next_char() {
                    Some('"') if self.chars.peek() == Some(&'"') => {
                        self.next_char();
                        text.push('"');
                    }
                    Some('"') => break,
                    Some(other) => text.push(other),
                    None => {
                        let expected = "a cell with a closing quote".to_owned();
                        let found = shown(&text);
                        return Err(SourceError {
                            line,
                            column,
                            expected,
                            found,
                        });
                    }
                }
            }
        } else {
            while let Some(c) = self.chars.next_if(|c| !matches!(c, ',' | '\n' | '\r')) {
                self.column += 1;
                text.push(c);
            }
        }
        Ok(Cell { text, line, column })
    }
}
