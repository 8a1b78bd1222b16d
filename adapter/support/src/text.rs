//! Texts that people name.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The most bytes of a text. Reports of large runs have tens of mebibytes, and recordings of series at most this; what has
/// more, such as /dev/zero, would take all memory.
const MOST_BYTES: u64 = 256 << 20;

/// A file is too long.
#[derive(Debug, thiserror::Error)]
#[error("it has more than {most} bytes, the most that are read of a file")]
struct TooLong {
    most: u64,
}

/// A file is no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is something else than UTF-8 at byte {byte} (line {line}, column {column}): save the file as UTF-8"
)]
pub struct NotUtf8 {
    /// How many bytes stand before.
    pub byte: usize,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
}

/// The text of a file. As [`std::fs::read_to_string`], but the error of what is no text says where ([`NotUtf8`]), and what
/// has no end is no text either.
///
/// # Errors
/// If the file can't be read, is longer than anything that is read here, or isn't UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    let not_text = |error| io::Error::new(io::ErrorKind::InvalidData, error);
    text_of(read_up_to(MOST_BYTES, File::open(path)?)?).map_err(not_text)
}

/// All bytes, unless there are more than that many.
fn read_up_to(most: u64, from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = from.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    // A pipe and a device don't say their length before.
    if u64::try_from(read).is_ok_and(|read| read <= most) {
        return Ok(bytes);
    }
    let error = TooLong { most };
    Err(io::Error::new(io::ErrorKind::FileTooLarge, error))
}

/// Bytes as a text.
///
/// # Errors
/// Where they are something else than UTF-8.
pub fn text_of(bytes: Vec<u8>) -> Result<String, NotUtf8> {
    String::from_utf8(bytes).map_err(|error| {
        let byte = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..byte).unwrap_or_default();
        let before = String::from_utf8_lossy(before);
        let last = before.rsplit('\n').next().unwrap_or_default();
        NotUtf8 {
            byte,
            line: before.matches('\n').count() + 1,
            column: last.chars().count() + 1,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_is_not_read_on_and_on() {
        let error = read_up_to(10, io::repeat(b'a')).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(
            error.to_string(),
            "it has more than 10 bytes, the most that are read of a file"
        );
        assert_eq!(read_up_to(10, &b"0123456789"[..]).unwrap(), b"0123456789");
    }

    #[test]
    fn what_is_no_text_is_told_with_its_place() {
        for (bytes, (byte, line, column)) in [
            (&b"\xff"[..], (0, 1, 1)),
            (b"a: \xe9\n", (3, 1, 4)),
            (b"\n\xff", (1, 2, 1)),
            ("a: 1\nb: é".as_bytes(), (0, 0, 0)),
            (b"a: \xc3\xa9\nb: \xc3\xa9\xff\n", (11, 2, 5)),
        ] {
            let expected = NotUtf8 { byte, line, column };
            match text_of(bytes.to_vec()) {
                Ok(text) => assert_eq!((text.as_bytes(), line), (bytes, 0)),
                Err(found) => assert_eq!(found, expected),
            }
        }
        let folder = std::env::temp_dir();
        let path = folder.join(format!("setpoint-no-text-{}", std::process::id()));
        std::fs::write(&path, b"a: \xe9\n").unwrap();
        let error = read_text(&path).unwrap_err().to_string();
        std::fs::remove_file(&path).unwrap();
        assert!(error.contains("byte 3 (line 1, column 4)"), "{error}");
        assert!(read_text(&path).is_err());
    }
}
