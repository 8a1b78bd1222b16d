//! Judges Kubernetes metrics adapters and HorizontalPodAutoscalers by scenarios, on a real control plane.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use setpoint::programs::Programs;
//! use setpoint::profile::Profile;
//! use setpoint::report::Terminal;
//! use setpoint::run::{Backend, RunOptions, run};
//! use setpoint::timeouts::Timeouts;
//! use setpoint_cluster::provision;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let scenarios = setpoint::scenario::load(&["my-scenarios".into()])?;
//! let programs = Programs::find(None, &Timeouts::default()).await?;
//! let binaries = provision::find(&provision::Options::from_env())?;
//! let backend = Backend::local(binaries, &programs)?;
//! let options = RunOptions::new(backend, programs, Profile::named("binary")?).jobs(2);
//! let report = run(scenarios, options, Arc::new(Terminal::default())).await;
//! assert_eq!(report.counts().failed, 0);
//! # Ok(())
//! # }
//! ```
//!
//! A scenario goes one way: file → [`scenario`] → [`install`] → steps ([`expect`], [`request`], [`feed`]) → [`report`].

pub mod commands;
#[cfg(feature = "containers")]
pub mod containers;
pub mod expect;
pub mod feed;
pub mod format;
pub mod install;
pub mod matrix;
pub mod notes;
mod obsolete;
pub mod outcome;
pub mod pki;
pub mod profile;
pub mod programs;
pub mod prometheus;
pub mod quantity;
pub mod report;
pub mod request;
pub mod run;
pub mod sample_app;
pub mod scenario;
pub mod scripted;
pub mod steps;
mod subset;
pub mod timeouts;
pub mod traffic;
pub mod wait;
