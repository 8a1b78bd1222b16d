//! Adapter profiles: how an adapter takes its place in the manifests, and what it doesn't claim to do.

mod beside;
mod container;
mod external;
mod fields;
mod file;
mod lacks;
mod manifests;
mod mount;
pub(crate) mod placeholders;
mod variables;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::format::Need;
use crate::scripted::Lie;

pub use beside::Beside;
pub use container::Container;
pub use external::ExternalMetrics;
pub(crate) use file::ProfileFile;
pub use mount::Mount;

/// A profile, as its file has it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Profile {
    /// The adapter's name.
    pub name: String,
    /// The version that is built and recorded.
    pub version: Option<String>,
    /// What it doesn't do, and why that is so.
    pub lacks: BTreeMap<Need, String>,
    /// What stands in the place of the adapter's container; none leaves the manifests as they are.
    pub container: Option<Container>,
    /// The port of an adapter that values are written to, as to custom-metrics-apiserver's test adapter.
    pub write_metrics: Option<u16>,
    /// What it has beside it.
    #[serde(skip)]
    pub beside: Beside,
    /// How it names external metrics, where it doesn't serve them under the names of their series.
    #[serde(skip)]
    pub external_metrics: Option<ExternalMetrics>,
    /// What it does wrong.
    #[serde(skip)]
    pub lie: Option<Lie>,
    /// The file that an author of the adapter wrote; none is built in.
    #[serde(skip)]
    pub file: Option<PathBuf>,
    /// The program that such a file names.
    #[serde(skip)]
    pub program: Option<PathBuf>,
    /// Where it names each program, that of the adapter and those beside it, as `FILE:LINE:COLUMN`.
    #[serde(skip)]
    pub named: BTreeMap<PathBuf, String>,
}

/// Why there is no such profile.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// No profile has that name.
    #[error(
        "no adapter profile `{0}`; there are {known}, and profile:FILE for your own",
        known = Profile::BUILT_IN.join(", ")
    )]
    Unknown(String),
    /// Its file is broken: a mistake of this program.
    #[error("read the adapter profile `{name}`")]
    Broken {
        /// The profile.
        name: String,
        /// What is wrong.
        #[source]
        source: setpoint_rules::YamlError,
    },
    /// The file of an author can't be read.
    #[error("read the adapter's profile {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file of an author is no profile.
    #[error("{}", .problems.join("\n"))]
    File {
        /// What is wrong, each with file, line and column.
        problems: Vec<String>,
    },
}

impl Profile {
    /// The names of all profiles that are built in.
    pub const BUILT_IN: [&str; 5] = [
        "binary",
        "prometheus-adapter",
        "test-adapter",
        "scripted",
        Self::INSTALLED,
    ];

    /// The name of the profile of an adapter that is there already.
    pub const INSTALLED: &str = "installed";

    /// A profile by name.
    ///
    /// # Errors
    /// When there is none.
    pub fn named(name: &str) -> Result<Self, ProfileError> {
        let text = match name {
            "binary" => include_str!("../profiles/binary.yaml"),
            "prometheus-adapter" => include_str!("../profiles/prometheus-adapter.yaml"),
            "test-adapter" => include_str!("../profiles/test-adapter.yaml"),
            Self::INSTALLED => include_str!("../profiles/installed.yaml"),
            "scripted" => include_str!("../profiles/scripted.yaml"),
            other => return Err(ProfileError::Unknown(other.to_owned())),
        };
        serde_saphyr::from_str(text).map_err(|source| ProfileError::Broken {
            name: name.to_owned(),
            source: source.into(),
        })
    }

    /// A profile that an author of an adapter wrote. docs/conformance.md has the form.
    ///
    /// # Errors
    /// When the file can't be read, and everything that is wrong in it, with line and column.
    pub fn from_file(path: &Path) -> Result<Self, ProfileError> {
        file::read(path)
    }

    /// Why a scenario with these needs can't be judged.
    #[must_use]
    pub fn lacks_one_of(&self, needs: &[Need]) -> Option<(Need, &str)> {
        needs
            .iter()
            .find_map(|need| Some((*need, self.lacks.get(need)?.as_str())))
    }

    /// Whether it serves external.metrics.k8s.io and not custom.metrics.k8s.io.
    #[must_use]
    pub fn is_of_external_metrics_alone(&self) -> bool {
        self.lacks.contains_key(&Need::CustomMetrics)
            && !self.lacks.contains_key(&Need::ExternalMetrics)
    }

    /// What names an adapter of this profile on the command line.
    #[must_use]
    pub fn argument(&self, program: &Path) -> String {
        if let Some(file) = &self.file {
            return format!("profile:{}", file.display());
        }
        match (self.is_this_program() || self.is_installed(), self.lie) {
            (true, None) => self.name.clone(),
            (true, Some(lie)) => format!("{}:{}", self.name, lie_name(lie)),
            (false, _) => format!("{}:{}", self.name, program.display()),
        }
    }

    /// Whether it is an adapter that is there already.
    #[must_use]
    pub fn is_installed(&self) -> bool {
        self.name == Self::INSTALLED
    }

    /// Whether this program is the adapter.
    #[must_use]
    pub fn is_this_program(&self) -> bool {
        let container = self.container.as_ref();
        container.is_some_and(|container| container.is_this_program)
    }

    /// Puts the profile's container into the place of the one called `adapter`.
    pub fn take_place(&self, objects: &mut [Value], image: &str) {
        let Some(container) = &self.container else {
            return;
        };
        let lie = self.lie.map(|lie| format!("--lie={}", lie_name(lie)));
        for object in objects {
            container.take_place(object, image, lie.as_deref());
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match self.lie {
            Some(lie) => write!(f, ", which lies: {}", lie_name(lie)),
            None => Ok(()),
        }
    }
}

/// A lie's name on the command line.
fn lie_name(lie: Lie) -> String {
    use clap::ValueEnum as _;
    let value = lie.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_profile_can_be_read_and_others_are_refused_by_name() {
        for name in Profile::BUILT_IN {
            assert_eq!(Profile::named(name).unwrap().name, name);
        }
        let error = Profile::named("other").unwrap_err().to_string();
        assert!(error.contains("`other`"), "{error}");
    }

    #[test]
    fn a_container_takes_the_adapters_place_and_knows_its_prometheus() {
        let mut objects = [json!({
            "kind": "Deployment",
            "spec": {"template": {"spec": {"containers": [
                {"name": "prometheus", "image": "p"},
                {"name": "adapter", "image": "a", "args": ["--v=2", "--prometheus-url=http://p.x.svc:9090/"]},
            ]}}},
        })];
        let mut profile = Profile::named("scripted").unwrap();
        profile.lie = Some(Lie::WrongKind);
        profile.take_place(&mut objects, "setpoint");
        let containers = &objects[0]["spec"]["template"]["spec"]["containers"];
        assert_eq!(containers[0]["image"], "p");
        assert_eq!(containers[1]["image"], "setpoint");
        let args = containers[1]["args"].to_string();
        assert!(args.contains("--prometheus=p.x.svc:9090\""), "{args}");
        assert!(args.contains("--lie=wrong-kind"), "{args}");
    }

    #[test]
    fn the_example_of_a_profile_lacks_what_the_scripted_adapter_lacks() {
        let example = Path::new("../fixtures/action/tests/profile.yaml");
        let example = Profile::from_file(example).unwrap();
        assert_eq!(example.lacks, Profile::named("scripted").unwrap().lacks);
    }

    #[test]
    fn what_an_adapter_lacks_is_said_with_its_reason() {
        let profile = Profile::named("prometheus-adapter").unwrap();
        let needs = [Need::CustomMetrics, Need::SortedDiscovery];
        let (need, reason) = profile.lacks_one_of(&needs).unwrap();
        assert_eq!(need, Need::SortedDiscovery);
        assert!(reason.contains("Go map"));
        assert_eq!(profile.lacks_one_of(&needs[..1]), None);
    }
}
