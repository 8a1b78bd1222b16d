//! Addresses, ports and names inside a plane.

use std::net::Ipv4Addr;

/// The node's only address; the API server and the kubelet bind it and nothing else.
pub const NODE_ADDRESS: Ipv4Addr = Ipv4Addr::new(172, 30, 0, 2);
/// The API server's port at [`NODE_ADDRESS`].
pub const API_PORT: u16 = 6443;
/// The kubelet's port at [`NODE_ADDRESS`].
pub const KUBELET_PORT: u16 = 10250;
/// The node's name.
pub const NODE_NAME: &str = "setpoint";
/// The bridge's address: the pods' way to node and Services.
pub const POD_GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 244, 0, 1);
/// The prefix length of the pods' network.
pub const POD_PREFIX: u8 = 24;
/// The range of ClusterIPs, as address and prefix length.
pub const SERVICE_RANGE: (Ipv4Addr, u8) = (Ipv4Addr::new(10, 96, 0, 0), 16);
/// The ClusterIP of Service `default/kubernetes`: the first of the range.
pub const API_SERVICE_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 1);
