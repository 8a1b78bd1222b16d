//! The time at which something of ours may be removed, in names and labels: to the minute, in UTC.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// A container's name has no capitals, and a label's value no colons.
const FORM: &str = "%Y%m%dt%H%M";

pub(crate) fn written(expires: Timestamp) -> String {
    expires.strftime(FORM).to_string()
}

pub(crate) fn read(text: &str) -> Option<Timestamp> {
    let expires = DateTime::strptime(FORM, text).ok()?;
    Some(expires.to_zoned(TimeZone::UTC).ok()?.timestamp())
}
