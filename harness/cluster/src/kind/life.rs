//! Clusters that outlive the command that started them, and what killed commands left behind.

use std::path::PathBuf;

use jiff::Timestamp;

use super::name::ClusterName;
use super::start::{self, Node, Owner};
use super::tool::Tools;
use super::{KindError, KindOptions, cache, kubeconfig_in};
use crate::life::Reaped;

/// What is known of a kind cluster of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindStatus {
    /// What the user calls it.
    pub name: String,
    /// What kind calls it.
    pub full_name: String,
    /// When its time is over.
    pub expires: Timestamp,
    /// A kubeconfig that works from outside.
    pub kubeconfig: PathBuf,
}

/// Starts a cluster that lives until [`down`], or until its time is over and [`reap`] is called.
///
/// # Errors
/// Those of [`super::KindCluster::start`], and when a cluster of this name is up.
pub async fn up(options: KindOptions) -> Result<KindStatus, KindError> {
    let tools = Tools::find(options.kind.clone(), cache().as_deref())?;
    tools.check_engine().await?;
    if clusters(&tools)
        .await?
        .iter()
        .any(|name| name.own == options.name)
    {
        return Err(KindError::AlreadyUp {
            name: options.name.clone(),
        });
    }
    let (node, _) = start::start(&options, false).await?;
    let status = look(&node.name)?;
    node.detach();
    Ok(status)
}

/// Removes a cluster.
///
/// # Errors
/// When there is none of that name, or it can't be removed.
pub async fn down(name: &str) -> Result<(), KindError> {
    let tools = Tools::find(None, cache().as_deref())?;
    tools.check_engine().await?;
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
    Err(KindError::NoSuchCluster {
        name: name.to_owned(),
    })
}

/// All kind clusters of ours on this engine.
///
/// # Errors
/// When there is no kind or no engine.
pub async fn status() -> Result<Vec<KindStatus>, KindError> {
    let tools = Tools::find(None, cache().as_deref())?;
    tools.check_engine().await?;
    clusters(&tools).await?.iter().map(look).collect()
}

/// Removes clusters whose process is gone, and those whose time is over. Where there is neither kind nor an engine
/// there is nothing to remove.
///
/// # Errors
/// When a cluster can't be removed.
pub async fn reap() -> Result<Vec<Reaped>, KindError> {
    let Ok(tools) = Tools::find(None, cache().as_deref()) else {
        return Ok(Vec::new());
    };
    if let Err(error) = tools.check_engine().await {
        tracing::debug!(
            error = &error as &dyn std::error::Error,
            "look for kind clusters"
        );
        return Ok(Vec::new());
    }
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

/// Of a cluster that somebody else started here, or on another machine by way of the same engine, only its name
/// is known: it stays until its time is over.
fn why_removed(owner: Option<Owner>, expires: Timestamp, now: Timestamp) -> Option<&'static str> {
    let client = owner.and_then(|owner| owner.client);
    if now > expires {
        Some("its time is over")
    } else if client.is_some_and(|client| !client.is_alive()) {
        Some("its client is gone")
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

pub(super) fn look(name: &ClusterName) -> Result<KindStatus, KindError> {
    Ok(KindStatus {
        name: name.own.clone(),
        full_name: name.to_string(),
        expires: name.expires,
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
            Some("its client is gone")
        );
        assert_eq!(
            why_removed(of(Some(this)), past, now),
            Some("its time is over")
        );
        assert_eq!(why_removed(None, past, now), Some("its time is over"));
    }
}
