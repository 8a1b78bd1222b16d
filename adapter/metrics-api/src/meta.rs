//! The types of `meta/v1` and `core/v1` that the metrics APIs use.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A list's metadata. The metrics APIs leave it empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListMeta {
    /// The list's version; never set here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_version: Option<String>,
    /// Where to continue a list that was cut; never set here.
    #[serde(default, rename = "continue", skip_serializing_if = "Option::is_none")]
    pub continue_: Option<String>,
}

/// The object that a value describes (`core/v1` `ObjectReference`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectReference {
    /// The kind, such as `Pod`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The namespace; none for root-scoped objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The API version, such as `apps/v1` or `/v1` as prometheus-adapter writes the core group's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
}

/// A label selector as a document (`meta/v1` `LabelSelector`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LabelSelector {
    /// Labels and the values they must have.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub match_labels: BTreeMap<String, String>,
    /// Further requirements; all must hold.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub match_expressions: Vec<LabelSelectorRequirement>,
}

/// One requirement of a [`LabelSelector`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LabelSelectorRequirement {
    /// The label.
    pub key: String,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    pub operator: String,
    /// The values for `In` and `NotIn`.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub values: Vec<String>,
}

/// A point in time as Kubernetes writes it: RFC 3339 in UTC, whole seconds, rounded down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub Timestamp);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.strftime("%Y-%m-%dT%H:%M:%SZ").fmt(f)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Go writes a zero time as null.
        let time = Option::<Timestamp>::deserialize(deserializer)?;
        Ok(Self(time.unwrap_or(Timestamp::UNIX_EPOCH)))
    }
}

/// A length of time as Kubernetes writes it: Go's `time.Duration`, such as `5m0s`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(pub std::time::Duration);

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanos) = (self.0.as_secs(), self.0.subsec_nanos());
        // Whole units, then a fraction without its last zeros.
        let amount = |f: &mut fmt::Formatter<'_>, whole: u64, part: u32, digits: usize, unit| {
            let fraction = format!("{part:0digits$}");
            match fraction.trim_end_matches('0') {
                "" => write!(f, "{whole}{unit}"),
                fraction => write!(f, "{whole}.{fraction}{unit}"),
            }
        };
        match (seconds, nanos) {
            (0, 0) => f.write_str("0s"),
            (0, ..1_000) => write!(f, "{nanos}ns"),
            (0, ..1_000_000) => amount(f, u64::from(nanos / 1_000), nanos % 1_000, 3, "µs"),
            (0, _) => amount(f, u64::from(nanos / 1_000_000), nanos % 1_000_000, 6, "ms"),
            _ => {
                let (minutes, hours) = (seconds / 60 % 60, seconds / 3600);
                if hours > 0 {
                    write!(f, "{hours}h")?;
                }
                if hours > 0 || minutes > 0 {
                    write!(f, "{minutes}m")?;
                }
                amount(f, seconds % 60, nanos, 9, "s")
            }
        }
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Reads `null`, as which Go writes nil maps and slices, as the default. For `deserialize_with` of serde.
///
/// # Errors
/// Those of a value that is no `T`.
pub fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_is_written_as_go_writes_it() {
        for (millis, written) in [
            (0, "0s"),
            (1, "1ms"),
            (1_500, "1.5s"),
            (30_000, "30s"),
            (180_000, "3m0s"),
            (5_430_250, "1h30m30.25s"),
            (86_400_000, "24h0m0s"),
        ] {
            let duration = Duration(std::time::Duration::from_millis(millis));
            assert_eq!(duration.to_string(), written);
        }
        let nanos = |nanos| Duration(std::time::Duration::from_nanos(nanos)).to_string();
        assert_eq!(
            [nanos(7), nanos(1_200), nanos(2_000_300)],
            ["7ns", "1.2µs", "2.0003ms"]
        );
    }
}
