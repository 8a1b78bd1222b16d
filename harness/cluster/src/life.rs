//! What the starts and the ends of all backends have in common.

use std::sync::Arc;

/// Called with what is being waited for while a cluster starts, such as `etcd and kube-apiserver`.
pub type Progress = Arc<dyn Fn(&str) + Send + Sync>;

/// A cluster that was removed because nobody uses it any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaped {
    /// The cluster's name.
    pub name: String,
    /// Why it was removed.
    pub why: &'static str,
}
