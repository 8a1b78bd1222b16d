//! `setpoint explain`: obligations of adapters, facts of the control plane, and what breaks.

use super::BadInput;
use crate::matrix::{Matrix, matrix, near};

/// Shows an obligation, a fact or a fault: what is done, what is seen, where it is said, and what shows it
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  setpoint explain\n  setpoint explain tls\n  setpoint explain N04\n  setpoint explain --markdown > docs/SPEC.md"
)]
pub struct ExplainArgs {
    /// An id, such as N04, or an area; without one, the areas are listed
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// Prints everything as a page
    #[arg(long, conflicts_with = "id")]
    markdown: bool,
}

/// Prints an entry, an area, or all areas in a line each.
///
/// # Errors
/// When there is no such entry: [`BadInput`].
pub fn run(args: &ExplainArgs) -> anyhow::Result<()> {
    let matrix = matrix()?;
    if args.markdown {
        anstream::print!("{}", matrix.markdown());
        return Ok(());
    }
    let text = match &args.id {
        Some(id) => explained(matrix, id)?,
        None => matrix.areas_shown(),
    };
    anstream::println!("{text}");
    Ok(())
}

fn explained(matrix: &Matrix, id: &str) -> Result<String, BadInput> {
    if let Some((area, entry)) = matrix.find(id) {
        return Ok(matrix.entry_shown(area, entry));
    }
    matrix
        .area_shown(id)
        .ok_or_else(|| BadInput(unknown(matrix, id)))
}

fn unknown(matrix: &Matrix, id: &str) -> anyhow::Error {
    let near = near(matrix, id);
    if near.is_empty() {
        let areas: Vec<&str> = matrix.areas.iter().map(|area| area.name.as_str()).collect();
        return anyhow::anyhow!("there is no `{id}`; the areas are {}", areas.join(", "));
    }
    anyhow::anyhow!(
        "there is no `{id}`; near it are {}; `setpoint explain` lists the areas",
        near.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_says_what_is_done_what_is_seen_where_it_is_said_and_what_shows_it() {
        let matrix = matrix().unwrap();
        let explained = |id| explained(matrix, id).unwrap();
        insta::assert_snapshot!("obligation", explained("n04"));
        insta::assert_snapshot!("fact", explained("B20"));
        insta::assert_snapshot!("diagnosable", explained("T02"));
        insta::assert_snapshot!("corrected", explained("A07"));
        insta::assert_snapshot!("open", explained("B02"));
    }

    #[test]
    fn an_area_lists_its_entries() {
        let matrix = matrix().unwrap();
        insta::assert_snapshot!("area", explained(matrix, "registration").unwrap());
        let explained = |id| explained(matrix, id).unwrap();
        assert_eq!(explained("TLS"), explained("tls"));
        assert_eq!(explained("HPA"), explained("hpa"));
    }

    #[test]
    fn an_id_that_is_not_there_names_those_near_it() {
        let matrix = matrix().unwrap();
        let said = |id| explained(matrix, id).unwrap_err().to_string();
        insta::assert_snapshot!(
            ["B99", "p0", "t-5", "", "queue_length"]
                .map(said)
                .join("\n")
        );
    }
}
