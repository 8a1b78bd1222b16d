//! Starting a plane: its folder, its process, its word that it is ready.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use setpoint_node::address::{API_PORT, NODE_ADDRESS};
use setpoint_node::dir::{CONTROLLER_MANAGER_KUBECONFIG, INTERNAL_KUBECONFIG, PlaneDir};
use setpoint_node::logs;
use setpoint_node::process::ProcessId;
use setpoint_node::protocol::{DETACH, PlaneEvent, PlaneSpec};

use super::planes::Planes;
use super::{LocalError, LocalOptions, NotStarted, plane_binary};
use crate::kubeconfig::kubeconfig;
use crate::pki::{Authorities, Pki};
use crate::provision::{self, Binaries};

/// The log of the plane's own processes.
const PLANE_LOG: &str = "plane.log";
/// How many of its last lines an error shows.
const SHOWN_LINES: usize = 15;
/// How long a plane may take to end and remove its folder; it takes a fraction of a second.
pub(super) const END_LIMIT: Duration = Duration::from_secs(10);

/// Which plane is asked for.
pub(super) struct PlaneRequest {
    pub(super) name: String,
    pub(super) dir: PlaneDir,
    pub(super) expires: Option<jiff::Timestamp>,
}

impl PlaneRequest {
    /// A plane of a fresh name that ends with this process.
    pub(super) fn attached() -> Result<Self, LocalError> {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let planes = planes()?;
        let name = format!("run-{}-{count}", std::process::id());
        let dir = planes.plane(&name);
        // A killed process of the same number may have left it.
        super::provider::clear_dead(&name, &dir)?;
        Ok(Self {
            name,
            dir,
            expires: None,
        })
    }
}

pub(super) fn planes() -> Result<Planes, LocalError> {
    Planes::of_this_user().map_err(|source| LocalError::System {
        doing: "open this user's folder of planes ($XDG_RUNTIME_DIR/setpoint or $TMPDIR/setpoint-<uid>)",
        source,
    })
}

/// A plane's process and what keeps it alive.
#[derive(Debug)]
pub(super) struct Plane {
    pub(super) name: String,
    pub(super) dir: PlaneDir,
    pub(super) kubernetes_version: String,
    /// None once the plane has been ended or let go.
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    process: Child,
    /// While this end is open, the plane lives.
    life: BufReader<UnixStream>,
}

impl Plane {
    /// Ends the plane and sees to it that its folder is gone.
    pub(super) async fn stop(&self) -> io::Result<()> {
        let Some(Running { mut process, life }) = self.running.lock().take() else {
            return Ok(());
        };
        drop(life);
        match timeout(END_LIMIT, process.wait()).await {
            Ok(waited) => waited?,
            Err(_) => {
                // With the outermost process the kernel kills PID 1, and with that everything.
                process.kill().await?;
                process.wait().await?
            }
        };
        // Its last act, unless it failed or was killed.
        self.dir.remove()
    }

    /// Lets the plane live on without this process.
    pub(super) async fn detach(self) -> io::Result<()> {
        let Some(mut running) = self.running.lock().take() else {
            return Ok(());
        };
        let word = format!("{DETACH}\n");
        let life = running.life.get_mut();
        life.write_all(word.as_bytes()).await?;
        life.shutdown().await
    }
}

/// Starts a plane and waits until it is ready. When it fails nothing is left.
pub(super) async fn start(
    options: &LocalOptions,
    request: PlaneRequest,
) -> Result<(Plane, Authorities), LocalError> {
    let binaries = match &options.binaries {
        Some(binaries) => binaries.clone(),
        None => provision::find(&provision::Options::from_env())?,
    };
    let program = plane_binary::find(options.plane_binary.clone())?;
    let folder = request.dir.clone();
    if let Err(error) = folder.create() {
        // One that is there already is another plane's.
        if error.kind() != io::ErrorKind::AlreadyExists {
            discard(&folder);
        }
        return Err(files("make the plane's folder", folder.path())(error));
    }
    let made = prepare(options, binaries, &request).and_then(|(pki, listener)| {
        let running = spawn(&program, &folder, listener)?;
        Ok((pki, running))
    });
    let (pki, mut running) = match made {
        Ok(made) => made,
        Err(error) => {
            discard(&folder);
            return Err(error);
        }
    };
    // Both waits inside the plane are limited by it; this one is for a plane that can't even say so.
    let limit = options.ready_timeout.saturating_mul(2) + END_LIMIT;
    let ready = timeout(limit, ready(&mut running, &request, options)).await;
    let mut plane = Plane {
        name: request.name,
        dir: request.dir,
        kubernetes_version: String::new(),
        running: Mutex::new(Some(running)),
    };
    let why = match ready {
        Ok(Ok(kubernetes_version)) => {
            plane.kubernetes_version = kubernetes_version;
            return Ok((plane, pki.into_authorities()));
        }
        Ok(Err(why)) => why,
        Err(_) => NotStarted::Silent {
            limit,
            log: plane_log(&plane.dir),
        },
    };
    let name = plane.name.clone();
    if let Err(error) = plane.stop().await {
        tracing::warn!(%name, %error, "clean up after a plane that did not start");
    }
    Err(LocalError::NotStarted { name, why })
}

fn discard(folder: &PlaneDir) {
    if let Err(error) = folder.remove() {
        tracing::warn!(folder = %folder.path().display(), %error, "remove a plane's folder");
    }
}

fn files(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LocalError {
    let path = path.to_owned();
    move |source| LocalError::Files {
        doing,
        path,
        source,
    }
}

fn system(doing: &'static str) -> impl FnOnce(io::Error) -> LocalError {
    move |source| LocalError::System { doing, source }
}

/// Writes everything that the plane reads, and binds the port at which it is reached.
fn prepare(
    options: &LocalOptions,
    binaries: Binaries,
    request: &PlaneRequest,
) -> Result<(Pki, TcpListener), LocalError> {
    let dir = &request.dir;
    let listener = TcpListener::bind(options.listen).map_err(|source| LocalError::Listen {
        address: options.listen,
        source,
    })?;
    let mut outside = listener
        .local_addr()
        .map_err(system("read the port that was bound"))?;
    if outside.ip().is_unspecified() {
        // All addresses is none that a client could go to.
        outside.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    let listen = outside.ip().to_string();
    let names: Vec<_> = options.names.iter().cloned().chain([listen]).collect();
    let pki = Pki::new()?;
    for (name, content) in pki.files(&names)? {
        write(&dir.pki().join(name), content.as_bytes())?;
    }
    let ca = pki.serving().certificate();
    let inside = format!("https://{NODE_ADDRESS}:{API_PORT}");
    let (admin, manager) = (pki.admin()?, pki.controller_manager()?);
    let context = format!("setpoint-{}", request.name);
    for (path, server, user) in [
        (dir.kubeconfig(), &format!("https://{outside}"), &admin),
        (dir.pki().join(INTERNAL_KUBECONFIG), &inside, &admin),
        (
            dir.pki().join(CONTROLLER_MANAGER_KUBECONFIG),
            &inside,
            &manager,
        ),
    ] {
        write(&path, kubeconfig(&context, server, ca, user).as_bytes())?;
    }
    let spec = PlaneSpec {
        name: request.name.clone(),
        dir: dir.clone(),
        client: ProcessId::this().map_err(system("read this process' start time"))?,
        expires: request.expires,
        binaries,
        images: options.images.clone(),
        ready_timeout: options.ready_timeout,
        options: options.control_plane.clone(),
    };
    let spec = serde_json::to_vec_pretty(&spec)
        .map_err(|e| system("write the plane's specification as JSON")(e.into()))?;
    write(&dir.spec(), &spec)?;
    Ok((pki, listener))
}

fn write(path: &Path, content: &[u8]) -> Result<(), LocalError> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(content))
        .map_err(files("write", path))
}

fn spawn(program: &Path, dir: &PlaneDir, listener: TcpListener) -> Result<Running, LocalError> {
    let log = dir.logs().join(PLANE_LOG);
    let log = File::create(&log).map_err(files("create", &log))?;
    let (ours, theirs) = StdUnixStream::pair().map_err(system("make a pair of sockets"))?;
    ours.set_nonblocking(true)
        .map_err(system("make a socket non-blocking"))?;
    let ours = UnixStream::from_std(ours).map_err(system("watch a socket"))?;
    let process = Command::new(program)
        .arg("outer")
        .arg(dir.spec())
        .stdin(Stdio::from(OwnedFd::from(listener)))
        .stdout(Stdio::from(OwnedFd::from(theirs)))
        .stderr(log)
        .spawn()
        .map_err(files("start", program))?;
    Ok(Running {
        process,
        life: BufReader::new(ours),
    })
}

/// Listens to the plane until it is ready, and then knows its version, or is not going to be.
async fn ready(
    running: &mut Running,
    request: &PlaneRequest,
    options: &LocalOptions,
) -> Result<String, NotStarted> {
    let mut line = String::new();
    loop {
        line.clear();
        // A socket that fails tells as much as one that ends.
        let read = running.life.read_line(&mut line).await.unwrap_or(0);
        match serde_json::from_str(&line) {
            Ok(PlaneEvent::Starting(what)) => {
                tracing::debug!(plane = %request.name, what, "starting");
                if let Some(progress) = &options.progress {
                    progress(&what);
                }
            }
            Ok(PlaneEvent::Ready { kubernetes_version }) => return Ok(kubernetes_version),
            Ok(PlaneEvent::Failed(why)) => return Err(NotStarted::Said(why)),
            Err(_) if read > 0 => tracing::debug!(line, "not an event"),
            Err(_) => {
                let log = plane_log(&request.dir);
                let status = running.process.wait().await.unwrap_or_default();
                return Err(NotStarted::Ended { status, log });
            }
        }
    }
}

fn plane_log(dir: &PlaneDir) -> String {
    logs::tail(&dir.logs().join(PLANE_LOG), SHOWN_LINES).unwrap_or_else(|error| error.to_string())
}

/// Whether a plane's folder was only just made, so that what it lacks may still come.
pub(super) fn is_fresh(dir: &PlaneDir) -> bool {
    const YOUNG: Duration = Duration::from_secs(60);
    fs::metadata(dir.path())
        .and_then(|folder| folder.modified())
        .is_ok_and(|made| made.elapsed().is_ok_and(|age| age < YOUNG))
}
