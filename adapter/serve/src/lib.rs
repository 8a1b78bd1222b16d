#![doc = include_str!("../README.md")]

mod connection;
mod heads;
mod limits;
mod peer;
mod server;
mod tls;

pub use limits::Limits;
pub use peer::Peer;
pub use server::Server;
pub use tls::{TlsError, server_config};
