//! Reads `/proc/self/mountinfo`: which mounts lie below a folder, and with which flags.

use std::path::{Path, PathBuf};

use nix::mount::MsFlags;

/// The mounts at and below `folder`, each with the flags that a remount has to keep: those of a mount that came
/// from another user namespace are locked.
pub(super) fn below(mountinfo: &str, folder: &Path) -> Vec<(PathBuf, MsFlags)> {
    mountinfo
        .lines()
        .filter_map(|line| {
            // ID, parent, device, root, mount point, options, …
            let mut fields = line.split(' ').skip(4);
            let point = PathBuf::from(unescape(fields.next()?));
            let options = fields.next()?;
            point
                .starts_with(folder)
                .then(|| (point, flags_of(options)))
        })
        .collect()
}

fn flags_of(options: &str) -> MsFlags {
    options
        .split(',')
        .map(|option| match option {
            "ro" => MsFlags::MS_RDONLY,
            "nosuid" => MsFlags::MS_NOSUID,
            "nodev" => MsFlags::MS_NODEV,
            "noexec" => MsFlags::MS_NOEXEC,
            "noatime" => MsFlags::MS_NOATIME,
            "nodiratime" => MsFlags::MS_NODIRATIME,
            "relatime" => MsFlags::MS_RELATIME,
            _ => MsFlags::empty(),
        })
        .fold(MsFlags::empty(), |all, flag| all | flag)
}

/// The kernel writes space, tab, newline and backslash as three octal digits after a backslash.
fn unescape(field: &str) -> String {
    let mut out = String::with_capacity(field.len());
    let mut rest = field;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let digits = rest.get(at + 1..at + 4);
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match byte {
            Some(byte) if byte.is_ascii() => {
                out.push(char::from(byte));
                rest = &rest[at + 4..];
            }
            _ => {
                out.push('\\');
                rest = &rest[at + 1..];
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_below_a_folder_are_found_with_their_flags() {
        let mountinfo = "\
21 1 0:20 / / rw,relatime - ext4 /dev/vda rw
22 21 0:21 / /usr rw,nosuid,nodev,relatime shared:1 - ext4 /dev/vdb rw
23 22 0:22 / /usr/with\\040space ro,noexec - tmpfs tmpfs rw
24 21 0:23 / /usrlocal rw - tmpfs tmpfs rw
";
        assert_eq!(
            below(mountinfo, Path::new("/usr")),
            [
                (
                    PathBuf::from("/usr"),
                    MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_RELATIME
                ),
                (
                    PathBuf::from("/usr/with space"),
                    MsFlags::MS_RDONLY | MsFlags::MS_NOEXEC
                ),
            ]
        );
    }
}
