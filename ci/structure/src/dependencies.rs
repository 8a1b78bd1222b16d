//! Which crate may depend on which (the design's sentences).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;

/// What cargo says of the workspace.
#[derive(Deserialize)]
pub(crate) struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
    workspace_root: String,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    manifest_path: String,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    /// None for what the program itself needs; else `dev` or `build`.
    kind: Option<String>,
}

/// What a crate of the harness may use of the adapter's.
const ADAPTER_CRATES_OF_THE_HARNESS: &[(&str, &[&str])] = &[
    // Its own servers, and the rules of users, which are under test.
    (
        "setpoint",
        &[
            "setpoint-go-regex",
            "setpoint-serve",
            "setpoint-rules",
            "setpoint-support",
        ],
    ),
    // Its own server.
    (
        "setpoint-replay",
        &["setpoint-go-regex", "setpoint-serve", "setpoint-support"],
    ),
    ("setpoint-cluster", &["setpoint-support"]),
    // Quantities of pods, as Kubernetes reads them; no verdict depends on it.
    (
        "setpoint-node",
        &["setpoint-metrics-api", "setpoint-support"],
    ),
    ("setpoint-hpa", &[]),
];

/// Crates that don't know each other.
const STRANGERS: &[&[&str]] = &[
    &["setpoint-cluster", "setpoint-node"],
    &["setpoint-replay"],
    &["setpoint-hpa"],
];

/// Crates without I/O and clocks, and what would give them these.
const PURE: &[&str] = &["setpoint-metrics-api", "setpoint-rules", "setpoint-hpa"];
const IMPURE: &[&str] = &[
    "axum",
    "hyper",
    "kube",
    "kube-client",
    "kube-runtime",
    "reqwest",
    "rustls",
    "tokio",
];

impl Metadata {
    pub(crate) fn of(folder: &Path) -> anyhow::Result<Self> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = std::process::Command::new(cargo)
            .args([
                "metadata",
                "--format-version=1",
                "--locked",
                "--all-features",
            ])
            .current_dir(folder)
            .stderr(std::process::Stdio::inherit())
            .output()
            .context("run cargo metadata")?;
        anyhow::ensure!(output.status.success(), "cargo metadata: {}", output.status);
        serde_json::from_slice(&output.stdout).context("read what cargo metadata says")
    }

    /// The workspace's folder.
    pub(crate) fn root(&self) -> &str {
        &self.workspace_root
    }

    /// The workspace's crates: name and folder.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, &Path)> {
        let members = self.workspace_members.iter();
        members
            .filter_map(|id| self.packages.iter().find(|package| package.id == *id))
            .map(|package| {
                let folder = Path::new(&package.manifest_path).parent();
                (package.name.as_str(), folder.unwrap_or(Path::new("")))
            })
    }

    /// Each edge that breaks a sentence of the design.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let members: BTreeMap<&str, &Path> = self.members().collect();
        let is_under = |name: &str, folder: &str| {
            let root = Path::new(&self.workspace_root);
            members
                .get(name)
                .is_some_and(|path| path.starts_with(root.join(folder)))
        };
        for name in members.keys().filter(|name| is_under(name, "harness")) {
            let allowed = ADAPTER_CRATES_OF_THE_HARNESS
                .iter()
                .find(|(of, _)| of == name);
            let allowed = allowed.map_or(&[][..], |(_, allowed)| allowed);
            for other in self.direct(name) {
                if is_under(other, "adapter") && !allowed.contains(&other) {
                    problems.push(format!(
                        "{name} depends on {other}: of the adapter's crates it may use {}",
                        list(allowed)
                    ));
                }
            }
        }
        for name in members.keys().filter(|name| is_under(name, "adapter")) {
            for other in self.direct(name) {
                if is_under(other, "harness") {
                    problems.push(format!(
                        "{name} depends on {other}: nothing under adapter/ knows the harness"
                    ));
                }
            }
        }
        for group in STRANGERS {
            let others = STRANGERS.iter().filter(|other| *other != group);
            let others: Vec<&str> = others.flat_map(|other| other.iter().copied()).collect();
            for name in *group {
                for other in self
                    .all(name)
                    .into_iter()
                    .filter(|other| others.contains(other))
                {
                    problems.push(format!(
                        "{name} depends on {other}: these don't know each other"
                    ));
                }
            }
        }
        for name in PURE {
            for other in self
                .all(name)
                .into_iter()
                .filter(|other| IMPURE.contains(other))
            {
                problems.push(format!(
                    "{name} depends on {other}: it does no I/O and knows no clock"
                ));
            }
        }
        problems
    }

    /// What a crate depends on itself, for its tests and its build too.
    fn direct(&self, name: &str) -> BTreeSet<&str> {
        self.dependencies(name, |_| true)
    }

    /// What a crate's own code depends on, however many crates are between.
    fn all(&self, name: &str) -> BTreeSet<&str> {
        let mut all = BTreeSet::new();
        let mut next = vec![name];
        while let Some(name) = next.pop() {
            let needed = |kind: &DependencyKind| kind.kind.is_none();
            for other in self.dependencies(name, needed) {
                if all.insert(other) {
                    next.push(other);
                }
            }
        }
        all
    }

    fn dependencies(&self, name: &str, kind: impl Fn(&DependencyKind) -> bool) -> BTreeSet<&str> {
        let package = |id: &str| self.packages.iter().find(|package| package.id == id);
        let nodes = self.resolve.nodes.iter();
        nodes
            .filter(|node| package(&node.id).is_some_and(|package| package.name == name))
            .flat_map(|node| &node.deps)
            .filter(|dependency| dependency.dep_kinds.iter().any(&kind))
            .filter_map(|dependency| Some(package(&dependency.pkg)?.name.as_str()))
            .collect()
    }
}

fn list(names: &[&str]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A workspace of crates in folders, with dependencies and their kinds.
    fn workspace(crates: &[(&str, &str)], edges: &[(&str, &str, Option<&str>)]) -> Metadata {
        let packages = crates.iter().map(|(name, folder)| {
            json!({"id": name, "name": name, "manifest_path": format!("/w/{folder}/Cargo.toml")})
        });
        let node = |name: &str| {
            let deps = edges.iter().filter(|(from, ..)| *from == name);
            let deps = deps.map(|(_, to, kind)| json!({"pkg": to, "dep_kinds": [{"kind": kind}]}));
            json!({"id": name, "deps": deps.collect::<Vec<_>>()})
        };
        let nodes: Vec<_> = crates.iter().map(|(name, _)| node(name)).collect();
        let members = crates.iter().filter(|(_, folder)| *folder != "registry");
        serde_json::from_value(json!({
            "packages": packages.collect::<Vec<_>>(),
            "workspace_members": members.map(|(name, _)| name).collect::<Vec<_>>(),
            "workspace_root": "/w",
            "resolve": {"nodes": nodes},
        }))
        .unwrap()
    }

    const CRATES: &[(&str, &str)] = &[
        ("setpoint-adapter", "adapter"),
        ("setpoint-serve", "adapter/serve"),
        ("setpoint-rules", "adapter/rules"),
        ("setpoint", "harness"),
        ("setpoint-cluster", "harness/cluster"),
        ("setpoint-replay", "harness/replay"),
        ("tokio", "registry"),
        ("between", "registry"),
    ];

    #[test]
    fn what_the_design_allows_is_no_problem() {
        let edges = [
            ("setpoint", "setpoint-cluster", None),
            ("setpoint", "setpoint-replay", None),
            ("setpoint", "setpoint-serve", None),
            ("setpoint-replay", "setpoint-serve", None),
            ("setpoint-adapter", "tokio", None),
            // Tests may do I/O.
            ("setpoint-rules", "tokio", Some("dev")),
        ];
        assert_eq!(workspace(CRATES, &edges).problems(), [""; 0]);
    }

    #[test]
    fn each_forbidden_edge_is_named() {
        for (edges, expected) in [
            (
                &[("setpoint", "setpoint-adapter", Some("dev"))][..],
                "setpoint depends on setpoint-adapter: of the adapter's crates it may use setpoint-go-regex, setpoint-serve, setpoint-rules, setpoint-support",
            ),
            (
                &[("setpoint-cluster", "setpoint-serve", None)],
                "setpoint-cluster depends on setpoint-serve: of the adapter's crates it may use setpoint-support",
            ),
            (
                &[("setpoint-adapter", "setpoint-cluster", Some("dev"))],
                "setpoint-adapter depends on setpoint-cluster: nothing under adapter/ knows the harness",
            ),
            (
                &[
                    ("setpoint-replay", "between", None),
                    ("between", "setpoint-cluster", None),
                ],
                "setpoint-replay depends on setpoint-cluster: these don't know each other",
            ),
            (
                &[
                    ("setpoint-rules", "between", None),
                    ("between", "tokio", None),
                ],
                "setpoint-rules depends on tokio: it does no I/O and knows no clock",
            ),
        ] {
            assert_eq!(workspace(CRATES, edges).problems(), [expected]);
        }
    }
}
