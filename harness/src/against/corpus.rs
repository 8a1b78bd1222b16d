//! The files of a corpus.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use setpoint_replay::ScriptedSeries;
use setpoint_replay::notation::Values;

use super::AgainstError;
use super::difference::Difference;
use super::request::Request;

/// Seconds between two samples of a series, unless it says otherwise.
const INTERVAL: f64 = 15.0;

/// What two adapters are compared by.
#[derive(Debug, Clone)]
pub struct Corpus {
    pub(super) series: Vec<ScriptedSeries>,
    /// The objects that metrics describe.
    pub(super) objects: Vec<Value>,
    pub(super) configurations: Vec<Configuration>,
    pub(super) differences: Vec<Difference>,
    /// What every configuration is asked, with placeholders.
    pub(super) shared: Vec<String>,
    /// The file of what the other adapter answers.
    pub(super) recording: PathBuf,
}

/// A configuration of an adapter, and what is asked then.
#[derive(Debug, Clone)]
pub(super) struct Configuration {
    /// The name of its folder.
    pub(super) name: String,
    /// What only it covers.
    pub(super) covers: String,
    /// The adapter's file.
    pub(super) rules: String,
    /// Arguments beyond the usual ones.
    pub(super) arguments: Vec<String>,
    /// What the adapter lists once it has asked Prometheus: paths below `/apis`, each with a name of a resource.
    pub(super) serves: Vec<Served>,
    pub(super) requests: Vec<Request>,
}

/// A resource in the list of a group's version.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Served {
    /// Such as `custom.metrics.k8s.io/v1beta1`.
    pub(super) version: String,
    /// Such as `pods/http_requests`.
    pub(super) resource: String,
}

/// `configuration.yaml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigurationFile {
    covers: String,
    #[serde(default)]
    arguments: Vec<String>,
    #[serde(default)]
    serves: Vec<Served>,
    /// What placeholders of the shared requests stand for here.
    #[serde(default)]
    values: BTreeMap<String, String>,
    /// Requests that only this configuration is asked.
    #[serde(default)]
    requests: Vec<String>,
}

/// `requests.yaml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestsFile {
    /// What placeholders stand for where a configuration says nothing.
    values: BTreeMap<String, String>,
    requests: Vec<String>,
}

/// A series of `series.yaml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeriesEntry {
    series: String,
    values: Values,
}

impl From<SeriesEntry> for ScriptedSeries {
    fn from(entry: SeriesEntry) -> Self {
        Self {
            series: entry.series,
            values: entry.values,
            interval: INTERVAL,
            from: 0.0,
            hold: false,
        }
    }
}

impl Corpus {
    /// Reads a corpus.
    ///
    /// # Errors
    /// When a file is missing or isn't what it should be.
    pub fn load(folder: &Path) -> Result<Self, AgainstError> {
        let entries: Vec<SeriesEntry> = read(&folder.join("series.yaml"))?;
        let series = entries.into_iter().map(Into::into);
        let path = folder.join("objects.yaml");
        let objects = serde_saphyr::from_multiple(&text(&path)?);
        let shared: RequestsFile = read(&folder.join("requests.yaml"))?;
        let mut configurations = Vec::new();
        for folder in subfolders(&folder.join("configurations"))? {
            configurations.push(Configuration::load(&folder, &shared)?);
        }
        Ok(Self {
            series: series.collect(),
            objects: objects.map_err(AgainstError::yaml(&path))?,
            configurations,
            differences: read(&folder.join("differences.yaml"))?,
            shared: shared.requests,
            recording: folder.join("recorded.json"),
        })
    }

    /// Keeps the configurations whose names contain a text, and no claim that every difference occurs.
    ///
    /// # Errors
    /// When there is none.
    pub fn filtered(self, filter: &str) -> Result<Self, AgainstError> {
        let corpus = self.keeping(|_, configuration| configuration.name.contains(filter));
        if corpus.configurations.is_empty() {
            return Err(AgainstError::NoConfiguration(filter.to_owned()));
        }
        Ok(corpus)
    }

    /// Keeps one configuration of so many, from the first on: for whoever has no time for all.
    #[must_use]
    pub fn sampled(self, step: usize) -> Self {
        self.keeping(|index, _| index.is_multiple_of(step.max(1)))
    }

    /// Keeps some configurations, with those whose answers are compared with theirs.
    fn keeping(mut self, keeps: impl Fn(usize, &Configuration) -> bool) -> Self {
        let kept = self.configurations.iter().enumerate();
        let kept = kept.filter(|(index, one)| keeps(*index, one));
        let mut names: BTreeSet<String> = kept.map(|(_, one)| one.name.clone()).collect();
        for difference in &self.differences {
            let concerned = names.iter().any(|name| difference.concerns(name));
            names.extend(difference.other.clone().filter(|_| concerned));
        }
        self.configurations.retain(|one| names.contains(&one.name));
        self
    }

    /// Adds series and objects, in the form of the corpus' files.
    ///
    /// # Errors
    /// When they aren't of that form.
    pub fn with(mut self, series: &str, objects: &str) -> Result<Self, AgainstError> {
        let entries: Vec<SeriesEntry> =
            serde_saphyr::from_str(series).map_err(AgainstError::yaml(Path::new("series")))?;
        self.series.extend(entries.into_iter().map(Into::into));
        let more: Vec<Value> = serde_saphyr::from_multiple(objects)
            .map_err(AgainstError::yaml(Path::new("objects")))?;
        self.objects.extend(more);
        Ok(self)
    }

    /// How many configurations there are, and how many requests are made of each at least.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let requests = self.configurations.iter().map(|one| one.requests.len());
        (self.configurations.len(), requests.min().unwrap_or(0))
    }
}

impl Configuration {
    fn load(folder: &Path, shared: &RequestsFile) -> Result<Self, AgainstError> {
        let name = folder.file_name().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        let file: ConfigurationFile = read(&folder.join("configuration.yaml"))?;
        let mut values = shared.values.clone();
        values.extend(file.values);
        let lines = shared.requests.iter().chain(&file.requests);
        let requests = lines.map(|line| Request::of(line, &values));
        let requests = requests.collect::<Result<Vec<_>, _>>();
        let mut requests = requests.map_err(|source| AgainstError::Request {
            configuration: name.clone(),
            source,
        })?;
        // Placeholders may make two lines one.
        let mut known = BTreeSet::new();
        requests.retain(|request| known.insert(request.line.clone()));
        Ok(Self {
            rules: text(&folder.join("rules.yaml"))?,
            covers: file.covers,
            arguments: file.arguments,
            serves: file.serves,
            requests,
            name,
        })
    }
}

fn text(path: &Path) -> Result<String, AgainstError> {
    setpoint_support::read_text(path).map_err(AgainstError::file("read", path))
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, AgainstError> {
    serde_saphyr::from_str(&text(path)?).map_err(AgainstError::yaml(path))
}

/// The folders in a folder, sorted by name.
fn subfolders(folder: &Path) -> Result<Vec<PathBuf>, AgainstError> {
    let list = || AgainstError::file("list", folder);
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(list())? {
        let path = entry.map_err(list())?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}
