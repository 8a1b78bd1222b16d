//! The parent of a container: outside its PID namespace, so that it sees how the container ends.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Pid;

use super::{CONTAINER_INIT, ContainerSpec, Doing, Report, StageError, StopRequest, control};
use setpoint_support::error_chain;

pub(super) fn run() -> ExitCode {
    let mut control = match control() {
        Ok(control) => control,
        Err(error) => {
            eprintln!("{}", error_chain(&error));
            return ExitCode::FAILURE;
        }
    };
    match supervise(&mut control) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The kubelet may be gone, and nothing else reads this.
            let _ = report(&mut control, &Report::Failed(error_chain(&error)));
            ExitCode::FAILURE
        }
    }
}

fn supervise(control: &mut UnixStream) -> Result<(), StageError> {
    let mut requests = BufReader::new(
        control
            .try_clone()
            .doing(|| "duplicate the control socket".to_owned())?,
    );
    let mut line = String::new();
    requests
        .read_line(&mut line)
        .doing(|| "read the container's specification".to_owned())?;
    let spec: ContainerSpec = serde_json::from_str(&line)
        .map_err(io::Error::from)
        .doing(|| "understand the container's specification".to_owned())?;
    enter_sandbox(spec.sandbox)?;

    let mut endings = SigSet::empty();
    endings.add(Signal::SIGCHLD);
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&endings), None)
        .doing(|| "block SIGCHLD".to_owned())?;
    let endings = SignalFd::with_flags(&endings, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
        .doing(|| "listen for the container's end".to_owned())?;

    let (mut child, failure) = start(&line)?;
    if !failure.is_empty() {
        let _ = child.wait();
        return tell(control, &Report::Failed(failure));
    }
    tell(control, &Report::Started)?;
    let status = serve(&mut child, &mut requests, &endings)?;
    tell(control, &Report::Exited(exit_code(status)))
}

/// The pod's namespaces; the mount namespace stays the node's until the container's PID 1 leaves it.
fn enter_sandbox(pid: u32) -> Result<(), StageError> {
    for (name, flag) in [
        ("net", CloneFlags::CLONE_NEWNET),
        ("uts", CloneFlags::CLONE_NEWUTS),
        ("ipc", CloneFlags::CLONE_NEWIPC),
    ] {
        let path = format!("/proc/{pid}/ns/{name}");
        let namespace = File::open(&path).doing(|| format!("open {path}"))?;
        setns(namespace, flag).doing(|| format!("enter the pod's {name} namespace"))?;
    }
    unshare(CloneFlags::CLONE_NEWPID).doing(|| "open the container's PID namespace".to_owned())
}

/// Starts PID 1 and waits until it executes the program: its end of the socket closes then. What it wrote
/// before is why it could not.
fn start(spec: &str) -> Result<(Child, String), StageError> {
    let (mut ours, theirs) =
        UnixStream::pair().doing(|| "open a socket to the container's PID 1".to_owned())?;
    let child = Command::new("/proc/self/exe")
        .arg(CONTAINER_INIT)
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .spawn()
        .doing(|| "start the container's PID 1".to_owned())?;
    let sent = ours.write_all(spec.as_bytes());
    let mut failure = String::new();
    let heard = ours.read_to_string(&mut failure);
    if failure.is_empty()
        && let Err(error) = sent.and(heard.map(drop))
    {
        failure = format!("hand the specification to the container's PID 1: {error}");
    }
    Ok((child, failure))
}

/// Passes requests on until the container has ended.
fn serve(
    child: &mut Child,
    requests: &mut BufReader<UnixStream>,
    endings: &SignalFd,
) -> Result<ExitStatus, StageError> {
    let pid = Pid::from_raw(child.id().cast_signed());
    let mut listening = true;
    loop {
        if let Some(status) = child
            .try_wait()
            .doing(|| "look after the container".to_owned())?
        {
            return Ok(status);
        }
        let ended = PollFd::new(endings.as_fd(), PollFlags::POLLIN);
        let ordered = PollFd::new(requests.get_ref().as_fd(), PollFlags::POLLIN);
        let mut both = [ended, ordered];
        let watched = if listening { 2 } else { 1 };
        match poll(&mut both[..watched], PollTimeout::NONE) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(error) => return Err(error).doing(|| "wait for the container's end".to_owned()),
        }
        let ordered = listening && both[1].any().unwrap_or(false);
        while let Ok(Some(_)) = endings.read_signal() {}
        while ordered && listening {
            let order = next_request(requests);
            listening = order.is_some();
            let signal = match order {
                Some(StopRequest::Terminate) => Signal::SIGTERM,
                Some(StopRequest::Kill) | None => Signal::SIGKILL,
            };
            // A process that has just ended is reaped above, on the next turn.
            let _ = kill(pid, signal);
            if requests.buffer().is_empty() {
                break;
            }
        }
    }
}

/// The next order, or `None` when there will be none. The kubelet writes a line at once and waits for nothing
/// between two, so a line that has begun is soon whole.
fn next_request(requests: &mut BufReader<UnixStream>) -> Option<StopRequest> {
    let mut line = String::new();
    match requests.read_line(&mut line) {
        Ok(length) if length > 0 => serde_json::from_str(&line).ok(),
        _ => None,
    }
}

fn exit_code(status: ExitStatus) -> i32 {
    status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal))
        .unwrap_or(255)
}

fn tell(control: &mut UnixStream, what: &Report) -> Result<(), StageError> {
    report(control, what).doing(|| "report to the kubelet".to_owned())
}

fn report(control: &mut UnixStream, what: &Report) -> io::Result<()> {
    let mut line = serde_json::to_vec(what)?;
    line.push(b'\n');
    control.write_all(&line)
}
