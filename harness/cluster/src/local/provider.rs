//! Planes that outlive the command that started them, and what killed commands left behind.

use std::time::Duration;

use async_trait::async_trait;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use setpoint_node::dir::PlaneDir;
use setpoint_node::process::ProcessId;
use setpoint_node::protocol::PlaneSpec;
use tokio::time::{interval, timeout};

use super::start::{self, END_LIMIT, PlaneRequest, planes};
use super::{CAPABILITIES, LocalCluster, LocalError, LocalOptions};
use crate::cluster::{Capability, Cluster, StopError};
use crate::pool::{Pool, Pooled};
use crate::provider::{
    ClusterStatus, Fault, Lease, NameError, Provider, ProviderError, ReapReason, Reaped,
    StartOptions,
};
use crate::provision;

/// How often a killed plane is looked at; a process that is not a child can't be waited for.
const END_CHECK: Duration = Duration::from_millis(20);
/// A name is that of a folder, whose path a socket's address has to hold.
const LONGEST_NAME: usize = 40;

/// The planes of this user.
#[derive(Debug, Clone, Default)]
pub struct LocalProvider {
    options: LocalOptions,
    pool: Pool<LocalCluster>,
}

impl LocalProvider {
    /// Starts planes with these options; flags of the control plane are chosen for each one at its start.
    #[must_use]
    pub fn new(options: LocalOptions) -> Self {
        Self {
            options,
            ..Self::default()
        }
    }

    fn options(&self, start: &StartOptions) -> LocalOptions {
        LocalOptions {
            control_plane: start.control_plane.clone(),
            progress: start.progress.clone(),
            ..self.options.clone()
        }
    }
}

#[async_trait]
impl Provider for LocalProvider {
    fn name(&self) -> &'static str {
        "local"
    }

    fn capabilities(&self) -> &'static [Capability] {
        &CAPABILITIES
    }

    fn starts_ahead(&self) -> bool {
        true
    }

    async fn check(&self) -> Result<(), ProviderError> {
        let found = match &self.options.binaries {
            Some(_) => Ok(()),
            None => provision::find(&provision::Options::from_env()).map(drop),
        };
        Ok(found.map_err(LocalError::from)?)
    }

    async fn up(
        &self,
        name: &str,
        ttl: Duration,
        options: &StartOptions,
    ) -> Result<ClusterStatus, ProviderError> {
        let local = self.options(options);
        // Given up half-way, a plane notices that its client is gone, and ends.
        let up = options
            .interrupted
            .run_until_cancelled(up(name, ttl, &local));
        Ok(up.await.unwrap_or(Err(LocalError::Interrupted))?)
    }

    async fn status(&self) -> Result<Vec<ClusterStatus>, ProviderError> {
        Ok(status()?)
    }

    async fn down(&self, name: &str) -> Result<(), ProviderError> {
        Ok(down(name).await?)
    }

    async fn reap(&self) -> Result<Vec<Reaped>, ProviderError> {
        Ok(reap().await?)
    }

    async fn lease(&self, options: &StartOptions) -> Result<Box<dyn Lease>, ProviderError> {
        let start = async {
            let started = Box::pin(LocalCluster::start(self.options(options)));
            let started = options.interrupted.run_until_cancelled(started).await;
            started.unwrap_or(Err(LocalError::Interrupted))
        };
        Ok(self.pool.lease(options, start).await?)
    }

    async fn close(&self) -> Result<(), StopError> {
        self.pool.close().await
    }
}

#[async_trait]
impl Pooled for LocalCluster {
    /// A plane ends with the process that started it.
    async fn keep(&self) -> Result<Option<ClusterStatus>, ProviderError> {
        let stopped = self.stop().await;
        stopped.map_err(|error| ProviderError::new(Fault::Cluster, error))?;
        Ok(None)
    }
}

async fn up(
    name: &str,
    ttl: Duration,
    options: &LocalOptions,
) -> Result<ClusterStatus, LocalError> {
    check_name(name)?;
    let dir = planes()?.plane(name);
    clear_dead(name, &dir)?;
    let expires = jiff::Timestamp::now()
        .checked_add(ttl)
        .unwrap_or(jiff::Timestamp::MAX);
    let request = PlaneRequest {
        name: name.to_owned(),
        dir: dir.clone(),
        expires: Some(expires),
    };
    let (plane, _authorities) = start::start(options, request).await?;
    let detached = plane.detach().await;
    detached.map_err(|source| LocalError::System {
        doing: "let the plane go",
        source,
    })?;
    Ok(look(name, &dir).0)
}

async fn down(name: &str) -> Result<(), LocalError> {
    check_name(name)?;
    let dir = planes()?.plane(name);
    if !dir.path().is_dir() {
        return Err(NameError::Unknown("local", name.to_owned()).into());
    }
    // Its processes are known once they have written who they are: without that, removing the folder would leave them.
    let known = async {
        let mut checks = interval(END_CHECK);
        while is_starting(name, &dir) {
            checks.tick().await;
        }
    };
    let known = timeout(END_LIMIT, known).await;
    known.map_err(|_| LocalError::StillStarting {
        name: name.to_owned(),
        limit: END_LIMIT,
    })?;
    end(name, &dir).await
}

/// Whether a plane was asked for and has not yet written which processes it is.
fn is_starting(name: &str, dir: &PlaneDir) -> bool {
    let asked_for = match look(name, dir).1 {
        Some(client) => client.is_alive(),
        // Not even who asked for it is written yet.
        None => dir.path().is_dir() && start::is_fresh(dir),
    };
    asked_for && dir.read_state().is_none()
}

fn status() -> Result<Vec<ClusterStatus>, LocalError> {
    let all = planes()?.all().map_err(list)?;
    Ok(all.iter().map(|(name, dir)| look(name, dir).0).collect())
}

/// Removes the remains of planes that are dead, ends those whose time is over and those whose client is
/// gone although they should have ended with it.
async fn reap() -> Result<Vec<Reaped>, LocalError> {
    let mut reaped = Vec::new();
    for (name, dir) in planes()?.all().map_err(list)? {
        let (status, client) = look(&name, &dir);
        let client_lives = client.is_some_and(ProcessId::is_alive);
        let why = match (status.is_alive, status.expires) {
            (true, Some(expires)) if overdue(expires) => ReapReason::Expired,
            (true, None) if !client_lives => ReapReason::ClientGone,
            // The client of an attached one may be about to read its logs.
            (false, Some(_)) if dir.read_state().is_some() => ReapReason::Dead,
            (false, _) if !client_lives && (client.is_some() || !start::is_fresh(&dir)) => {
                ReapReason::Dead
            }
            _ => continue,
        };
        end(&name, &dir).await?;
        reaped.push(Reaped { name, why });
    }
    Ok(reaped)
}

/// An expired plane ends by itself; [`reap`] ends one that has not.
fn overdue(expires: jiff::Timestamp) -> bool {
    const GRACE: jiff::SignedDuration = jiff::SignedDuration::from_secs(60);
    jiff::Timestamp::now().duration_since(expires) > GRACE
}

fn list(source: std::io::Error) -> LocalError {
    LocalError::System {
        doing: "list this user's planes",
        source,
    }
}

/// What there is to know, and the process that asked for the plane.
fn look(name: &str, dir: &PlaneDir) -> (ClusterStatus, Option<ProcessId>) {
    let spec: Option<PlaneSpec> = std::fs::read(dir.spec())
        .ok()
        .and_then(|content| serde_json::from_slice(&content).ok());
    let status = ClusterStatus {
        name: name.to_owned(),
        is_alive: dir.read_state().is_some_and(|state| state.init.is_alive()),
        expires: spec.as_ref().and_then(|spec| spec.expires),
        ends_by_itself: true,
        kubeconfig: dir.kubeconfig(),
        logs: Some(dir.logs()),
    };
    (status, spec.map(|spec| spec.client))
}

/// Removes the remains of a dead plane; a plane that is alive or being started stays, and is an error.
pub(super) fn clear_dead(name: &str, dir: &PlaneDir) -> Result<(), LocalError> {
    if !dir.path().is_dir() {
        return Ok(());
    }
    let (status, client) = look(name, dir);
    let starting = dir.read_state().is_none() && client.is_some_and(ProcessId::is_alive);
    if status.is_alive || starting {
        return Err(NameError::InUse("local", name.to_owned()).into());
    }
    remove(dir)
}

fn remove(dir: &PlaneDir) -> Result<(), LocalError> {
    dir.remove().map_err(|source| LocalError::Files {
        doing: "remove",
        path: dir.path().to_owned(),
        source,
    })
}

/// Kills PID 1 of the plane, and with it everything in it; its outermost process then cleans up.
async fn end(name: &str, dir: &PlaneDir) -> Result<(), LocalError> {
    if let Some(state) = dir.read_state() {
        if state.init.is_alive()
            && let Ok(pid) = i32::try_from(state.init.pid)
        {
            kill(Pid::from_raw(pid), Signal::SIGKILL).map_err(|e| LocalError::System {
                doing: "kill the plane",
                source: e.into(),
            })?;
        }
        let gone = async {
            let mut checks = interval(END_CHECK);
            while state.init.is_alive() || state.plane.is_alive() {
                checks.tick().await;
            }
        };
        let gone = timeout(END_LIMIT, gone).await;
        gone.map_err(|_| LocalError::StillThere {
            name: name.to_owned(),
            limit: END_LIMIT,
        })?;
    }
    remove(dir)
}

fn check_name(name: &str) -> Result<(), NameError> {
    let fits = (1..=LONGEST_NAME).contains(&name.len());
    if fits && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        Ok(())
    } else {
        Err(NameError::Malformed(
            "local",
            name.to_owned(),
            "letters, digits and `-`",
            LONGEST_NAME,
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn a_plane_is_being_started_until_its_processes_say_who_they_are() {
        let root = tempfile::tempdir().unwrap();
        let planes = super::super::planes::Planes::at(root.path().join("planes")).unwrap();
        let dir = planes.plane("a");
        assert!(!is_starting("a", &dir), "nobody asked for it");
        dir.create().unwrap();
        assert!(is_starting("a", &dir), "its specification is on its way");
        let this = ProcessId::this().unwrap();
        let write_spec = |client: ProcessId| {
            let spec = PlaneSpec {
                name: "a".to_owned(),
                dir: dir.clone(),
                client,
                expires: None,
                binaries: crate::provision::Binaries {
                    etcd: PathBuf::new(),
                    kube_apiserver: PathBuf::new(),
                    kube_controller_manager: PathBuf::new(),
                },
                images: crate::ImageTable::default(),
                ready_timeout: Duration::ZERO,
                options: crate::ControlPlaneOptions::default(),
            };
            std::fs::write(dir.spec(), serde_json::to_vec(&spec).unwrap()).unwrap();
        };
        write_spec(this);
        assert!(is_starting("a", &dir));
        write_spec(ProcessId {
            start_time: this.start_time - 1,
            ..this
        });
        assert!(!is_starting("a", &dir), "who asked for it is gone");
        write_spec(this);
        let state = setpoint_node::dir::PlaneState {
            plane: this,
            init: this,
        };
        std::fs::write(dir.state(), serde_json::to_vec(&state).unwrap()).unwrap();
        assert!(!is_starting("a", &dir), "its processes are known");
    }

    #[test]
    fn a_name_that_leads_out_of_the_folder_is_refused() {
        for name in ["..", "a/b", "", &"a".repeat(41)] {
            assert!(check_name(name).is_err(), "{name}");
        }
        assert!(check_name("my-plane-1").is_ok());
    }
}
