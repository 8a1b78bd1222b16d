//! Processes of this machine, as /proc has them.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

/// A process; another one with the same number has started at another time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    parent: u32,
    start_time: u64,
    pub(crate) command: String,
}

impl Process {
    fn read(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // proc_pid_stat(5): what follows the name, which may hold anything.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let is_ended = matches!(*fields.first()?, "Z" | "X");
        let command = fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
        (!is_ended).then_some(Self {
            pid,
            parent: fields.get(1)?.parse().ok()?,
            start_time: fields.get(19)?.parse().ok()?,
            command: command.replace('\0', " "),
        })
    }

    pub(crate) fn is_alive(&self) -> bool {
        Self::read(self.pid).is_some_and(|now| now.start_time == self.start_time)
    }
}

/// The children of a process, theirs, and so on.
pub(crate) fn descendants(pid: u32) -> Vec<Process> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut by_parent: BTreeMap<u32, Vec<Process>> = BTreeMap::new();
    for process in pids.filter_map(Process::read) {
        by_parent.entry(process.parent).or_default().push(process);
    }
    let mut found = by_parent.remove(&pid).unwrap_or_default();
    let mut next = 0;
    while let Some(process) = found.get(next) {
        let children = by_parent.remove(&process.pid).unwrap_or_default();
        found.extend(children);
        next += 1;
    }
    found
}

/// Sends a signal by its name. Whether there was such a process.
pub(crate) fn signal(name: &str, pid: u32) -> bool {
    let pid = pid.to_string();
    let sent = Command::new("kill").args(["-s", name, &pid]).output();
    sent.unwrap().status.success()
}
