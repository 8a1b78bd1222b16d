//! What a Prometheus is started with.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

/// The version of Prometheus that is played.
///
/// Before v3 the windows of selectors are closed: they hold a sample that is exactly as old as the window is long.
///
/// ```
/// use setpoint_replay::promql::Version;
/// assert!("2.42".parse::<Version>()? < Version::default());
/// assert_eq!(Version::default().to_string(), "3.5.0");
/// # Ok::<(), setpoint_replay::promql::VersionError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    major: u16,
    minor: u16,
    patch: u16,
}

impl Version {
    /// A version.
    #[must_use]
    pub const fn new(major: u16, minor: u16) -> Self {
        Self {
            major,
            minor,
            patch: 0,
        }
    }

    /// Whether it is v3 or later.
    pub(crate) fn is_3(self) -> bool {
        self.major >= 3
    }

    /// Whether it is later than v3.5. What differs between that and v3.16 is taken to have changed in v3.6.
    pub(super) fn is_after_3_5(self) -> bool {
        self >= Self::new(3, 6)
    }

    /// Whether `histogram_fraction` looks at classic histograms (Prometheus 16095).
    pub(super) fn has_fractions_of_classic_histograms(self) -> bool {
        self >= Self::new(3, 4)
    }

    /// Whether it refuses a time-out that isn't above zero.
    pub(crate) fn limits_timeouts(self) -> bool {
        self.is_after_3_5()
    }

    /// Whether answers have warnings and infos of the evaluation.
    pub(super) fn has_notes(self) -> bool {
        self >= Self::new(2, 48)
    }
}

impl Default for Version {
    /// The release with long-term support.
    fn default() -> Self {
        Self::new(3, 5)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// A text that is no version of Prometheus that can be played.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{0}` is no version of Prometheus that can be played: expected one from 2.0 on, such as `3.5` or `v2.42.0`"
)]
pub struct VersionError(String);

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let refused = || VersionError(text.to_owned());
        let numbers = text.strip_prefix('v').unwrap_or(text).split('.');
        let numbers: Result<Vec<u16>, _> = numbers.map(str::parse).collect();
        let version = match numbers.map_err(|_| refused())?[..] {
            [major, minor] => Self::new(major, minor),
            [major, minor, patch] => Self {
                major,
                minor,
                patch,
            },
            _ => return Err(refused()),
        };
        match version.major {
            2.. => Ok(version),
            _ => Err(refused()),
        }
    }
}

/// The flags of a Prometheus that matter to its answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Which Prometheus is played.
    pub version: Version,
    /// How far an instant selector looks back (`--query.lookback-delta`).
    pub lookback: Duration,
    /// How many samples one step of an evaluation may hold (`--query.max-samples`).
    pub max_samples: usize,
    /// How long an evaluation may take (`--query.timeout`).
    pub timeout: Duration,
    /// The step of subqueries that name none (`global.evaluation_interval`).
    pub subquery_step: Duration,
}

impl Default for Settings {
    /// Those of a Prometheus that is started without flags.
    fn default() -> Self {
        Self {
            version: Version::default(),
            lookback: Duration::from_secs(5 * 60),
            max_samples: 50_000_000,
            timeout: Duration::from_secs(2 * 60),
            subquery_step: Duration::from_secs(60),
        }
    }
}
