//! What the targets in `adapter/fuzz` ask of this crate: compiled by cargo-fuzz only (`cfg(fuzzing)`).

use http::Method;
use setpoint_rules::ResourcePath;

pub use crate::auth::fuzzing::{Authentication, Identity};
pub use crate::prometheus::fuzzing::{Answer, FoundNames, Unreadable, samples, series};
use crate::request_info::{RequestInfo, ResourceRequest};

/// What authorization sees of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attributes {
    /// A request for a resource.
    Resource {
        /// Such as `get`; empty for unknown methods.
        verb: &'static str,
        /// What it is about.
        path: ResourcePath,
    },
    /// A request for any other path.
    Path {
        /// The method in lower case.
        verb: String,
        /// The decoded path.
        path: String,
    },
}

/// The attributes of a request; none if its path can't be decoded.
#[must_use]
pub fn attributes(method: &Method, path: &str) -> Option<Attributes> {
    let attributes = match RequestInfo::new(method, path).ok()? {
        RequestInfo::Resource(ResourceRequest { verb, path }) => {
            Attributes::Resource { verb, path }
        }
        RequestInfo::Path { path, verb } => Attributes::Path { verb, path },
    };
    Some(attributes)
}
