//! A file that is looked at.

use std::path::{Path, PathBuf};

use setpoint_rules::{Finding, NOT_YAML, RuleFile, Severity};

use super::manifest;
use super::read::{ReadError, read};

/// A file, and what is found in it.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(super) path: PathBuf,
    /// None where it has no rules, or they can't be read.
    pub(crate) rules: Option<RuleFile>,
    /// In the order of the file.
    pub(crate) findings: Vec<Finding>,
}

/// Why a file isn't looked at.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(
        "{path} has neither rules nor an adapter's arguments: expected {shapes}, or a manifest with the adapter's container",
        shapes = RuleFile::SHAPES
    )]
    Nothing { path: PathBuf },
}

impl Checked {
    pub(crate) fn of(path: &Path) -> Result<Self, CheckError> {
        let text = read(path)?;
        let (rules, mut findings) = match RuleFile::parse(&text) {
            Ok(rules) => {
                let findings = rules.as_ref().map(|rules| rules.findings().to_vec());
                (rules, findings.unwrap_or_default())
            }
            Err(findings) => (None, findings),
        };
        let arguments = manifest::arguments(&text);
        if rules.is_none() && findings.is_empty() && arguments.is_empty() {
            let path = path.to_owned();
            return Err(CheckError::Nothing { path });
        }
        findings.extend(
            arguments
                .iter()
                .flat_map(|arguments| manifest::findings(arguments)),
        );
        findings.sort_by_key(|finding| (finding.line, finding.column));
        Ok(Self {
            path: path.to_owned(),
            rules,
            findings,
        })
    }

    /// Whether it may have rules that can't be read.
    pub(super) fn is_unread(&self) -> bool {
        let mut findings = self.findings.iter();
        self.rules.is_none() && findings.any(|finding| *finding.kind == NOT_YAML)
    }

    pub(super) fn count(&self, severity: Severity) -> usize {
        let findings = self.findings.iter();
        findings
            .filter(|finding| finding.kind.severity == severity)
            .count()
    }
}
