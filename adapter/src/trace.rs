//! The trace that a request belongs to: an id in the log, which Prometheus is told too, in the form of
//! [W3C Trace Context](https://www.w3.org/TR/trace-context/).

use std::fmt;

use aws_lc_rs::rand;
use http::{HeaderMap, HeaderName};

/// The header that carries a trace.
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

tokio::task_local! {
    static CURRENT: Trace;
}

/// A trace: that of the caller if it names one, else a new one. Callers choose no more of it than 16
/// bytes and a bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trace {
    id: [u8; 16],
    sampled: bool,
}

impl Trace {
    /// A new trace, which nobody records.
    pub(crate) fn start() -> Self {
        let mut id = [0; 16];
        // Without randomness all have one id, which is no more than a nuisance.
        let _ = rand::fill(&mut id);
        let sampled = false;
        Self { id, sampled }
    }

    /// The trace that a request names, else a new one.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let named = headers.get(TRACEPARENT);
        let named = named.and_then(|value| Self::parse(value.to_str().ok()?));
        named.unwrap_or_else(Self::start)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let [version, trace, parent, flags] = [(); 4].map(|()| parts.next());
        let [version] = bytes::<1>(version?)?;
        // What later versions add stands at the end.
        if version == 0xff || (version == 0 && parts.next().is_some()) {
            return None;
        }
        let (id, parent, [flags]) = (
            bytes::<16>(trace?)?,
            bytes::<8>(parent?)?,
            bytes::<1>(flags?)?,
        );
        let valid = id != [0; 16] && parent != [0; 8];
        let sampled = flags & 1 == 1;
        valid.then_some(Self { id, sampled })
    }

    /// The trace of the future that is running, if [`Self::scope`] runs it.
    pub(crate) fn current() -> Option<Self> {
        CURRENT.try_get().ok()
    }

    /// Runs a future as a part of the trace.
    pub(crate) async fn scope<F: Future>(self, future: F) -> F::Output {
        CURRENT.scope(self, future).await
    }

    /// The value of the header for one question to somebody else.
    pub(crate) fn traceparent(self) -> String {
        let mut parent = [0; 8];
        let _ = rand::fill(&mut parent);
        // All zeros would be invalid.
        parent[7] |= 1;
        let flags = u8::from(self.sampled);
        format!("00-{self}-{}-{flags:02x}", Hex(&parent))
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(&self.id).fmt(f)
    }
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Exactly so many bytes, as lower-case hexadecimal digits.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != 2 * N || !text.as_bytes().iter().all(is_digit) {
        return None;
    }
    let mut bytes = [0; N];
    for (position, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * position..2 * position + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn of(value: &str) -> Trace {
        let mut headers = HeaderMap::new();
        headers.insert(TRACEPARENT, value.parse().unwrap());
        Trace::of(&headers)
    }

    #[test]
    fn the_callers_trace_goes_on_with_another_parent() {
        for (flags, sampled) in [("01", "01"), ("00", "00"), ("03", "01")] {
            let trace = of(&format!("00-{ID}-00f067aa0ba902b7-{flags}"));
            assert_eq!(trace.to_string(), ID);
            let sent = trace.traceparent();
            assert_eq!(of(&sent), trace);
            assert!(sent.ends_with(&format!("-{sampled}")), "{sent}");
            assert!(!sent.contains("00f067aa0ba902b7"), "{sent}");
        }
        let later = of(&format!("cc-{ID}-00f067aa0ba902b7-01-what-comes"));
        assert_eq!(later.to_string(), ID);
    }

    #[test]
    fn what_is_no_trace_begins_a_new_one() {
        let zeros = "0".repeat(32);
        for value in [
            "",
            "00",
            ID,
            &format!("00-{ID}-00f067aa0ba902b7"),
            &format!("00-{ID}-00f067aa0ba902b7-01-more"),
            &format!("ff-{ID}-00f067aa0ba902b7-01"),
            &format!("00-{zeros}-00f067aa0ba902b7-01"),
            &format!("00-{ID}-0000000000000000-01"),
            &format!("00-{}-00f067aa0ba902b7-01", ID.to_uppercase()),
        ] {
            let trace = of(value);
            assert_ne!(trace.to_string(), ID, "{value}");
            assert_ne!(trace, of(value), "another one each time");
        }
    }

    #[tokio::test]
    async fn a_trace_is_known_to_what_it_runs_and_to_nothing_else() {
        let trace = Trace::start();
        assert_eq!(trace.scope(async { Trace::current() }).await, Some(trace));
        assert_eq!(Trace::current(), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[0-9a-fé-]{0,60}") {
            let _ = Trace::parse(&text);
        }
    }
}
