//! Starts the stages of sandboxes and containers and speaks with them.

use std::io;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::logs::Log;
use super::stage::{self, ContainerSpec, Report, StopRequest};

/// The plane's own binary; resolved by the child, so a rebuilt file doesn't matter.
const THIS_BINARY: &str = "/proc/self/exe";
/// How long a container's last words are waited for when all its processes have ended.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The process that holds a pod's namespaces; they end with it.
#[derive(Debug)]
pub(crate) struct Sandbox {
    child: Child,
    _control: UnixStream,
    pid: u32,
}

impl Sandbox {
    /// Opens namespaces for a pod of that host name.
    pub(crate) async fn open(host_name: &str) -> io::Result<Self> {
        let (mut control, theirs) = socket()?;
        let mut child = Command::new(THIS_BINARY)
            .arg(stage::SANDBOX)
            .env_clear()
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        control
            .write_all(format!("{host_name}\n").as_bytes())
            .await?;
        let mut answer = [0];
        if control.read(&mut answer).await? == 0 {
            let mut why = String::new();
            if let Some(mut errors) = child.stderr.take() {
                errors.read_to_string(&mut why).await?;
            }
            return Err(io::Error::other(why.trim_end().to_owned()));
        }
        let pid = child.id().ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(Self {
            child,
            _control: control,
            pid,
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Ends the namespaces.
    pub(crate) async fn close(mut self) {
        if let Err(error) = self.child.kill().await {
            tracing::debug!(pid = self.pid, %error, "end a pod's sandbox");
        }
    }
}

/// Why a container's program does not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LaunchError {
    #[error("start the container's process")]
    Process(#[source] io::Error),
    /// In the words of the container's stage.
    #[error("{0}")]
    Stage(String),
    #[error("the container's stage ended without a word")]
    Silent,
}

/// A running container. It is killed when this is dropped: its stage sees the end of the socket.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    requests: OwnedWriteHalf,
    reports: Lines<BufReader<OwnedReadHalf>>,
    pumps: Vec<JoinHandle<()>>,
    code: Option<i32>,
}

impl Process {
    /// Starts a container and waits until its program runs.
    pub(crate) async fn start(spec: &ContainerSpec, log: Log) -> Result<Self, LaunchError> {
        let io = LaunchError::Process;
        let (control, theirs) = socket().map_err(io)?;
        let mut child = Command::new(THIS_BINARY)
            .arg(stage::CONTAINER)
            .env_clear()
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(io)?;
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(io(io::ErrorKind::BrokenPipe.into()));
        };
        let pumps = vec![
            tokio::spawn(log.clone().copy("stdout", stdout)),
            tokio::spawn(log.copy("stderr", stderr)),
        ];
        let (reader, requests) = control.into_split();
        let mut process = Self {
            child,
            requests,
            reports: BufReader::new(reader).lines(),
            pumps,
            code: None,
        };
        let mut line = serde_json::to_vec(spec).map_err(|error| io(error.into()))?;
        line.push(b'\n');
        process.requests.write_all(&line).await.map_err(io)?;
        match process.report().await {
            Some(Report::Started) => Ok(process),
            Some(Report::Failed(why)) => {
                process.reap().await;
                Err(LaunchError::Stage(why))
            }
            Some(Report::Exited(_)) | None => {
                process.reap().await;
                Err(LaunchError::Silent)
            }
        }
    }

    /// Waits for the container's end: its exit code, once all that it wrote is in the log. May be given up and
    /// begun again.
    pub(crate) async fn ended(&mut self) -> i32 {
        // A stage that was killed itself tells nothing; its container died with it.
        const KILLED: i32 = 137;
        let code = match self.code {
            Some(code) => code,
            None => match self.report().await {
                Some(Report::Exited(code)) => code,
                _ => KILLED,
            },
        };
        self.code = Some(code);
        self.reap().await;
        code
    }

    pub(crate) async fn request(&mut self, request: StopRequest) {
        let Ok(mut line) = serde_json::to_vec(&request) else {
            return;
        };
        line.push(b'\n');
        // A stage that has gone has nothing left to end.
        let _ = self.requests.write_all(&line).await;
    }

    async fn report(&mut self) -> Option<Report> {
        let line = self.reports.next_line().await.ok()??;
        serde_json::from_str(&line).ok()
    }

    async fn reap(&mut self) {
        while let Some(pump) = self.pumps.last_mut() {
            if timeout(LAST_WORDS, pump).await.is_err() {
                tracing::debug!("a container's output stays open after its end");
            }
            self.pumps.pop();
        }
        if let Err(error) = self.child.wait().await {
            tracing::debug!(%error, "wait for a container's stage");
        }
    }
}

/// Our end for tokio, and the child's, which blocks.
fn socket() -> io::Result<(UnixStream, OwnedFd)> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    Ok((UnixStream::from_std(ours)?, theirs.into()))
}
