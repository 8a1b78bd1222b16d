//! What a finding is.

use std::borrow::Cow;
use std::fmt;

use crate::place::Place;

/// A kind of finding.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its name in reports, such as `label-lost`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What it is about, in a sentence.
    pub about: &'static str,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It may be what was meant.
    Note,
    /// It is hardly what was meant.
    Warning,
    /// It can't work.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// What a finding is about: a key of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At {
    /// `rules`, `externalRules` or `resourceRules`.
    pub(crate) list: &'static str,
    /// The position of the rule in the list, from 0.
    pub(crate) index: Option<usize>,
    /// Keys below that, with dots between them.
    pub(crate) key: Cow<'static, str>,
}

impl At {
    /// A key of a rule in `rules` or `externalRules`; keys below one another are connected by dots.
    #[must_use]
    pub fn rule(list: &'static str, index: usize, key: &'static str) -> Self {
        Self {
            list,
            index: Some(index),
            key: key.into(),
        }
    }

    /// A key of `resourceRules`.
    pub(crate) fn usage(key: impl Into<Cow<'static, str>>) -> Self {
        Self {
            list: "resourceRules",
            index: None,
            key: key.into(),
        }
    }

    /// A key below this one.
    pub(crate) fn key(&self, key: &str) -> Self {
        Self {
            key: format!("{}.{key}", self.key).into(),
            ..self.clone()
        }
    }

    /// Where that stands below the place of `list`; as near as there is something.
    pub(crate) fn below<'a>(&self, list: &'a Place) -> &'a Place {
        let rule = self.index.map_or(list, |index| list.item(index));
        let keys = self.key.split('.').filter(|key| !key.is_empty());
        keys.fold(rule, |place, key| match key.split_once('[') {
            Some((key, index)) => {
                let index = index.trim_end_matches(']').parse().unwrap_or_default();
                place.key(key).item(index)
            }
            None => place.key(key),
        })
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.list)?;
        if let Some(index) = self.index {
            write!(f, "[{index}]")?;
        }
        match &*self.key {
            "" => Ok(()),
            key => write!(f, ".{key}"),
        }
    }
}

/// Something in a file that isn't as it was meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its kind.
    pub kind: &'static Kind,
    /// What it is about, such as `rules[0].metricsQuery`.
    pub subject: String,
    /// Where that stands in the file, from 1; where the rule stands if it lacks the key.
    pub line: usize,
    /// The column there, from 1.
    pub column: usize,
    /// What is wrong.
    pub sentence: String,
    /// What helps; empty where the sentence says it.
    pub cure: String,
    /// The key of the configuration, where it is about one.
    pub(crate) at: Option<At>,
}

impl Finding {
    /// A finding about something else than a configuration.
    #[must_use]
    pub fn new(
        kind: &'static Kind,
        subject: impl Into<String>,
        (line, column): (usize, usize),
        sentence: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            subject: subject.into(),
            line,
            column,
            sentence: sentence.into(),
            cure: cure.into(),
            at: None,
        }
    }

    /// A finding about a key of a configuration, before it is known where that stands.
    pub(crate) fn about(
        kind: &'static Kind,
        at: At,
        sentence: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Self {
            at: Some(at.clone()),
            ..Self::new(kind, at.to_string(), (1, 1), sentence, cure)
        }
    }
}

impl Finding {
    /// Puts it where its key stands.
    pub(crate) fn place_in(&mut self, place: impl FnOnce(&At) -> (usize, usize)) {
        if let Some(at) = &self.at {
            (self.line, self.column) = place(at);
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.subject.is_empty() {
            write!(f, "{}: ", self.subject)?;
        }
        f.write_str(&self.sentence)?;
        match self.cure.as_str() {
            "" => Ok(()),
            cure => write!(f, "; {cure}"),
        }
    }
}
