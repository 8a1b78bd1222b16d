//! What `--cluster existing` takes: which cluster, and what it can pull.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde_json::Value;
use setpoint_cluster::existing::{self, ExistingOptions, ExistingProvider, Placement};
use setpoint_cluster::{Fault, ProviderError};
use setpoint_support::error_chain;

use super::BadInput;
use crate::format::Span;
use crate::installed::{Feed, Installed, PrometheusService};
use crate::profile::Profile;
use crate::programs::{SETPOINT_IMAGE, own_images, stand_in_arguments};
use crate::run::{ClusterKind, image_names};
use crate::sample_app::is_metric_name;
use crate::scenario::Scenario;

/// The cluster of `--cluster existing`
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct ExistingArgs {
    /// The kubeconfig of a cluster that exists
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Its context; the current context is never taken
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
}

/// How `--adapter installed` is fed.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct InstalledArgs {
    /// How the cluster's Prometheus finds the sample application of --adapter installed: by annotations of its pods, by a PodMonitor
    /// with the labels that its Prometheus selects (podmonitor:LABEL=VALUE,…), or as you have arranged it (none) [default: annotations]
    #[arg(long, value_name = "FEED")]
    feed: Option<Feed>,
    /// The name by which the adapter that is installed serves the load of the sample application [default: the scenario's]
    #[arg(long, value_name = "NAME", value_parser = metric_name)]
    metric: Option<String>,
    /// The name of the gauge that the sample application shows its load by; it always counts http_requests_total too [default: the metric's]
    #[arg(long, value_name = "NAME", value_parser = metric_name)]
    gauge: Option<String>,
    /// Where the series of a value that doesn't arrive are looked for, through the API server (right: get services/proxy)
    #[arg(long, value_name = "NAMESPACE/SERVICE[:PORT]")]
    prometheus: Option<PrometheusService>,
    /// How long a value may take from the sample application to the adapter that is installed [default: 5m]
    #[arg(long, value_name = "TIME", value_parser = time)]
    arrives_within: Option<Duration>,
}

fn metric_name(text: &str) -> anyhow::Result<String> {
    anyhow::ensure!(is_metric_name(text), "`{text}` is no name of a metric");
    Ok(text.to_owned())
}

fn time(text: &str) -> anyhow::Result<Duration> {
    match Span::try_from(text.to_owned()) {
        Ok(Span::Time(time)) if !time.is_zero() => Ok(time),
        _ => anyhow::bail!("expected a time such as 90s or 5m"),
    }
}

impl InstalledArgs {
    /// What was chosen for an adapter that is there already; none for others.
    ///
    /// # Errors
    /// When it was chosen for another adapter.
    pub(super) fn installed(
        &self,
        profile: &Profile,
        cluster: ClusterKind,
    ) -> Result<Option<Installed>, BadInput> {
        let bad = |why: &str| Err(BadInput(anyhow::anyhow!("{why}")));
        match (profile.is_installed(), cluster) {
            (true, ClusterKind::Existing) => {}
            (true, _) => return bad("--adapter installed is for --cluster existing"),
            (false, _) if self.arguments().is_empty() => return Ok(None),
            (false, _) => {
                return bad(
                    "--feed, --metric, --gauge, --prometheus and --arrives-within are for --adapter installed",
                );
            }
        }
        let mut installed = Installed::new(self.feed.clone().unwrap_or(Feed::Annotations));
        installed.metric.clone_from(&self.metric);
        installed.gauge.clone_from(&self.gauge);
        installed.prometheus.clone_from(&self.prometheus);
        if let Some(time) = self.arrives_within {
            installed.arrives_within = time;
        }
        Ok(Some(installed))
    }

    /// The same on a command line, for repeating a run.
    pub(super) fn arguments(&self) -> Vec<String> {
        let Self {
            feed,
            metric,
            gauge,
            prometheus,
            arrives_within,
        } = self;
        let time = arrives_within.map(|time| format!("{}ms", time.as_millis()));
        let named = [
            ("feed", feed.as_ref().map(Feed::to_string)),
            ("metric", metric.clone()),
            ("gauge", gauge.clone()),
            ("prometheus", prometheus.as_ref().map(ToString::to_string)),
            ("arrives-within", time),
        ];
        let given = named.into_iter();
        given
            .filter_map(|(name, value)| Some(format!("--{name} {}", value?)))
            .collect()
    }
}

/// An image that a cluster can pull: `NAME=REFERENCE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NamedImage {
    name: String,
    reference: String,
}

impl FromStr for NamedImage {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((name, reference)) if !name.is_empty() && !reference.is_empty() => Ok(Self {
                name: name.to_owned(),
                reference: reference.to_owned(),
            }),
            _ => Err("expected an image's name in the manifests, `=`, and what the cluster pulls"),
        }
    }
}

impl fmt::Display for NamedImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, reference } = self;
        write!(f, "{name}={reference}")
    }
}

impl ExistingArgs {
    /// The cluster that was named; none for the other kinds of clusters.
    ///
    /// # Errors
    /// When half of it was named, or it was named for another kind of cluster.
    pub(super) fn options(&self, kind: ClusterKind) -> Result<Option<ExistingOptions>, BadInput> {
        match (kind, &self.kubeconfig, &self.context) {
            (ClusterKind::Existing, Some(kubeconfig), Some(context)) => {
                let kubeconfig = kubeconfig.clone();
                Ok(Some(ExistingOptions::new(kubeconfig, context.clone())))
            }
            (ClusterKind::Existing, _, _) => Err(BadInput(anyhow::anyhow!(
                "--cluster existing needs --kubeconfig FILE and --context NAME; the current context is never taken"
            ))),
            (_, None, None) => Ok(None),
            (other, _, _) => Err(BadInput(anyhow::anyhow!(
                "--kubeconfig and --context are for --cluster existing, not for {other}"
            ))),
        }
    }

    /// The same on a command line, for repeating a run.
    pub(super) fn arguments(&self) -> Vec<String> {
        let file = self.kubeconfig.iter();
        let file = file.map(|file| format!("--kubeconfig {}", file.display()));
        let context = self.context.iter();
        let context = context.map(|context| format!("--context {context} --yes"));
        file.chain(context).collect()
    }

    /// What `reap` looks into besides this machine.
    ///
    /// # Errors
    /// When half of it was named.
    pub(super) fn provider(&self) -> Result<Option<ExistingProvider>, BadInput> {
        if self.kubeconfig.is_none() && self.context.is_none() {
            return Ok(None);
        }
        Ok(self
            .options(ClusterKind::Existing)?
            .map(ExistingProvider::new))
    }
}

/// Why a cluster that exists isn't used: [`BadInput`] where the user named what can't be had, such as a kubeconfig that isn't there.
pub(super) fn unusable(error: ProviderError) -> anyhow::Error {
    match error.fault() {
        Fault::Caller => BadInput(anyhow::anyhow!(error_chain(&error))).into(),
        _ => error.into(),
    }
}

/// By the names that manifests have, what the cluster pulls: what the user names, and of the product's own images what
/// the manifests name. All others are stood for by the sample application.
pub(super) fn images(scenarios: &[Scenario], named: &[NamedImage]) -> existing::Images {
    let mut references = BTreeSet::new();
    for object in scenarios.iter().flat_map(Scenario::objects) {
        image_names(&object, &mut references);
    }
    let mut images = existing::Images {
        named: own_images(references),
        stand_in: None,
    };
    let chosen = named.iter();
    let chosen = chosen.map(|NamedImage { name, reference }| (name.clone(), reference.clone()));
    images.named.extend(chosen);
    let setpoint = images.named.get(SETPOINT_IMAGE).cloned();
    images.stand_in = setpoint.map(|image| (image, stand_in_arguments()));
    images
}

/// What a run would create, the cluster-wide first, and the rights that it takes.
pub(super) fn plan(
    scenarios: &[&Scenario],
    options: &ExistingOptions,
    server: &str,
    placement: &Placement,
) -> String {
    let mut cluster_wide = BTreeSet::new();
    let mut others = BTreeMap::<String, BTreeSet<String>>::new();
    for scenario in scenarios {
        let objects = scenario.objects();
        let namespaces = scenario.namespaces();
        let placement = placement.clone().of(namespaces, options.images.clone());
        cluster_wide.extend(
            placement
                .namespaces()
                .map(|name| format!("Namespace {name}")),
        );
        for mut object in objects {
            placement.place(&mut object);
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let shown = format!(
                "{} {}",
                text(&object["kind"]),
                text(&object["metadata"]["name"])
            );
            match object["metadata"]["namespace"].as_str() {
                None if object["kind"] == "Namespace" => {}
                None => {
                    cluster_wide.insert(shown);
                }
                Some(namespace) => {
                    others
                        .entry(namespace.to_owned())
                        .or_default()
                        .insert(shown);
                }
            }
        }
    }
    let mut text = format!(
        "In context `{}` ({server}) these objects would be created and removed, scenario after scenario ({} in all).\n\ncluster-wide:\n",
        options.context,
        scenarios.len()
    );
    let line = |object: &String| format!("  {object}\n");
    text.extend(cluster_wide.iter().map(line));
    for (namespace, objects) in others {
        text.push_str(&format!("\nin namespace {namespace}:\n"));
        text.extend(objects.iter().map(line));
    }
    text.push_str("\nThat takes these rights:\n\n");
    text.push_str(&options.rights().join("---\n"));
    text.push_str("\nNothing was created. To do it, add --yes.\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_named_whole_and_only_where_it_is_used() {
        let args = |file: Option<&str>, context: Option<&str>| ExistingArgs {
            kubeconfig: file.map(PathBuf::from),
            context: context.map(str::to_owned),
        };
        let whole = args(Some("f"), Some("c"));
        assert_eq!(
            whole
                .options(ClusterKind::Existing)
                .unwrap()
                .unwrap()
                .context,
            "c"
        );
        for half in [
            args(Some("f"), None),
            args(None, Some("c")),
            args(None, None),
        ] {
            let error = half.options(ClusterKind::Existing).unwrap_err().to_string();
            assert!(error.contains("never taken"), "{error}");
        }
        assert!(whole.options(ClusterKind::Local).is_err());
        assert!(
            args(None, None)
                .options(ClusterKind::Local)
                .unwrap()
                .is_none()
        );
        assert!(args(None, None).provider().unwrap().is_none());
        assert!(args(Some("f"), None).provider().is_err());
    }

    #[tokio::test]
    async fn a_kubeconfig_that_cannot_be_used_is_bad_input_and_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kubeconfig");
        let told = async || {
            let options = ExistingOptions::new(path.clone(), "a".to_owned());
            let preview = ExistingProvider::new(options).preview().await;
            let error = unusable(preview.err().unwrap());
            assert_eq!(super::super::exit_code(&error), 2);
            let told = error.to_string();
            told.replace(&path.display().to_string(), "FILE")
        };
        assert_eq!(
            told().await,
            "read kubeconfig FILE: No such file or directory (os error 2)"
        );
        std::fs::write(&path, "clusters: [\n").unwrap();
        let of_no_yaml = told().await;
        assert!(
            of_no_yaml.starts_with("FILE is no kubeconfig: "),
            "{of_no_yaml}"
        );
        std::fs::write(&path, "{}").unwrap();
        assert_eq!(
            told().await,
            "kubeconfig FILE has no context `a`; it has none"
        );
    }

    #[test]
    fn what_feeds_an_adapter_is_said_only_where_it_is_installed() {
        let installed = Profile::named("installed").unwrap();
        let other = Profile::named("binary").unwrap();
        let none = InstalledArgs::default();
        let chosen = none.installed(&installed, ClusterKind::Existing).unwrap();
        assert_eq!(chosen.unwrap().feed, Feed::Annotations);
        assert!(none.installed(&installed, ClusterKind::Local).is_err());
        assert!(
            none.installed(&other, ClusterKind::Local)
                .unwrap()
                .is_none()
        );
        let some = InstalledArgs {
            metric: Some("q".to_owned()),
            arrives_within: Some(Duration::from_secs(90)),
            ..InstalledArgs::default()
        };
        assert!(some.installed(&other, ClusterKind::Existing).is_err());
        assert_eq!(some.arguments(), ["--metric q", "--arrives-within 90000ms"]);
        assert_eq!(time("90000ms").unwrap(), Duration::from_secs(90));
        for wrong in ["", "5", "0s", "3 syncs", "-1s"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_image_is_named_by_two_names() {
        assert!("a=r.example/a:v1".parse::<NamedImage>().is_ok());
        for wrong in ["a", "=b", "a="] {
            assert!(wrong.parse::<NamedImage>().is_err(), "{wrong}");
        }
    }
}
