//! Answers as of some time ago.

use super::{Amount, Context, FaultKind, nothing_answered};

pub(super) const KIND: FaultKind = FaultKind {
    name: "stale",
    meaning: "Answers as of some time ago.",
    amount: Some(Amount {
        usual: 600.0,
        least: 0.0,
        most: 1e9,
        unit: "seconds",
    }),
    ask,
    answer: nothing_answered,
};

fn ask(context: Context, now: i64, parameters: &mut Vec<(String, String)>) {
    let earlier = |text: &str| {
        let time: f64 = text.parse().ok()?;
        Some((time - context.amount).to_string())
    };
    // Without a time that is now.
    if !parameters
        .iter()
        .any(|(name, _)| matches!(name.as_str(), "time" | "start" | "end"))
    {
        parameters.push(("time".to_owned(), (now as f64 / 1000.0).to_string()));
    }
    for (name, value) in parameters {
        if matches!(name.as_str(), "time" | "start" | "end") {
            // Times as RFC 3339 writes them are seconds since 1970 then.
            let parsed = value.parse::<jiff::Timestamp>();
            let seconds = parsed.map(|time| (time.as_millisecond() as f64 / 1000.0).to_string());
            let text = seconds.unwrap_or_else(|_| value.clone());
            *value = earlier(&text).unwrap_or(text);
        }
    }
}
