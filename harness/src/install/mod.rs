//! Installs the product's own manifests, by the very step that users take.

mod apply;

use std::process::Stdio;

use serde_json::Value;
use setpoint_cluster::Cluster;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

pub use apply::{ApplyError, apply};
pub(crate) use apply::{api_of, delete, in_own_namespaces, remove};

use crate::format::{Install, default_namespace};
use crate::outcome::{ClusterProblem, HarnessProblem, Unmet};
use crate::profile::Profile;
use crate::programs::{Programs, setpoint_image};
use crate::request::not_made;

/// Where things are after an installation.
#[derive(Debug, Clone)]
pub struct Names {
    /// The namespace of adapter and Prometheus.
    pub namespace: String,
    /// The Service that the APIServices name.
    pub service: &'static str,
    /// The ConfigMap with the adapter's rules.
    pub config_map: &'static str,
    /// The Secret with the adapter's serving pair.
    pub serving_secret: &'static str,
    /// The adapter's ServiceAccount.
    pub service_account: &'static str,
}

impl Names {
    /// Where Prometheus is, `host:port`.
    pub(crate) fn prometheus(&self) -> String {
        format!("prometheus.{}.svc:9090", self.namespace)
    }

    /// The same in this cluster.
    pub(crate) fn on(mut self, cluster: &dyn Cluster) -> Self {
        if let Some(placement) = cluster.placement() {
            self.namespace = placement.namespace(&self.namespace);
        }
        self
    }
}

impl Install {
    /// The manifests, with the fake Prometheus in Prometheus' place except where the real one is what it is about.
    fn manifests(self) -> &'static str {
        match self {
            Self::Base => include_str!("rendered/base-replay.yaml"),
            Self::Walkthrough => include_str!("rendered/walkthrough-replay.yaml"),
            Self::WalkthroughScrape => include_str!("rendered/walkthrough-scrape.yaml"),
            Self::Chart => include_str!("rendered/chart.yaml"),
            Self::Already => "",
        }
    }

    /// Whether Prometheus is a real one, which nobody feeds.
    #[must_use]
    pub fn has_real_prometheus(self) -> bool {
        match self {
            Self::Base | Self::Walkthrough | Self::Chart | Self::Already => false,
            Self::WalkthroughScrape => true,
        }
    }

    /// Whether there is anything of ours to install.
    #[must_use]
    pub fn is_ours(self) -> bool {
        self != Self::Already
    }

    /// The objects that are installed, with nothing filled in; the rules and the adapter's container may be others.
    ///
    /// # Errors
    /// When the embedded manifests are broken: a mistake of this program.
    pub(crate) fn objects(self) -> Result<Vec<Value>, HarnessProblem> {
        if !self.is_ours() {
            return Ok(Vec::new());
        }
        let read = |manifests| {
            let objects = serde_saphyr::from_multiple(manifests);
            objects.map_err(not_made("read the embedded manifests"))
        };
        let objects: Vec<Value> = read(self.manifests())?;
        if self != Self::Chart {
            return Ok(objects);
        }
        // A chart has neither a Namespace nor a Prometheus.
        let base: Vec<Value> = read(Self::Base.manifests())?;
        let not_the_adapters = base.into_iter().filter(|object| {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            object["kind"] == "Namespace" || name.starts_with("prometheus")
        });
        Ok(not_the_adapters.chain(objects).collect())
    }

    /// Where things are.
    #[must_use]
    pub fn names(self) -> Names {
        match self {
            Self::Base => Names {
                namespace: "setpoint".to_owned(),
                service: "setpoint-adapter",
                config_map: "setpoint-adapter-config",
                serving_secret: "setpoint-adapter-serving",
                service_account: "setpoint-adapter",
            },
            Self::Chart => Names {
                namespace: "setpoint".to_owned(),
                service: "setpoint-adapter",
                config_map: "setpoint-adapter",
                serving_secret: "setpoint-adapter",
                service_account: "setpoint-adapter",
            },
            // Nobody asks for more than the namespace, which is where the scenario is.
            Self::Already => Names {
                namespace: default_namespace(),
                service: "",
                config_map: "",
                serving_secret: "",
                service_account: "",
            },
            Self::Walkthrough | Self::WalkthroughScrape => Names {
                namespace: "prom".to_owned(),
                service: "prometheus",
                config_map: "adapter-config",
                serving_secret: "serving-cm-adapter",
                service_account: "prom-cm-adapter",
            },
        }
    }
}

/// Applies the manifests; `rules` take the place of the installed ones. What was applied comes back.
///
/// # Errors
/// When a step of it fails.
pub async fn install(
    cluster: &dyn Cluster,
    programs: &Programs,
    profile: &Profile,
    install: Install,
    rules: Option<&str>,
) -> Result<Vec<Value>, Unmet> {
    let mut objects = install.objects()?;
    if profile.is_of_external_metrics_alone() {
        register_external(&mut objects);
    }
    // It is what a kind node has.
    profile.take_place(&mut objects, &setpoint_image());
    profile.beside.mount(&mut objects);
    if let Some(rules) = rules {
        let is_config = |object: &&mut Value| {
            object["kind"] == "ConfigMap"
                && object["metadata"]["name"] == install.names().config_map
        };
        if let Some(config) = objects.iter_mut().find(is_config) {
            config["data"] = serde_json::json!({"config.yaml": rules});
        }
    }
    if let Some(placement) = cluster.placement() {
        objects
            .iter_mut()
            .for_each(|object| placement.place(object));
    }
    // JSON is YAML.
    let manifests: Vec<String> = objects.iter().map(Value::to_string).collect();
    let filled = fill_in(programs, &manifests.join("\n---\n")).await?;
    let objects = serde_saphyr::from_multiple(&filled);
    let mut objects: Vec<Value> = objects.map_err(not_made("read what `certs` printed"))?;
    let names = install.names();
    let beside =
        profile
            .beside
            .objects(&names.namespace, names.service_account, &names.prometheus());
    objects.extend(beside);
    let applied = apply(&cluster.client(), &objects).await;
    applied.map_err(|error| ClusterProblem::call("install the adapter", error))?;
    Ok(objects)
}

/// Leads the APIService of custom metrics to external ones, for an adapter that serves no others.
fn register_external(objects: &mut Vec<Value>) {
    let (from, to) = ("custom.metrics.k8s.io", "external.metrics.k8s.io");
    objects.retain(|object| {
        object["kind"] != "APIService" || object["metadata"]["name"] == format!("v1beta1.{from}")
    });
    for service in objects
        .iter_mut()
        .filter(|object| object["kind"] == "APIService")
    {
        service["metadata"]["name"] = format!("v1beta1.{to}").into();
        service["spec"]["group"] = to.into();
    }
}

/// The step that users take: `setpoint-adapter certs < manifests`.
async fn fill_in(programs: &Programs, manifests: &str) -> Result<String, HarnessProblem> {
    let doing = format!("run `{} certs`", programs.certs.display());
    let mut child = Command::new(&programs.certs)
        .arg("certs")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(not_made(&*doing))?;
    if let Some(mut input) = child.stdin.take() {
        // A program that doesn't read to the end says why in what it prints.
        let _ = input.write_all(manifests.as_bytes()).await;
    }
    let output = child.wait_with_output().await;
    let output = output.map_err(not_made(&*doing))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let ended = format!("it ended with {}: {}", output.status, said.trim());
        return Err(not_made(doing)(ended));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_of_the_manifests() {
        for install in [
            Install::Base,
            Install::Walkthrough,
            Install::WalkthroughScrape,
            Install::Chart,
        ] {
            let objects = install.objects().unwrap();
            let names = install.names();
            let has = |kind: &str, name: &str| {
                objects.iter().any(|object| {
                    object["kind"] == kind
                        && object["metadata"]["name"] == name
                        && object["metadata"]["namespace"] == names.namespace
                })
            };
            assert!(has("Service", names.service), "{install:?}");
            assert!(has("ConfigMap", names.config_map), "{install:?}");
            assert!(has("Secret", names.serving_secret), "{install:?}");
            assert!(has("ServiceAccount", names.service_account), "{install:?}");
            let config = objects.iter().find(|object| {
                object["kind"] == "ConfigMap" && object["metadata"]["name"] == names.config_map
            });
            let config = config.unwrap();
            assert!(config["data"]["config.yaml"].is_string(), "{config}");
        }
    }

    #[test]
    fn this_programs_image_is_in_the_manifests_by_the_version_that_profiles_get() {
        let image = format!("image: {}", setpoint_image());
        for install in [Install::Base, Install::Walkthrough] {
            assert!(install.manifests().contains(&image), "{install:?}");
        }
    }

    /// Lines of the walkthrough that users get, and those of the one that is scraped, where they differ.
    #[test]
    fn what_is_scraped_is_the_walkthrough_but_for_the_application_and_the_intervals() {
        let theirs = include_str!("rendered/walkthrough.yaml");
        let ours = Install::WalkthroughScrape.manifests();
        let lacks = |text: &str, line: &str| !text.lines().any(|other| other == line);
        let changed = |from: &'static str, to: &str| -> Vec<&str> {
            let lines = from.lines().filter(|line| !line.starts_with('#'));
            lines
                .filter(|line| lacks(to, line))
                .map(str::trim)
                .collect()
        };
        assert_eq!(
            changed(theirs, ours),
            [
                "scrape_interval: 15s",
                "metricsQuery: 'sum(rate(<<.Series>>{<<.LabelMatchers>>}[2m])) by (<<.GroupBy>>)'",
                "- --metrics-relist-interval=30s",
                "- image: luxas/autoscale-demo:v0.1.2",
            ]
        );
        let added = [
            "scrape_interval: 500ms",
            "metricsQuery: 'sum(rate(<<.Series>>{<<.LabelMatchers>>}[3s])) by (<<.GroupBy>>)'",
            "- --metrics-relist-interval=1s",
            "- --scrape.discovery-reload-interval=500ms",
            "- sample-app",
            "- --listen=0.0.0.0:8080",
            "- --path=/metrics",
            "image: ghcr.io/setpoint-dev/setpoint:v0.1.0",
        ];
        assert_eq!(changed(ours, theirs), added);
    }
}
