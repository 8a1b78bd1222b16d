//! Requests and loads: paths, headers, and as whom.

use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue};

use super::Problems;
use crate::obsolete;
use crate::scenario::place::Place;
use crate::scenario::{As, LoadStep, RequestStep, Span};

/// How many requests a second a load may make; more than a plane on a small machine answers.
const FASTEST: u32 = 10_000;

impl Problems<'_> {
    pub(super) fn load(&mut self, load: &LoadStep, place: &Place) {
        self.path(&load.path, place.key("path"));
        self.obsolete_path(&load.path, place.key("path"));
        if !(1..=FASTEST).contains(&load.rate) {
            self.at(
                place.key("rate"),
                format!("a load makes between 1 and {FASTEST} requests a second"),
            );
        }
        self.longer_than_zero(load.every, place.key("every"));
        self.steps(&load.during, place.key("during"));
    }

    pub(super) fn request(&mut self, request: &RequestStep, place: &Place) {
        self.path(&request.path, place.key("path"));
        // Asking whether it's really gone is a fair question.
        if request.expect.status < 400 && request.expect.failure.is_none() {
            self.obsolete_path(&request.path, place.key("path"));
        }
        self.headers(request.headers.iter(), place.key("headers"));
        if let Some(as_) = &request.as_ {
            self.identity(as_, place.key("as"));
        }
        let (expected, place) = (&request.expect, place.key("expect"));
        self.headers(expected.headers.iter(), place.key("headers"));
        if !(100..=599).contains(&expected.status) {
            self.at(
                place.key("status"),
                format!("{} is no HTTP status", expected.status),
            );
        }
        if let Some(failure) = &expected.failure
            && (failure.is_empty() || failure.to_lowercase() != *failure)
        {
            self.at(
                place.key("failure"),
                "a failure is looked for in small letters",
            );
        }
        if !matches!(expected.fresh, None | Some(Span::Time(_))) {
            self.at(place.key("fresh"), "expected a time such as 60s or 1m");
        }
        if let Some(file) = &expected.snapshot
            && !crate::answer::updates_snapshots()
            && !self.folder.join(file).is_file()
        {
            self.at(
                place.key("snapshot"),
                format!("there is no `{file}` beside the scenario; `SETPOINT_UPDATE=1 setpoint run` writes it"),
            );
        }
    }

    pub(super) fn headers<'h>(
        &mut self,
        headers: impl Iterator<Item = (&'h String, &'h String)>,
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

    pub(super) fn header_value(&mut self, value: &str, place: &Place) {
        if HeaderValue::from_str(value).is_err() {
            self.at(place, format!("{value:?} can't be the value of a header"));
        }
    }

    /// Names and tokens that are sent in headers.
    pub(super) fn identity(&mut self, as_: &As, place: &Place) {
        let (key, user, groups) = match as_ {
            As::FrontProxy { user, groups, .. } => ("frontProxy", user, groups),
            As::Stranger { user, groups } => ("stranger", user, groups),
            As::Thief { user, groups } => ("thief", user, groups),
            As::Bearer(token) => return self.header_value(token, place.key("bearer")),
            As::None(_) | As::Certificate { .. } | As::Token { .. } => return,
        };
        let place = place.key(key);
        self.header_value(user, place.key("user"));
        for (index, group) in groups.iter().enumerate() {
            self.header_value(group, place.key("groups").item(index));
        }
    }

    pub(super) fn obsolete_path(&mut self, path: &str, place: &Place) {
        if let Some(obsolete) = obsolete::of_path(path) {
            self.at(place, obsolete.to_string());
        }
    }

    pub(super) fn path(&mut self, path: &str, place: &Place) {
        if !path.starts_with('/') {
            self.at(place, "a path begins with `/`");
        } else if let Err(error) = PathAndQuery::try_from(path) {
            self.at(place, format!("`{path}` is no path: {error}"));
        }
    }
}
