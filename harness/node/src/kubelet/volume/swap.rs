//! Writes a volume's files so that a reader sees the old ones or the new ones and never a mixture, after
//! `pkg/volume/util/atomic_writer.go`.
//!
//! ```text
//! <volume>/..2026_11_24_03_17_33.123456789/<path>    the files
//! <volume>/..data -> ..2026_11_24_03_17_33.123456789 swapped by one rename
//! <volume>/<first part of path> -> ..data/<first part of path>
//! ```

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

use super::{File, Payload};

const DATA: &str = "..data";
const NEW_DATA: &str = "..data_tmp";

/// Why a volume's files could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SwapError {
    #[error(
        "`{0}` is no path in a volume: it is absolute, empty, too long, or has a part that begins with `..`"
    )]
    Path(String),
    #[error("{doing} {}", path.display())]
    Io {
        doing: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

trait Doing<T> {
    fn doing(self, doing: &'static str, path: &Path) -> Result<T, SwapError>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, doing: &'static str, path: &Path) -> Result<T, SwapError> {
        self.map_err(|source| SwapError::Io {
            doing,
            path: path.to_owned(),
            source,
        })
    }
}

/// Makes `files` the content of `volume`; says whether anything changed.
pub(crate) fn swap(volume: &Path, files: &Payload) -> Result<bool, SwapError> {
    for path in files.keys() {
        check(path)?;
    }
    fs::create_dir_all(volume).doing("create the volume's folder", volume)?;
    let data = volume.join(DATA);
    let old = fs::read_link(&data).ok().map(|name| volume.join(name));
    if let Some(old) = &old
        && holds_exactly(old, files)
    {
        return Ok(false);
    }
    let name = jiff::Timestamp::now()
        .strftime("..%Y_%m_%d_%H_%M_%S.%9f")
        .to_string();
    let new = volume.join(&name);
    fs::create_dir(&new).doing("create", &new)?;
    set_mode(&new, 0o755)?;
    for (path, file) in files {
        write(&new.join(path), file)?;
    }
    let pending = volume.join(NEW_DATA);
    if pending.symlink_metadata().is_ok() {
        fs::remove_file(&pending).doing("remove", &pending)?;
    }
    symlink(&name, &pending).doing("create link", &pending)?;
    fs::rename(&pending, &data).doing("swap", &data)?;
    link_visible(volume, files)?;
    if let Some(old) = old {
        fs::remove_dir_all(&old).doing("remove", &old)?;
    }
    Ok(true)
}

/// `validatePath` of the atomic writer.
fn check(path: &str) -> Result<(), SwapError> {
    let good = !path.is_empty()
        && path.len() <= 4096
        && Path::new(path).components().all(|component| {
            matches!(component, Component::Normal(part)
                if part.len() <= 255 && !part.to_string_lossy().starts_with(".."))
        });
    if good {
        Ok(())
    } else {
        Err(SwapError::Path(path.to_owned()))
    }
}

fn holds_exactly(folder: &Path, files: &Payload) -> bool {
    let same = |(path, file): (&String, &File)| {
        let path = folder.join(path);
        fs::read(&path).is_ok_and(|data| data == file.data)
            && fs::metadata(&path)
                .is_ok_and(|metadata| metadata.permissions().mode() & 0o777 == file.mode)
    };
    files.iter().all(same) && count(folder).is_ok_and(|count| count == files.len())
}

/// How many files there are at and below `folder`.
fn count(folder: &Path) -> io::Result<usize> {
    let mut files = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        files += if entry.file_type()?.is_dir() {
            count(&entry.path())?
        } else {
            1
        };
    }
    Ok(files)
}

fn write(path: &Path, file: &File) -> Result<(), SwapError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).doing("create", parent)?;
    }
    fs::write(path, &file.data).doing("write", path)?;
    set_mode(path, file.mode)
}

fn set_mode(path: &Path, mode: u32) -> Result<(), SwapError> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).doing("set the mode of", path)
}

/// One link for each first part of a path; those of paths that are gone are removed.
fn link_visible(volume: &Path, files: &Payload) -> Result<(), SwapError> {
    let wanted: BTreeSet<&str> = files
        .keys()
        .map(|path| path.split('/').next().unwrap_or(path))
        .collect();
    for name in &wanted {
        let link = volume.join(name);
        if link.symlink_metadata().is_err() {
            symlink(Path::new(DATA).join(name), &link).doing("create link", &link)?;
        }
    }
    for entry in fs::read_dir(volume).doing("list", volume)? {
        let entry = entry.doing("list", volume)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with("..") && !wanted.contains(&*name) {
            fs::remove_file(entry.path()).doing("remove", &entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn payload(files: &[(&str, &str)]) -> Payload {
        files
            .iter()
            .map(|(path, data)| {
                let file = File {
                    data: data.as_bytes().to_vec(),
                    mode: 0o640,
                };
                ((*path).to_owned(), file)
            })
            .collect()
    }

    fn names(folder: &Path) -> BTreeSet<String> {
        fs::read_dir(folder)
            .expect("list")
            .map(|entry| {
                entry
                    .expect("entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect()
    }

    #[test]
    fn the_files_change_by_one_swap_of_data() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let volume = folder.path().join("v");
        assert!(swap(&volume, &payload(&[("a", "1"), ("dir/b", "2")])).expect("first"));
        let first = fs::read_link(volume.join(DATA)).expect("..data");
        assert_eq!(fs::read(volume.join("dir/b")).expect("b"), b"2");
        assert_eq!(
            fs::read_link(volume.join("a")).expect("link"),
            Path::new("..data/a")
        );

        assert!(swap(&volume, &payload(&[("a", "new")])).expect("second"));
        let second = fs::read_link(volume.join(DATA)).expect("..data");
        assert_ne!(first, second);
        assert_eq!(fs::read(volume.join("a")).expect("a"), b"new");
        let left = BTreeSet::from([
            DATA.to_owned(),
            "a".to_owned(),
            second.to_string_lossy().into_owned(),
        ]);
        assert_eq!(names(&volume), left);
    }

    #[test]
    fn equal_files_swap_nothing() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let files = payload(&[("a", "1"), ("dir/b", "2")]);
        assert!(swap(folder.path(), &files).expect("first"));
        let data = fs::read_link(folder.path().join(DATA)).expect("..data");
        assert!(!swap(folder.path(), &files).expect("second"));
        assert_eq!(
            fs::read_link(folder.path().join(DATA)).expect("..data"),
            data
        );
    }

    #[test]
    fn a_path_that_leads_out_of_the_volume_is_refused_before_anything_is_written() {
        let folder = tempfile::tempdir().expect("temporary folder");
        for path in ["../a", "/a", "", "a/..b"] {
            let written = swap(folder.path(), &payload(&[("fine", "1"), (path, "2")]));
            assert!(matches!(written, Err(SwapError::Path(_))), "{path}");
        }
        assert_eq!(names(folder.path()), BTreeSet::new());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn after_any_two_swaps_a_volume_holds_exactly_the_second_files(
            first in proptest::collection::btree_map("[a-c](/[d-e])?", "[0-9]{0,3}", 0..4),
            second in proptest::collection::btree_map("[a-c]/[d-e]", "[0-9]{0,3}", 0..4),
        ) {
            let clean = |files: &std::collections::BTreeMap<String, String>| -> Payload {
                // A path can't be both a file and a folder.
                let folders: BTreeSet<_> = files.keys().filter_map(|path| path.split_once('/')).map(|(folder, _)| folder.to_owned()).collect();
                files.iter().filter(|(path, _)| !folders.contains(*path))
                    .map(|(path, data)| (path.clone(), File { data: data.clone().into_bytes(), mode: 0o644 })).collect()
            };
            let folder = tempfile::tempdir().expect("temporary folder");
            let (first, second) = (clean(&first), clean(&second));
            swap(folder.path(), &first).expect("first");
            swap(folder.path(), &second).expect("second");
            for (path, file) in &second {
                prop_assert_eq!(&fs::read(folder.path().join(path)).expect("file"), &file.data);
            }
            let visible: BTreeSet<_> = names(folder.path()).into_iter().filter(|name| !name.starts_with("..")).collect();
            let wanted: BTreeSet<_> = second.keys().map(|path| path.split('/').next().expect("part").to_owned()).collect();
            prop_assert_eq!(visible, wanted);
            prop_assert!(holds_exactly(&folder.path().join(DATA), &second));
        }
    }
}
