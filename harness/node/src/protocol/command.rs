//! The plane's Unix socket: one command a connection, a line of JSON; the reply is a line of JSON.
//!
//! After the reply to `connect` the connection is the byte stream itself.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a byte stream into the cluster leads.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Target {
    /// A Service, through its ClusterIP.
    Service {
        /// The Service's namespace.
        namespace: String,
        /// The Service's name.
        name: String,
    },
    /// A pod, at its own IP.
    Pod {
        /// The pod's namespace.
        namespace: String,
        /// The pod's name.
        name: String,
    },
    /// The kube-controller-manager, which listens for the node alone.
    ControllerManager,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service { namespace, name } => write!(f, "service {namespace}/{name}"),
            Self::Pod { namespace, name } => write!(f, "pod {namespace}/{name}"),
            Self::ControllerManager => f.write_str("the kube-controller-manager"),
        }
    }
}

/// What a client may ask of a plane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Command {
    /// Opens a byte stream.
    Connect {
        /// Where to.
        target: Target,
        /// The port there, 1 to 65535.
        port: u16,
    },
    /// Issues all projected ServiceAccount tokens again, now.
    RenewTokens,
    /// Stops the kube-apiserver, and lets it go on after a time.
    PauseApiServer {
        /// How long, at most ten seconds.
        milliseconds: u64,
    },
}

/// The reply to a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Reply {
    /// It is done.
    Done,
    /// It is not, and why.
    Failed(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_on_the_socket_are_these() {
        let command = Command::Connect {
            target: Target::Pod {
                namespace: "a".to_owned(),
                name: "b".to_owned(),
            },
            port: 80,
        };
        let line = r#"{"connect":{"target":{"kind":"pod","namespace":"a","name":"b"},"port":80}}"#;
        assert_eq!(serde_json::to_string(&command).unwrap(), line);
        assert_eq!(serde_json::from_str::<Command>(line).unwrap(), command);
        let renew = serde_json::to_string(&Command::RenewTokens).unwrap();
        assert_eq!(renew, r#""renewTokens""#);
        let pause = Command::PauseApiServer { milliseconds: 5 };
        let pause = serde_json::to_string(&pause).unwrap();
        assert_eq!(pause, r#"{"pauseApiServer":{"milliseconds":5}}"#);
        assert_eq!(serde_json::to_string(&Reply::Done).unwrap(), r#""done""#);
        let refused = Reply::Failed("connection refused".to_owned());
        assert_eq!(
            serde_json::to_string(&refused).unwrap(),
            r#"{"failed":"connection refused"}"#
        );
    }
}
