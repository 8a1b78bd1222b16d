//! What the HTTPS server counts.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::counter::ConstCounter;
use setpoint_serve::Counts;

/// Reads the counts at each scrape.
#[derive(Debug)]
pub(crate) struct ServerCounts(pub(crate) Counts);

impl Collector for ServerCounts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let Self(counts) = self;
        for (name, help, count) in [
            (
                "connections",
                "Connections that were accepted",
                counts.connections(),
            ),
            (
                "superfluous_connections",
                "Connections that were closed because there were too many",
                counts.superfluous_connections(),
            ),
            (
                "failed_handshakes",
                "TLS handshakes that failed or took too long",
                counts.failed_handshakes(),
            ),
            (
                "refused_requests",
                "Requests that were refused because their client takes too much",
                counts.refused_requests(),
            ),
            (
                "rests",
                "How often a connection of a client that isn't served rested, since its address takes too much of the processor",
                counts.rests(),
            ),
        ] {
            let name = format!("setpoint_adapter_{name}");
            let count = ConstCounter::new(count);
            let metric = encoder.encode_descriptor(&name, help, None, count.metric_type())?;
            count.encode(metric)?;
        }
        Ok(())
    }
}
