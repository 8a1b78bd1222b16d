//! What a plane and the client that started it say to each other.
//!
//! ```text
//!  client ── spec.json ──────────────────────► plane     what to start
//!  client ◄─ PlaneEvent, a line of JSON each ─ plane     on the plane's standard output, until it is ready
//!  client ── Command, plane ◄── Reply ─────────          on the plane's Unix socket, at any time
//! ```

mod command;
mod event;
mod spec;

pub use command::{Command, Reply, Target};
pub use event::{DETACH, PlaneEvent};
pub use spec::PlaneSpec;
