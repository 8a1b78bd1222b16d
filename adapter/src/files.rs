//! Changes of files, above all of mounted Secrets and ConfigMaps.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio::time::{Interval, MissedTickBehavior};

/// How often files are read again even if no change is seen, as in the Go library.
pub(crate) const REREAD_INTERVAL: Duration = Duration::from_secs(60);

/// How often two files are read until two readings are equal.
const READINGS: usize = 5;

/// The contents of two files.
pub(crate) type Pair = (Vec<u8>, Vec<u8>);
/// A file that can't be read.
pub(crate) type Unreadable<'a> = (&'a Path, io::Error);

/// What two files hold that belong together, such as a certificate and its key.
///
/// A volume whose `..data` is swapped between two reads would give the old one of the first and
/// the new one of the second. So both are read until two readings are equal.
///
/// # Errors
///
/// The file that can't be read.
pub(crate) fn read_pair<'a>(first: &'a Path, second: &'a Path) -> Result<Pair, Unreadable<'a>> {
    equal_readings(|| {
        let read = |path| std::fs::read(path).map_err(|error| (path, error));
        Ok((read(first)?, read(second)?))
    })
}

/// The last reading, if no two are equal.
fn equal_readings<T: PartialEq, E>(mut read: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    let mut last = read()?;
    for _ in 1..READINGS {
        let next = read()?;
        if next == last {
            break;
        }
        last = next;
    }
    Ok(last)
}

/// Tells when files may have changed.
///
/// SIGHUP tells it too. Their folders are watched, not the files: a mounted volume changes by a swap of the symbolic
/// link `..data` beside them. Several changes may be told as one. Without a working watch, changes
/// are seen at the next interval.
pub(crate) struct Changes {
    changed: Arc<Notify>,
    interval: Interval,
    hangup: Option<Signal>,
    _watcher: Option<RecommendedWatcher>,
}

impl Changes {
    /// Watches the folders of `paths`.
    pub(crate) fn of<'a>(paths: impl IntoIterator<Item = &'a Path>, interval: Duration) -> Self {
        let folders: BTreeSet<&Path> = paths.into_iter().filter_map(Path::parent).collect();
        let changed = Arc::new(Notify::new());
        let watcher = watch(&folders, changed.clone())
            .inspect_err(|error| {
                tracing::warn!(%error, ?folders, "watch for changes; they are seen once in {interval:?} instead");
            })
            .ok();
        let mut interval =
            tokio::time::interval_at(tokio::time::Instant::now() + interval, interval);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            changed,
            interval,
            hangup: signal(SignalKind::hangup())
                .inspect_err(|error| tracing::warn!(%error, "watch SIGHUP"))
                .ok(),
            _watcher: watcher,
        }
    }

    /// Waits until the files may have changed. Cancel-safe.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            () = self.changed.notified() => {}
            _ = self.interval.tick() => {}
            // Without a handler, or after its end, nothing is told by it.
            Some(()) = async { self.hangup.as_mut()?.recv().await } => {}
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_swapped_while_they_are_read_are_read_again() {
        let mut readings = ["old and new", "new and new", "new and new", "never"].into_iter();
        let read = equal_readings(|| readings.next().ok_or(()));
        assert_eq!((read, readings.next()), (Ok("new and new"), Some("never")));
    }

    #[test]
    fn files_that_always_change_are_read_a_few_times() {
        let mut readings = 0..;
        let read = equal_readings(|| readings.next().ok_or(()));
        assert_eq!(read, Ok(READINGS - 1));
    }

    #[tokio::test]
    async fn a_hangup_tells_of_a_change() {
        let hour = Duration::from_secs(3600);
        let mut changes = [Changes::of([], hour), Changes::of([], hour)];
        let sent = std::process::Command::new("kill")
            .args(["-HUP", &std::process::id().to_string()])
            .status();
        assert!(sent.unwrap().success());
        for changes in &mut changes {
            let told = tokio::time::timeout(Duration::from_secs(20), changes.next()).await;
            told.expect("a change");
        }
    }
}
