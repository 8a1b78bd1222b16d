//! The cache's layout: `<module>-<version>-<os>-<architecture>/<program>`, and a lock file beside each folder.

use std::path::{Path, PathBuf};

use setpoint_support::go_architecture;

use super::source::{Module, Program};

/// The place of the module's program in the cache.
pub(super) fn path_of(cache: &Path, module: Module, program: Program) -> PathBuf {
    cache.join(folder(module)).join(program.name())
}

/// The file that is locked while a process fills the module's folder.
pub(super) fn lock_of(cache: &Path, module: Module) -> PathBuf {
    cache.join(format!("{}.lock", folder(module)))
}

/// Where the module is made: inside the cache, so that the result can be renamed into place.
pub(super) fn workshop_of(cache: &Path, module: Module) -> PathBuf {
    cache.join(format!("{}.build", folder(module)))
}

fn folder(module: Module) -> String {
    let (name, version) = (module.name(), module.version());
    format!(
        "{name}-{version}-{}-{}",
        std::env::consts::OS,
        go_architecture()
    )
}

/// Whether there is a program at that path.
pub(super) fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path)
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
