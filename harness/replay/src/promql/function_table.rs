//! All functions that Prometheus has, each with what it does.

use super::functions::{Function, How};
use super::plan::Type::{self, Matrix, Scalar, Text, Vector};
use super::{
    Version, dates, histogram, label_functions as labels, number_functions as numbers, over_time,
    rate, trend, vector_functions as vectors,
};

const fn new(name: &'static str, takes: &'static [Type], gives: Type, how: How) -> Function {
    Function {
        name,
        takes,
        optional: 0,
        repeats: false,
        gives,
        tells_time: false,
        since: Version::new(2, 0),
        how,
    }
}

impl Function {
    const fn optional(mut self, optional: usize) -> Self {
        self.optional = optional;
        self
    }

    const fn repeats(mut self) -> Self {
        self.repeats = true;
        self
    }

    const fn tells_time(mut self) -> Self {
        self.tells_time = true;
        self
    }

    const fn since(mut self, major: u16, minor: u16) -> Self {
        self.since = Version::new(major, minor);
        self
    }
}

const fn each(name: &'static str, change: fn(f64) -> f64) -> Function {
    new(name, &[Vector], Vector, How::Each(change))
}

const fn window(
    name: &'static str,
    function: fn(&super::window::Window<'_>) -> Option<f64>,
) -> Function {
    new(name, &[Matrix], Vector, How::Window(function))
}

const fn date(name: &'static str, tell: fn(dates::Date) -> i64) -> Function {
    let function = new(name, &[Vector], Vector, How::Date(tell));
    function.optional(1).tells_time()
}

const fn of_native_histograms(name: &'static str) -> Function {
    new(name, &[Vector], Vector, How::NativeHistograms)
}

const fn experimental(name: &'static str) -> Function {
    new(name, &[], Vector, How::Experimental)
}

pub(super) static FUNCTIONS: &[Function] = &[
    // Of each value.
    each("abs", f64::abs),
    each("acos", f64::acos),
    each("acosh", numbers::acosh),
    each("asin", f64::asin),
    each("asinh", numbers::asinh),
    each("atan", f64::atan),
    each("atanh", numbers::atanh),
    each("ceil", f64::ceil),
    each("cos", f64::cos),
    each("cosh", f64::cosh),
    new("deg", &[Vector], Vector, How::Whole(numbers::degrees)),
    each("exp", f64::exp),
    each("floor", f64::floor),
    each("ln", f64::ln),
    each("log10", f64::log10),
    each("log2", f64::log2),
    new("rad", &[Vector], Vector, How::Whole(numbers::radians)),
    // -1, 0 or 1, as a value is below, at or above zero.
    each("sgn", numbers::sign),
    each("sin", f64::sin),
    each("sinh", f64::sinh),
    each("sqrt", f64::sqrt),
    each("tan", f64::tan),
    each("tanh", f64::tanh),
    // Moved into the range from the second argument to the third, or to one border.
    new(
        "clamp",
        &[Vector, Scalar, Scalar],
        Vector,
        How::EachWith(numbers::clamp),
    ),
    new(
        "clamp_max",
        &[Vector, Scalar],
        Vector,
        How::EachWith(numbers::clamp_max),
    ),
    new(
        "clamp_min",
        &[Vector, Scalar],
        Vector,
        How::EachWith(numbers::clamp_min),
    ),
    // To the nearest multiple of the second argument, by default of 1; up where two are as near.
    new(
        "round",
        &[Vector, Scalar],
        Vector,
        How::EachWith(numbers::round),
    )
    .optional(1),
    // Of the date that values stand for, as seconds since 1970, in UTC.
    date("day_of_month", dates::day_of_month),
    date("day_of_week", dates::day_of_week),
    date("day_of_year", dates::day_of_year),
    date("days_in_month", dates::days_in_month),
    date("hour", dates::hour),
    date("minute", dates::minute),
    date("month", dates::month),
    date("year", dates::year),
    // Of the samples in a window.
    window("avg_over_time", over_time::average),
    // How often the value changed.
    window("changes", over_time::changes),
    window("count_over_time", over_time::count),
    window("first_over_time", over_time::first).since(3, 14),
    window("last_over_time", over_time::last),
    window("max_over_time", over_time::max),
    window("min_over_time", over_time::min),
    window("present_over_time", over_time::one),
    // How often a counter began anew.
    window("resets", over_time::resets),
    window("stddev_over_time", over_time::deviation),
    window("stdvar_over_time", over_time::variance),
    window("sum_over_time", over_time::sum),
    new(
        "quantile_over_time",
        &[Scalar, Matrix],
        Vector,
        How::Window(over_time::quantile),
    ),
    // Between the borders of the window: what a gauge changed by, and what a counter rose by, in all and per second.
    window("delta", rate::delta),
    window("increase", rate::increase),
    window("rate", rate::rate),
    // Between the last two samples: the difference of a gauge, and the rise of a counter per second.
    window("idelta", rate::last_delta),
    window("irate", rate::last_rate),
    // By the line through the samples: its slope per second, and where it is so many seconds from now.
    window("deriv", trend::slope),
    new(
        "predict_linear",
        &[Matrix, Scalar],
        Vector,
        How::Window(trend::predicted),
    )
    .tells_time(),
    // Whether there is nothing.
    new("absent", &[Vector], Vector, How::Whole(vectors::absent)),
    new(
        "absent_over_time",
        &[Matrix],
        Vector,
        How::Whole(vectors::absent_over_time),
    ),
    // From vector to scalar and back.
    new("scalar", &[Vector], Scalar, How::Whole(vectors::scalar)),
    new("vector", &[Scalar], Vector, How::Whole(vectors::vector)),
    // By value; only in answers of instant queries.
    new("sort", &[Vector], Vector, How::Whole(vectors::sort)),
    new(
        "sort_desc",
        &[Vector],
        Vector,
        How::Whole(vectors::sort_descending),
    ),
    // The time of the step; when the samples of a vector were taken.
    new("time", &[], Scalar, How::Whole(vectors::time)).tells_time(),
    new(
        "timestamp",
        &[Vector],
        Vector,
        How::Whole(vectors::timestamp),
    )
    .tells_time(),
    new("pi", &[], Scalar, How::Whole(vectors::pi)),
    // A label made of others.
    new(
        "label_join",
        &[Vector, Text, Text, Text],
        Vector,
        How::Whole(labels::join),
    )
    .optional(1)
    .repeats(),
    new(
        "label_replace",
        &[Vector, Text, Text, Text, Text],
        Vector,
        How::Whole(labels::replace),
    ),
    // Of classic histograms: the value below which a share lies, and the share between two values.
    new(
        "histogram_quantile",
        &[Scalar, Vector],
        Vector,
        How::Whole(histogram::quantiles),
    ),
    new(
        "histogram_fraction",
        &[Scalar, Scalar, Vector],
        Vector,
        How::Whole(histogram::fractions),
    ),
    of_native_histograms("histogram_avg").since(2, 50),
    of_native_histograms("histogram_count"),
    of_native_histograms("histogram_stddev").since(2, 47),
    of_native_histograms("histogram_stdvar").since(2, 47),
    of_native_histograms("histogram_sum"),
    experimental("double_exponential_smoothing").since(3, 0),
    experimental("end").since(3, 12),
    experimental("first_over_time").since(3, 7),
    experimental("histogram_quantiles").since(3, 11),
    experimental("info").since(3, 0),
    experimental("integral").since(3, 16),
    experimental("mad_over_time").since(2, 54),
    experimental("max_of").since(3, 13),
    experimental("min_of").since(3, 13),
    experimental("range").since(3, 12),
    experimental("sort_by_label").since(2, 50),
    experimental("sort_by_label_desc").since(2, 50),
    experimental("start").since(3, 12),
    experimental("start_timestamp").since(3, 14),
    experimental("step").since(3, 12),
    experimental("ts_of_first_over_time").since(3, 7),
    experimental("ts_of_last_over_time").since(3, 5),
    experimental("ts_of_max_over_time").since(3, 5),
    experimental("ts_of_min_over_time").since(3, 5),
];
