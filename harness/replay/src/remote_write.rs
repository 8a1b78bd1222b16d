//! Remote write 1.0: a snappy block that holds a protobuf message, received by [`crate::Replay`] at `/api/v1/write`.

use prost::Message;
use thiserror::Error;

use crate::World;
use crate::labels::{Labels, METRIC_NAME};
use crate::series::AppendError;
use crate::tenants::NoTenant;

/// Bytes of a message that is unpacked; a few kilobytes may claim to hold gigabytes.
const MAX_MESSAGE: usize = 32 * 1024 * 1024;

/// Why what was sent isn't taken.
#[derive(Debug, Error)]
pub(crate) enum WriteError {
    #[error("reading the request as a snappy block")]
    Snappy(#[from] snap::Error),
    #[error("the request holds {0} bytes: at most {MAX_MESSAGE} are taken, send less at once")]
    TooLarge(usize),
    #[error("reading the request as a remote write message")]
    Protobuf(#[from] prost::DecodeError),
    #[error("native histograms are not supported by setpoint's fake Prometheus: {0}")]
    NativeHistogram(Labels),
    #[error("series {0} has no metric name")]
    NoName(Labels),
    #[error("reading whose samples they are")]
    NoTenant(#[from] NoTenant),
    #[error("multiple org IDs present")]
    SeveralTenants,
    #[error("appending to a series")]
    Append(#[from] AppendError),
}

/// `prometheus.WriteRequest` (`prompb/remote.proto`), as far as it is looked at.
#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    /// Not looked into.
    #[prost(bytes = "vec", repeated, tag = "4")]
    histograms: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

/// The world with what was sent added.
pub(crate) fn received(world: &World, body: &[u8]) -> Result<World, WriteError> {
    let length = snap::raw::decompress_len(body)?;
    if length > MAX_MESSAGE {
        return Err(WriteError::TooLarge(length));
    }
    let message = snap::raw::Decoder::new().decompress_vec(body)?;
    let mut all = Vec::new();
    for series in WriteRequest::decode(&message[..])?.timeseries {
        let labels = series.labels.into_iter();
        let labels: Labels = labels
            .map(|label| (label.name.into(), label.value.into()))
            .collect();
        if !series.histograms.is_empty() {
            return Err(WriteError::NativeHistogram(labels));
        }
        if !labels.contains(METRIC_NAME) {
            return Err(WriteError::NoName(labels));
        }
        let samples = series.samples.iter().map(|sample| {
            let at = world.clock.to_scenario(sample.timestamp);
            (at, sample.value)
        });
        all.push((labels, samples.collect()));
    }
    Ok(world.with_samples(all)?)
}

/// A request that sends samples: labels, and times (milliseconds since 1970) with values, oldest first. The staleness
/// marker is the NaN `0x7ff0000000000002`. The request is empty if that is more than the 4 GiB that a snappy block may hold.
#[must_use]
pub fn request(samples: &[(Labels, Vec<(i64, f64)>)]) -> Vec<u8> {
    let series = samples.iter().map(|(labels, samples)| TimeSeries {
        labels: labels
            .iter()
            .map(|(name, value)| Label {
                name: name.to_owned(),
                value: value.to_owned(),
            })
            .collect(),
        samples: samples
            .iter()
            .map(|&(timestamp, value)| Sample { value, timestamp })
            .collect(),
        histograms: Vec::new(),
    });
    let message = WriteRequest {
        timeseries: series.collect(),
    };
    let packed = snap::raw::Encoder::new().compress_vec(&message.encode_to_vec());
    packed.unwrap_or_default()
}
