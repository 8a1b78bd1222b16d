//! What the tests of several crates share: tests that need a control plane, and certificates.

#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "a test's own steps fail by panicking, in what it shares with others too"
)]

mod authority;
mod trials;

pub use authority::{CertificatePair, TestAuthority};
pub use libtest_mimic::Trial;
pub use trials::{needing, run, run_all};
