//! Shapes of load, beyond promtool's notation: `NAME(NUMBER,…)xN` stands for N+1 samples, as `axN` does.

use std::f64::consts::TAU;

use super::values::Point;

/// A shape and its numbers.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    Sine {
        middle: f64,
        height: f64,
        steps: usize,
    },
    Step {
        low: f64,
        high: f64,
        steps: usize,
    },
    Spike {
        base: f64,
        top: f64,
        steps: usize,
    },
    Noise {
        low: f64,
        high: f64,
        seed: u64,
    },
    Restart {
        rise: f64,
        steps: usize,
    },
    Churn {
        value: f64,
        there: usize,
        gone: usize,
    },
}

/// The names, for errors.
pub(super) const NAMES: [&str; 6] = ["sine", "step", "spike", "noise", "restart", "churn"];

impl Shape {
    /// The shape of a name and numbers; none if there is none such. Numbers of steps are whole and at least 1.
    pub(super) fn new(name: &str, numbers: &[f64]) -> Option<Self> {
        let whole =
            |number: f64| (number.fract() == 0.0 && number >= 0.0).then_some(number as usize);
        let steps = |number: f64| whole(number).filter(|steps| *steps > 0);
        Some(match (name, numbers) {
            ("sine", &[middle, height, long]) => {
                let steps = steps(long)?;
                Self::Sine {
                    middle,
                    height,
                    steps,
                }
            }
            ("step", &[low, high, long]) => {
                let steps = steps(long)?;
                Self::Step { low, high, steps }
            }
            ("spike", &[base, top, long]) => {
                let steps = steps(long)?;
                Self::Spike { base, top, steps }
            }
            ("noise", &[low, high, seed]) => {
                let seed = whole(seed)? as u64;
                Self::Noise { low, high, seed }
            }
            ("restart", &[rise, long]) => {
                let steps = steps(long)?;
                Self::Restart { rise, steps }
            }
            ("churn", &[value, there, gone]) => {
                let (there, gone) = (steps(there)?, steps(gone)?);
                Self::Churn { value, there, gone }
            }
            _ => return None,
        })
    }

    /// What stands at a step.
    pub(super) fn at(self, step: usize) -> Point {
        Point::Value(match self {
            Self::Sine {
                middle,
                height,
                steps,
            } => middle + height * (TAU * (step % steps) as f64 / steps as f64).sin(),
            Self::Step { low, high, steps } => match (step / steps) % 2 {
                0 => low,
                _ => high,
            },
            Self::Spike { base, top, steps } => match (step + 1) % steps {
                0 => top,
                _ => base,
            },
            Self::Noise { low, high, seed } => low + (high - low) * fraction(seed, step as u64),
            Self::Restart { rise, steps } => rise * (step % steps) as f64,
            Self::Churn { value, there, gone } => match step % (there + gone) {
                place if place < there => value,
                place if place == there => return Point::Stale,
                _ => return Point::Missing,
            },
        })
    }
}

/// A number from 0 to below 1: the mixing of splitmix64, which needs no state from step to step.
fn fraction(seed: u64, step: u64) -> f64 {
    const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
    let start = seed.wrapping_mul(GOLDEN).rotate_left(32);
    let mut mixed = start.wrapping_add((step + 1).wrapping_mul(GOLDEN));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    (mixed >> 11) as f64 / (1u64 << 53) as f64
}
