//! The process that made an object, in a label: so that whoever comes later on the same machine knows whether it still lives.

use std::fmt;
use std::fs;
use std::io;

use setpoint_node::process::ProcessId;

/// How much of the boot's id is enough to tell machines and boots apart.
const BOOT_LENGTH: usize = 8;

/// A process, and where its number counts: `<boot>-<PID namespace>-<number>-<start time>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    /// The boot and the PID namespace.
    numbers: String,
    process: ProcessId,
}

impl Owner {
    pub(super) fn this() -> io::Result<Self> {
        Ok(Self {
            numbers: numbers()?,
            process: ProcessId::this()?,
        })
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        let (rest, start_time) = text.rsplit_once('-')?;
        let (numbers, pid) = rest.rsplit_once('-')?;
        Some(Self {
            numbers: numbers.to_owned(),
            process: ProcessId {
                pid: pid.parse().ok()?,
                start_time: start_time.parse().ok()?,
            },
        })
    }

    /// Whether it has ended; of a process elsewhere nothing is known.
    pub(super) fn has_ended(&self) -> bool {
        numbers().is_ok_and(|numbers| numbers == self.numbers) && !self.process.is_alive()
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { numbers, process } = self;
        write!(f, "{numbers}-{}-{}", process.pid, process.start_time)
    }
}

fn numbers() -> io::Result<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let namespace = fs::read_link("/proc/self/ns/pid")?;
    let digits = |c: &char| c.is_ascii_digit();
    let namespace: String = namespace.to_string_lossy().chars().filter(digits).collect();
    let boot: String = boot.chars().take(BOOT_LENGTH).collect();
    Ok(format!("{boot}-{namespace}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_from_its_label_and_one_of_another_machine_is_never_said_to_have_ended() {
        let this = Owner::this().unwrap();
        let label = this.to_string();
        assert!(label.len() <= 63, "{label}");
        assert_eq!(Owner::read(&label), Some(this.clone()));
        assert!(!this.has_ended());
        let mut dead = this;
        dead.process.start_time -= 1;
        assert!(dead.has_ended());
        dead.numbers = "another-1".to_owned();
        assert!(!dead.has_ended());
    }
}
