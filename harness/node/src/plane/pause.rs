//! Pauses a process of the control plane, as a machine does that has no time for it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use parking_lot::Mutex;

/// The longest pause: a pod's probes and a caller's time-outs are not much longer.
const LONGEST: Duration = Duration::from_secs(10);

/// Why a process isn't paused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PauseError {
    #[error("a pause of {} ms is longer than {} s", .0.as_millis(), LONGEST.as_secs())]
    TooLong(Duration),
    #[error("stop the process")]
    Stop(#[source] io::Error),
}

/// A process that can be paused.
pub(crate) struct Pausable {
    pid: Pid,
    /// How many pauses there are now; the process goes on when the last one ends.
    pauses: Mutex<usize>,
}

impl Pausable {
    pub(crate) fn new(pid: Pid) -> Arc<Self> {
        let pauses = Mutex::new(0);
        Arc::new(Self { pid, pauses })
    }

    /// Whether it does nothing now.
    pub(crate) fn is_paused(&self) -> bool {
        *self.pauses.lock() > 0
    }

    /// Stops the process now, and lets it go on after a time.
    pub(crate) fn pause(self: &Arc<Self>, time: Duration) -> Result<(), PauseError> {
        if time > LONGEST {
            return Err(PauseError::TooLong(time));
        }
        {
            let mut pauses = self.pauses.lock();
            let stopped = kill(self.pid, Signal::SIGSTOP).map_err(io::Error::from);
            stopped.map_err(PauseError::Stop)?;
            *pauses += 1;
        }
        let this = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep(time).await;
            this.end_of_pause();
        });
        Ok(())
    }

    fn end_of_pause(&self) {
        let mut pauses = self.pauses.lock();
        *pauses -= 1;
        // It fails only when the process is no more, which ends the plane.
        if *pauses == 0 {
            let _ = kill(self.pid, Signal::SIGCONT);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};

    use super::*;

    /// The letter by which proc_pid_stat(5) names the state.
    fn state(child: &Child) -> String {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
        let (_, after_name) = stat.rsplit_once(") ").unwrap();
        after_name[..1].to_owned()
    }

    async fn until(what: &str, holds: impl Fn() -> bool) {
        let waited = async {
            while !holds() {
                tokio::task::yield_now().await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(20), waited).await;
        waited.unwrap_or_else(|_| panic!("not in time: {what}"));
    }

    /// A process that is killed at the end.
    struct Killed(Child);

    impl Drop for Killed {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[tokio::test]
    async fn a_process_goes_on_when_its_last_pause_ends() {
        let child = Killed(Command::new("sleep").arg("600").spawn().unwrap());
        let pid = Pid::from_raw(child.0.id().try_into().unwrap());
        let process = Pausable::new(pid);
        process.pause(LONGEST).unwrap();
        process.pause(Duration::from_millis(1)).unwrap();
        until("it is stopped", || state(&child.0) == "T").await;
        until("one pause is over", || *process.pauses.lock() == 1).await;
        assert!(process.is_paused());
        assert_eq!(state(&child.0), "T");
        process.end_of_pause();
        until("it goes on", || state(&child.0) != "T").await;
        assert!(!process.is_paused());
    }

    #[tokio::test]
    async fn a_long_pause_is_refused() {
        let process = Pausable::new(Pid::from_raw(i32::MAX));
        let told = process.pause(Duration::from_secs(11)).unwrap_err();
        assert_eq!(told.to_string(), "a pause of 11000 ms is longer than 10 s");
        assert!(!process.is_paused());
    }

    #[tokio::test]
    async fn a_process_that_is_no_more_is_not_paused() {
        let process = Pausable::new(Pid::from_raw(i32::MAX));
        let told = process.pause(LONGEST).unwrap_err();
        assert_eq!(told.to_string(), "stop the process");
        assert!(!process.is_paused());
    }
}
