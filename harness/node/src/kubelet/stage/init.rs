//! PID 1 of a container, until it executes the container's program.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::stat::{Mode, umask};
use nix::unistd::setsid;

use super::{ContainerSpec, Doing, StageError, control, root};
use setpoint_support::error_chain;

pub(super) fn run() -> ExitCode {
    let Ok(mut parent) = control() else {
        return ExitCode::FAILURE;
    };
    let Err(error) = become_container(&parent);
    // The parent passes it on to the kubelet; nothing is left to do if it has gone.
    let _ = write!(parent, "{}", error_chain(&error));
    ExitCode::FAILURE
}

fn become_container(parent: &UnixStream) -> Result<std::convert::Infallible, StageError> {
    let mut line = String::new();
    BufReader::new(parent)
        .read_line(&mut line)
        .doing(|| "read the container's specification".to_owned())?;
    let spec: ContainerSpec = serde_json::from_str(&line)
        .map_err(std::io::Error::from)
        .doing(|| "understand the container's specification".to_owned())?;
    setsid().doing(|| "open the container's session".to_owned())?;
    umask(Mode::empty());
    root::enter(&spec)?;
    become_user(spec.user, spec.group)?;
    umask(Mode::S_IWGRP | Mode::S_IWOTH);
    if spec.no_new_privileges {
        prctl::set_no_new_privs().doing(|| "give up new privileges".to_owned())?;
    }
    let (program, args) = match spec.argv.split_first() {
        Some((program, args)) => (program.as_str(), args),
        None => ("", [].as_slice()),
    };
    let error = Command::new(program)
        .args(args)
        .env_clear()
        .envs(&spec.env)
        .current_dir(&spec.working_dir)
        .stdin(Stdio::null())
        .exec();
    let in_vain = error.kind() == std::io::ErrorKind::NotFound && Path::new(program).exists();
    let cure = if in_vain {
        ", whose dynamic loader or interpreter the container's root lacks: build it static, or give its image the root `host-libraries`"
    } else {
        ""
    };
    Err(error).doing(|| format!("execute `{program}` in `{}`{cure}", spec.working_dir))
}

/// A user namespace of its own: the container's user stands for the node's, so that it owns its files, and has
/// no power over the namespaces that it was put in.
fn become_user(user: u32, group: u32) -> Result<(), StageError> {
    let (outer_user, outer_group) = (nix::unistd::geteuid(), nix::unistd::getegid());
    unshare(CloneFlags::CLONE_NEWUSER)
        .doing(|| "open the container's user namespace".to_owned())?;
    for (file, line) in [
        ("uid_map", format!("{user} {outer_user} 1")),
        ("setgroups", "deny".to_owned()),
        ("gid_map", format!("{group} {outer_group} 1")),
    ] {
        let path = format!("/proc/self/{file}");
        std::fs::write(&path, line).doing(|| format!("write {path}"))?;
    }
    Ok(())
}
