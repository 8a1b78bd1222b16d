//! A container's log in the CRI's format: `<RFC 3339 time> stdout|stderr F|P <text>`, one entry a line.
//!
//! `P` marks an entry whose line goes on in the next one (`kubernetes/cri-api`, `pkg/kubelet/kuberuntime/logs`).

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest entry; container runtimes cut there.
const LONGEST: usize = 16 * 1024;

/// The log of one run of a container.
#[derive(Debug, Clone)]
pub(crate) struct Log(Arc<Mutex<File>>);

impl Log {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        Ok(Self(Arc::new(Mutex::new(File::create(path)?))))
    }

    /// Copies what a container writes until it closes the stream.
    pub(crate) async fn copy(self, name: &'static str, mut from: impl AsyncRead + Unpin) {
        let mut pending = Vec::new();
        let mut chunk = vec![0; LONGEST];
        loop {
            match from.read(&mut chunk).await {
                Ok(0) | Err(_) => break,
                Ok(length) => pending.extend_from_slice(&chunk[..length]),
            }
            let whole = entries(name, &mut pending, Timestamp::now());
            self.append(name, &whole);
        }
        if !pending.is_empty() {
            let last = entry(name, 'F', &pending, Timestamp::now());
            self.append(name, &last);
        }
    }

    fn append(&self, name: &str, entries: &[u8]) {
        let mut file = self.0.lock();
        if let Err(error) = file.write_all(entries) {
            tracing::warn!(stream = name, %error, "write a container's log; the lines are lost");
        }
    }
}

/// Takes the finished lines, and what is too long for one entry, out of `pending`.
fn entries(name: &str, pending: &mut Vec<u8>, now: Timestamp) -> Vec<u8> {
    let mut out = Vec::new();
    let mut done = 0;
    while let Some(rest) = pending.get(done..) {
        let newline = rest
            .iter()
            .take(LONGEST + 1)
            .position(|&byte| byte == b'\n');
        if let Some(end) = newline {
            out.extend(entry(name, 'F', &rest[..end], now));
            done += end + 1;
        } else if rest.len() > LONGEST {
            out.extend(entry(name, 'P', &rest[..LONGEST], now));
            done += LONGEST;
        } else {
            break;
        }
    }
    pending.drain(..done);
    out
}

fn entry(name: &str, tag: char, text: &[u8], now: Timestamp) -> Vec<u8> {
    let mut out = format!("{now:.9} {name} {tag} ").into_bytes();
    out.extend_from_slice(text);
    out.push(b'\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const AT: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn each_line_is_an_entry_with_time_and_stream() {
        let mut pending = b"one\n\ntwo\nhal".to_vec();
        let out = String::from_utf8(entries("stdout", &mut pending, AT)).expect("text");
        assert_eq!(
            out,
            "1970-01-01T00:00:00.000000000Z stdout F one\n\
             1970-01-01T00:00:00.000000000Z stdout F \n\
             1970-01-01T00:00:00.000000000Z stdout F two\n"
        );
        assert_eq!(pending, b"hal");
    }

    proptest! {
        #[test]
        fn joined_entries_are_what_was_written(lines in proptest::collection::vec(0usize..40_000, 0..4)) {
            let written: Vec<u8> = lines.iter().flat_map(|&length| [vec![b'x'; length], vec![b'\n']].concat()).collect();
            let mut pending = written.clone();
            let out = entries("stderr", &mut pending, AT);
            let mut joined = Vec::new();
            for line in out.split_inclusive(|&byte| byte == b'\n') {
                let line = line.strip_suffix(b"\n").expect("whole lines");
                let mut fields = line.splitn(4, |&byte| byte == b' ').skip(2);
                let (tag, text) = (fields.next().expect("a tag"), fields.next().expect("a text"));
                prop_assert!(text.len() <= LONGEST);
                joined.extend_from_slice(text);
                if tag == b"F" { joined.push(b'\n'); }
            }
            joined.extend(pending);
            prop_assert_eq!(joined, written);
        }
    }
}
