//! Prometheus' answers as the targets in `adapter/fuzz` read them.

use std::marker::PhantomData;

use setpoint_rules::{Sample, SeriesNames};

use super::stream::{AnswerStream, Fields, MAX_ANSWER, StreamError};
use super::wire::{Element, SAMPLES, SERIES, SeriesReader};

/// An answer of Prometheus.
#[derive(Debug)]
pub struct Answer<T> {
    /// `success` or `error`.
    pub status: String,
    /// What kind of error it is.
    pub error_type: String,
    /// What is wrong with the request.
    pub error: String,
    /// What the list is of.
    pub result_type: String,
    /// Whether there was a list.
    pub has_list: bool,
    /// What is kept of the list.
    pub kept: T,
}

/// What is kept of series.
#[derive(Debug)]
pub struct FoundNames {
    /// Their names and labels.
    pub names: SeriesNames,
    /// How many there are.
    pub count: u64,
}

/// Why an answer can't be read, in words.
#[derive(Debug, PartialEq, Eq)]
pub struct Unreadable(pub String);

impl From<StreamError> for Unreadable {
    fn from(error: StreamError) -> Self {
        Self(error.to_string())
    }
}

impl<T> Answer<T> {
    fn new(fields: Fields, kept: T) -> Self {
        Self {
            status: fields.status,
            error_type: fields.error_type,
            error: fields.error,
            result_type: fields.result_type,
            has_list: fields.list,
            kept,
        }
    }
}

/// Reads an answer of `/series` that comes in pieces.
///
/// # Errors
/// Why it can't be read.
pub fn series<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Answer<FoundNames>, Unreadable> {
    let mut reader = SeriesReader::default();
    let fields = read(SERIES, pieces, |stream| {
        while let Some(()) = stream.element(reader.seed())? {
            reader.take()?;
        }
        Ok(())
    })?;
    let found = reader.finish();
    let kept = FoundNames {
        names: found.names,
        count: found.count,
    };
    Ok(Answer::new(fields, kept))
}

/// Reads an answer of `/query` that comes in pieces.
///
/// # Errors
/// Why it can't be read.
pub fn samples<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Answer<Vec<Sample>>, Unreadable> {
    let mut samples = Vec::new();
    let fields = read(SAMPLES, pieces, |stream| {
        while let Some(element) = stream.element(PhantomData::<Element>)? {
            samples.extend(element.sample());
        }
        Ok(())
    })?;
    Ok(Answer::new(fields, samples))
}

fn read<'a>(
    path: &'static [&'static str],
    pieces: impl IntoIterator<Item = &'a [u8]>,
    mut take: impl FnMut(&mut AnswerStream) -> Result<(), StreamError>,
) -> Result<Fields, StreamError> {
    let mut stream = AnswerStream::new(path, MAX_ANSWER);
    for piece in pieces {
        stream.feed(piece)?;
        take(&mut stream)?;
    }
    stream.close();
    take(&mut stream)?;
    stream.fields()
}
