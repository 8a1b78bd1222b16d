//! PID 1 of the plane's PID namespace: reaps, and ends with its client.
//!
//! It has no runtime and starts exactly one child. When it exits, the kernel kills everything else in the
//! namespace, so nothing can be left behind.

use std::io::{BufRead, BufReader, Read};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, ExitStatus};
use std::sync::mpsc;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use super::namespaces::mount_private;
use super::stage::{PROGRAM_NAME, Stage, StageError, THIS_PROGRAM};
use crate::failure::failed;
use crate::protocol::{DETACH, PlaneSpec};

/// How often an expiry is compared with the clock: sleep of the machine doesn't count in a single wait.
const EXPIRY_CHECK: Duration = Duration::from_secs(10);

/// Runs as PID 1 until its child ends; the child's status is its own.
pub(crate) fn run(spec: &PlaneSpec) -> Result<ExitCode, StageError> {
    // Before any thread: the signal belongs to the thread that asked. The parent is the outermost stage,
    // of one thread too, so that it can only mean that stage's end.
    let asked = set_pdeathsig(Signal::SIGKILL).map_err(std::io::Error::from);
    asked.map_err(failed("ask for the end of the parent process"))?;
    mount_private(&spec.dir)?;
    let client = std::io::stdout()
        .as_fd()
        .try_clone_to_owned()
        .map_err(failed("take over the client's socket"))?;
    let expires = spec.expires;
    std::thread::Builder::new()
        .name("client-watch".to_owned())
        .spawn(move || {
            outlast_client(std::fs::File::from(client), expires);
            std::process::exit(0);
        })
        .map_err(failed("start the thread that watches the client"))?;
    let main = Command::new(THIS_PROGRAM)
        .arg0(PROGRAM_NAME)
        .args([Stage::Main.name().as_ref(), spec.dir.spec().as_os_str()])
        .spawn()
        .map_err(failed("start the plane's main process"))?;
    let status = reap_until(main.id()).map_err(failed("wait for the plane's processes"))?;
    Ok(ExitCode::from(status))
}

/// Returns when the plane has no reason to live any more.
fn outlast_client(client: impl Read, expires: Option<jiff::Timestamp>) {
    let mut line = String::new();
    // An error is an end too: nothing more can be read.
    let _ = BufReader::new(client).read_line(&mut line);
    let Some(expires) = expires.filter(|_| line.trim_end() == DETACH) else {
        return;
    };
    // Nobody sends: a wait with a limit.
    let (_sender, never) = mpsc::channel::<()>();
    while let Some(left) = until(expires) {
        let _ = never.recv_timeout(left.min(EXPIRY_CHECK));
    }
}

fn until(expires: jiff::Timestamp) -> Option<Duration> {
    let left = expires.duration_since(jiff::Timestamp::now());
    Duration::try_from(left).ok().filter(|left| !left.is_zero())
}

/// Collects every child's status, as PID 1 must, until that of `main`.
fn reap_until(main: u32) -> std::io::Result<u8> {
    loop {
        match waitpid(None, None) {
            Ok(WaitStatus::Exited(pid, code)) if is(pid, main) => {
                return Ok(u8::try_from(code).unwrap_or(1));
            }
            Ok(WaitStatus::Signaled(pid, ..)) if is(pid, main) => return Ok(1),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn is(pid: Pid, id: u32) -> bool {
    u32::try_from(pid.as_raw()).is_ok_and(|pid| pid == id)
}

/// Whether a plane ended because it was to, so that its directory is of no more use.
pub(crate) fn ended_on_purpose(status: ExitStatus) -> bool {
    status.success()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soon() -> jiff::Timestamp {
        jiff::Timestamp::now() + jiff::SignedDuration::from_secs(3600)
    }

    #[test]
    fn a_plane_does_not_outlast_a_client_that_never_let_go() {
        outlast_client("".as_bytes(), Some(soon()));
        outlast_client("deta".as_bytes(), Some(soon()));
        outlast_client("detach\n".as_bytes(), None);
    }

    #[test]
    fn a_detached_plane_ends_when_it_expires() {
        outlast_client("detach\n".as_bytes(), Some(jiff::Timestamp::UNIX_EPOCH));
        assert_eq!(until(jiff::Timestamp::UNIX_EPOCH), None);
        assert!(until(soon()).is_some_and(|left| left > Duration::from_secs(3590)));
    }
}
