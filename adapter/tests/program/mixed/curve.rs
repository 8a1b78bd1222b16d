//! The resident memory over time, as text and as a drawing.

use std::fmt::Write as _;
use std::time::Duration;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 260.0;
const MARGIN: f64 = 40.0;

pub(crate) struct Curve {
    /// Seconds since the beginning, and MiB.
    pub(crate) points: Vec<(f64, f64)>,
    /// What happened when, in seconds.
    pub(crate) marks: Vec<(f64, String)>,
}

/// The mean of the values.
pub(crate) fn mean(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let number = values.clone().count().max(1);
    values.sum::<f64>() / number as f64
}

impl Curve {
    pub(crate) fn peak(&self) -> f64 {
        self.points.iter().map(|point| point.1).fold(0.0, f64::max)
    }

    /// The mean of a part of the time, such as from 0.5 to 1.
    pub(crate) fn mean_of(&self, from: f64, to: f64) -> f64 {
        let at = |part: f64| (self.points.len() as f64 * part) as usize;
        mean(self.points[at(from)..at(to)].iter().map(|point| point.1))
    }

    pub(crate) fn svg(&self, took: Duration) -> String {
        let (seconds, top) = (took.as_secs_f64(), (self.peak() / 8.0).ceil() * 8.0);
        let x = |second: f64| MARGIN + second / seconds * (WIDTH - 2.0 * MARGIN);
        let y = |mib: f64| HEIGHT - MARGIN - mib / top * (HEIGHT - 2.0 * MARGIN);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" font-family=\"sans-serif\" font-size=\"10\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
        );
        for step in 0..=4 {
            let mib = top * f64::from(step) / 4.0;
            let at = y(mib);
            let _ = writeln!(
                svg,
                "<path d=\"M{MARGIN} {at:.1}H{:.1}\" stroke=\"#ddd\"/><text x=\"4\" y=\"{at:.1}\">{mib:.0} MiB</text>",
                WIDTH - MARGIN
            );
        }
        for (second, name) in &self.marks {
            let at = x(*second);
            let _ = writeln!(
                svg,
                "<path d=\"M{at:.1} {MARGIN}V{:.1}\" stroke=\"#fbb\"><title>{name} at {second:.0} s</title></path>",
                HEIGHT - MARGIN
            );
        }
        let points = self.points.iter();
        let points = points.map(|(second, mib)| format!("{:.1},{:.1}", x(*second), y(*mib)));
        let points = points.collect::<Vec<_>>().join(" ");
        let _ = writeln!(
            svg,
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"#06c\"/>\n<text x=\"{MARGIN}\" y=\"{:.1}\">resident memory over {seconds:.0} s; red: an attack or a restart of Prometheus begins</text>\n</svg>",
            HEIGHT - 12.0
        );
        svg
    }
}
