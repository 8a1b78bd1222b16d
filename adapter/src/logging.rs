//! The log, on standard error.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::args::LoggingFormat;

/// Logs with klog's verbosity.
pub(crate) fn start(verbosity: u8, format: LoggingFormat) {
    subscriber(verbosity, format, std::io::stderr).init();
}

fn subscriber<W>(
    verbosity: u8,
    format: LoggingFormat,
    writer: W,
) -> Box<dyn tracing::Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let level = match verbosity {
        0..=3 => "info",
        4..=5 => "debug",
        _ => "trace",
    };
    let filter = EnvFilter::new(format!(
        "warn,setpoint_adapter={level},setpoint_serve={level}"
    ));
    let filtered = tracing_subscriber::registry().with(filter);
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(writer);
    match format {
        LoggingFormat::Text => Box::new(filtered.with(lines)),
        LoggingFormat::Json => {
            let lines = lines.json().flatten_event(true).with_span_list(false);
            Box::new(filtered.with(lines))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What is logged in a format about something in a span.
    fn logged(format: LoggingFormat) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = subscriber(0, format, move || writer.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::info_span!("request", trace_id = "abc").in_scope(|| {
                tracing::warn!(path = "/a\n{\"forged\": 1}", "answer with 500");
                tracing::debug!("left out");
            });
        });
        String::from_utf8(lines.0.lock().clone()).unwrap()
    }

    #[test]
    fn a_line_of_json_is_one_object_with_its_request() {
        let text = logged(LoggingFormat::Json);
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["message"], "answer with 500");
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["path"], "/a\n{\"forged\": 1}");
        assert_eq!(line["span"]["trace_id"], "abc");
    }

    #[test]
    fn a_line_of_text_names_its_request() {
        let text = logged(LoggingFormat::Text);
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains("request{trace_id=\"abc\"}"), "{text}");
    }
}
