//! `setpoint-adapter check`: what is wrong with rules before an adapter runs with them.

mod checked;
mod manifest;
mod read;
mod report;

use std::process::ExitCode;

use setpoint_rules::Severity;

use crate::args::{CheckArgs, CheckFormat};
use checked::Checked;

/// Looks at files, prints what is found, and tells by the exit code.
pub(crate) fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let mut checked = Vec::new();
    let mut unreadable = false;
    for path in &args.files {
        match Checked::of(path) {
            Ok(file) => checked.push(file),
            Err(error) => {
                unreadable = true;
                anstream::eprintln!("error: {}", crate::error_chain::error_chain(&error));
            }
        }
    }
    match args.format {
        CheckFormat::Pretty => anstream::print!("{}", report::pretty(&checked)),
        CheckFormat::Json => anstream::println!("{:#}", report::json(&checked)),
        CheckFormat::Sarif => anstream::println!("{:#}", report::sarif(&checked)),
    }
    let findings = checked.iter().flat_map(|file| &file.findings);
    let worst = findings.map(|finding| finding.kind.severity).max();
    Ok(ExitCode::from(match worst {
        _ if unreadable => 2,
        Some(Severity::Warning | Severity::Error) => 1,
        Some(Severity::Note) | None => 0,
    }))
}

#[cfg(test)]
mod tests;
