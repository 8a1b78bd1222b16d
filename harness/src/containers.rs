//! The adapter, Prometheus and the fake Prometheus as [testcontainers](https://docs.rs/testcontainers) images, for tests against a plane that
//! a container can reach ([`LocalOptions::listen`](setpoint_cluster::local::LocalOptions)). Feature `containers`.
//!
//! ```no_run
//! # async fn example(kubeconfig: &str, rules: &str, certificate: String, key: String) -> Result<(), Box<dyn std::error::Error>> {
//! use setpoint::containers::{AdapterImage, Engine, PrometheusImage};
//! use testcontainers::runners::AsyncRunner as _;
//!
//! let engine = Engine::that_has(&[AdapterImage::REFERENCE, PrometheusImage::REFERENCE]).await?;
//! println!("containers reach this machine at {}", engine.gateway);
//! let prometheus = PrometheusImage::new("scrape_configs: []").start().await?;
//! let url = format!("http://{}:9090", engine.address_of(&prometheus).await?);
//! let adapter = AdapterImage::new(kubeconfig, rules, &url, &certificate, &key).start().await?;
//! println!("the adapter serves on {}", adapter.get_host_port_ipv4(6443).await?);
//! # Ok(())
//! # }
//! ```

mod replay;

use std::net::IpAddr;

use testcontainers::core::client::docker_client_instance;
use testcontainers::core::{ContainerPort, CopyToContainer, Mount, WaitFor};
use testcontainers::{ContainerAsync, Image, bollard};

pub use replay::ReplayImage;

/// Why there is nothing to run containers with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// No engine answers.
    #[error("find a container engine: none answers; start one, or let DOCKER_HOST name its socket")]
    None(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// An engine is there, and an image isn't.
    #[error(
        "find image {image}: the engine doesn't have it; `ci/containers` builds those of the product"
    )]
    NoImage {
        /// The image.
        image: String,
        /// What the engine says.
        #[source]
        source: Box<bollard::errors::Error>,
    },
    /// Other containers can't reach one.
    #[error("find the address of container {id}")]
    NoAddress {
        /// The container.
        id: String,
        /// What the engine says, if it has none because of an error.
        #[source]
        source: Option<Box<bollard::errors::Error>>,
    },
    /// Its network is not one that we know.
    #[error(
        "find the address at which containers reach this machine: the engine's network `bridge` has no gateway"
    )]
    NoGateway,
}

/// A container engine.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Engine {
    /// The address at which containers reach this machine.
    pub gateway: IpAddr,
}

impl Engine {
    /// The engine that answers, if it has the images: nothing is pulled.
    ///
    /// # Errors
    /// When there is none, or it lacks one of them.
    pub async fn that_has(images: &[&str]) -> Result<Self, EngineError> {
        let engine = docker_client_instance().await;
        let engine = engine.map_err(|error| EngineError::None(error.into()))?;
        let answered = engine.ping().await;
        answered.map_err(|error| EngineError::None(error.into()))?;
        for image in images {
            let found = engine.inspect_image(image).await;
            found.map_err(|source| EngineError::NoImage {
                image: (*image).to_owned(),
                source: Box::new(source),
            })?;
        }
        let bridge = engine.inspect_network("bridge", None).await;
        let pools = bridge.ok().and_then(|bridge| bridge.ipam?.config);
        let mut gateways = pools.into_iter().flatten().filter_map(|pool| pool.gateway);
        let gateway = gateways.find_map(|gateway| gateway.parse().ok());
        Ok(Self {
            gateway: gateway.ok_or(EngineError::NoGateway)?,
        })
    }

    /// The address at which other containers reach one. testcontainers' own way asks for a network `default`, which is an
    /// engine's word for the one that it chooses.
    ///
    /// # Errors
    /// When it has none.
    pub async fn address_of<I: Image>(
        &self,
        container: &ContainerAsync<I>,
    ) -> Result<IpAddr, EngineError> {
        let none = |source| EngineError::NoAddress {
            id: container.id().to_owned(),
            source,
        };
        let engine = docker_client_instance().await;
        let engine = engine.map_err(|error| EngineError::None(error.into()))?;
        let inspected = engine.inspect_container(container.id(), None).await;
        let inspected = inspected.map_err(|error| none(Some(Box::new(error))))?;
        let networks = inspected.network_settings.and_then(|all| all.networks);
        let addresses = networks.unwrap_or_default().into_values();
        let mut addresses = addresses.filter_map(|network| network.ip_address?.parse().ok());
        addresses.next().ok_or_else(|| none(None))
    }
}

/// `setpoint-adapter` outside a cluster: what it needs of one is in its kubeconfig.
#[derive(Debug, Clone)]
pub struct AdapterImage {
    files: Vec<CopyToContainer>,
    arguments: Vec<String>,
}

impl AdapterImage {
    /// The image that the manifests name.
    pub const REFERENCE: &str = concat!(
        "ghcr.io/setpoint-dev/setpoint-adapter:v",
        env!("CARGO_PKG_VERSION")
    );

    /// An adapter that serves with a pair (PEM) and asks a Prometheus by rules.
    #[must_use]
    pub fn new(
        kubeconfig: &str,
        rules: &str,
        prometheus: &str,
        certificate: &str,
        key: &str,
    ) -> Self {
        let files = [
            ("/etc/adapter/kubeconfig", kubeconfig),
            ("/etc/adapter/config.yaml", rules),
            ("/var/run/serving-cert/tls.crt", certificate),
            ("/var/run/serving-cert/tls.key", key),
        ];
        let of_kubeconfig = ["lister", "authentication", "authorization"];
        let of_kubeconfig =
            of_kubeconfig.map(|whose| format!("--{whose}-kubeconfig=/etc/adapter/kubeconfig"));
        let others = [
            format!("--prometheus-url={prometheus}"),
            "--config=/etc/adapter/config.yaml".to_owned(),
            "--secure-port=6443".to_owned(),
            "--metrics-relist-interval=1s".to_owned(),
            "--tls-cert-file=/var/run/serving-cert/tls.crt".to_owned(),
            "--tls-private-key-file=/var/run/serving-cert/tls.key".to_owned(),
        ];
        Self {
            files: copies(&files),
            arguments: of_kubeconfig.into_iter().chain(others).collect(),
        }
    }
}

impl Image for AdapterImage {
    fn name(&self) -> &str {
        parts(Self::REFERENCE).0
    }

    fn tag(&self) -> &str {
        parts(Self::REFERENCE).1
    }

    fn ready_conditions(&self) -> Vec<WaitFor> {
        vec![WaitFor::message_on_stderr("serve the metrics APIs")]
    }

    fn copy_to_sources(&self) -> impl IntoIterator<Item = &CopyToContainer> {
        &self.files
    }

    fn cmd(&self) -> impl IntoIterator<Item = impl Into<std::borrow::Cow<'_, str>>> {
        self.arguments.iter().map(String::as_str)
    }

    fn expose_ports(&self) -> &[ContainerPort] {
        &[ContainerPort::Tcp(6443)]
    }
}

/// A real Prometheus, with a configuration.
#[derive(Debug, Clone)]
pub struct PrometheusImage {
    files: Vec<CopyToContainer>,
    data: Mount,
}

impl PrometheusImage {
    /// The image that the manifests name.
    pub const REFERENCE: &str = "quay.io/prometheus/prometheus:v3.16.0";

    /// A Prometheus of that `prometheus.yml`, which remembers nothing.
    #[must_use]
    pub fn new(config: &str) -> Self {
        Self {
            files: copies(&[("/etc/prometheus/prometheus.yml", config)]),
            data: Mount::tmpfs_mount("/prometheus"),
        }
    }

    /// With one more file, such as a kubeconfig.
    #[must_use]
    pub fn with_file(mut self, path: &str, content: &str) -> Self {
        self.files.extend(copies(&[(path, content)]));
        self
    }
}

impl Image for PrometheusImage {
    fn name(&self) -> &str {
        parts(Self::REFERENCE).0
    }

    fn tag(&self) -> &str {
        parts(Self::REFERENCE).1
    }

    fn ready_conditions(&self) -> Vec<WaitFor> {
        vec![WaitFor::message_on_stderr(
            "Server is ready to receive web requests.",
        )]
    }

    fn mounts(&self) -> impl IntoIterator<Item = &Mount> {
        [&self.data]
    }

    fn copy_to_sources(&self) -> impl IntoIterator<Item = &CopyToContainer> {
        &self.files
    }

    fn cmd(&self) -> impl IntoIterator<Item = impl Into<std::borrow::Cow<'_, str>>> {
        [
            "--config.file=/etc/prometheus/prometheus.yml",
            "--storage.tsdb.path=/prometheus",
        ]
    }

    fn expose_ports(&self) -> &[ContainerPort] {
        &[ContainerPort::Tcp(9090)]
    }
}

fn copies(files: &[(&str, &str)]) -> Vec<CopyToContainer> {
    let copy = |(path, content): &(&str, &str)| {
        CopyToContainer::new(content.as_bytes().to_vec(), (*path).to_owned())
    };
    files.iter().map(copy).collect()
}

/// Name and tag of a reference.
fn parts(reference: &'static str) -> (&'static str, &'static str) {
    reference.rsplit_once(':').unwrap_or((reference, "latest"))
}
