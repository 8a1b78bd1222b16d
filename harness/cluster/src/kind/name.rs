//! A kind cluster's name says whose it is and when its time is over, for those who clean up: kind keeps no
//! other note of a cluster than its containers' names and one label.

use std::fmt;

use jiff::Timestamp;

use crate::expiry;
use crate::provider::NameError;

/// What every cluster of ours begins with.
const PREFIX: &str = "setpoint-";
/// With `setpoint-`, the expiry and `-control-plane` it makes a host name of at most 63 characters.
const LONGEST: usize = 24;

/// `setpoint-<own name>-<expiry>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClusterName {
    /// What the user calls it.
    pub(super) own: String,
    /// When its time is over, to the minute.
    pub(super) expires: Timestamp,
}

impl ClusterName {
    /// A name for a cluster that is to live for some time yet.
    pub(super) fn new(own: &str, expires: Timestamp) -> Result<Self, NameError> {
        let fits = (1..=LONGEST).contains(&own.len());
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if fits && own.bytes().all(allowed) {
            let own = own.to_owned();
            Ok(Self { own, expires })
        } else {
            Err(NameError::Malformed(
                "kind",
                own.to_owned(),
                "lower-case letters, digits and `-`",
                LONGEST,
            ))
        }
    }

    /// Reads the name that kind shows; none for a cluster that Setpoint didn't start.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (own, expiry) = name.strip_prefix(PREFIX)?.rsplit_once('-')?;
        Self::new(own, expiry::read(expiry)?).ok()
    }
}

impl fmt::Display for ClusterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let expires = expiry::written(self.expires);
        write!(f, "{PREFIX}{}-{expires}", self.own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn another_ones_cluster_is_not_ours() {
        for name in [
            "kind",
            "setpoint",
            "setpoint-demo",
            "setpoint--20261124t2359",
            "setpoint-A-20261124t2359",
        ] {
            assert_eq!(ClusterName::parse(name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn a_name_is_read_as_it_was_written_and_leaves_room_for_the_nodes(own in "[a-z0-9-]{1,24}", minutes in 0i64..100_000_000) {
            let expires = Timestamp::from_second(minutes * 60).unwrap();
            let name = ClusterName::new(&own, expires).unwrap();
            prop_assert_eq!(ClusterName::parse(&name.to_string()), Some(name.clone()));
            let host = format!("{name}-control-plane");
            prop_assert!(host.len() <= 63, "{}", host);
        }
    }
}
