//! The folder of all planes of this user, `planes/` in [`user_folder`].

use std::fs;
use std::io;
use std::path::PathBuf;

use setpoint_node::dir::PlaneDir;

use crate::user_folder::user_folder;

/// The folder of all planes of this user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Planes(PathBuf);

impl Planes {
    /// The user's folder, made if it is not there; no other user can read it.
    pub(super) fn of_this_user() -> io::Result<Self> {
        user_folder("planes").map(Self)
    }

    /// A folder of the caller's choice.
    #[cfg(test)]
    pub(super) fn at(folder: PathBuf) -> io::Result<Self> {
        crate::user_folder::private_dirs(&folder)?;
        Ok(Self(folder))
    }

    pub(super) fn plane(&self, name: &str) -> PlaneDir {
        PlaneDir::at(self.0.join(name))
    }

    /// All planes, by name.
    pub(super) fn all(&self) -> io::Result<Vec<(String, PlaneDir)>> {
        let mut planes = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            if let Ok(name) = entry.file_name().into_string()
                && entry.file_type()?.is_dir()
            {
                planes.push((name, PlaneDir::at(entry.path())));
            }
        }
        planes.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(planes)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_planes_folder_is_the_users_alone() {
        let root = tempfile::tempdir().unwrap();
        let planes = Planes::at(root.path().join("planes")).unwrap();
        let plane = planes.plane("a");
        plane.create().unwrap();
        for path in [&planes.0, plane.path(), &plane.pki()] {
            assert_eq!(fs::metadata(path).unwrap().mode() & 0o777, 0o700);
        }
        assert!(plane.create().is_err(), "a name belongs to one plane");
        assert_eq!(planes.all().unwrap(), [("a".to_owned(), plane)]);
    }
}
