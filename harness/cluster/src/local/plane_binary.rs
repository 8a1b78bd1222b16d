//! Finding the helper program; never by running the caller's own program again.

use std::path::{Path, PathBuf};

use setpoint_support::find_in_path;

use super::LocalError;

const NAME: &str = "setpoint-plane";
/// The variable that names it.
const VARIABLE: &str = "SETPOINT_PLANE_BIN";

/// The helper program: what the user named, else beside this program, else in PATH.
pub(super) fn find(explicit: Option<PathBuf>) -> Result<PathBuf, LocalError> {
    let named = explicit.or_else(|| std::env::var_os(VARIABLE).map(PathBuf::from));
    let this_program = std::env::current_exe().ok();
    choose(named, this_program.as_deref(), || find_in_path(NAME))
}

/// The first that is there. What the user named is used or refused, never passed over.
fn choose(
    named: Option<PathBuf>,
    this_program: Option<&Path>,
    in_path: impl FnOnce() -> Option<PathBuf>,
) -> Result<PathBuf, LocalError> {
    if let Some(named) = named {
        return if named.is_file() {
            Ok(named)
        } else {
            Err(LocalError::NoPlaneBinary {
                looked_at: vec![named],
            })
        };
    }
    // Test executables are in target/<profile>/deps, programs in target/<profile>.
    let folders = this_program.into_iter().flat_map(Path::ancestors);
    let mut looked_at: Vec<_> = folders
        .skip(1)
        .take(2)
        .map(|folder| folder.join(NAME))
        .collect();
    if let Some(found) = looked_at.iter().find(|path| path.is_file()) {
        return Ok(found.clone());
    }
    in_path().ok_or_else(|| {
        looked_at.push("PATH".into());
        LocalError::NoPlaneBinary { looked_at }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_finds_the_helper_in_the_folder_above_its_own() {
        let target = tempfile::tempdir().unwrap();
        let helper = target.path().join(NAME);
        std::fs::write(&helper, "").unwrap();
        let test = target.path().join("deps/some-test");
        assert_eq!(choose(None, Some(&test), || None).unwrap(), helper);
    }

    #[test]
    fn a_named_helper_that_is_not_there_is_an_error_even_if_another_is() {
        let named = Some("/nowhere/setpoint-plane".into());
        let error = choose(named, None, || Some("/bin/sh".into())).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("/nowhere/setpoint-plane"), "{text}");
    }
}
