//! What happened around a failure, from all who saw it, in one clock.

use setpoint_replay::JournalEntry;

pub use crate::notes::{Entry, Source};

/// Entries of all sources in the order in which they happened.
#[must_use]
pub fn merged(mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.sort_by(|left, right| left.seconds.total_cmp(&right.seconds));
    entries
}

/// Tells what repeats once, at the time of the first, with its number. What is `about` the same thing and says
/// something else in between begins anew.
struct Repeats {
    source: Source,
    runs: Vec<Run>,
}

struct Run {
    about: String,
    says: String,
    first: f64,
    last: f64,
    text: String,
    count: usize,
}

impl Repeats {
    fn new(source: Source) -> Self {
        Self {
            source,
            runs: Vec::new(),
        }
    }

    fn add(&mut self, seconds: f64, about: String, says: String, text: String) {
        let known = self.runs.iter_mut().rev().find(|run| run.about == about);
        match known {
            Some(run) if run.says == says => {
                run.count += 1;
                run.last = seconds;
            }
            _ => self.runs.push(Run {
                about,
                says,
                first: seconds,
                last: seconds,
                text,
                count: 1,
            }),
        }
    }

    fn entries(self) -> Vec<Entry> {
        let source = self.source;
        let entry = |run: Run| {
            let again = match run.count {
                1 => String::new(),
                count => format!(" ({count} times until {:.1}s)", run.last),
            };
            Entry {
                seconds: run.first,
                source,
                text: format!("{}{again}", run.text),
            }
        };
        self.runs.into_iter().map(entry).collect()
    }
}

/// What Prometheus was asked; requests that differ in nothing but their time are told once.
#[must_use]
pub fn of_journal(journal: &[JournalEntry], since_start: impl Fn(f64) -> f64) -> Vec<Entry> {
    let mut told = Repeats::new(Source::Prometheus);
    for entry in journal.iter().filter(|entry| entry.path != "/-/ready") {
        let about = entry
            .parameters
            .iter()
            .find(|(key, _)| key == "query" || key == "match[]")
            .map(|(_, value)| format!(" {value}"))
            .unwrap_or_default();
        let question = format!("{} {}{about}", entry.method, entry.path);
        let series = entry
            .series
            .map_or_else(String::new, |count| format!(", {count} series"));
        let fault = if entry.fault { " (fault)" } else { "" };
        let answer = format!("{}{fault}{series}", entry.status);
        let text = format!("{question} -> {answer}");
        told.add(since_start(entry.wall), question, answer, text);
    }
    told.entries()
}

/// A log whose lines begin with their time (RFC 3339), as the API gives it with `timestamps`. A line without a
/// time belongs to the one before; equal lines that follow each other are told once, and what stands between two lines
/// stays between them. The lines of another pod than the only one are marked by its name.
#[must_use]
pub fn of_log(
    source: Source,
    log: &str,
    pod: Option<&str>,
    since_start: impl Fn(std::time::SystemTime) -> f64,
) -> Vec<Entry> {
    let mut lines: Vec<(f64, String)> = Vec::new();
    for line in log.lines() {
        let (time, text) = line.split_once(' ').unwrap_or((line, ""));
        match (time.parse::<jiff::Timestamp>(), lines.last_mut()) {
            (Ok(time), _) => lines.push((since_start(time.into()), without_time(text).to_owned())),
            (Err(_), Some((_, last))) => {
                last.push(' ');
                last.push_str(line.trim());
            }
            (Err(_), None) => {}
        }
    }
    let mut told = Repeats::new(source);
    let mut last = (String::new(), 0_usize);
    for (seconds, text) in lines {
        let says = without_klog_header(&text);
        if says != last.0 {
            last = (says.to_owned(), last.1 + 1);
        }
        // Lines that don't follow each other are about different things.
        let about = last.1.to_string();
        let marked = pod.map_or_else(|| text.clone(), |pod| format!("[{pod}] {text}"));
        told.add(seconds, about, String::new(), marked);
    }
    told.entries()
}

/// The line without a time of its own in front, as `tracing` writes it.
fn without_time(text: &str) -> &str {
    match text.split_once(' ') {
        Some((time, rest)) if time.parse::<jiff::Timestamp>().is_ok() => rest.trim_start(),
        _ => text,
    }
}

/// The line without what klog puts in front: `E0131 09:05:07.123456       1 file.go:12] `.
fn without_klog_header(text: &str) -> &str {
    let mut characters = text.chars();
    let is_klog = characters
        .next()
        .is_some_and(|first| "IWEF".contains(first))
        && characters.take(4).all(|digit| digit.is_ascii_digit());
    match text.split_once("] ") {
        Some((_, rest)) if is_klog => rest,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn asked(at: f64, path: &str, status: u16) -> JournalEntry {
        JournalEntry {
            seq: 0,
            wall: at,
            at: 0.0,
            method: "GET".to_owned(),
            path: path.to_owned(),
            parameters: vec![("query".to_owned(), "up".to_owned())],
            status,
            series: (status == 200).then_some(1),
            tenant: None,
            fault: status != 200,
        }
    }

    #[test]
    fn requests_that_are_answered_alike_are_told_once() {
        let journal = [
            asked(1.0, "/api/v1/query", 200),
            asked(1.5, "/-/ready", 200),
            asked(2.0, "/api/v1/query", 200),
            asked(3.0, "/api/v1/query", 503),
            asked(4.0, "/api/v1/query", 200),
        ];
        let shown: Vec<String> = of_journal(&journal, |at| at - 1.0)
            .iter()
            .map(ToString::to_string)
            .collect();
        insta::assert_snapshot!(shown.join("\n"));
    }

    #[test]
    fn a_log_keeps_its_order_and_each_line_what_belongs_to_it() {
        let log = "1970-01-01T00:00:02.5Z 1970-01-01T00:00:02Z  INFO serve\n  more\n\
            1970-01-01T00:00:04Z E0101 00:00:04.000001       1 a.go:1] \"broken\"\n\
            1970-01-01T00:00:05Z E0101 00:00:05.000001       1 a.go:1] \"broken\"\n\
            1970-01-01T00:00:06Z 1970-01-01T00:00:06Z  INFO mended, status 200\n\
            1970-01-01T00:00:07Z E0101 00:00:07.000001       1 a.go:1] \"broken\"\n\
            1970-01-01T00:00:08Z 1970-01-01T00:00:08Z  INFO mended, status 503";
        let since = |time: std::time::SystemTime| {
            time.duration_since(UNIX_EPOCH + Duration::from_secs(1))
                .unwrap()
                .as_secs_f64()
        };
        let shown: Vec<String> = of_log(Source::Adapter, log, None, since)
            .iter()
            .map(ToString::to_string)
            .collect();
        insta::assert_snapshot!(shown.join("\n"));
    }

    #[test]
    fn all_sources_are_told_in_the_order_of_time() {
        let at = |seconds, source| Entry {
            seconds,
            source,
            text: String::new(),
        };
        let merged = merged(vec![at(2.0, Source::Hpa), at(1.0, Source::Scenario)]);
        assert_eq!(merged[0].source, Source::Scenario);
    }
}
