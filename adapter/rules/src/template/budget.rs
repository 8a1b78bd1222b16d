//! How much a template may do.

use super::error::Problem;

/// The most steps: each node and each operand that is evaluated is one.
pub(super) const MAX_STEPS: usize = 100_000;
/// The most bytes of text that all steps may make or compare together. Twice the names of 10,000
/// objects fit.
pub(super) const MAX_BYTES: usize = 8 << 20;

/// What is left of it.
#[derive(Debug)]
pub(super) struct Budget {
    steps: usize,
    bytes: usize,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self {
            steps: MAX_STEPS,
            bytes: MAX_BYTES,
        }
    }

    pub(super) fn step(&mut self) -> Result<(), Problem> {
        let left = self.steps.checked_sub(1);
        self.steps = left.ok_or(Problem::TooManySteps(MAX_STEPS))?;
        Ok(())
    }

    /// Asked before so many bytes are made.
    pub(super) fn make(&mut self, bytes: usize) -> Result<(), Problem> {
        let left = self.bytes.checked_sub(bytes);
        self.bytes = left.ok_or(Problem::TooMuchText(MAX_BYTES))?;
        Ok(())
    }
}
