#![doc = include_str!("../README.md")]

mod budget;
mod by_name;
mod connection;
mod connections;
mod counts;
mod limits;
mod peer;
mod processor;
mod reading;
mod requests;
mod reset;
mod server;
mod silent;
mod tls;
mod turns;
mod writing;

pub use by_name::{ByName, certificate_names};
pub use counts::Counts;
pub use limits::{ClientLimits, Limits};
pub use peer::Peer;
pub use reset::Reset;
pub use server::Server;
pub use tls::{TlsError, TlsOptions, certified_key, server_config, server_config_with};
