//! What Prometheus warns of in answers, such as that Thanos has not reached all of its stores: the answer may be a part.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::text::cut;

/// A warning is logged again after this time.
const AGAIN: Duration = Duration::from_secs(3600);
/// How many different warnings are kept in mind; of further ones the first in each period stands for all.
const KNOWN: usize = 100;
/// Bytes of a warning, and of the query that it is about, in the log.
const LOGGED_BYTES: usize = 500;

/// When each warning was logged last.
#[derive(Default)]
pub(super) struct Warnings(Mutex<HashMap<String, Instant>>);

impl Warnings {
    /// Logs the warnings of the answer to a question that weren't logged for long.
    pub(super) fn log(&self, server: &str, question: &str, warnings: &[String]) {
        for warning in warnings {
            let warning = cut(warning, LOGGED_BYTES);
            if self.is_news(&warning, Instant::now()) {
                let question = cut(question, LOGGED_BYTES);
                tracing::warn!(server, %question, %warning, "Prometheus warns of its answer, which may be a part of what there is");
            }
        }
    }

    fn is_news(&self, warning: &str, now: Instant) -> bool {
        let mut known = self.0.lock();
        let is_old = |logged: &Instant| now.saturating_duration_since(*logged) >= AGAIN;
        if known.len() >= KNOWN {
            known.retain(|_, logged| !is_old(logged));
        }
        let warning = match known.contains_key(warning) || known.len() < KNOWN {
            true => warning,
            false => "",
        };
        let is_news = known.get(warning).is_none_or(is_old);
        if is_news {
            known.insert(warning.to_owned(), now);
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_news_once_an_hour() {
        let (warnings, start) = (Warnings::default(), Instant::now());
        let is_news =
            |warning, seconds| warnings.is_news(warning, start + Duration::from_secs(seconds));
        assert_eq!(
            [is_news("a", 0), is_news("a", 1), is_news("b", 2)],
            [true, false, true]
        );
        assert_eq!(
            [is_news("a", 3599), is_news("a", 3600), is_news("a", 3601)],
            [false, true, false]
        );
    }

    #[test]
    fn warnings_that_are_never_the_same_are_bounded() {
        let (warnings, start) = (Warnings::default(), Instant::now());
        let news = (0..10_000).filter(|number| warnings.is_news(&number.to_string(), start));
        assert_eq!(news.count(), KNOWN + 1);
        assert!(warnings.0.lock().len() <= KNOWN + 1);
        assert!(
            !warnings.is_news("7", start),
            "those that are known are not forgotten"
        );
        let later = start + AGAIN;
        assert!(warnings.is_news("another", later));
        assert_eq!(warnings.0.lock().len(), 1);
    }
}
