//! Reading a container's log as `kubectl logs` shows it (`k8s.io/cri-client/pkg/logs/logs.go`, `ReadLogs`).

use std::collections::VecDeque;
use std::io::{self, SeekFrom};
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use jiff::Timestamp;
use tokio::fs::File;
use tokio::io::{AsyncBufReadExt, AsyncSeekExt, BufReader};
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::ContainerLog;
use super::options::LogOptions;

/// How often a followed log is looked at for new lines.
const POLL: Duration = Duration::from_millis(100);
/// About how much is handed over at once.
const CHUNK: usize = 32 * 1024;

/// The wanted part of the log, in chunks. Dropping the stream ends a following.
pub(super) async fn open(
    log: &ContainerLog,
    options: LogOptions,
) -> io::Result<impl Stream<Item = io::Result<Bytes>> + Send + use<>> {
    let mut file = BufReader::new(File::open(&log.path).await?);
    if let Some(lines) = options.tail_lines {
        let start = start_of_last(&mut file, lines).await?;
        file.seek(SeekFrom::Start(start)).await?;
    }
    let mut poll = interval(POLL);
    poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let reader = Reader {
        file,
        partial: Vec::new(),
        follow: options.follow,
        running: log.running.clone(),
        poll,
        printer: Printer::new(options),
        done: false,
    };
    Ok(futures::stream::unfold(reader, |mut reader| async {
        let chunk = reader.next_chunk().await.transpose()?;
        Some((chunk, reader))
    }))
}

/// Where the last `wanted` lines start. A line written in parts (`P`) counts once.
async fn start_of_last(file: &mut BufReader<File>, wanted: u64) -> io::Result<u64> {
    let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
    let mut starts = VecDeque::new();
    let (mut at, mut starts_here, mut line) = (0, true, Vec::new());
    loop {
        line.clear();
        let read = file.read_until(b'\n', &mut line).await?;
        if read == 0 {
            break;
        }
        if starts_here {
            starts.push_back(at);
        }
        starts_here = Entry::parse(&line).is_none_or(|entry| entry.ends_line);
        at += read as u64;
        if starts.len() > wanted {
            starts.pop_front();
        }
    }
    Ok(starts.front().copied().unwrap_or(at))
}

struct Reader {
    file: BufReader<File>,
    /// The start of a line whose end is not written yet.
    partial: Vec<u8>,
    follow: bool,
    running: watch::Receiver<bool>,
    poll: Interval,
    printer: Printer,
    done: bool,
}

impl Reader {
    /// The next lines, or `None` at the end.
    async fn next_chunk(&mut self) -> io::Result<Option<Bytes>> {
        let mut chunk = Vec::new();
        while !self.done {
            // Asked before reading: what the run wrote at its end is there once this says that it is over.
            let over = self.is_over();
            let at_end = self.read_lines(&mut chunk).await?;
            self.done = self.printer.is_full() || (at_end && (over || !self.follow));
            if !chunk.is_empty() {
                break;
            }
            if at_end && !self.done {
                tokio::select! {
                    _ = self.poll.tick() => {}
                    // A dropped sender says the same as `false`.
                    _ = self.running.wait_for(|running| !running) => {}
                }
            }
        }
        Ok((!chunk.is_empty()).then(|| chunk.into()))
    }

    fn is_over(&self) -> bool {
        !*self.running.borrow() || self.running.has_changed().is_err()
    }

    /// Prints lines into `chunk` until it is large or the file ends; says whether the file ended.
    async fn read_lines(&mut self, chunk: &mut Vec<u8>) -> io::Result<bool> {
        while chunk.len() < CHUNK && !self.printer.is_full() {
            self.file.read_until(b'\n', &mut self.partial).await?;
            if !self.partial.ends_with(b"\n") {
                return Ok(true);
            }
            self.printer.print(&self.partial, chunk);
            self.partial.clear();
        }
        Ok(false)
    }
}

/// One line of the file.
struct Entry<'a> {
    time: &'a str,
    stream: &'a str,
    /// `F`, not `P`.
    ends_line: bool,
    text: &'a [u8],
}

impl<'a> Entry<'a> {
    /// `<time> <stream> <tags> <text>\n`; the first of the tags says whether the line is whole.
    fn parse(line: &'a [u8]) -> Option<Self> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let mut parts = line.splitn(4, |byte| *byte == b' ');
        let mut word = || std::str::from_utf8(parts.next()?).ok();
        let (time, stream, tags) = (word()?, word()?, word()?);
        Some(Self {
            time,
            stream,
            ends_line: tags.split(':').next() != Some("P"),
            text: parts.next().unwrap_or_default(),
        })
    }
}

/// Chooses lines and gives them the wanted form.
struct Printer {
    options: LogOptions,
    /// Whether the next entry begins a line.
    begins_line: bool,
    left: u64,
}

impl Printer {
    fn new(options: LogOptions) -> Self {
        Self {
            left: options.limit_bytes.unwrap_or(u64::MAX),
            options,
            begins_line: true,
        }
    }

    fn is_full(&self) -> bool {
        self.left == 0
    }

    fn print(&mut self, line: &[u8], out: &mut Vec<u8>) {
        let Some(entry) = Entry::parse(line) else {
            tracing::warn!("a line of a container's log is not in the CRI's format");
            return;
        };
        if !self.is_wanted(&entry) {
            return;
        }
        if self.options.timestamps && self.begins_line {
            self.write(entry.time.as_bytes(), out);
            self.write(b" ", out);
        }
        self.write(entry.text, out);
        if entry.ends_line {
            self.write(b"\n", out);
        }
        self.begins_line = entry.ends_line;
    }

    fn is_wanted(&self, entry: &Entry<'_>) -> bool {
        let in_stream = self
            .options
            .stream
            .is_none_or(|wanted| wanted == entry.stream);
        let in_time = self.options.since.is_none_or(|since| {
            let time = entry.time.parse::<Timestamp>();
            time.is_ok_and(|time| time >= since)
        });
        in_stream && in_time
    }

    fn write(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let room = usize::try_from(self.left).unwrap_or(usize::MAX);
        let bytes = &bytes[..bytes.len().min(room)];
        out.extend_from_slice(bytes);
        self.left -= bytes.len() as u64;
    }
}
