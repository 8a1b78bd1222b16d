//! Finding programs.

use std::path::PathBuf;

/// The executable file of that name in `PATH`, if there is one.
#[must_use]
pub fn find_in_path(program: &str) -> Option<PathBuf> {
    which::which_global(program).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_programs_in_path_are_found() {
        assert!(find_in_path("sh").is_some_and(|shell| shell.is_absolute()));
        assert_eq!(find_in_path("no-such-program-of-setpoint"), None);
    }
}
