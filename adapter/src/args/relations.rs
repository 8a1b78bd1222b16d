//! What flags say together: judged before anything is started, and of the arguments in a manifest.

use std::path::PathBuf;
use std::time::Duration;

use super::ServeArgs;
use super::prometheus::TwoSources;
use crate::prometheus::{HttpClientError, HttpClientOptions};

/// What flags of the server say together.
pub(crate) struct Related {
    /// The file with the rules.
    pub(crate) config: PathBuf,
    /// How long ago the last sample of a series may be: as long as the relist interval at least.
    pub(crate) max_age: Duration,
    /// The connection to Prometheus.
    pub(crate) prometheus: HttpClientOptions,
}

/// Why the server isn't started with flags that are right by themselves.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RelationError {
    #[error("no rules: name a configuration file by --config")]
    NoConfig,
    #[error(
        "--metrics-max-age must not be shorter than --metrics-relist-interval: series would come and go"
    )]
    MaxAge,
    #[error(transparent)]
    TwoSources(#[from] TwoSources),
    #[error(transparent)]
    Prometheus(#[from] HttpClientError),
}

impl RelationError {
    /// A flag that it is about; none where one is missing.
    pub(super) fn flag(&self) -> Option<&'static str> {
        match self {
            Self::NoConfig => None,
            Self::MaxAge => Some("--metrics-max-age"),
            Self::TwoSources(_) => Some("--prometheus-auth-config"),
            Self::Prometheus(_) => Some("--prometheus-url"),
        }
    }
}

impl ServeArgs {
    /// What its flags say together, as far as no file is needed for that.
    pub(crate) fn related(&self) -> Result<Related, RelationError> {
        let config = self.config.clone().ok_or(RelationError::NoConfig)?;
        let max_age = self.metrics_max_age.filter(|age| !age.is_zero());
        let max_age = max_age.unwrap_or(self.metrics_relist_interval);
        if max_age < self.metrics_relist_interval {
            return Err(RelationError::MaxAge);
        }
        let prometheus = HttpClientOptions::try_from(self.prometheus.clone())?;
        prometheus.user()?;
        Ok(Related {
            config,
            max_age,
            prometheus,
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::Args;

    fn related(arguments: &[&str]) -> Result<Related, RelationError> {
        let arguments = [&["setpoint-adapter", "--config=/c"], arguments].concat();
        Args::try_parse_from(arguments).unwrap().serve.related()
    }

    #[test]
    fn the_age_of_samples_is_the_relist_interval_unless_it_is_longer() {
        let age = |arguments: &[&str]| related(arguments).map(|related| related.max_age.as_secs());
        assert_eq!(age(&[]).unwrap(), 600);
        assert_eq!(age(&["--metrics-max-age=0s"]).unwrap(), 600);
        assert_eq!(age(&["--metrics-max-age=20m"]).unwrap(), 1200);
        let short = ["--metrics-relist-interval=1m", "--metrics-max-age=59s"];
        assert!(matches!(age(&short), Err(RelationError::MaxAge)));
        assert!(matches!(
            age(&["--metrics-max-age=9m"]),
            Err(RelationError::MaxAge)
        ));
    }
}
