//! Prometheus' answers in pieces: a number, as many places where the answer is cut, and the answer. What is read doesn't
//! depend on the places, and is what serde_json reads of the whole.
#![no_main]

use std::collections::BTreeMap;
use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use setpoint_adapter::fuzzing::{Answer, Unreadable, samples, series};
use setpoint_rules::{SeriesCollector, SeriesNames};

fuzz_target!(|bytes: &[u8]| {
    let Some((&number, rest)) = bytes.split_first() else {
        return;
    };
    let Some((places, answer)) = rest.split_at_checked(usize::from(number % 8)) else {
        return;
    };
    let mut places: Vec<usize> = places
        .iter()
        .map(|&place| usize::from(place).min(answer.len()))
        .collect();
    places.extend([0, answer.len()]);
    places.sort_unstable();
    let pieces = || places.windows(2).map(|ends| &answer[ends[0]..ends[1]]);
    let bytes = || answer.chunks(1);

    let whole = series([answer]);
    same(&whole, &series(pieces()));
    same(&whole, &series(bytes()));
    let read = whole
        .ok()
        .map(|answer| (answer.status, answer.kept.names, answer.kept.count));
    compare(read, answer, |data: Vec<BTreeMap<String, String>>| {
        let count = data.len() as u64;
        (names(&data), count)
    });

    let whole = samples([answer]);
    same(&whole, &samples(pieces()));
    same(&whole, &samples(bytes()));
    let kept = whole.ok().map(|answer| {
        // Times are rounded to milliseconds.
        let kept = answer.kept.into_iter();
        let kept: Vec<Shown> = kept.map(|sample| (sample.labels, sample.value)).collect();
        (answer.status, shown(&kept))
    });
    if let (
        Some((status, kept)),
        Ok(Plain {
            status: plain_status,
            data,
        }),
    ) = (kept, serde_json::from_slice::<Plain<Vector>>(answer))
    {
        let samples: Vec<Shown> = data
            .result
            .into_iter()
            .filter_map(Element::sample)
            .collect();
        assert_eq!((status, kept), (plain_status, shown(&samples)));
    }
});

/// An answer as a derived type reads it. It refuses keys that stand twice, which the adapter doesn't.
#[derive(Deserialize)]
struct Plain<T> {
    status: String,
    data: T,
}

/// The labels and the value of a sample.
type Shown = (BTreeMap<String, String>, f64);

#[derive(Deserialize)]
struct Vector {
    result: Vec<Element>,
}

#[derive(Deserialize)]
struct Element {
    #[serde(default)]
    metric: BTreeMap<String, String>,
    #[serde(default)]
    value: Option<(f64, String)>,
}

impl Element {
    fn sample(self) -> Option<Shown> {
        let value = self.value?.1.parse().expect("the adapter has read it");
        Some((self.metric, value))
    }
}

fn same<T: Debug>(whole: &Result<Answer<T>, Unreadable>, pieces: &Result<Answer<T>, Unreadable>) {
    assert_eq!(format!("{whole:?}"), format!("{pieces:?}"));
}

/// NaN isn't equal to itself.
fn shown(samples: &[Shown]) -> String {
    format!("{samples:?}")
}

fn compare(
    read: Option<(String, SeriesNames, u64)>,
    answer: &[u8],
    kept: impl Fn(Vec<BTreeMap<String, String>>) -> (SeriesNames, u64),
) {
    let plain = serde_json::from_slice::<Plain<Vec<BTreeMap<String, String>>>>(answer);
    if let (Some((status, names, count)), Ok(plain)) = (read, plain) {
        assert_eq!((names, count), kept(plain.data));
        assert_eq!(status, plain.status);
    }
}

fn names(series: &[BTreeMap<String, String>]) -> SeriesNames {
    let mut collector = SeriesCollector::default();
    for labels in series {
        let name = labels.get("__name__").map_or("", String::as_str);
        let others = labels
            .keys()
            .map(String::as_str)
            .filter(|label| *label != "__name__");
        collector.add(name, others).expect("there are few");
    }
    collector.finish()
}
