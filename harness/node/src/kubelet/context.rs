//! What all parts of a kubelet share.

use std::net::Ipv4Addr;
use std::sync::Arc;

use kube::Client;
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use super::backoff::RestartBackoff;
use super::events::Recorder;
use super::objects::Change;
use super::paths::Paths;
use super::registry::Registry;
use crate::image::ImageTable;
use crate::network::PodNetwork;
use crate::proxy::PublishedNames;

/// After how many seconds a container of an unknown image is ready; at once without it.
pub const READY_AFTER: &str = "setpoint.dev/ready-after";
/// The status reason of a pod that asks for something that is refused.
pub const UNSUPPORTED_FIELD: &str = "SetpointUnsupportedField";

/// What a kubelet needs.
pub(crate) struct KubeletConfig {
    /// A client with the rights of a cluster-admin.
    pub(crate) client: Client,
    /// The node's name.
    pub(crate) node_name: String,
    /// The node's address.
    pub(crate) node_ip: Ipv4Addr,
    /// The port of the kubelet's HTTPS server, for the Node.
    pub(crate) port: u16,
    /// Which programs stand for which images.
    pub(crate) images: ImageTable,
    /// Gives pods their place in the network.
    pub(crate) network: Arc<PodNetwork>,
    /// Where pods' files are.
    pub(crate) paths: Paths,
    /// Where the HTTPS server finds containers' logs.
    pub(crate) registry: Registry,
    /// The names of Services, for the pods' hosts files.
    pub(crate) names: watch::Receiver<PublishedNames>,
    /// Each change makes all projected tokens anew.
    pub(crate) renew_tokens: watch::Receiver<u64>,
    /// How long containers that ended wait.
    pub(crate) restart_backoff: RestartBackoff,
    /// Ends the kubelet and all its pods.
    pub(crate) shutdown: CancellationToken,
}

/// What all pods share.
pub(super) struct Node {
    pub(super) config: KubeletConfig,
    pub(super) events: Recorder,
    pub(super) changes: broadcast::Sender<Change>,
}
