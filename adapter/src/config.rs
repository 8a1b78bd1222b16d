//! The configuration file that `--config` names.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use setpoint_rules::{ConfigError, Finding, Rules, Severity};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::files::{Changes, REREAD_INTERVAL};
use crate::prometheus::{UpstreamClientError, Upstreams};
use crate::reload::Reloads;

/// Why the configuration file can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error(
        "read the configuration {path}, which --config names; in a pod it is a key of the mounted ConfigMap"
    )]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{path}")]
    Invalid {
        path: PathBuf,
        #[source]
        source: ConfigError,
    },
    #[error("{path}")]
    Upstream {
        path: PathBuf,
        #[source]
        source: UpstreamClientError,
    },
}

/// What reloads of the file are called.
const PART: &str = "configuration";

/// Reads the rules and keeps them up to date, in a task that ends with `shutdown`. A file that can't
/// be used later leaves the rules as they are.
pub(crate) fn watch(
    path: PathBuf,
    upstreams: Arc<Upstreams>,
    reloads: Reloads,
    shutdown: CancellationToken,
) -> Result<watch::Receiver<Rules>, LoadError> {
    let text = read(&path)?;
    let rules = parse(&path, &text)?;
    connect(&path, &upstreams, &rules)?;
    reloads
        .metrics()
        .configuration_findings(logged(&rules).count());
    let (sender, receiver) = watch::channel(rules);
    let followed = follow(path, text, upstreams, sender, reloads);
    tokio::spawn(shutdown.run_until_cancelled_owned(followed));
    Ok(receiver)
}

/// Reads the file again whenever it may have changed.
async fn follow(
    path: PathBuf,
    mut seen: String,
    upstreams: Arc<Upstreams>,
    sender: watch::Sender<Rules>,
    reloads: Reloads,
) {
    let mut changes = Changes::of([path.as_path()], REREAD_INTERVAL);
    let mut good = true;
    loop {
        // At once too: there may have been a change before the watch.
        let connect = |rules: &Rules| connect(&path, &upstreams, rules);
        match reread(&path, &mut seen, connect) {
            Ok(None) if good => reloads.unchanged(PART),
            // It was told when it was seen first.
            Ok(None) => {}
            Ok(Some(rules)) => {
                good = true;
                reloads
                    .metrics()
                    .configuration_findings(logged(&rules).count());
                sender.send_replace(rules);
                reloads.succeeded(PART);
            }
            Err(error) => {
                good &= matches!(error, LoadError::Read { .. });
                // Its files may come without a change of this one.
                if matches!(error, LoadError::Upstream { .. }) {
                    seen.clear();
                }
                reloads.failed(PART, &error);
            }
        }
        changes.next().await;
    }
}

/// The rules, if the file isn't as it was seen last.
fn reread(
    path: &Path,
    seen: &mut String,
    connect: impl Fn(&Rules) -> Result<(), LoadError>,
) -> Result<Option<Rules>, LoadError> {
    let text = read(path)?;
    if text == *seen {
        return Ok(None);
    }
    *seen = text;
    let rules = parse(path, seen)?;
    connect(&rules)?;
    Ok(Some(rules))
}

/// Makes clients of the upstreams.
fn connect(path: &Path, upstreams: &Upstreams, rules: &Rules) -> Result<(), LoadError> {
    let connected = upstreams.replace(rules.upstreams());
    connected.map_err(|source| LoadError::Upstream {
        path: path.to_owned(),
        source,
    })
}

fn read(path: &Path) -> Result<String, LoadError> {
    setpoint_support::read_text(path).map_err(|source| LoadError::Read {
        path: path.to_owned(),
        source,
    })
}

/// How many findings of one configuration are logged.
const LOGGED_FINDINGS: usize = 20;

/// What is found in rules and is hardly meant so; `setpoint-adapter check` shows the rest too.
fn logged(rules: &Rules) -> impl Iterator<Item = &Finding> {
    let findings = rules.findings().iter();
    findings.filter(|finding| finding.kind.severity > Severity::Note)
}

/// The rules; what is found in them is logged.
fn parse(path: &Path, text: &str) -> Result<Rules, LoadError> {
    let rules = Rules::parse(text).map_err(|source| LoadError::Invalid {
        path: path.to_owned(),
        source,
    })?;
    for finding in logged(&rules).take(LOGGED_FINDINGS) {
        let (line, column) = (finding.line, finding.column);
        let code = finding.kind.code;
        tracing::warn!("{}:{line}:{column}: {finding} [{code}]", path.display());
    }
    let more = logged(&rules).count().saturating_sub(LOGGED_FINDINGS);
    if more > 0 {
        tracing::warn!(more, "further findings; `setpoint-adapter check` shows all");
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metrics::OwnMetrics;
    use crate::prometheus::{HttpClient, HttpClientOptions};

    fn upstreams() -> Arc<Upstreams> {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let options = HttpClientOptions::of("http://prometheus".parse().unwrap());
        let metrics = OwnMetrics::default();
        let client = HttpClient::new(options, &metrics).unwrap();
        Arc::new(Upstreams::new(client, metrics))
    }

    const RULE: &str =
        "- {seriesQuery: x, resources: {template: '<<.Resource>>'}, metricsQuery: x}\n";

    #[tokio::test]
    async fn the_rules_follow_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.yaml");
        let write = |rules: usize| {
            std::fs::write(&path, format!("rules:\n{}", RULE.repeat(rules))).unwrap();
        };
        write(1);
        let shutdown = CancellationToken::new();
        let reloads = Reloads::default();
        let rules = watch(path.clone(), upstreams(), reloads.clone(), shutdown.clone());
        let mut rules = rules.unwrap();
        let _end = shutdown.drop_guard();
        assert_eq!(rules.borrow_and_update().custom().len(), 1);
        write(2);
        let in_time = Duration::from_secs(20);
        let two = rules.wait_for(|rules| rules.custom().len() == 2);
        assert!(tokio::time::timeout(in_time, two).await.is_ok());
        std::fs::write(&path, "rules: [{resources: {template: x}}]").unwrap();
        let failing = async {
            while reloads.states() != [(PART, true)] {
                tokio::task::yield_now().await;
            }
        };
        assert!(tokio::time::timeout(in_time, failing).await.is_ok());
        assert_eq!(rules.borrow_and_update().custom().len(), 2);
        write(3);
        let three = rules.wait_for(|rules| rules.custom().len() == 3);
        assert!(tokio::time::timeout(in_time, three).await.is_ok());
    }

    #[test]
    fn a_file_that_cant_be_used_is_told_and_gives_no_rules_until_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.yaml");
        let mut seen = String::new();
        assert!(matches!(
            reread(&path, &mut seen, |_| Ok(())),
            Err(LoadError::Read { .. })
        ));
        std::fs::write(&path, "rules: [{resources: {template: x}}]").unwrap();
        assert!(matches!(
            reread(&path, &mut seen, |_| Ok(())),
            Err(LoadError::Invalid { .. })
        ));
        assert!(
            matches!(reread(&path, &mut seen, |_| Ok(())), Ok(None)),
            "told once"
        );
        std::fs::write(&path, format!("rules:\n{RULE}")).unwrap();
        assert!(matches!(reread(&path, &mut seen, |_| Ok(())), Ok(Some(_))));
    }
}
