//! What a plane reports to its client while it starts: JSON lines on the socket that is its standard output.
//!
//! The same socket tells the plane that its client lives: at its end of file a plane ends, unless the
//! client said [`DETACH`] before.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

/// The only line that a client sends: from now on the plane lives until it expires.
pub const DETACH: &str = "detach";

/// One line from the plane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum PlaneEvent {
    /// What the plane is waiting for now.
    Starting(String),
    /// The default ServiceAccount is there.
    Ready {
        /// As the API server states it: `v1.37.2`.
        kubernetes_version: String,
    },
    /// The plane ends, and why.
    Failed(String),
}

impl PlaneEvent {
    /// Sends the event. A client that is gone needs no news, so failures are not reported.
    pub fn send(&self, mut to: impl Write) {
        if let Ok(mut line) = serde_json::to_vec(self) {
            line.push(b'\n');
            let _: io::Result<()> = to.write_all(&line).and_then(|()| to.flush());
        }
    }
}
