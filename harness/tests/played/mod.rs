//! `setpoint replay` as a process, for tests of programs.
#![expect(
    clippy::unwrap_used,
    reason = "a program that doesn't start fails the test"
)]

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// A process that ends with the test.
pub(crate) struct Played {
    pub(crate) process: Child,
    /// Where it serves: host and port.
    pub(crate) address: String,
}

impl Played {
    /// One with these arguments, on free ports, that serves.
    pub(crate) fn of(arguments: &[&OsStr]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_setpoint"))
            .args(["replay", "--listen=127.0.0.1:0", "--control=127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line.split([' ', ',']).nth(2).unwrap().to_owned();
        Self { process, address }
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
