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
//! A scenario goes one way: file → [`scenario`] → [`install`] → steps and expectations → [`report`].

#[macro_use]
mod shown;

pub mod against;
pub mod commands;
pub mod conformance;
#[cfg(feature = "containers")]
pub mod containers;
pub mod convergence;
mod expect;
mod feed;
mod format;
pub mod install;
pub mod installed;
pub mod known_failures;
pub mod matrix;
mod nearest;
mod notes;
mod obsolete;
pub mod outcome;
mod pki;
pub mod profile;
pub mod programs;
mod prometheus;
pub mod quantity;
pub mod report;
mod request;
pub mod rule_tests;
pub mod run;
mod sample_app;
pub mod scenario;
pub mod scripted;
mod steps;
mod subset;
mod text;
pub mod timeouts;
mod traffic;
mod wait;
