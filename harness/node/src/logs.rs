//! The last lines of log files.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// How much of a log is looked at: its end is what tells why something stopped.
const LOOKED_AT: u64 = 64 * 1024;

/// The last `lines` lines of a file.
///
/// # Errors
/// When it can't be read.
pub fn tail(path: &Path, lines: usize) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let skipped = length.saturating_sub(LOOKED_AT);
    file.seek(SeekFrom::Start(skipped))?;
    let mut bytes = Vec::new();
    file.take(LOOKED_AT).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    // What starts in the middle of a line is not a line.
    let whole = if skipped == 0 {
        &text[..]
    } else {
        text.split_once('\n').map_or(&text[..], |(_, rest)| rest)
    };
    Ok(last_lines(whole, lines).to_owned())
}

fn last_lines(text: &str, lines: usize) -> &str {
    let text = text.trim_end_matches('\n');
    let start = text
        .rmatch_indices('\n')
        .nth(lines.saturating_sub(1))
        .map_or(0, |(at, _)| at + 1);
    text.get(start..).unwrap_or_default()
}

/// The last lines of every `*.log` directly in a folder, by the file's name without `.log`.
///
/// # Errors
/// When the folder or one of them can't be read.
pub fn tails(folder: &Path, lines: usize) -> io::Result<Vec<(String, String)>> {
    let mut tails = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if let (Some(name), Some("log")) = (
            path.file_stem().and_then(|name| name.to_str()),
            path.extension().and_then(|extension| extension.to_str()),
        ) {
            tails.push((name.to_owned(), tail(&path, lines)?));
        }
    }
    tails.sort();
    Ok(tails)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_whole_lines() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc");
        assert_eq!(last_lines("a\nb\nc", 9), "a\nb\nc");
        assert_eq!(last_lines("", 2), "");
    }

    #[test]
    fn a_long_log_is_cut_at_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        fs::write(&path, "0123456789\n".repeat(10_000)).unwrap();
        let tail = tail(&path, 100_000).unwrap();
        assert!(tail.len() > 60_000);
        assert!(tail.lines().all(|line| line == "0123456789"));
        let tails = tails(folder.path(), 1).unwrap();
        assert_eq!(tails, [("x".to_owned(), "0123456789".to_owned())]);
    }
}
