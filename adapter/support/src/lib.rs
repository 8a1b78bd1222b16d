//! Internal to Setpoint's crates; it changes without notice. Plumbing that several of them need and
//! none should write again. Nothing here knows what an adapter, a scenario or a cluster is.
//!
//! ```
//! use setpoint_support::error_chain;
//!
//! let missing = std::fs::read("/no/such/file").unwrap_err();
//! assert_eq!(error_chain(&missing), "No such file or directory (os error 2)");
//! ```

#![forbid(unsafe_code)]

mod accept;
mod architecture;
mod backoff;
mod error;
mod program;
mod signals;
mod text;

pub use accept::accept;
pub use architecture::go_architecture;
pub use backoff::backoff;
pub use error::{error_chain, error_chain_until};
pub use program::find_in_path;
pub use signals::Termination;
pub use text::{NotUtf8, read_text, text_of};
