//! Paths and headers of requests.

use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue};

use super::{Checks, Place};
use crate::obsolete;

impl Checks<'_> {
    /// A path with its query.
    pub(crate) fn path(&mut self, path: &str, place: &Place) {
        if !path.starts_with('/') {
            self.at(place, "a path begins with `/`");
        } else if let Err(error) = PathAndQuery::try_from(path) {
            self.at(place, format!("`{path}` is no path: {error}"));
        }
    }

    /// A path that no cluster of today serves.
    pub(crate) fn obsolete_path(&mut self, path: &str, place: &Place) {
        if let Some(obsolete) = obsolete::of_path(path) {
            self.at(place, obsolete.to_string());
        }
    }

    /// Names and values of headers.
    pub(crate) fn headers<'h>(
        &mut self,
        headers: impl IntoIterator<Item = (&'h String, &'h String)>,
        map: &Place,
    ) {
        for (name, value) in headers {
            let place = map.key(name);
            if HeaderName::from_bytes(name.as_bytes()).is_err() {
                self.at(place, format!("`{name}` is no name of a header"));
            }
            self.header_value(value, place);
        }
    }

    /// What is sent in a header.
    pub(crate) fn header_value(&mut self, value: &str, place: &Place) {
        if HeaderValue::from_str(value).is_err() {
            self.at(place, format!("{value:?} can't be the value of a header"));
        }
    }
}
