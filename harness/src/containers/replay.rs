//! The fake Prometheus in a container.

use std::borrow::Cow;

use testcontainers::core::error::Result;
use testcontainers::core::{ContainerPort, CopyToContainer, WaitFor};
use testcontainers::{ContainerAsync, Image};

use super::{copies, parts};

/// Where Prometheus' API is served, and where the control port is.
const PORTS: [ContainerPort; 2] = [ContainerPort::Tcp(9090), ContainerPort::Tcp(9091)];

/// `setpoint replay`: a fake Prometheus with a script of series.
///
/// ```no_run
/// # async fn example() -> testcontainers::core::error::Result<()> {
/// use setpoint::containers::ReplayImage;
/// use testcontainers::runners::AsyncRunner as _;
///
/// let script = "series: [{series: 'up{pod=\"a\"}', values: '1', interval: 1, hold: true}]";
/// let prometheus = ReplayImage::new(script).start().await?;
/// println!("ask {}", ReplayImage::url(&prometheus).await?);
/// println!("change series and faults by {}", ReplayImage::control_url(&prometheus).await?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ReplayImage {
    files: Vec<CopyToContainer>,
    arguments: Vec<String>,
}

impl ReplayImage {
    /// The image of the harness' tools that the manifests name.
    pub const REFERENCE: &str =
        concat!("ghcr.io/setpoint-dev/setpoint:v", env!("CARGO_PKG_VERSION"));

    /// A fake Prometheus that plays a script, YAML or JSON, from its start on.
    #[must_use]
    pub fn new(script: &str) -> Self {
        let arguments = [
            "replay",
            "--script=/etc/replay/script.yaml",
            "--listen=0.0.0.0:9090",
            "--control=0.0.0.0:9091",
        ];
        Self {
            files: copies(&[("/etc/replay/script.yaml", script)]),
            arguments: arguments.map(str::to_owned).to_vec(),
        }
    }

    /// With one more file at `/etc/replay/NAME`, such as one that `sources` of the script name.
    #[must_use]
    pub fn with_file(mut self, name: &str, content: &str) -> Self {
        let path = format!("/etc/replay/{name}");
        self.files.extend(copies(&[(&path, content)]));
        self
    }

    /// With one more argument of `setpoint replay`, such as `--prometheus-version=2.42`.
    #[must_use]
    pub fn with_argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// The URL of Prometheus' API, from this machine. From other containers it is port 9090 of the container.
    ///
    /// # Errors
    /// When the engine doesn't say where the container's ports are.
    pub async fn url(container: &ContainerAsync<Self>) -> Result<String> {
        of_port(container, 9090).await
    }

    /// The URL of the control port, which changes series and faults and tells what was asked.
    ///
    /// # Errors
    /// When the engine doesn't say where the container's ports are.
    pub async fn control_url(container: &ContainerAsync<Self>) -> Result<String> {
        of_port(container, 9091).await
    }
}

async fn of_port(container: &ContainerAsync<ReplayImage>, port: u16) -> Result<String> {
    let host = container.get_host().await?;
    let port = container.get_host_port_ipv4(port).await?;
    Ok(format!("http://{host}:{port}"))
}

impl Image for ReplayImage {
    fn name(&self) -> &str {
        parts(Self::REFERENCE).0
    }

    fn tag(&self) -> &str {
        parts(Self::REFERENCE).1
    }

    fn ready_conditions(&self) -> Vec<WaitFor> {
        vec![WaitFor::message_on_stdout("serving on ")]
    }

    fn copy_to_sources(&self) -> impl IntoIterator<Item = &CopyToContainer> {
        &self.files
    }

    fn cmd(&self) -> impl IntoIterator<Item = impl Into<Cow<'_, str>>> {
        self.arguments.iter().map(String::as_str)
    }

    fn expose_ports(&self) -> &[ContainerPort] {
        &PORTS
    }
}
