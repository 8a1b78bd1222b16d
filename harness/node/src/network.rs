//! The plane's network: node address, Service range and pod bridge, all inside its network namespace.
//!
//! ```text
//!  pod 10.244.0.N eth0 ── veth ── bridge 10.244.0.1/24 ─┐
//!                                                       ├─ this namespace: 172.30.0.2 (node), 10.96.0.0/16 (Services)
//!  pod …                                                ┘
//! ```
//!
//! Pods reach each other over the bridge and everything else through 10.244.0.1. Nothing is forwarded: node
//! and Service addresses are local to this namespace (`ip route add local 10.96.0.0/16 dev lo`), so whoever
//! binds a ClusterIP here answers at it. There is no way out to the host's network.

use std::fs::File;
use std::net::Ipv4Addr;

use futures::TryStreamExt;
use nix::sched::{CloneFlags, setns};
use parking_lot::Mutex;
use rtnetlink::packet_route::route::{RouteScope, RouteType};
use rtnetlink::{Handle, LinkBridge, LinkUnspec, LinkVeth, RouteMessageBuilder};

use crate::address::{NODE_ADDRESS, POD_GATEWAY, POD_PREFIX, SERVICE_RANGE};
use crate::failure::{Failure, failed};

/// `lo` is the first interface of every network namespace.
const LOOPBACK: u32 = 1;
const BRIDGE: &str = "pods";
/// The pod's end of its veth pair.
const POD_INTERFACE: &str = "eth0";

/// The bridge that pods hang on.
#[derive(Debug)]
pub(crate) struct PodNetwork {
    handle: Handle,
    bridge: u32,
    addresses: Mutex<Addresses>,
}

impl PodNetwork {
    /// Sets up the whole network of the namespace that this process is in.
    ///
    /// # Errors
    /// When the kernel refuses a step, for example because it has no bridge or veth device.
    pub(crate) async fn create() -> Result<Self, Failure> {
        let handle = connect()?;
        up(&handle, LOOPBACK, "lo").await?;
        address(&handle, LOOPBACK, NODE_ADDRESS, 32).await?;

        let (range, prefix) = SERVICE_RANGE;
        let services = RouteMessageBuilder::<Ipv4Addr>::new()
            .destination_prefix(range, prefix)
            .output_interface(LOOPBACK)
            .table_id(LOCAL_TABLE)
            .scope(RouteScope::Host)
            .kind(RouteType::Local)
            .build();
        handle
            .route()
            .add(services)
            .execute()
            .await
            .map_err(failed(format!("make {range}/{prefix} local addresses")))?;

        handle
            .link()
            .add(LinkBridge::new(BRIDGE).address(bridge_mac()).up().build())
            .execute()
            .await
            .map_err(failed(format!("create bridge `{BRIDGE}`")))?;
        let bridge = index_of(&handle, BRIDGE).await?;
        address(&handle, bridge, POD_GATEWAY, POD_PREFIX).await?;
        Ok(Self {
            handle,
            bridge,
            addresses: Mutex::new(Addresses::default()),
        })
    }

    /// Gives the network namespace of process `pid` an `eth0` on the bridge, a default route and an address.
    ///
    /// # Errors
    /// When no address is left, the process is gone or the kernel refuses.
    pub(crate) async fn attach_pod(&self, pid: u32) -> Result<Ipv4Addr, Failure> {
        let pod = self.addresses().take().ok_or_else(exhausted)?;
        match self.attach(pid, pod).await {
            Ok(()) => Ok(pod),
            Err(error) => {
                self.detach_pod(pod).await;
                Err(error)
            }
        }
    }

    /// An address for a pod that has no network namespace because nothing of it runs. It goes back by
    /// [`Self::detach_pod`].
    ///
    /// # Errors
    /// When no address is left.
    pub(crate) fn reserve_address(&self) -> Result<Ipv4Addr, Failure> {
        self.addresses().take().ok_or_else(exhausted)
    }

    /// Takes the pod's address back. Its interfaces vanish here, or have with its network namespace.
    pub(crate) async fn detach_pod(&self, pod: Ipv4Addr) {
        if let Ok(index) = index_of(&self.handle, &interface_of(pod)).await
            && let Err(error) = self.handle.link().del(index).execute().await
        {
            // The namespace may have gone between the two requests, and the pair with it.
            tracing::debug!(%pod, %error, "delete the pod's interface");
        }
        self.addresses().give_back(pod);
    }

    async fn attach(&self, pid: u32, pod: Ipv4Addr) -> Result<(), Failure> {
        let ours = interface_of(pod);
        let theirs = format!("{ours}p");
        self.handle
            .link()
            .add(LinkVeth::new(&ours, &theirs).build())
            .execute()
            .await
            .map_err(failed(format!("create veth pair `{ours}`")))?;
        let outside = index_of(&self.handle, &ours).await?;
        let inside = index_of(&self.handle, &theirs).await?;
        let join = LinkUnspec::new_with_index(outside)
            .controller(self.bridge)
            .up();
        self.set(join.build(), format!("put `{ours}` on the bridge"))
            .await?;
        let hand_over = LinkUnspec::new_with_index(inside)
            .name(POD_INTERFACE)
            .setns_by_pid(pid);
        self.set(
            hand_over.build(),
            format!("move `{theirs}` to process {pid}"),
        )
        .await?;
        inside_network_of(pid, move || configure_pod(pod)).await
    }

    async fn set(
        &self,
        message: rtnetlink::packet_route::link::LinkMessage,
        doing: String,
    ) -> Result<(), Failure> {
        let request = self.handle.link().set(message);
        request.execute().await.map_err(failed(doing))
    }

    fn addresses(&self) -> parking_lot::MutexGuard<'_, Addresses> {
        self.addresses.lock()
    }
}

/// The kernel's table of local addresses (`RT_TABLE_LOCAL`).
const LOCAL_TABLE: u32 = 255;

/// The bridge's own MAC address. Without one, it takes the lowest of its pods' addresses, another one whenever pods come and go
/// (`br_stp_recalculate_bridge_id`): for half a minute the others then send to the one that they remember.
fn bridge_mac() -> Vec<u8> {
    const LOCALLY_ADMINISTERED: [u8; 2] = [2, 0];
    [&LOCALLY_ADMINISTERED[..], &POD_GATEWAY.octets()].concat()
}

/// Unique on the bridge, and short enough for an interface name.
fn interface_of(pod: Ipv4Addr) -> String {
    let [.., third, fourth] = pod.octets();
    format!("pod{third}-{fourth}")
}

/// Which addresses are given out. A freed one is reused last, so that nobody who remembers a dead pod's
/// address meets its successor there.
#[derive(Debug, Default)]
struct Addresses {
    used: std::collections::BTreeSet<u8>,
    last: u8,
}

impl Addresses {
    /// .0 is the network, .1 the bridge, .255 the broadcast address.
    const FIRST: u8 = 2;
    const LAST: u8 = 254;

    fn take(&mut self) -> Option<Ipv4Addr> {
        let start = self.last.saturating_add(1).max(Self::FIRST);
        let host = (start..=Self::LAST)
            .chain(Self::FIRST..start)
            .find(|host| !self.used.contains(host))?;
        self.used.insert(host);
        self.last = host;
        let [a, b, c, _] = POD_GATEWAY.octets();
        Some(Ipv4Addr::new(a, b, c, host))
    }

    fn give_back(&mut self, pod: Ipv4Addr) {
        let [.., host] = pod.octets();
        self.used.remove(&host);
    }
}

/// Netlink, for the network namespace of the calling thread.
fn exhausted() -> Failure {
    let all = format!("all of {POD_GATEWAY}/{POD_PREFIX} are in use");
    failed("give the pod an address")(all)
}

fn connect() -> Result<Handle, Failure> {
    let (connection, handle, _) =
        rtnetlink::new_connection().map_err(failed("open a netlink socket"))?;
    tokio::spawn(connection);
    Ok(handle)
}

async fn index_of(handle: &Handle, name: &str) -> Result<u32, Failure> {
    let doing = || format!("look up interface `{name}`");
    let mut links = handle.link().get().match_name(name).execute();
    let link = links
        .try_next()
        .await
        .map_err(failed(doing()))?
        .ok_or_else(|| failed(doing())(rtnetlink::Error::RequestFailed))?;
    Ok(link.header.index)
}

async fn up(handle: &Handle, index: u32, name: &str) -> Result<(), Failure> {
    let message = LinkUnspec::new_with_index(index).up().build();
    let request = handle.link().set(message).execute();
    request.await.map_err(failed(format!("bring `{name}` up")))
}

async fn address(handle: &Handle, index: u32, ip: Ipv4Addr, prefix: u8) -> Result<(), Failure> {
    let request = handle.address().add(index, ip.into(), prefix).execute();
    request
        .await
        .map_err(failed(format!("add address {ip}/{prefix}")))
}

async fn configure_pod(pod: Ipv4Addr) -> Result<(), Failure> {
    let handle = connect()?;
    up(&handle, LOOPBACK, "lo").await?;
    let eth0 = index_of(&handle, POD_INTERFACE).await?;
    address(&handle, eth0, pod, POD_PREFIX).await?;
    up(&handle, eth0, POD_INTERFACE).await?;
    let default = RouteMessageBuilder::<Ipv4Addr>::new()
        .gateway(POD_GATEWAY)
        .build();
    handle
        .route()
        .add(default)
        .execute()
        .await
        .map_err(failed(format!(
            "add the pod's default route via {POD_GATEWAY}"
        )))
}

/// Runs `work` on a thread that has entered the network namespace of `pid`. The thread ends with it: a
/// thread that has left this namespace must not do anything else.
async fn inside_network_of<W, F>(pid: u32, work: W) -> Result<(), Failure>
where
    W: FnOnce() -> F + Send + 'static,
    F: Future<Output = Result<(), Failure>>,
{
    let (done, outcome) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name(format!("net-of-{pid}"))
        .spawn(move || {
            // The receiver is gone only when the attachment was given up.
            let _ = done.send(enter_and_run(pid, work));
        })
        .map_err(failed("start a thread"))?;
    outcome.await.unwrap_or_else(|_| {
        let doing = format!("configure the network of process {pid}");
        Err(failed(doing)("the thread ended without an answer"))
    })
}

fn enter_and_run<W, F>(pid: u32, work: W) -> Result<(), Failure>
where
    W: FnOnce() -> F,
    F: Future<Output = Result<(), Failure>>,
{
    let path = format!("/proc/{pid}/ns/net");
    let namespace = File::open(&path).map_err(failed(format!("open {path}")))?;
    setns(namespace, CloneFlags::CLONE_NEWNET)
        .map_err(std::io::Error::from)
        .map_err(failed(format!("enter the network of process {pid}")))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed("start a runtime"))?;
    runtime.block_on(work())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_freed_address_is_reused_last() {
        let mut addresses = Addresses::default();
        let first = addresses.take().unwrap();
        assert_eq!(first, Ipv4Addr::new(10, 244, 0, 2));
        addresses.give_back(first);
        assert_eq!(addresses.take(), Some(Ipv4Addr::new(10, 244, 0, 3)));
        let mut last = None;
        while let Some(address) = addresses.take() {
            last = Some(address);
        }
        assert_eq!(last, Some(first));
    }

    #[test]
    fn a_full_range_gives_nothing_out_until_an_address_comes_back() {
        let mut addresses = Addresses::default();
        let all: Vec<_> = std::iter::from_fn(|| addresses.take()).collect();
        assert_eq!(all.len(), 253);
        addresses.give_back(all[7]);
        assert_eq!(addresses.take(), Some(all[7]));
        assert_eq!(addresses.take(), None);
    }

    #[test]
    fn interface_names_fit_the_kernels_limit() {
        let longest = format!("{}p", interface_of(Ipv4Addr::new(10, 244, 255, 255)));
        assert!(longest.len() < 16, "{longest}");
    }
}
