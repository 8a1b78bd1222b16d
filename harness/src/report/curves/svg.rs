//! Draws curves as SVG: replicas above, each metric below, one time axis for all. It is as wide as a telephone's screen, and
//! grows with what it is shown in.

use std::fmt::Write as _;

use super::axis::{Axis, short};
use super::{Curves, MetricCurve, Steps};

const WIDTH: f64 = 400.0;
const LEFT: f64 = 34.0;
const RIGHT: f64 = 392.0;
/// The height of a panel's plot, and of the line above it that says what it shows.
const PLOT: f64 = 84.0;
const TITLE: f64 = 20.0;
const GAP: f64 = 10.0;
const TIMES: f64 = 30.0;

/// The drawing, a whole `<svg>`.
pub(in crate::report) fn draw(curves: &Curves) -> String {
    let panels = 1 + curves.metrics.len();
    let bottom = panels as f64 * (TITLE + PLOT + GAP);
    let height = bottom + TIMES;
    let time = Axis {
        from: 0.0,
        to: curves.seconds,
        begins: LEFT,
        ends: RIGHT,
    };
    let label = escaped(&format!("replicas and metrics of HPA {}", curves.hpa));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{label}\" font-family=\"sans-serif\" font-size=\"10\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    for (from, to) in &curves.faults {
        let (x, end) = (time.at(*from), time.at(*to));
        let width = (end - x).max(1.0);
        line(
            &mut svg,
            format_args!(
                "<rect x=\"{x:.1}\" y=\"{TITLE}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"#cc79a7\" fill-opacity=\".25\"><title>a fault, from {from:.1}s to {to:.1}s</title></rect>",
                bottom - TITLE - GAP
            ),
        );
    }
    replicas(&mut svg, curves, &time);
    for (index, metric) in curves.metrics.iter().enumerate() {
        let top = (index + 1) as f64 * (TITLE + PLOT + GAP);
        draw_metric(&mut svg, metric, &time, top);
    }
    times(&mut svg, curves, &time, bottom);
    svg.push_str("</svg>\n");
    svg
}

fn line(svg: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string doesn't fail.
    let _: std::fmt::Result = writeln!(svg, "{text}");
}

fn replicas(svg: &mut String, curves: &Curves, time: &Axis) {
    let all = [&curves.wanted, &curves.ready, &curves.most];
    let highest = all.iter().flat_map(|steps| steps.iter()).map(|step| step.1);
    let value = panel(svg, time, 0.0, highest.fold(1.0, f64::max));
    title(
        svg,
        0.0,
        &[
            ("#0072b2", "wanted"),
            ("#009e73", "ready"),
            ("#888", "limits"),
        ],
        &format!("replicas of {}", curves.hpa),
    );
    for limit in [&curves.least, &curves.most] {
        let path = stairs(limit, time, &value);
        stroke(svg, &path, "#888", "1", "2 3");
    }
    stroke(
        svg,
        &stairs(&curves.ready, time, &value),
        "#009e73",
        "2",
        "5 2",
    );
    stroke(
        svg,
        &stairs(&curves.wanted, time, &value),
        "#0072b2",
        "2",
        "none",
    );
}

fn draw_metric(svg: &mut String, metric: &MetricCurve, time: &Axis, top: f64) {
    let measured = metric.current.iter().filter_map(|(_, value)| *value);
    let finite = measured
        .chain(metric.target)
        .filter(|value| value.is_finite());
    let highest = finite.fold(0.0, f64::max);
    let value = panel(svg, time, top, if highest > 0.0 { highest } else { 1.0 });
    title(
        svg,
        top,
        &[("#d55e00", "measured"), ("#000", "target")],
        &metric.name,
    );
    if let Some(target) = metric.target {
        let path = stairs(&[(0.0, target)], time, &value);
        stroke(svg, &path, "#000", "1", "6 3");
    }
    for part in parts(&metric.current, time.to) {
        let path = stairs_until(&part.steps, part.ends, time, &value);
        stroke(svg, &path, "#d55e00", "2", "none");
    }
}

/// A panel's frame with its ticks; gives its axis of values.
fn panel(svg: &mut String, time: &Axis, top: f64, highest: f64) -> Axis {
    let (begins, ends) = (top + TITLE + PLOT, top + TITLE);
    let value = Axis {
        from: 0.0,
        to: highest * 1.1,
        begins,
        ends,
    };
    for tick in value.ticks(4.0) {
        let y = value.at(tick);
        line(
            svg,
            format_args!(
                "<path d=\"M{:.1} {y:.1}H{:.1}\" stroke=\"#ddd\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                time.begins,
                time.ends,
                time.begins - 4.0,
                y + 3.5,
                short(tick)
            ),
        );
    }
    value
}

/// What a panel shows, and what its colours mean.
fn title(svg: &mut String, top: f64, colours: &[(&str, &str)], text: &str) {
    let y = top + 13.0;
    let text: String = text.chars().take(36).collect();
    line(
        svg,
        format_args!(
            "<text x=\"4\" y=\"{y}\" font-weight=\"bold\">{}</text>",
            escaped(&text)
        ),
    );
    let mut x = RIGHT;
    for (colour, word) in colours.iter().rev() {
        line(
            svg,
            format_args!(
                "<text x=\"{x:.0}\" y=\"{y}\" text-anchor=\"end\" fill=\"{colour}\">{word}</text>"
            ),
        );
        x -= 6.0 * word.len() as f64 + 8.0;
    }
}

/// Seconds, and the number of each step where it begins.
fn times(svg: &mut String, curves: &Curves, time: &Axis, bottom: f64) {
    for tick in time.ticks(8.0) {
        let x = time.at(tick);
        line(
            svg,
            format_args!(
                "<text x=\"{x:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{}s</text>",
                bottom + 24.0,
                short(tick)
            ),
        );
    }
    let mut free = 0.0;
    for (index, (seconds, step)) in curves.steps.iter().enumerate() {
        let x = time.at(*seconds);
        let step = escaped(step);
        let number = if x >= free {
            index.to_string()
        } else {
            "·".to_owned()
        };
        free = if x >= free { x + 12.0 } else { free };
        line(
            svg,
            format_args!(
                "<path d=\"M{x:.1} {TITLE}V{:.0}\" stroke=\"#000\" stroke-opacity=\".15\"/><text x=\"{x:.1}\" y=\"{:.0}\" fill=\"#555\" text-anchor=\"middle\">{number}<title>{step}</title></text>",
                bottom,
                bottom + 10.0
            ),
        );
    }
}

/// What was measured without a gap.
struct Part {
    steps: Steps,
    ends: f64,
}

fn parts(current: &[(f64, Option<f64>)], end: f64) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut open: Option<Steps> = None;
    for (seconds, value) in current {
        match value.filter(|value| value.is_finite()) {
            Some(value) => open.get_or_insert_default().push((*seconds, value)),
            None => parts.extend(open.take().map(|steps| Part {
                steps,
                ends: *seconds,
            })),
        }
    }
    parts.extend(open.map(|steps| Part { steps, ends: end }));
    parts
}

/// A path that goes to each value when it comes, and stays there to the end of the axis.
fn stairs(steps: &[(f64, f64)], time: &Axis, value: &Axis) -> String {
    stairs_until(steps, time.to, time, value)
}

fn stairs_until(steps: &[(f64, f64)], end: f64, time: &Axis, value: &Axis) -> String {
    let Some(((seconds, first), more)) = steps.split_first() else {
        return String::new();
    };
    let mut path = format!("M{:.1} {:.1}", time.at(*seconds), value.at(*first));
    for (seconds, number) in more {
        let _: std::fmt::Result =
            write!(path, "H{:.1}V{:.1}", time.at(*seconds), value.at(*number));
    }
    let _: std::fmt::Result = write!(path, "H{:.1}", time.at(end));
    path
}

fn stroke(svg: &mut String, path: &str, colour: &str, width: &str, dashes: &str) {
    if !path.is_empty() {
        line(
            svg,
            format_args!(
                "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\" stroke-dasharray=\"{dashes}\"/>"
            ),
        );
    }
}

/// Text that means itself in XML and HTML.
pub(in crate::report) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            // XML has no place for them.
            char if char.is_control() && char != '\n' && char != '\t' => safe.push('\u{fffd}'),
            char => safe.push(char),
        }
    }
    safe
}
