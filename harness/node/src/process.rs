//! Processes that can't be mistaken for later ones of the same number.

use std::fs;
use std::io;

use serde::{Deserialize, Serialize};

/// A process that can't be mistaken for a later one of the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProcessId {
    /// Its number, as this process' PID namespace sees it.
    pub pid: u32,
    /// Clock ticks between the machine's boot and the process' start (`/proc/<pid>/stat`, field 22).
    pub start_time: u64,
}

impl ProcessId {
    /// The process that has this number now.
    ///
    /// # Errors
    /// When there is none.
    pub fn of(pid: u32) -> io::Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let start_time = start_time_in(&stat)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no start time in stat"))?;
        Ok(Self { pid, start_time })
    }

    /// The calling process.
    ///
    /// # Errors
    /// When `/proc` can't be read.
    pub fn this() -> io::Result<Self> {
        Self::of(std::process::id())
    }

    /// Whether it still runs; a zombie doesn't.
    #[must_use]
    pub fn is_alive(self) -> bool {
        Self::of(self.pid).is_ok_and(|found| found == self)
    }
}

/// proc(5): the second field is the program's name in parentheses and may hold anything, parentheses too.
fn start_time_in(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(") ")?;
    let mut fields = after_name.split(' ');
    // A zombie holds nothing any more; its parent just hasn't asked for its status yet.
    let state = fields.next()?;
    let start_time = fields.nth(18)?.parse().ok()?;
    (!matches!(state, "Z" | "X")).then_some(start_time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_programs_name_with_parentheses_does_not_hide_its_start_time() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 4711 99 1";
        assert_eq!(start_time_in(stat), Some(4711));
    }

    #[test]
    fn a_number_used_again_is_another_process() {
        let this = ProcessId::this().unwrap();
        assert!(this.is_alive());
        let earlier = ProcessId {
            start_time: this.start_time - 1,
            ..this
        };
        assert!(!earlier.is_alive());
    }
}
