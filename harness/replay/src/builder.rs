//! A fake Prometheus in a few lines.

use std::net::SocketAddr;

use crate::notation::ValuesError;
use crate::promql::Version;
use crate::replay::{Replay, ReplayOptions, StartError};
use crate::sources::{Begin, Format, SourceError};
use crate::{Access, Fault, ScriptedSeries};

/// Seconds between two samples, as in Prometheus' example configuration.
const INTERVAL: f64 = 15.0;

/// How a fake Prometheus starts, written as a sentence. What can't be used is told by [`start`](Self::start).
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let prometheus = setpoint_replay::Replay::builder()
///     .held(r#"http_requests_total{pod="web-1"}"#, "0+150x240")
///     .start()
///     .await?;
/// println!("{}/api/v1/query?query=rate(http_requests_total[1m])", prometheus.url());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
#[must_use = "nothing listens before `start`"]
pub struct ReplayBuilder {
    options: ReplayOptions,
    problem: Option<BuildError>,
    /// Whose the series are that are given next; none is everybody's.
    tenant: Option<String>,
}

/// What of a builder can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The values of a series.
    #[error("reading the values of the series `{series}`")]
    Values {
        /// The series.
        series: String,
        /// Where they are wrong.
        source: ValuesError,
    },
    /// A file of others.
    #[error("reading the text of a source")]
    Source(#[from] SourceError),
}

impl ReplayBuilder {
    /// A series: name and labels, and values in promtool's notation, one each 15 s from now on.
    pub fn series(self, series: &str, values: &str) -> Self {
        self.with(series, values, false)
    }

    /// A series whose last value is repeated for ever.
    pub fn held(self, series: &str, values: &str) -> Self {
        self.with(series, values, true)
    }

    fn with(mut self, series: &str, values: &str, hold: bool) -> Self {
        match values.parse() {
            Ok(values) => {
                let series = ScriptedSeries {
                    series: series.to_owned(),
                    values,
                    interval: INTERVAL,
                    from: 0.0,
                    hold,
                };
                self.series_of_tenant().push(series);
            }
            Err(source) => {
                let series = series.to_owned();
                self.problem
                    .get_or_insert(BuildError::Values { series, source });
            }
        }
        self
    }

    /// Where the next series goes.
    fn series_of_tenant(&mut self) -> &mut Vec<ScriptedSeries> {
        let script = &mut self.options.script;
        match &self.tenant {
            None => &mut script.series,
            Some(tenant) => {
                let tenants = script.tenants.get_or_insert_default();
                tenants.series.entry(tenant.clone()).or_default()
            }
        }
    }

    /// The series that follow by [`series`](Self::series) and [`held`](Self::held) are seen by requests alone whose header
    /// `X-Scope-OrgID` names this tenant, as in Mimir and Cortex; requests without the header are refused.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mimir = setpoint_replay::Replay::builder()
    ///     .tenant("shop").held("queue_length", "3")
    ///     .tenant("billing").held("queue_length", "70")
    ///     .start()
    ///     .await?;
    /// # drop(mimir);
    /// # Ok(())
    /// # }
    /// ```
    pub fn tenant(mut self, tenant: &str) -> Self {
        self.tenant = Some(tenant.to_owned());
        self
    }

    /// The header that names the tenant, if it isn't `X-Scope-OrgID`: `THANOS-TENANT`.
    pub fn tenant_header(mut self, header: &str) -> Self {
        let tenants = self.options.script.tenants.get_or_insert_default();
        tenants.header = header.to_owned();
        self
    }

    /// The series of a text of another format, such as OpenMetrics or a recording; its first sample is now.
    pub fn source(mut self, format: Format, text: &str) -> Self {
        match format.read(text) {
            Ok(recording) => recording.play(Begin::At(0.0), &mut self.options.script),
            Err(problem) => {
                self.problem.get_or_insert(problem.into());
            }
        }
        self
    }

    /// A fault from the start, such as `Fault::of("reset")`.
    pub fn fault(mut self, fault: Fault) -> Self {
        self.options.script.faults.push(fault);
        self
    }

    /// Scenario seconds per wall second.
    pub fn speed(mut self, speed: f64) -> Self {
        self.options.script.clock.speed = speed;
        self
    }

    /// Which Prometheus is played.
    pub fn version(mut self, version: Version) -> Self {
        self.options.settings.version = version;
        self
    }

    /// Who may ask, and by TLS or without.
    pub fn access(mut self, access: Access) -> Self {
        self.options.access = access;
        self
    }

    /// Where it listens; a free port of the loopback device without it.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.options.listen = address;
        self
    }

    /// Starts playing; scenario time 0 is now.
    ///
    /// # Errors
    /// If something that was given can't be used, or an address can't be listened on.
    pub async fn start(self) -> Result<Replay, StartError> {
        match self.problem {
            Some(problem) => Err(problem.into()),
            None => Replay::start(self.options).await,
        }
    }
}

impl Replay {
    /// A fake Prometheus in a few lines.
    pub fn builder() -> ReplayBuilder {
        ReplayBuilder::default()
    }
}
