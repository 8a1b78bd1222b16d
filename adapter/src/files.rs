//! Files that others change: mounted Secrets and ConfigMaps above all.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;
use tokio::time::{Interval, MissedTickBehavior};

/// How often files are read again whatever the watch says, as the Go library does.
pub(crate) const REREAD: Duration = Duration::from_secs(60);

/// Says when some files may have changed.
///
/// Their folders are watched, not the files: a mounted volume changes by swapping the symbolic link `..data`
/// beside them. Events are merged, and a broken watch costs time, not truth.
pub(crate) struct Changes {
    changed: Arc<Notify>,
    again: Interval,
    _watcher: Option<RecommendedWatcher>,
}

impl Changes {
    /// Watches the folders of `paths`, and speaks up after every `reread` too.
    pub(crate) fn of<'a>(paths: impl IntoIterator<Item = &'a Path>, reread: Duration) -> Self {
        let folders: BTreeSet<&Path> = paths.into_iter().filter_map(Path::parent).collect();
        let changed = Arc::new(Notify::new());
        let watcher = watch(&folders, changed.clone())
            .inspect_err(|error| {
                tracing::warn!(%error, ?folders, "watch for changes; they are seen once in {reread:?} instead");
            })
            .ok();
        let mut again = tokio::time::interval_at(tokio::time::Instant::now() + reread, reread);
        again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            changed,
            again,
            _watcher: watcher,
        }
    }

    /// Waits until something may have changed. May be cancelled at any time.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            () = self.changed.notified() => {}
            _ = self.again.tick() => {}
        }
    }
}

fn watch(folders: &BTreeSet<&Path>, changed: Arc<Notify>) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Reading is no change; an error may hide one.
        if !event.is_ok_and(|event| event.kind.is_access()) {
            changed.notify_one();
        }
    })?;
    for folder in folders {
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
    }
    Ok(watcher)
}
