//! Entering the namespaces that a plane lives in: one way, as root or not.

use std::fs;
use std::io;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getegid, geteuid, sethostname};

use crate::address::NODE_NAME;
use crate::dir::PlaneDir;

/// Why this process could not enter its own namespaces.
#[derive(Debug, thiserror::Error)]
#[error("{doing}; {cure}")]
pub(crate) struct NamespaceError {
    doing: &'static str,
    cure: String,
    #[source]
    source: io::Error,
}

fn refused(doing: &'static str) -> impl FnOnce(io::Error) -> NamespaceError {
    move |source| NamespaceError {
        doing,
        cure: cure(|name| fs::read_to_string(format!("/proc/sys/{name}")).ok()),
        source,
    }
}

/// Enters new user, PID, network, IPC and UTS namespaces. The process must have one thread only; its
/// children are in the PID namespace, the first of them as PID 1.
pub(crate) fn enter() -> Result<(), NamespaceError> {
    // Read before: afterwards this process has no user until the maps are written.
    let (user, group) = (geteuid(), getegid());
    let all = CloneFlags::CLONE_NEWUSER
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    unshare(all)
        .map_err(|e| refused("enter new user, PID, network, IPC and UTS namespaces")(e.into()))?;
    // user_namespaces(7): a group map of an unprivileged process needs setgroups denied before.
    let maps = [
        ("/proc/self/setgroups", "deny".to_owned()),
        ("/proc/self/uid_map", format!("0 {user} 1")),
        ("/proc/self/gid_map", format!("0 {group} 1")),
    ];
    for (file, content) in maps {
        fs::write(file, content).map_err(refused("map this user to root of a user namespace"))?;
    }
    sethostname(NODE_NAME).map_err(|e| refused("set the plane's host name")(e.into()))
}

/// Gives PID 1 a mount namespace with its own /proc and a tmpfs for the plane's data. Called by PID 1.
pub(crate) fn mount_private(dir: &PlaneDir) -> Result<(), NamespaceError> {
    let step = |doing, result: Result<(), Errno>| result.map_err(|e| refused(doing)(e.into()));
    let none: Option<&str> = None;
    step(
        "enter a new mount namespace",
        unshare(CloneFlags::CLONE_NEWNS),
    )?;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    step(
        "make all mounts private",
        mount(none, "/", none, private, none),
    )?;
    let restricted = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    step(
        "mount /proc of the PID namespace (a container that masks parts of its own /proc forbids it: \
         Docker's `--security-opt systempaths=unconfined`)",
        mount(Some("proc"), "/proc", Some("proc"), restricted, none),
    )?;
    step(
        "mount a tmpfs for the plane's data",
        mount(
            Some("tmpfs"),
            &dir.run(),
            Some("tmpfs"),
            MsFlags::MS_NOSUID,
            Some("mode=0755"),
        ),
    )
}

/// What the user can do about it, by the kernel's own switches.
fn cure(sysctl: impl Fn(&str) -> Option<String>) -> String {
    let is = |name, value| sysctl(name).is_some_and(|found| found.trim() == value);
    if is("kernel/apparmor_restrict_unprivileged_userns", "1") {
        "AppArmor restricts user namespaces here: \
         `sysctl kernel.apparmor_restrict_unprivileged_userns=0`, or a profile that allows `userns`"
            .to_owned()
    } else if is("kernel/unprivileged_userns_clone", "0") {
        "user namespaces are off here: `sysctl kernel.unprivileged_userns_clone=1`".to_owned()
    } else if is("user/max_user_namespaces", "0") {
        "no user namespaces are allowed here: `sysctl user.max_user_namespaces=10000`".to_owned()
    } else {
        "in a container its seccomp profile must allow unshare and mount (Docker: `--security-opt \
         seccomp=unconfined`); elsewhere see `user.max_user_namespaces` and the other limits in /proc/sys/user"
            .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cure_is_told_from_the_switch_that_is_off() {
        let with = |set: &'static str, value: &'static str| {
            cure(move |name| (name == set).then(|| format!("{value}\n")))
        };
        let apparmor = "kernel/apparmor_restrict_unprivileged_userns";
        assert!(
            with(apparmor, "1").contains("sysctl kernel.apparmor_restrict_unprivileged_userns=0")
        );
        assert!(with(apparmor, "0").contains("seccomp"));
        assert!(with("user/max_user_namespaces", "0").contains("user.max_user_namespaces=10000"));
        assert!(with("user/max_user_namespaces", "96365").contains("seccomp"));
        assert!(
            with("kernel/unprivileged_userns_clone", "0").contains("unprivileged_userns_clone=1")
        );
    }
}
