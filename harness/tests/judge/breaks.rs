//! Our own adapter, broken by each patch of `ci/breaks`. Its head says what it breaks and what must catch it:
//!
//! ```text
//! Break: discovery is sorted the wrong way round
//! Scenario: discovery/sorted-and-equal
//! Kind: discovery-unsorted
//! ```

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use libtest_mimic::{Failed, Trial};
use setpoint::outcome::Kind;

use crate::lies::caught;
use crate::prediction::{Prediction, checkout};
use crate::report::Reports;

/// The folder with the broken adapters, each under its patch's name.
const ADAPTERS: &str = "SETPOINT_BROKEN_ADAPTERS";

/// A patch.
pub(crate) struct Break {
    name: String,
    what: String,
    pub(crate) prediction: Prediction,
}

/// All patches, by name.
pub(crate) fn all() -> anyhow::Result<Vec<Break>> {
    let folder = checkout().join("ci/breaks");
    let entries =
        std::fs::read_dir(&folder).with_context(|| format!("read {}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    files.retain(|file| {
        file.extension()
            .is_some_and(|extension| extension == "patch")
    });
    files.sort();
    anyhow::ensure!(!files.is_empty(), "{} holds no patch", folder.display());
    let read =
        |file: &PathBuf| Break::read(file).with_context(|| format!("read {}", file.display()));
    files.iter().map(read).collect()
}

impl Break {
    fn read(file: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(file)?;
        let field = |name: &str| {
            let mut lines = text.lines().take_while(|line| !line.is_empty());
            lines
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                .with_context(|| format!("its head lacks `{name}:`"))
        };
        let kind = field("Kind")?;
        let kind: Kind = serde_json::from_value(kind.into())
            .with_context(|| format!("`{kind}` is no kind of a finding"))?;
        let name = file.file_stem().unwrap_or_default();
        Ok(Self {
            name: name.to_string_lossy().into_owned(),
            what: field("Break")?.to_owned(),
            prediction: Prediction {
                scenario: field("Scenario")?.to_owned(),
                kind,
            },
        })
    }

    fn adapter(&self) -> Result<String, Failed> {
        let folder = std::env::var_os(ADAPTERS)
            .ok_or_else(|| format!("{ADAPTERS} is not set; ci/breaks/run builds the adapters"))?;
        let program = Path::new(&folder).join(&self.name);
        Ok(format!("binary:{}", program.display()))
    }
}

pub(crate) fn trials(breaks: Vec<Break>, reports: &Reports) -> Vec<Trial> {
    let trial = |broken: Break| {
        let row = reports.breaks.row(broken.what.clone(), &broken.prediction);
        let name = format!("breaks::{}", broken.name);
        let judge = move || caught(&broken.prediction, &broken.adapter()?, row);
        Trial::test(name, judge).with_ignored_flag(true)
    };
    breaks.into_iter().map(trial).collect()
}
