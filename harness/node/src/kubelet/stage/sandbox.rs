//! The process that holds a pod's namespaces, as a pause container does.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::ExitCode;

use nix::sched::{CloneFlags, unshare};

use super::{Doing, StageError, control};
use setpoint_support::error_chain;

/// Any user of the pod may bind any port, as container runtimes have it by default.
const UNPRIVILEGED_PORTS: &str = "/proc/sys/net/ipv4/ip_unprivileged_port_start";

pub(super) fn run() -> ExitCode {
    match hold() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The kubelet reads standard error when the sandbox ends early.
            eprintln!("{}", error_chain(&error));
            ExitCode::FAILURE
        }
    }
}

/// Reads the pod's host name, opens its namespaces, answers with an empty line, and waits for the socket's end.
fn hold() -> Result<(), StageError> {
    let mut control = control()?;
    let mut reader = BufReader::new(
        control
            .try_clone()
            .doing(|| "duplicate the control socket".to_owned())?,
    );
    let mut host_name = String::new();
    reader
        .read_line(&mut host_name)
        .doing(|| "read the pod's host name".to_owned())?;
    unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWUTS | CloneFlags::CLONE_NEWIPC)
        .doing(|| "open the pod's network, UTS and IPC namespaces".to_owned())?;
    nix::unistd::sethostname(host_name.trim_end())
        .doing(|| format!("set the host name `{}`", host_name.trim_end()))?;
    std::fs::write(UNPRIVILEGED_PORTS, "0").doing(|| format!("write {UNPRIVILEGED_PORTS}"))?;
    control
        .write_all(b"\n")
        .doing(|| "tell that the sandbox is there".to_owned())?;
    let mut rest = Vec::new();
    reader
        .read_to_end(&mut rest)
        .doing(|| "wait for the pod's end".to_owned())?;
    Ok(())
}
