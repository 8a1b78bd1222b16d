//! The product's programs inside a checkout: built now, so that no stale one is used.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

use super::ProgramError;

/// The checkout around the working directory.
pub(super) fn checkout() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    let mut folders = here.ancestors();
    folders
        .find(|folder| is_checkout(folder))
        .map(Path::to_owned)
}

/// The checkout that this crate was compiled from, such as the one that Cargo keeps of a dependency, if it is still there.
pub(super) fn sources() -> Option<PathBuf> {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    is_checkout(checkout).then(|| checkout.to_owned())
}

fn is_checkout(folder: &Path) -> bool {
    folder.join("adapter/metrics-api").is_dir() && folder.join("Cargo.lock").is_file()
}

/// Whether a program was built with `--release`, by its folder's name.
pub(super) fn is_release(program: &Path) -> bool {
    program
        .ancestors()
        .any(|folder| folder.file_name().is_some_and(|name| name == "release"))
}

/// Builds the workspace's programs, all of them, so that features are unified as in a build of the
/// workspace and nothing is compiled twice. Returns their paths by name. They are built in `into`, or where Cargo builds
/// what is in the checkout.
pub(super) async fn build(
    checkout: &Path,
    release: bool,
    into: Option<&Path>,
) -> Result<BTreeMap<String, PathBuf>, ProgramError> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut arguments = vec![
        "build",
        "--workspace",
        "--bins",
        "--message-format=json-render-diagnostics",
    ];
    arguments.extend(release.then_some("--release"));
    // Cargo's own progress is on standard error, where people see it.
    let target = into.map(|folder| [OsStr::new("--target-dir"), folder.as_os_str()]);
    let output = Command::new(&cargo)
        .args(&arguments)
        .args(target.into_iter().flatten())
        .current_dir(checkout)
        .stderr(Stdio::inherit())
        .output()
        .await
        .map_err(ProgramError::using(Path::new(&cargo)))?;
    if !output.status.success() {
        return Err(ProgramError::Build {
            command: format!("cargo {}", arguments.join(" ")),
            checkout: checkout.to_owned(),
            status: output.status,
        });
    }
    Ok(executables(&String::from_utf8_lossy(&output.stdout)))
}

/// The executables that Cargo's JSON messages name.
fn executables(messages: &str) -> BTreeMap<String, PathBuf> {
    let executable = |message: Value| {
        let path = message["executable"].as_str()?;
        let name = message["target"]["name"].as_str()?;
        Some((name.to_owned(), PathBuf::from(path)))
    };
    messages
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter_map(executable)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executables_are_those_that_cargo_names() {
        let messages = "\
            {\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"a-library\"},\"executable\":null}\n\
            a line that is no message\n\
            {\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"setpoint\"},\"executable\":\"/t/setpoint\"}\n\
            {\"reason\":\"build-finished\",\"success\":true}";
        let expected = BTreeMap::from([("setpoint".to_owned(), PathBuf::from("/t/setpoint"))]);
        assert_eq!(executables(messages), expected);
    }

    #[test]
    fn a_release_build_is_told_by_its_folder() {
        assert!(is_release(Path::new("/t/release/setpoint")));
        assert!(!is_release(Path::new("/t/debug/deps/release-notes")));
    }
}
