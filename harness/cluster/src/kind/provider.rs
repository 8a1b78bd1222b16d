//! Kind clusters that outlive the command that started them, those that several holders share, and what killed
//! commands left behind.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::name::ClusterName;
use super::start::{self, Node, Owner};
use super::tool::Tools;
use super::{CAPABILITIES, KindCluster, KindError, KindOptions, cache, kubeconfig_in};
use crate::cluster::{Capability, StopError};
use crate::pool::{Pool, Pooled};
use crate::provider::{
    ClusterStatus, Lease, NameError, Provider, ProviderError, ReapReason, Reaped, StartOptions,
};

/// The kind clusters of this user.
#[derive(Debug, Default)]
pub struct KindProvider {
    options: KindOptions,
    pool: Pool<KindCluster>,
    leased: AtomicU32,
}

impl KindProvider {
    /// Starts clusters with these options; name, time to live and flags of the control plane are chosen for each one
    /// at its start.
    #[must_use]
    pub fn new(options: KindOptions) -> Self {
        Self {
            options,
            ..Self::default()
        }
    }

    fn options(&self, name: &str, start: &StartOptions) -> KindOptions {
        KindOptions {
            name: name.to_owned(),
            control_plane: start.control_plane.clone(),
            progress: start.progress.clone(),
            interrupted: start.interrupted.clone(),
            ..self.options.clone()
        }
    }

    async fn tools(&self) -> Result<Tools, KindError> {
        let tools = Tools::find(self.options.kind.clone(), cache().as_deref())?;
        tools.check_engine().await?;
        Ok(tools)
    }

    async fn up(&self, options: KindOptions) -> Result<ClusterStatus, KindError> {
        let up = clusters(&self.tools().await?).await?;
        if up.iter().any(|name| name.own == options.name) {
            return Err(NameError::InUse("kind", options.name).into());
        }
        let (node, _) = start::start(&options, false).await?;
        let status = look(&node.name)?;
        node.detach();
        Ok(status)
    }

    async fn down(&self, name: &str) -> Result<(), KindError> {
        let tools = self.tools().await?;
        let mut ended = false;
        for found in clusters(&tools).await? {
            if found.own == name {
                Node::found(found, tools.clone())?.remove().await?;
                ended = true;
            }
        }
        if ended {
            return Ok(());
        }
        Err(NameError::Unknown("kind", name.to_owned()).into())
    }

    /// Removes clusters whose process is gone, and those whose time is over. Where there is neither kind nor an
    /// engine there is nothing to remove.
    async fn reap(&self) -> Result<Vec<Reaped>, KindError> {
        let tools = match self.tools().await {
            Ok(tools) => tools,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::debug!(error, "look for kind clusters");
                return Ok(Vec::new());
            }
        };
        let mut reaped = Vec::new();
        for name in clusters(&tools).await? {
            let Some(why) = why_removed(owner(&name)?, name.expires, Timestamp::now()) else {
                continue;
            };
            let full_name = name.to_string();
            Node::found(name, tools.clone())?.remove().await?;
            reaped.push(Reaped {
                name: full_name,
                why,
            });
        }
        Ok(reaped)
    }
}

#[async_trait]
impl Provider for KindProvider {
    fn name(&self) -> &'static str {
        "kind"
    }

    fn capabilities(&self) -> &'static [Capability] {
        &CAPABILITIES
    }

    fn starts_ahead(&self) -> bool {
        false
    }

    async fn check(&self) -> Result<(), ProviderError> {
        Ok(self.tools().await.map(drop)?)
    }

    async fn up(
        &self,
        name: &str,
        ttl: Duration,
        options: &StartOptions,
    ) -> Result<ClusterStatus, ProviderError> {
        let options = KindOptions {
            ttl,
            ..self.options(name, options)
        };
        Ok(self.up(options).await?)
    }

    async fn status(&self) -> Result<Vec<ClusterStatus>, ProviderError> {
        let all = clusters(&self.tools().await?).await?;
        Ok(all.iter().map(look).collect::<Result<_, _>>()?)
    }

    async fn down(&self, name: &str) -> Result<(), ProviderError> {
        Ok(self.down(name).await?)
    }

    async fn reap(&self) -> Result<Vec<Reaped>, ProviderError> {
        Ok(self.reap().await?)
    }

    async fn lease(&self, options: &StartOptions) -> Result<Box<dyn Lease>, ProviderError> {
        let start = async {
            let count = self.leased.fetch_add(1, Ordering::Relaxed) + 1;
            let name = format!("run-{}-{count}", std::process::id());
            KindCluster::start(self.options(&name, options)).await
        };
        Ok(self.pool.lease(options, start).await?)
    }

    async fn close(&self) -> Result<(), StopError> {
        self.pool.close().await
    }
}

#[async_trait]
impl Pooled for KindCluster {
    async fn keep(&self) -> Result<Option<ClusterStatus>, ProviderError> {
        Ok(Self::keep(self).map(Some)?)
    }
}

/// Why a cluster is to be removed. Only the name is known of one that another user started, or another machine by
/// way of the same engine: it stays until its time is over.
fn why_removed(owner: Option<Owner>, expires: Timestamp, now: Timestamp) -> Option<ReapReason> {
    let client = owner.and_then(|owner| owner.client);
    if now > expires {
        Some(ReapReason::Expired)
    } else if client.is_some_and(|client| !client.is_alive()) {
        Some(ReapReason::ClientGone)
    } else {
        None
    }
}

async fn clusters(tools: &Tools) -> Result<Vec<ClusterName>, KindError> {
    let listed = tools.kind(&["get", "clusters"], b"", None).await?;
    Ok(listed.lines().filter_map(ClusterName::parse).collect())
}

fn owner(name: &ClusterName) -> Result<Option<Owner>, KindError> {
    let file = start::folder()?.join(name.to_string()).join(Owner::FILE);
    let content = std::fs::read(file).ok();
    Ok(content.and_then(|content| serde_json::from_slice(&content).ok()))
}

/// What is known of a cluster by its name: kind lists those that are there, alive or not.
pub(super) fn look(name: &ClusterName) -> Result<ClusterStatus, KindError> {
    Ok(ClusterStatus {
        name: name.own.clone(),
        is_alive: true,
        expires: Some(name.expires),
        ends_by_itself: false,
        logs: None,
        kubeconfig: kubeconfig_in(&start::folder()?.join(name.to_string())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use setpoint_node::process::ProcessId;

    #[test]
    fn a_cluster_stays_while_its_process_lives_and_its_time_is_not_over() {
        let now = Timestamp::now();
        let (past, future) = (
            now - jiff::SignedDuration::from_mins(1),
            now + jiff::SignedDuration::from_mins(1),
        );
        let this = ProcessId::this().unwrap();
        let dead = ProcessId {
            start_time: this.start_time - 1,
            ..this
        };
        let of = |client| Some(Owner { client });
        assert_eq!(why_removed(of(Some(this)), future, now), None);
        assert_eq!(why_removed(of(None), future, now), None);
        assert_eq!(why_removed(None, future, now), None);
        assert_eq!(
            why_removed(of(Some(dead)), future, now),
            Some(ReapReason::ClientGone)
        );
        assert_eq!(
            why_removed(of(Some(this)), past, now),
            Some(ReapReason::Expired)
        );
        assert_eq!(why_removed(None, past, now), Some(ReapReason::Expired));
    }
}
