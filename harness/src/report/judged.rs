//! What was judged.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::outcome::Outcome;
use crate::profile::Profile;
use crate::programs::Programs;

/// The adapter that was judged.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Judged {
    /// What it is.
    pub profile: String,
    /// Its version, as its profile says it; of the product's own adapter, this program's, which is built with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its program; none where a cluster runs an image of it, or has it already.
    #[serde(flatten)]
    pub program: Option<Program>,
    /// The images of it that ran on a cluster that exists, each with what the node has for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// What `--adapter` names it by; nothing for the product's own.
    pub argument: Option<String>,
    /// What else of the command line repeats the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
}

/// A program that was judged.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Program {
    /// Its file.
    pub path: PathBuf,
    /// Its SHA-256.
    pub sha256: String,
}

impl Judged {
    pub(crate) fn new(programs: &Programs, profile: &Profile, arguments: &[String]) -> Self {
        let is_ours = programs.adapter == programs.certs && profile.file.is_none();
        let is_named = !is_ours || profile.is_installed();
        Self {
            profile: profile.to_string(),
            version: version(profile, is_named),
            program: Some(Program {
                path: programs.adapter.clone(),
                sha256: programs.adapter_sha256.clone(),
            }),
            images: Vec::new(),
            argument: is_named.then(|| profile.argument(&programs.adapter)),
            arguments: arguments.to_vec(),
        }
    }

    /// The same where images ran, and no program of this machine.
    pub(crate) fn by_image<'a>(self, outcomes: impl Iterator<Item = &'a Outcome>) -> Self {
        let images = outcomes.filter_map(|outcome| outcome.adapter_image.clone());
        let images: BTreeSet<String> = images.collect();
        Self {
            program: None,
            images: images.into_iter().collect(),
            ..self
        }
    }
}

/// What there is to say of the version: a profile that is built in is one of programs of any version.
fn version(profile: &Profile, is_named: bool) -> Option<String> {
    match &profile.file {
        Some(_) => profile.version.clone(),
        None => (!is_named).then(|| format!("v{}", env!("CARGO_PKG_VERSION"))),
    }
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.profile)?;
        if let Some(version) = &self.version {
            write!(f, " {version}")?;
        }
        if let Some(Program { path, sha256 }) = &self.program {
            let digest: String = sha256.chars().take(12).collect();
            return write!(f, " {} (sha256 {digest}…)", path.display());
        }
        match self.images.as_slice() {
            [] => f.write_str(", whose image is not known"),
            images => write!(f, " {}", images.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::programs::NoPrometheus;

    #[test]
    fn a_profile_of_a_file_is_named_whatever_program_it_runs() {
        let programs = Programs {
            adapter: "bin/setpoint-adapter".into(),
            adapter_sha256: "00ff".to_owned(),
            certs: "bin/setpoint-adapter".into(),
            beside: BTreeMap::new(),
            plane: None,
            setpoint: "bin/setpoint".into(),
            prometheus: Err(NoPrometheus::NotFound),
        };
        let mut profile = Profile::named("binary").unwrap();
        let ours = Judged::new(&programs, &profile, &[]);
        assert_eq!(ours.argument, None);
        profile.file = Some("tests/profile.yaml".into());
        let of_file = Judged::new(&programs, &profile, &[]);
        let argument = of_file.argument.as_deref();
        assert_eq!(argument, Some("profile:tests/profile.yaml"));
        assert_eq!(of_file.version, None);
    }
}
