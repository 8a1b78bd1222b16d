//! `setpoint run --against`: two adapters compared by a corpus, instead of one judged by scenarios.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

use super::provision::KubernetesArgs;
use super::{BadInput, make_report_folder};
use crate::against::{Against, AgainstError, Corpus, Options, compare};
use crate::profile::Profile;
use crate::programs::Programs;
use crate::timeouts::Timeouts;

/// The corpus where none is named.
const CORPUS: &str = "fixtures/against";
/// The variable that says that answers are written down.
const UPDATE: &str = "SETPOINT_UPDATE";
/// The file of the report.
const REPORT: &str = "against.md";

/// The adapter that another one is compared with.
#[derive(Debug, Clone)]
pub(super) struct Other {
    profile: Profile,
    /// Its program; none stands for what was recorded of it.
    path: Option<PathBuf>,
}

pub(super) fn other(text: &str) -> anyhow::Result<Other> {
    let (name, path) = match text.split_once(':') {
        Some((name, path)) => (name, Some(PathBuf::from(path))),
        None => (text, None),
    };
    let profile = Profile::named(name)?;
    anyhow::ensure!(
        profile.container.is_none() && !profile.is_installed(),
        "{name} doesn't have prometheus-adapter's flags and configuration"
    );
    Ok(Other { profile, path })
}

/// What a comparison takes of the arguments of `run`.
pub(super) struct Comparing {
    pub(super) other: Other,
    pub(super) adapter: Option<PathBuf>,
    pub(super) kubernetes: KubernetesArgs,
    pub(super) paths: Vec<PathBuf>,
    pub(super) filter: Option<String>,
    pub(super) jobs: usize,
    pub(super) timeouts: Timeouts,
    pub(super) report: Option<PathBuf>,
}

/// Compares, prints what differs and tells by the exit code.
pub(super) async fn run(args: Comparing) -> anyhow::Result<ExitCode> {
    let bad = |error: AgainstError| anyhow::Error::new(BadInput(error.into()));
    let folder = match args.paths.as_slice() {
        [] => PathBuf::from(CORPUS),
        [folder] => folder.clone(),
        _ => return Err(BadInput(anyhow::anyhow!("--against takes one folder")).into()),
    };
    let mut corpus = Corpus::load(&folder).map_err(bad)?;
    if let Some(filter) = &args.filter {
        corpus = corpus.filtered(filter).map_err(bad)?;
    }
    if let Some(folder) = &args.report {
        make_report_folder(folder)?;
    }
    // A part of the corpus would be a part of the recording.
    let record = args.filter.is_none() && std::env::var_os(UPDATE).is_some_and(|set| set == "1");
    let against = match args.other.path {
        Some(path) => Against::Program { path, record },
        None => Against::Recording,
    };
    let Profile { name, version, .. } = &args.other.profile;
    let other = version.as_ref().map(|version| format!("{name} {version}"));
    let other = other.unwrap_or_else(|| name.clone());
    let binaries = args.kubernetes.binaries().await?;
    let programs = Programs::find(args.adapter, &args.timeouts).await?;
    let mut options = Options::new(binaries, programs, against, other);
    options.jobs = args.jobs;
    options.timeouts = args.timeouts;
    options.whole = args.filter.is_none();
    let comparison = compare(&corpus, &options).await?;
    anstream::print!("{comparison}");
    if let Some(folder) = &args.report {
        let written = std::fs::write(folder.join(REPORT), comparison.markdown());
        written.with_context(|| format!("write {REPORT} into {}", folder.display()))?;
    }
    Ok(ExitCode::from(u8::from(!comparison.is_good())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_adapter_is_a_program_or_its_recording() {
        let recorded = other("prometheus-adapter").unwrap();
        assert!(recorded.path.is_none());
        assert!(recorded.profile.version.is_some());
        let program = other("prometheus-adapter:/bin/adapter").unwrap();
        assert_eq!(program.path, Some("/bin/adapter".into()));
    }

    #[test]
    fn an_adapter_without_rules_is_refused() {
        for name in ["test-adapter:/a", "scripted", "installed", "other"] {
            assert!(other(name).is_err(), "{name}");
        }
    }
}
