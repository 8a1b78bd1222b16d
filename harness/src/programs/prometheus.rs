//! The real Prometheus that scrapes in some scenarios.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use setpoint_support::find_in_path;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use crate::timeouts::Timeouts;

/// The variable that names Prometheus' program.
const VARIABLE: &str = "SETPOINT_PROMETHEUS";

/// A configuration that no Prometheus accepts. One with Kubernetes service discovery refuses the role,
/// one without it refuses the section. Both do so before they listen or write anything.
const QUESTION: &str =
    "scrape_configs: [{job_name: setpoint, kubernetes_sd_configs: [{role: setpoint}]}]\n";
const REFUSES_ROLE: &str = "unknown Kubernetes SD role";
const REFUSES_SECTION: &str = "field kubernetes_sd_configs not found";

/// How much of an answer that isn't understood is shown, in characters.
const SHOWN: usize = 300;

/// Why no real Prometheus can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoPrometheus {
    /// There is none.
    #[error("{VARIABLE} is not set and PATH has no `prometheus`; {CURE}")]
    NotFound,
    /// The one that the user named can't be used.
    #[error("use {}, which {VARIABLE} names: {problem}", path.display())]
    Named {
        /// What `SETPOINT_PROMETHEUS` is.
        path: PathBuf,
        /// Why it can't be used.
        problem: ErrorKind,
    },
    /// It was built without what the manifests' configuration needs, as Debian's package is.
    #[error("{} was built without kubernetes_sd_configs; {CURE}", program.display())]
    NoServiceDiscovery {
        /// The program.
        program: PathBuf,
    },
    /// It can't be run, or says something else than a Prometheus.
    #[error("{} doesn't say whether it has kubernetes_sd_configs: {problem}; {CURE}", program.display())]
    Unclear {
        /// The program.
        program: PathBuf,
        /// What it does instead.
        problem: String,
    },
}

const CURE: &str = "in a checkout, `export SETPOINT_PROMETHEUS=$(ci/prometheus/build)` helps";

/// The Prometheus that `SETPOINT_PROMETHEUS` names, else the one in PATH, if it can discover targets
/// in Kubernetes. It is run once to find that out; it takes a tenth of a second.
///
/// # Errors
/// When there is none, or it can't be used.
pub async fn find(timeouts: &Timeouts) -> Result<PathBuf, NoPrometheus> {
    let named = std::env::var_os(VARIABLE).filter(|named| !named.is_empty());
    let program = match named.map(PathBuf::from) {
        Some(path) => path.canonicalize().map_err(|error| NoPrometheus::Named {
            path,
            problem: error.kind(),
        })?,
        None => find_in_path("prometheus").ok_or(NoPrometheus::NotFound)?,
    };
    check(&program, timeouts.program).await?;
    Ok(program)
}

/// Asks a Prometheus whether it was built with Kubernetes service discovery.
async fn check(program: &Path, within: Duration) -> Result<(), NoPrometheus> {
    let unclear = |problem| NoPrometheus::Unclear {
        program: program.to_owned(),
        problem,
    };
    let asked = timeout(within, ask(program)).await;
    let output = asked
        .map_err(|_| unclear(format!("it doesn't end within {within:?}")))?
        .map_err(|error| unclear(error.to_string()))?;
    let text = String::from_utf8_lossy(&output.stderr);
    if text.contains(REFUSES_ROLE) {
        Ok(())
    } else if text.contains(REFUSES_SECTION) {
        Err(NoPrometheus::NoServiceDiscovery {
            program: program.to_owned(),
        })
    } else {
        let words: String = text.trim().chars().take(SHOWN).collect();
        Err(unclear(format!(
            "it ended with {} and wrote `{words}`",
            output.status
        )))
    }
}

async fn ask(program: &Path) -> std::io::Result<Output> {
    let mut child = Command::new(program)
        .arg("--config.file=/dev/stdin")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // A program that doesn't read it says why in what it writes.
        let _ = input.write_all(QUESTION.as_bytes()).await;
    }
    child.wait_with_output().await
}

#[cfg(test)]
mod tests {
    use super::*;

    const WITHIN: Duration = Duration::from_secs(10);

    fn fixture(name: &str) -> PathBuf {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/programs");
        Path::new(folder).join(name)
    }

    #[tokio::test]
    async fn a_prometheus_with_kubernetes_service_discovery_is_used() {
        let program = fixture("prometheus-with-kubernetes");
        assert_eq!(check(&program, WITHIN).await, Ok(()));
    }

    #[tokio::test]
    async fn a_prometheus_without_kubernetes_service_discovery_is_refused_with_the_cure() {
        let program = fixture("prometheus-without-kubernetes");
        let error = check(&program, WITHIN).await.unwrap_err();
        assert_eq!(
            error,
            NoPrometheus::NoServiceDiscovery {
                program: program.clone()
            }
        );
        let text = error.to_string();
        assert!(
            text.contains("SETPOINT_PROMETHEUS=$(ci/prometheus/build)"),
            "{text}"
        );
    }

    #[tokio::test]
    async fn a_program_that_is_no_prometheus_is_refused_with_what_it_wrote() {
        let program = fixture("no-prometheus");
        let error = check(&program, WITHIN).await.unwrap_err().to_string();
        let expected = "it ended with exit status: 7 and wrote `no such option`";
        assert!(error.contains(expected), "{error}");
        let error = check(Path::new("/nowhere"), WITHIN)
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains("No such file or directory"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_program_that_does_not_end_is_given_up() {
        let program = fixture("never-ends");
        let error = check(&program, WITHIN).await.unwrap_err().to_string();
        assert!(error.contains("it doesn't end within 10s"), "{error}");
    }

    /// The real one that CI builds, where that was done.
    #[tokio::test]
    async fn the_prometheus_that_is_named_has_kubernetes_service_discovery() {
        if std::env::var_os(VARIABLE).is_some() {
            assert!(find(&Timeouts::default()).await.is_ok());
        }
    }
}
