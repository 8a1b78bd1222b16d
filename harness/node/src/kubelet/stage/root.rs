//! A container's root: a fresh tmpfs with the image's program, the host's libraries if it needs them, and the
//! few things that every container finds.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{chdir, pivot_root};

use super::{ContainerSpec, Doing, Mount, StageError, mountinfo};
use crate::image::ImageRoot;

/// What `host-libraries` shows of the host, as far as the host has it.
const HOST_LIBRARIES: [&str; 9] = [
    "usr",
    "lib",
    "lib32",
    "lib64",
    "libx32",
    "bin",
    "sbin",
    "etc/ssl",
    "etc/ld.so.cache",
];
const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];
const DEVICE_LINKS: [(&str, &str); 4] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
];
const NOTHING: Option<&str> = None;

/// Leaves the node's mounts for the container's.
pub(super) fn enter(spec: &ContainerSpec) -> Result<(), StageError> {
    unshare(CloneFlags::CLONE_NEWNS).doing(|| "open the container's mount namespace".to_owned())?;
    mount(
        NOTHING,
        "/",
        NOTHING,
        MsFlags::MS_REC | MsFlags::MS_PRIVATE,
        NOTHING,
    )
    .doing(|| "keep the container's mounts to itself".to_owned())?;
    let root = spec.root.as_path();
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    tmpfs(root, flags, "mode=0755")?;
    if spec.image_root == ImageRoot::HostLibraries {
        show_host_libraries(root)?;
    }
    show_program(root, spec)?;
    make_devices(root)?;
    folder(&root.join("tmp"), 0o1777)?;
    folder(&root.join("proc"), 0o555)?;
    let hidden = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(
        Some("proc"),
        &root.join("proc"),
        Some("proc"),
        hidden,
        NOTHING,
    )
    .doing(|| "mount the container's /proc".to_owned())?;
    show_etc(root, &spec.etc)?;
    // An outer folder before the ones mounted inside it.
    let mut mounts: Vec<&Mount> = spec.mounts.iter().collect();
    mounts.sort_by_key(|mount| Path::new(&mount.target).components().count());
    for mount in mounts {
        show_volume(root, mount)?;
    }
    let working_dir = inside(root, &spec.working_dir)?;
    if !working_dir.exists() {
        folder(&working_dir, 0o755)?;
    }
    pivot(root)?;
    if spec.read_only_root {
        remount_read_only(Path::new("/"), flags)?;
    }
    Ok(())
}

fn tmpfs(at: &Path, flags: MsFlags, options: &str) -> Result<(), StageError> {
    mount(Some("tmpfs"), at, Some("tmpfs"), flags, Some(options))
        .doing(|| format!("mount a tmpfs on {}", at.display()))
}

fn show_host_libraries(root: &Path) -> Result<(), StageError> {
    for name in HOST_LIBRARIES {
        let source = Path::new("/").join(name);
        let target = root.join(name);
        let Ok(kind) = fs::symlink_metadata(&source) else {
            continue;
        };
        if let Some(parent) = target.parent() {
            folder(parent, 0o755)?;
        }
        if kind.is_symlink() {
            let to = fs::read_link(&source).doing(|| format!("read link {}", source.display()))?;
            symlink(&to, &target).doing(|| format!("create link /{name}"))?;
        } else {
            bind(&source, &target, kind.is_dir(), true)?;
        }
    }
    Ok(())
}

fn show_program(root: &Path, spec: &ContainerSpec) -> Result<(), StageError> {
    let place = inside(root, &spec.entrypoint.to_string_lossy())?;
    if let Some(parent) = place.parent() {
        folder(parent, 0o755)?;
    }
    bind(&spec.program, &place, false, true)
}

fn make_devices(root: &Path) -> Result<(), StageError> {
    let dev = root.join("dev");
    folder(&dev, 0o755)?;
    tmpfs(&dev, MsFlags::MS_NOSUID, "mode=0755")?;
    for name in DEVICES {
        bind(&Path::new("/dev").join(name), &dev.join(name), false, false)?;
    }
    for (name, to) in DEVICE_LINKS {
        symlink(to, dev.join(name)).doing(|| format!("create link /dev/{name}"))?;
    }
    let shared = dev.join("shm");
    folder(&shared, 0o1777)?;
    tmpfs(&shared, MsFlags::MS_NOSUID | MsFlags::MS_NODEV, "mode=1777")
}

/// The pod's own files, one by one: the image's other files in `/etc` stay.
fn show_etc(root: &Path, etc: &Path) -> Result<(), StageError> {
    let listing = || format!("list {}", etc.display());
    folder(&root.join("etc"), 0o755)?;
    for entry in fs::read_dir(etc).doing(listing)? {
        let entry = entry.doing(listing)?;
        bind(
            &entry.path(),
            &root.join("etc").join(entry.file_name()),
            false,
            true,
        )?;
    }
    Ok(())
}

fn show_volume(root: &Path, mount: &Mount) -> Result<(), StageError> {
    bind(
        &mount.source,
        &inside(root, &mount.target)?,
        true,
        mount.read_only,
    )
}

/// `path` of the container, seen from outside.
fn inside(root: &Path, path: &str) -> Result<PathBuf, StageError> {
    let mut out = root.to_owned();
    for component in Path::new(path).components() {
        match component {
            Component::Normal(name) => out.push(name),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => {
                return Err(std::io::Error::from(std::io::ErrorKind::InvalidInput))
                    .doing(|| format!("find `{path}`, which leads upwards, in the container"));
            }
        }
    }
    Ok(out)
}

fn bind(source: &Path, target: &Path, is_folder: bool, read_only: bool) -> Result<(), StageError> {
    if is_folder {
        folder(target, 0o755)?;
    } else {
        fs::File::create(target).doing(|| format!("create {}", target.display()))?;
    }
    let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
    mount(Some(source), target, NOTHING, flags, NOTHING)
        .doing(|| format!("show {} in the container", source.display()))?;
    if !read_only {
        return Ok(());
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo")
        .doing(|| "read /proc/self/mountinfo".to_owned())?;
    for (point, flags) in mountinfo::below(&mounts, target) {
        remount_read_only(&point, flags)?;
    }
    Ok(())
}

fn remount_read_only(at: &Path, flags: MsFlags) -> Result<(), StageError> {
    let flags = flags | MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
    mount(NOTHING, at, NOTHING, flags, NOTHING).doing(|| format!("make {} read-only", at.display()))
}

/// Creates what is missing of a folder; the mode is that of the last one.
fn folder(path: &Path, mode: u32) -> Result<(), StageError> {
    if path.is_dir() {
        return Ok(());
    }
    let creating = || format!("create folder {}", path.display());
    if let Some(parent) = path.parent() {
        folder(parent, 0o755)?;
    }
    fs::create_dir(path).doing(creating)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).doing(creating)
}

/// The old root is put below the new one, on the same spot, and taken away (`pivot_root(".", ".")` of the man page).
fn pivot(root: &Path) -> Result<(), StageError> {
    chdir(root).doing(|| format!("enter {}", root.display()))?;
    pivot_root(".", ".").doing(|| "make the container's root the root".to_owned())?;
    umount2(".", MntFlags::MNT_DETACH).doing(|| "leave the node's root".to_owned())?;
    chdir("/").doing(|| "enter the container's root".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_the_container_stays_in_its_root() {
        let root = Path::new("/run/root");
        assert_eq!(inside(root, "/a/./b").expect("inside"), root.join("a/b"));
        assert!(inside(root, "/a/../../b").is_err());
    }
}
