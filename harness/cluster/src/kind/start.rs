//! From options to a cluster in which pods can be created; and its end.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Node as ApiNode, ServiceAccount};
use kube::Api;
use kube::api::ListParams;
use kube::runtime::wait::await_condition;
use serde::{Deserialize, Serialize};
use setpoint_node::dir::write_whole;
use setpoint_node::process::ProcessId;
use tokio::time::{Instant, timeout};

use super::config::{Restrictions, SERVICE_SUBNET, config};
use super::name::ClusterName;
use super::tool::Tools;
use super::{KindError, KindImage, KindOptions, archive, cache, kubeconfig_in};
use crate::kubeconfig::connect;
use crate::pki::Authorities;
use crate::provider::NameError;
use crate::user_folder::user_folder;

/// The node's image where none is named.
const NODE_IMAGE_VARIABLE: &str = "SETPOINT_KIND_NODE_IMAGE";
/// kubeadm's folder of keys and certificates.
const PKI: &str = "/etc/kubernetes/pki";
/// How long an engine may go on with containers that were asked for by a command that is dead.
const LATE_CONTAINERS: Duration = Duration::from_millis(1500);
/// How long a node that isn't ready may take to say why.
const SAYS_LIMIT: Duration = Duration::from_secs(5);
/// How long removing may take; it takes a second or two.
const REMOVE_LIMIT: Duration = Duration::from_secs(60);

/// A cluster's container, and our folder of it.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: ClusterName,
    tools: Tools,
    folder: PathBuf,
    /// Whether dropping it leaves the cluster alone: it was removed, or lives on.
    gone: AtomicBool,
}

/// What is known of a cluster that has started.
pub(super) struct StartedCluster {
    pub(super) authorities: Authorities,
    pub(super) client: kube::Client,
    pub(super) config: kube::Config,
    pub(super) kubernetes_version: String,
}

/// Whose a cluster is.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Owner {
    /// The process that it ends with; none for one that lives on by itself.
    pub(super) client: Option<ProcessId>,
}

impl Owner {
    pub(super) const FILE: &'static str = "owner.json";
}

/// The folder of all kind clusters of this user.
pub(super) fn folder() -> Result<PathBuf, KindError> {
    user_folder("kind").map_err(|source| KindError::Files {
        doing: "open this user's folder of clusters, under $XDG_RUNTIME_DIR/setpoint or $TMPDIR/setpoint-<uid>, in",
        path: "kind".into(),
        source,
    })
}

/// Starts a cluster; when that fails or is given up nothing is left. An attached one ends with this process.
pub(super) async fn start(
    options: &KindOptions,
    attached: bool,
) -> Result<(Node, StartedCluster), KindError> {
    let expires = Timestamp::now()
        .checked_add(options.ttl)
        .unwrap_or(Timestamp::MAX);
    let name = ClusterName::new(&options.name, expires)?;
    let tools = Tools::find(options.kind.clone(), cache().as_deref())?;
    tools.check_engine().await?;
    let node = Node::new(name, tools, attached)?;
    let made = options
        .interrupted
        .run_until_cancelled(make(&node, options));
    let why = match made.await {
        Some(Ok(made)) => return Ok((node, made)),
        Some(Err(error)) => error,
        None => KindError::Interrupted {
            name: node.name.to_string(),
        },
    };
    if let Err(error) = node.remove().await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "clean up after a kind cluster that did not start"
        );
    }
    Err(why)
}

async fn make(node: &Node, options: &KindOptions) -> Result<StartedCluster, KindError> {
    let tell = |what: &str| {
        if let Some(progress) = &options.progress {
            progress(what);
        }
    };
    let archived = {
        let (images, path) = (options.images.clone(), node.archive());
        async move {
            let write = move || archive::write(&images, &path);
            tokio::task::spawn_blocking(write)
                .await
                .unwrap_or_else(|error| {
                    Err(KindError::Files {
                        doing: "write an archive of images to",
                        path: "the cluster's folder".into(),
                        source: io::Error::other(error),
                    })
                })
        }
    };
    let (created, archived) = tokio::join!(node.create(options), archived);
    created?;
    archived?;
    node.keep_services_inside().await?;
    let (config, client) = node.client().await?;
    let loaded = async {
        tell("images");
        node.load(&options.images).await
    };
    let system = async {
        tell("the default ServiceAccount and CoreDNS");
        node.system_ready(&client, options.ready_timeout).await
    };
    tokio::try_join!(loaded, system)?;
    let version = client.apiserver_version().await;
    let version = version.map_err(|error| node.client_error(error))?;
    Ok(StartedCluster {
        authorities: node.authorities().await?,
        client,
        config,
        kubernetes_version: version.git_version,
    })
}

impl Node {
    fn new(name: ClusterName, tools: Tools, attached: bool) -> Result<Self, KindError> {
        let folder = folder()?.join(name.to_string());
        let path = folder.clone();
        let files = |doing| {
            let path = path.clone();
            move |source| KindError::Files {
                doing,
                path,
                source,
            }
        };
        let made = DirBuilder::new().mode(0o700).create(&folder);
        made.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => NameError::InUse("kind", name.own.clone()).into(),
            _ => files("make")(error),
        })?;
        let node = Self {
            name,
            tools,
            folder,
            gone: AtomicBool::new(false),
        };
        let client = attached.then(ProcessId::this).transpose();
        let client = client.map_err(files("read this process' start time for"))?;
        let owner = serde_json::to_vec(&Owner { client }).unwrap_or_default();
        write_whole(&node.folder.join(Owner::FILE), &owner).map_err(files("write into"))?;
        Ok(node)
    }

    /// A cluster that another process started.
    pub(super) fn found(name: ClusterName, tools: Tools) -> Result<Self, KindError> {
        let folder = folder()?.join(name.to_string());
        Ok(Self {
            name,
            tools,
            folder,
            gone: AtomicBool::new(false),
        })
    }

    pub(super) fn kubeconfig(&self) -> PathBuf {
        kubeconfig_in(&self.folder)
    }

    fn archive(&self) -> PathBuf {
        self.folder.join("images.tar")
    }

    /// The container's name, as kind makes it (`pkg/cluster/internal/providers/common/namer.go`).
    fn container(&self) -> String {
        format!("{}-control-plane", self.name)
    }

    /// What a program on the node prints.
    pub(super) async fn run(&self, program: &[&str]) -> Result<String, KindError> {
        self.tools.on_node(&self.container(), program).await
    }

    /// Nobody's process is what it ends with: it lives until its time is over.
    pub(super) fn disown(&self) -> Result<(), KindError> {
        let path = self.folder.join(Owner::FILE);
        let owner = serde_json::to_vec(&Owner { client: None }).unwrap_or_default();
        write_whole(&path, &owner).map_err(|source| KindError::Files {
            doing: "write",
            path,
            source,
        })
    }

    /// Lets the cluster live on without this process.
    pub(super) fn detach(&self) {
        self.gone.store(true, Ordering::Relaxed);
    }

    async fn create(&self, options: &KindOptions) -> Result<(), KindError> {
        let (name, kubeconfig) = (self.name.to_string(), self.kubeconfig());
        let kubeconfig = kubeconfig.display().to_string();
        let wait = format!("{}s", options.ready_timeout.as_secs());
        let named = || {
            let named = std::env::var(NODE_IMAGE_VARIABLE).ok();
            named.filter(|image| !image.is_empty())
        };
        let image = options.node_image.clone().or_else(named);
        let mut arguments = vec![
            "create",
            "cluster",
            "--name",
            &name,
            "--config",
            "-",
            "--kubeconfig",
            &kubeconfig,
            "--wait",
            &wait,
        ];
        if let Some(image) = &image {
            arguments.extend(["--image", image]);
        }
        let config = config(options, Restrictions::here()).to_string();
        let progress = options.progress.as_ref();
        self.tools
            .kind(&arguments, config.as_bytes(), progress)
            .await?;
        Ok(())
    }

    /// Refuses what is meant for a Service that kube-proxy doesn't know, or doesn't know yet. It would leave the node by
    /// the machine's default route: no business of a test's, and where a gateway takes every connection, as one that
    /// answers for the internet does, it is a Service's answer to whoever asked.
    async fn keep_services_inside(&self) -> Result<(), KindError> {
        // Of pods, and of the node itself; kube-proxy has rewritten by then what it knows.
        for chain in ["FORWARD", "OUTPUT"] {
            let refused = [
                "iptables",
                "--wait",
                "--append",
                chain,
                "--destination",
                SERVICE_SUBNET,
                "--jump",
                "REJECT",
            ];
            self.run(&refused).await?;
        }
        Ok(())
    }

    async fn load(&self, images: &[KindImage]) -> Result<(), KindError> {
        if images.is_empty() {
            return Ok(());
        }
        let (name, path) = (self.name.to_string(), self.archive());
        let archive = path.display().to_string();
        let arguments = ["load", "image-archive", "--name", &name, &archive];
        self.tools.kind(&arguments, b"", None).await?;
        // Programs are large, and they are on the node now.
        fs::remove_file(&path).map_err(|source| KindError::Files {
            doing: "remove",
            path,
            source,
        })
    }

    async fn client(&self) -> Result<(kube::Config, kube::Client), KindError> {
        let connected = connect(&self.kubeconfig()).await;
        connected.map_err(|error| self.client_error(error))
    }

    fn client_error(&self, source: impl std::error::Error + Send + Sync + 'static) -> KindError {
        KindError::Client {
            name: self.name.to_string(),
            source: source.into(),
        }
    }

    /// Waits for what each pod needs: an account, and names of Services.
    async fn system_ready(&self, client: &kube::Client, limit: Duration) -> Result<(), KindError> {
        let accounts: Api<ServiceAccount> = Api::default_namespaced(client.clone());
        let exists = |account: Option<&ServiceAccount>| account.is_some();
        let account = await_condition(accounts, "default", exists);
        self.within(client, limit, "the default ServiceAccount", account)
            .await?;
        let deployments: Api<Deployment> = Api::namespaced(client.clone(), "kube-system");
        let answers = |deployment: Option<&Deployment>| {
            let status = deployment.and_then(|deployment| deployment.status.as_ref());
            status.and_then(|status| status.available_replicas) >= Some(1)
        };
        let dns = await_condition(deployments, "coredns", answers);
        self.within(client, limit, "CoreDNS", dns).await
    }

    async fn within<T>(
        &self,
        client: &kube::Client,
        limit: Duration,
        what: &'static str,
        wait: impl Future<Output = Result<T, kube::runtime::wait::Error>>,
    ) -> Result<(), KindError> {
        match timeout(limit, wait).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(self.client_error(error)),
            Err(_) => Err(KindError::NotReady {
                name: self.name.to_string(),
                what,
                limit,
                said: self.says(client).await,
            }),
        }
    }

    /// Why the node isn't ready, in its own words: its condition, and kubelet's last lines.
    async fn says(&self, client: &kube::Client) -> String {
        let nodes: Api<ApiNode> = Api::all(client.clone());
        let list = timeout(SAYS_LIMIT, nodes.list(&ListParams::default())).await;
        let nodes = list.map(|list| list.map(|list| list.items).unwrap_or_default());
        let conditions = nodes
            .unwrap_or_default()
            .into_iter()
            .filter_map(|node| node.status?.conditions)
            .flatten();
        let mut said = String::new();
        for condition in conditions.filter(|condition| condition.type_ == "Ready") {
            let message = condition.message.unwrap_or_default();
            said += &format!("\nits node has Ready={}: {message}", condition.status);
        }
        let journal = [
            "journalctl",
            "--no-pager",
            "--unit",
            "kubelet",
            "--lines",
            "10",
            "--output",
            "cat",
        ];
        if let Ok(Ok(lines)) = timeout(SAYS_LIMIT, self.run(&journal)).await {
            said += &format!("\nkubelet's last lines:\n{}", lines.trim_end());
        }
        said + "\na node needs about 2 GiB of memory and both processors for half a minute; look at `docker stats` and `docker logs`"
    }

    /// The authorities' certificates and keys, which kubeadm keeps on the node.
    async fn authorities(&self) -> Result<Authorities, KindError> {
        let mut files = BTreeMap::new();
        for file in [
            "ca.crt",
            "ca.key",
            "front-proxy-ca.crt",
            "front-proxy-ca.key",
        ] {
            let path = format!("{PKI}/{file}");
            files.insert(file, self.run(&["cat", &path]).await?);
        }
        let authorities = Authorities::of_files(
            (&files["ca.crt"], &files["ca.key"]),
            (&files["front-proxy-ca.crt"], &files["front-proxy-ca.key"]),
        );
        authorities.map_err(|error| KindError::Authorities {
            name: self.name.to_string(),
            source: error.source,
        })
    }

    /// Removes the cluster, and looks again for what an engine was still making when its command died.
    pub(super) async fn remove(&self) -> Result<(), KindError> {
        if self.gone.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        let (name, kubeconfig) = (self.name.to_string(), self.kubeconfig());
        let kubeconfig = kubeconfig.display().to_string();
        let arguments = [
            "delete",
            "cluster",
            "--name",
            &name,
            "--kubeconfig",
            &kubeconfig,
        ];
        let started = Instant::now();
        loop {
            match self.tools.kind(&arguments, b"", None).await {
                // Another `kind delete` runs, such as the one that a dropped value has started.
                Err(KindError::Command { said, .. }) if said.contains("already in progress") => {}
                other => drop(other?),
            }
            let was_up = kubeconfig_in(&self.folder).exists();
            if !was_up {
                tokio::time::sleep(LATE_CONTAINERS).await;
            }
            let left = self.tools.kind(&["get", "clusters"], b"", None).await?;
            if !left.lines().any(|line| line == name) {
                break;
            }
            if started.elapsed() > REMOVE_LIMIT {
                return Err(KindError::StillThere {
                    name,
                    limit: REMOVE_LIMIT,
                });
            }
        }
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(KindError::Files {
                doing: "remove",
                path: self.folder.clone(),
                source: error,
            }),
            _ => Ok(()),
        }
    }
}

impl Drop for Node {
    /// A cluster that is dropped without its end is still removed: `kind` is started, and not waited for.
    fn drop(&mut self) {
        if !self.gone.load(Ordering::Relaxed) {
            self.tools.delete_unattended(&self.name.to_string());
        }
    }
}
