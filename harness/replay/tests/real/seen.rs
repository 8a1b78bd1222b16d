//! What generated queries have met: how many answers of each function hold values over series of each kind.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use promql_parser::parser;
use setpoint_replay::ScriptedSeries;

use crate::noticed::names;

/// What a series has that functions treat in their own ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trait {
    Reset,
    Gap,
    Stale,
    Nan,
}

const TRAITS: [Trait; 4] = [Trait::Reset, Trait::Gap, Trait::Stale, Trait::Nan];

/// What the series of each metric have.
pub(crate) type Traits = BTreeMap<String, BTreeSet<Trait>>;

pub(crate) fn traits(series: &[ScriptedSeries]) -> Traits {
    let mut traits = Traits::new();
    for one in series {
        let name = one.series.split('{').next().unwrap_or_default();
        let has = traits.entry(name.to_owned()).or_default();
        let text = one.values.to_string();
        let items = text.split(' ');
        has.extend(items.clone().filter_map(|item| match item {
            "stale" => Some(Trait::Stale),
            "NaN" => Some(Trait::Nan),
            item if item.starts_with('_') => Some(Trait::Gap),
            _ => None,
        }));
        // Where the next item begins below the last one it counts anew.
        let first = |item: &str| item.split(['+', 'x']).next()?.parse::<f64>().ok();
        let begins: Vec<f64> = items.filter_map(first).collect();
        if begins.windows(2).any(|pair| pair[1] < pair[0]) {
            has.insert(Trait::Reset);
        }
    }
    traits
}

/// How many answers with values there were, by function and trait.
#[derive(Debug, Default)]
pub(crate) struct Seen(BTreeMap<String, [usize; TRAITS.len()]>);

impl Seen {
    pub(crate) fn add(&mut self, query: &str, traits: &Traits) {
        let Ok(expr) = parser::parse(query) else {
            return;
        };
        let named = traits.iter().filter(|(name, _)| query.contains(*name));
        let met: BTreeSet<Trait> = named.flat_map(|(_, traits)| traits).copied().collect();
        for name in names(&expr) {
            let counts = self.0.entry(name).or_default();
            for (count, one) in counts.iter_mut().zip(TRAITS) {
                *count += usize::from(met.contains(&one));
            }
        }
    }

    /// The functions that met no series with some trait.
    pub(crate) fn missing(&self) -> Vec<&str> {
        let lack = self.0.iter().filter(|(_, counts)| counts.contains(&0));
        lack.map(|(name, _)| name.as_str()).collect()
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "answers with values over series with a ")?;
        write!(f, "{TRAITS:?}:")?;
        for (name, counts) in &self.0 {
            write!(f, "\n  {name:<24}")?;
            for count in counts {
                write!(f, " {count:>6}")?;
            }
        }
        Ok(())
    }
}
