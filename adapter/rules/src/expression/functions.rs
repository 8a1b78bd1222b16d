//! What functions take and give (`promql/parser/functions.go`).

use super::Type;

/// A function's arguments and its result.
#[derive(Debug, Clone, Copy)]
pub(super) struct Function {
    /// A letter for each argument: `v`, `m`, `s` or `t` for a [`Type`]. What follows `?` may be left out, and the last may be repeated where `*` ends it.
    arguments: &'static str,
    pub(super) gives: Type,
}

/// Functions by their arguments, but for those that give a number.
const OF_VECTORS: &[(&str, &[&str])] = &[
    (
        "v",
        &[
            "abs",
            "absent",
            "acos",
            "acosh",
            "asin",
            "asinh",
            "atan",
            "atanh",
            "ceil",
            "cos",
            "cosh",
            "deg",
            "exp",
            "floor",
            "histogram_avg",
            "histogram_count",
            "histogram_stddev",
            "histogram_stdvar",
            "histogram_sum",
            "ln",
            "log10",
            "log2",
            "rad",
            "sgn",
            "sin",
            "sinh",
            "sort",
            "sort_desc",
            "sqrt",
            "tan",
            "tanh",
            "timestamp",
        ],
    ),
    (
        "?v",
        &[
            "day_of_month",
            "day_of_week",
            "day_of_year",
            "days_in_month",
            "hour",
            "minute",
            "month",
            "year",
        ],
    ),
    (
        "m",
        &[
            "absent_over_time",
            "avg_over_time",
            "changes",
            "count_over_time",
            "delta",
            "deriv",
            "first_over_time",
            "idelta",
            "increase",
            "irate",
            "last_over_time",
            "mad_over_time",
            "max_over_time",
            "min_over_time",
            "present_over_time",
            "rate",
            "resets",
            "stddev_over_time",
            "stdvar_over_time",
            "sum_over_time",
        ],
    ),
    ("vs", &["clamp_max", "clamp_min"]),
    ("vss", &["clamp"]),
    ("v?s", &["round"]),
    ("mss", &["double_exponential_smoothing", "holt_winters"]),
    ("ms", &["predict_linear"]),
    ("sm", &["quantile_over_time"]),
    ("sv", &["histogram_quantile"]),
    ("ssv", &["histogram_fraction"]),
    ("vttt*", &["label_join"]),
    ("vtttt", &["label_replace"]),
    ("vt*", &["sort_by_label", "sort_by_label_desc"]),
    ("s", &["vector"]),
];
/// Functions that give a number.
const OF_NUMBERS: &[(&str, &str)] = &[("pi", ""), ("scalar", "v"), ("time", "")];

impl Function {
    /// The function of this name, in lower case; others that speak PromQL know more.
    pub(super) fn named(name: &str) -> Option<Self> {
        if let Some((_, arguments)) = OF_NUMBERS.iter().find(|(known, _)| *known == name) {
            return Some(Self {
                arguments,
                gives: Type::Scalar,
            });
        }
        let mut of_vectors = OF_VECTORS.iter();
        let (arguments, _) = of_vectors.find(|(_, names)| names.contains(&name))?;
        Some(Self {
            arguments,
            gives: Type::Vector,
        })
    }

    /// An aggregation of this name.
    pub(super) fn aggregation(name: &str) -> Self {
        let arguments = match name {
            "bottomk" | "limit_ratio" | "limitk" | "quantile" | "topk" => "sv",
            "count_values" => "tv",
            _ => "v",
        };
        Self {
            arguments,
            gives: Type::Vector,
        }
    }

    /// What the argument at a position has to be; none where there is no such argument.
    pub(super) fn takes(self, position: usize) -> Option<Type> {
        let letters = self.arguments.chars().filter_map(Type::of_letter);
        let letters: Vec<_> = letters.collect();
        let last = letters.last().filter(|_| self.arguments.ends_with('*'));
        letters.get(position).or(last).copied()
    }

    /// The least and the greatest number of arguments.
    pub(super) fn count(self) -> (usize, Option<usize>) {
        let count = |text: &str| text.chars().filter_map(Type::of_letter).count();
        let all = count(self.arguments);
        if self.arguments.ends_with('*') {
            // The repeated one may be left out.
            return (all - 1, None);
        }
        let least = self
            .arguments
            .split_once('?')
            .map_or(all, |(needed, _)| count(needed));
        (least, Some(all))
    }
}
