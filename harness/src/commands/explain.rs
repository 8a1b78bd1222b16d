//! `setpoint explain`: rows of the failure matrix.

use super::BadInput;
use crate::matrix::{Row, RowVerdict, rows};

/// Shows a row of the failure matrix: what is broken, and what is seen then
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  setpoint explain\n  setpoint explain N04")]
pub struct ExplainArgs {
    /// A row, such as N04; without one, all are listed
    #[arg(value_name = "ROW")]
    row: Option<String>,
}

/// Prints a row, or all of them in a line each.
///
/// # Errors
/// When there is no such row: [`BadInput`].
pub fn run(args: &ExplainArgs) -> anyhow::Result<()> {
    let rows = rows()?;
    let Some(id) = &args.row else {
        for row in &rows {
            anstream::println!("{:4} {}", row.id, row.injected);
        }
        return Ok(());
    };
    let found = rows.iter().find(|row| row.id.eq_ignore_ascii_case(id));
    let Some(row) = found else {
        let known: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        return Err(BadInput(anyhow::anyhow!(
            "no row `{id}` was run so far; there are {}",
            known.join(", ")
        ))
        .into());
    };
    anstream::println!("{}", explained(row));
    Ok(())
}

fn explained(row: &Row) -> String {
    let verdict = match row.verdict {
        RowVerdict::Proven => "as predicted",
        RowVerdict::Contradicted => "otherwise than predicted",
    };
    format!(
        "{}: {}\n\n  seen      {}\n  by        setpoint run scenarios/{}.yaml\n  on        Kubernetes {}, {verdict}",
        row.id, row.injected, row.observed, row.scenario, row.kubernetes
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_what_is_wrong_what_is_seen_and_how_to_see_it() {
        let rows = rows().unwrap();
        let row = rows.iter().find(|row| row.id == "N04").unwrap();
        insta::assert_snapshot!(explained(row));
    }
}
