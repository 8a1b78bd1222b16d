//! What is promised of this repository's structure, checked: which crate depends on which, imports between folders,
//! sizes of files. `ci/lint` runs it; `ci/count-lines` prints the lines of any checkout.

mod dependencies;
mod imports;
mod lines;
mod source;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;

use imports::Cycle;
use source::Crate;

/// The most lines that a file may have, tests included.
const LONGEST: usize = 500;
/// How often an error may be a String outside tests, as deserializers want it.
const STRING_ERRORS: usize = 5;
/// How many cycles of imports there may be between a module and what is in its own folders. Between others there is none.
const CYCLES_WITHIN_MODULES: usize = 2;

const USAGE: &str = "usage: setpoint-structure check [FOLDER] | lines [FOLDER]";

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, folder) = match &arguments[..] {
        [command] => (command, PathBuf::from(".")),
        [command, folder] => (command, PathBuf::from(folder)),
        _ => anyhow::bail!(USAGE),
    };
    let metadata = dependencies::Metadata::of(&folder)?;
    let crates = metadata
        .members()
        .map(|(name, folder)| Crate::read(name, folder))
        .collect::<anyhow::Result<Vec<_>>>()?;
    match command.as_str() {
        "lines" => {
            print!("{}", lines::table(&crates));
            Ok(ExitCode::SUCCESS)
        }
        "check" => check(&folder, &metadata, &crates),
        _ => anyhow::bail!(USAGE),
    }
}

/// Prints the numbers and what breaks a promise.
fn check(
    folder: &Path,
    metadata: &dependencies::Metadata,
    crates: &[Crate],
) -> anyhow::Result<ExitCode> {
    let mut problems = metadata.problems();
    let (within_modules, cycles): (Vec<Cycle>, Vec<Cycle>) = crates
        .iter()
        .flat_map(imports::cycles)
        .partition(|cycle| cycle.is_within_a_module);
    let long = long_files(folder)?;
    let strings: usize = crates.iter().map(lines::string_errors).sum();
    let lines: usize = crates.iter().map(lines::of_crate).sum();
    println!("lines outside tests: {lines}");
    println!("import cycles between folders: {}", cycles.len());
    println!(
        "import cycles between a module and its own folders: {}",
        within_modules.len()
    );
    println!("files over {LONGEST} lines: {}", long.len());
    println!("Result<_, String> outside tests: {strings}");
    problems.extend(long);
    problems.extend(cycles.into_iter().map(|cycle| cycle.text));
    if within_modules.len() > CYCLES_WITHIN_MODULES {
        problems.extend(within_modules.into_iter().map(|cycle| cycle.text));
        problems.push(format!(
            "at most {CYCLES_WITHIN_MODULES} cycles within modules are allowed"
        ));
    }
    if strings > STRING_ERRORS {
        problems.push(format!(
            "Result<_, String> stands {strings} times outside tests; at most {STRING_ERRORS} are allowed"
        ));
    }
    let root = format!("{}/", metadata.root());
    for problem in &problems {
        eprintln!("{}", problem.replace(&root, ""));
    }
    Ok(if problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// All Rust files of a checkout that are too long.
fn long_files(folder: &Path) -> anyhow::Result<Vec<String>> {
    let listed = std::process::Command::new("git")
        .args(["ls-files", "-z", "*.rs"])
        .current_dir(folder)
        .output()
        .context("list files by git")?;
    let mut long = Vec::new();
    for name in String::from_utf8(listed.stdout)?.split_terminator('\0') {
        let Ok(text) = std::fs::read_to_string(folder.join(name)) else {
            continue;
        };
        let count = text.lines().count();
        if count > LONGEST {
            long.push(format!(
                "{name} has {count} lines; at most {LONGEST} are allowed"
            ));
        }
    }
    Ok(long)
}
