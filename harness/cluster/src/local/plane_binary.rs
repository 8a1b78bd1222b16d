//! Finding the helper program; never by running the caller's own program again.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::LocalError;

const NAME: &str = "setpoint-plane";

/// Where to look.
pub(super) struct Places {
    pub(super) explicit: Option<PathBuf>,
    pub(super) variable: Option<OsString>,
    pub(super) this_program: Option<PathBuf>,
    pub(super) path: Option<OsString>,
}

impl Places {
    pub(super) fn of_this_process(explicit: Option<PathBuf>) -> Self {
        Self {
            explicit,
            variable: std::env::var_os("SETPOINT_PLANE_BIN"),
            this_program: std::env::current_exe().ok(),
            path: std::env::var_os("PATH"),
        }
    }

    /// The first that is there. What the user named is used or refused, never passed over.
    pub(super) fn find(self) -> Result<PathBuf, LocalError> {
        let named = self.explicit.or(self.variable.map(PathBuf::from));
        let looked_at = match named {
            Some(named) => vec![named],
            None => self
                .this_program
                .iter()
                // Test executables are in target/<profile>/deps, programs in target/<profile>.
                .flat_map(|program| program.ancestors().skip(1).take(2).map(Path::to_owned))
                .chain(self.path.iter().flat_map(std::env::split_paths))
                .map(|folder| folder.join(NAME))
                .collect(),
        };
        match looked_at.iter().find(|path| path.is_file()) {
            Some(found) => Ok(found.clone()),
            None => Err(LocalError::NoPlaneBinary { looked_at }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nowhere() -> Places {
        Places {
            explicit: None,
            variable: None,
            this_program: None,
            path: None,
        }
    }

    #[test]
    fn a_test_finds_the_helper_in_the_folder_above_its_own() {
        let target = tempfile::tempdir().unwrap();
        let helper = target.path().join(NAME);
        std::fs::write(&helper, "").unwrap();
        let places = Places {
            this_program: Some(target.path().join("deps/some-test")),
            ..nowhere()
        };
        assert_eq!(places.find().unwrap(), helper);
    }

    #[test]
    fn a_named_helper_that_is_not_there_is_an_error_even_if_another_is() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(NAME), "").unwrap();
        let places = Places {
            variable: Some("/nowhere/setpoint-plane".into()),
            path: Some(folder.path().into()),
            ..nowhere()
        };
        let error = places.find().unwrap_err().to_string();
        assert!(error.contains("/nowhere/setpoint-plane"), "{error}");
    }
}
