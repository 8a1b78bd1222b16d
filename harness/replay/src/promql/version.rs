//! Which Prometheus is played, and what its releases changed.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The version of Prometheus that is played.
///
/// Before v3 the windows of selectors are closed: they hold a sample that is exactly as old as the window is long. What
/// the minor releases of v3 changed is told apart too.
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

    /// Whether a change is in it.
    pub(crate) fn has(self, change: Change) -> bool {
        self >= change.since()
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

/// What a minor release changed of what is answered, in the order of the releases.
///
/// Since when is what the sources of the releases say (`promql/engine.go`, `promql/functions.go`, `promql/quantile.go`,
/// `web/api/v1/api.go`), and what their programs answer (`ci/prometheus/minors`). What is no entry here and differs between
/// v2.42 and v3, as the borders of windows do, is taken to have changed in v3.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// The results of `atan2` have no name of a metric; 2.45 or 2.46 may have had it.
    NameOfAtan2Dropped,
    /// Answers have the warnings and infos of the evaluation.
    Notes,
    /// Counts of a histogram that fall by no more than a matter of rounding are told from those that fall.
    RoundingOfBuckets,
    /// Selectors take quoted names; 2.49 and 2.50 may have had it.
    QuotedNames,
    /// `rate` asks whether the window's border is near before it looks for a counter's zero.
    NearnessFirst,
    /// `label_replace` and `label_join` change whole rows: the one refuses those that have equal labels then, the other
    /// lets them pass; 2.49 and 2.50 may have had it.
    LabelsOfWholeRows,
    /// What `count_values` says of a bad name quotes it twice; 2.52 may have had it.
    NameQuotedTwice,
    /// Infos are apart from warnings.
    InfosApart,
    /// The note about counts of a histogram that don't rise names the metric at the first step that has buckets, and an
    /// empty name at the others.
    NameInFirstNote,
    /// `label_join` refuses equal labels, and `count_values` quotes a bad name once.
    JoinChecked,
    /// `histogram_fraction` looks at classic histograms.
    FractionsOfClassicHistograms,
    /// `topk` and `bottomk` refuse a number that is NaN.
    NanOfTopk,
    /// Notes about histograms name no metric.
    NoNamesInNotes,
    /// The first bucket of `histogram_fraction` begins at zero if it ends above it.
    FractionsFromZero,
    /// Rows of a negation, of `label_replace` and of `label_join` that have equal labels are joined.
    EqualRowsJoin,
    /// Whether an element has one partner only is asked before a comparison drops it.
    PartnersBeforeComparison,
    /// Answers of the API vary by `Accept-Encoding`, as they say.
    VaryByEncoding,
    /// `sort` and `sort_desc` warn that they do nothing in a range query.
    SortWarns,
    /// The API has no `DELETE /api/v1/series`, which was never implemented.
    NoDeletion,
    /// Subqueries aren't evaluated behind the last step.
    SubqueriesEndWithSteps,
    /// Errors name two series that aren't unique in the order of their labels.
    PairsInOrder,
    /// A quantile that is one of the values is that value, whatever its neighbour.
    QuantileOfOneValue,
    /// `deg` and `rad` multiply by a quotient, so that the multiplication can't overflow first.
    AnglesByQuotient,
    /// A bucket whose border is NaN is none.
    NoNanBorders,
    /// Rows of a function of ranges that have equal labels without their names are joined.
    EqualRowsOfRangesJoin,
    /// A time-out that isn't above zero is refused.
    PositiveTimeouts,
}

impl Change {
    const fn since(self) -> Version {
        match self {
            Self::NameOfAtan2Dropped => Version::new(2, 47),
            Self::Notes => Version::new(2, 48),
            Self::RoundingOfBuckets => Version::new(2, 49),
            Self::QuotedNames | Self::NearnessFirst | Self::LabelsOfWholeRows => {
                Version::new(2, 51)
            }
            Self::NameQuotedTwice => Version::new(2, 53),
            Self::InfosApart => Version::new(2, 54),
            Self::NameInFirstNote => Version::new(3, 2),
            Self::JoinChecked => Version::new(3, 3),
            Self::FractionsOfClassicHistograms => Version::new(3, 4),
            Self::NanOfTopk => Version::new(3, 6),
            Self::NoNamesInNotes => Version::new(3, 7),
            Self::FractionsFromZero => Version::new(3, 8),
            Self::EqualRowsJoin | Self::PartnersBeforeComparison => Version::new(3, 9),
            Self::VaryByEncoding => Version::new(3, 10),
            Self::SortWarns | Self::NoDeletion => Version::new(3, 12),
            Self::SubqueriesEndWithSteps => Version::new(3, 13),
            Self::PairsInOrder => Version::new(3, 15),
            Self::QuantileOfOneValue
            | Self::AnglesByQuotient
            | Self::NoNanBorders
            | Self::EqualRowsOfRangesJoin
            | Self::PositiveTimeouts => Version::new(3, 16),
        }
    }
}
