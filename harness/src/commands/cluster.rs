//! `setpoint cluster up|down|status|provision`: a cluster to play with.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Subcommand;
use setpoint_cluster::kind::{KindImage, KindOptions, KindProvider};
use setpoint_cluster::local::{LocalOptions, LocalProvider};
use setpoint_cluster::{
    ClusterStatus, ControlPlaneOptions, ImageRoot, ImageTable, LocalImage, Provider, StartOptions,
};

use super::{BadInput, provision};
use crate::obsolete;
use crate::run::ClusterKind;

/// Starts, ends and lists clusters to play with
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  export KUBECONFIG=$(setpoint cluster up)\n  kubectl get apiservices\n  setpoint cluster down"
)]
pub struct ClusterArgs {
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Up(Up),
    Down(Down),
    Status(Status),
    Provision(provision::ProvisionArgs),
}

/// Starts a cluster and prints the path of its kubeconfig
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Starts a cluster that lives on until `setpoint cluster down` or until its time is over, and prints the \
        path of its kubeconfig.",
    after_help = "Example:\n  export KUBECONFIG=$(setpoint cluster up --ttl 2h)"
)]
struct Up {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    kubernetes: provision::KubernetesArgs,
    /// How long it lives, such as 30m or 8h
    #[arg(long, default_value = "8h", value_parser = duration)]
    ttl: Duration,
    /// The image of kind's node [default: SETPOINT_KIND_NODE_IMAGE, else kind's own]
    #[arg(long, value_name = "IMAGE")]
    node_image: Option<String>,
    /// Lets a program stand for an image: its pods run it with the host's libraries (may be repeated)
    #[arg(long = "image", value_name = "NAME=PROGRAM")]
    images: Vec<NamedProgram>,
    /// The HPA controller's period; Kubernetes' default is 15s
    #[arg(long, default_value = "1s", value_parser = duration)]
    hpa_sync_period: Duration,
    /// The HPA controller's downscale stabilization; Kubernetes' default is 5m
    #[arg(long, default_value = "5s", value_parser = duration)]
    hpa_downscale_stabilization: Duration,
    /// Lets the API server go to an APIService's endpoints itself instead of its ClusterIP
    #[arg(long)]
    enable_aggregator_routing: bool,
    /// Where the API server is reached from outside, port 0 for a free one; not for kind. Whoever can reach it and has
    /// the kubeconfig may do anything
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// One more name or address for the API server's certificate; that of --listen is there (may be repeated)
    #[arg(long = "api-server-name", value_name = "NAME")]
    api_server_names: Vec<String>,
    /// One more flag for the kube-apiserver (may be repeated)
    #[arg(
        long = "api-server-flag",
        value_name = "FLAG",
        allow_hyphen_values = true,
        value_parser = component_flag
    )]
    api_server_flags: Vec<String>,
    /// One more flag for the kube-controller-manager (may be repeated)
    #[arg(
        long = "controller-manager-flag",
        value_name = "FLAG",
        allow_hyphen_values = true,
        value_parser = component_flag
    )]
    controller_manager_flags: Vec<String>,
}

/// Ends a cluster and removes what it left
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  setpoint cluster down")]
struct Down {
    #[command(flatten)]
    which: Which,
}

/// Lists this user's clusters
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  setpoint cluster status")]
struct Status {
    /// What the cluster is made of
    #[arg(long, value_enum, default_value_t = ClusterKind::Local)]
    cluster: ClusterKind,
}

#[derive(Debug, clap::Args)]
struct Which {
    /// What the cluster is made of
    #[arg(long, value_enum, default_value_t = ClusterKind::Local)]
    cluster: ClusterKind,
    /// The cluster's name
    #[arg(long, default_value = "default")]
    name: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct NamedProgram {
    image: String,
    program: PathBuf,
}

impl FromStr for NamedProgram {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((image, program)) if !image.is_empty() && program.starts_with('/') => Ok(Self {
                image: image.to_owned(),
                program: program.into(),
            }),
            _ => Err("expected an image's name, `=`, and a program's absolute path"),
        }
    }
}

/// A flag for a program of the control plane. Which flags there are isn't known, only which there
/// aren't any more.
fn component_flag(text: &str) -> anyhow::Result<String> {
    match obsolete::of_flag(text) {
        Some(obsolete) => anyhow::bail!("{obsolete}"),
        None => Ok(text.to_owned()),
    }
}

fn duration(text: &str) -> anyhow::Result<Duration> {
    let parsed: jiff::SignedDuration = text.parse()?;
    Duration::try_from(parsed).context("it must not be negative")
}

/// Does what was asked. Pods of a cluster that is started here run the programs of `images`.
///
/// # Errors
/// When programs are missing, the cluster does not start or end, or there is none.
pub async fn run(args: ClusterArgs, images: ImageTable) -> anyhow::Result<()> {
    match args.command {
        Command::Up(up) => start(up, images).await,
        Command::Down(Down { which }) => {
            let Which { cluster, name } = which;
            Ok(cluster.provider().down(&name).await?)
        }
        Command::Status(Status { cluster }) => {
            anstream::print!("{}", table(&cluster.provider().status().await?));
            Ok(())
        }
        Command::Provision(args) => provision::run(args).await,
    }
}

async fn start(up: Up, images: ImageTable) -> anyhow::Result<()> {
    up.kubernetes.check(up.which.cluster)?;
    let (ttl, name) = (up.ttl, up.which.name.clone());
    let mut options = StartOptions::default();
    options.control_plane = ControlPlaneOptions {
        hpa_sync_period: up.hpa_sync_period,
        hpa_downscale_stabilization: up.hpa_downscale_stabilization,
        aggregator_routing: up.enable_aggregator_routing,
        api_server_flags: up.api_server_flags.clone(),
        controller_manager_flags: up.controller_manager_flags.clone(),
    };
    options.progress = Some(Arc::new(|what| anstream::eprintln!("waiting for {what}")));
    let provider: Box<dyn Provider> = match up.which.cluster {
        ClusterKind::Local => Box::new(local(up, images).await?),
        ClusterKind::Kind => Box::new(kind(up)?),
        ClusterKind::Existing => ClusterKind::Existing.provider(),
    };
    let starting = provider.up(&name, ttl, &options);
    tokio::pin!(starting);
    let cluster = tokio::select! {
        cluster = &mut starting => cluster?,
        _ = tokio::signal::ctrl_c() => {
            anstream::eprintln!("interrupted: removing the cluster");
            options.interrupted.cancel();
            starting.await?
        }
    };
    anstream::eprintln!("{}", description(&cluster));
    anstream::println!("{}", cluster.kubeconfig.display());
    Ok(())
}

async fn local(up: Up, mut images: ImageTable) -> anyhow::Result<LocalProvider> {
    if up.node_image.is_some() {
        let why = "--node-image is for `--cluster kind`: --kubernetes chooses the version of a local cluster";
        return Err(BadInput(anyhow::anyhow!(why)).into());
    }
    for NamedProgram { image, program } in up.images {
        let root = ImageRoot::HostLibraries;
        images.insert(image, LocalImage { program, root });
    }
    let mut options = LocalOptions::new(up.kubernetes.binaries().await?, images);
    options.listen = up.listen;
    options.names = up.api_server_names;
    Ok(LocalProvider::new(options))
}

fn kind(up: Up) -> anyhow::Result<KindProvider> {
    if up.listen.port() != 0 || !up.listen.ip().is_loopback() || !up.api_server_names.is_empty() {
        let why = "--listen and --api-server-name are for `--cluster local`: kind chooses where its API server is reached";
        return Err(BadInput(anyhow::anyhow!(why)).into());
    }
    let mut options = KindOptions::default();
    options.node_image = up.node_image;
    for NamedProgram { image, program } in up.images {
        let root = crate::programs::root(&program)?;
        options.images.push(KindImage {
            references: vec![image],
            image: LocalImage { program, root },
            arguments: Vec::new(),
        });
    }
    Ok(KindProvider::new(options))
}

/// What is said of a cluster that has started.
fn description(cluster: &ClusterStatus) -> String {
    let mut text = format!("cluster `{}` is up", cluster.name);
    if let Some(expires) = cluster.expires {
        text.push_str(&format!(" until {expires:.0}"));
    }
    if !cluster.ends_by_itself {
        text.push_str(", when `setpoint reap` removes it");
    }
    if let Some(logs) = &cluster.logs {
        text.push_str(&format!("; its logs are in {}", logs.display()));
    }
    text
}

/// One line a cluster.
fn table(clusters: &[ClusterStatus]) -> String {
    if clusters.is_empty() {
        return "no cluster is up\n".to_owned();
    }
    let mut text = format!("{:<24} {:<6} {:<22} KUBECONFIG\n", "NAME", "STATE", "UNTIL");
    for cluster in clusters {
        let state = if cluster.is_alive { "up" } else { "dead" };
        let until = cluster
            .expires
            .map_or_else(|| "its run ends".to_owned(), |time| format!("{time:.0}"));
        let kubeconfig = cluster.kubeconfig.display();
        text.push_str(&format!(
            "{:<24} {state:<6} {until:<22} {kubeconfig}\n",
            cluster.name
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Args as _, FromArgMatches as _};

    fn parsed(line: &[&str]) -> Result<ClusterArgs, clap::Error> {
        let command = ClusterArgs::augment_args(clap::Command::new("cluster"));
        let line = std::iter::once("cluster").chain(line.iter().copied());
        ClusterArgs::from_arg_matches(&command.try_get_matches_from(line)?)
    }

    #[test]
    fn durations_and_flags_of_up_are_understood() {
        let args = parsed(&[
            "up",
            "--ttl=90m",
            "--controller-manager-flag",
            "--horizontal-pod-autoscaler-tolerance=0.2",
            "--image=example.org/a=/bin/a",
        ]);
        let Command::Up(up) = args.unwrap().command else {
            panic!("not `up`")
        };
        assert_eq!(up.ttl, Duration::from_secs(90 * 60));
        assert_eq!(up.which.name, "default");
        assert_eq!(
            up.controller_manager_flags,
            ["--horizontal-pod-autoscaler-tolerance=0.2"]
        );
        assert_eq!(up.images[0].program, PathBuf::from("/bin/a"));
    }

    #[test]
    fn what_is_no_duration_or_no_program_is_refused() {
        for line in [
            ["up", "--ttl=-1s"],
            ["up", "--ttl=soon"],
            ["up", "--image=a=b"],
        ] {
            assert!(parsed(&line).is_err(), "{line:?}");
        }
    }

    #[tokio::test]
    async fn an_image_of_a_node_is_refused_where_there_is_none() {
        let args = parsed(&["up", "--node-image=a"]);
        let Command::Up(up) = args.unwrap().command else {
            panic!("not `up`")
        };
        let error = local(up, ImageTable::default()).await.err().unwrap();
        assert_eq!(super::super::exit_code(&error), 2);
        let told = error.to_string();
        assert!(told.contains("is for `--cluster kind`"), "{told}");
    }

    #[test]
    fn an_obsolete_flag_is_refused_with_what_replaced_it() {
        for (flag, instead) in [
            (
                "--controller-manager-flag=--horizontal-pod-autoscaler-use-rest-clients=true",
                "gone since Kubernetes v1.22; instead: leave it out",
            ),
            (
                "--api-server-flag=--runtime-config=api/all=true",
                "it would switch on every alpha API",
            ),
            (
                "--api-server-flag=--master=http://127.0.0.1:8080",
                "instead: a kubeconfig",
            ),
        ] {
            let error = parsed(&["up", flag]).unwrap_err().to_string();
            assert!(error.contains(instead), "{error}");
        }
    }

    #[test]
    fn the_table_tells_a_dead_plane_from_a_living_one() {
        let plane = |name: &str, is_alive, expires| ClusterStatus {
            name: name.to_owned(),
            is_alive,
            expires,
            ends_by_itself: true,
            kubeconfig: format!("/planes/{name}/kubeconfig").into(),
            logs: Some(format!("/planes/{name}/logs").into()),
        };
        let planes = [
            plane("default", true, Some(jiff::Timestamp::UNIX_EPOCH)),
            plane("run-7-1", false, None),
        ];
        insta::assert_snapshot!(table(&planes));
    }
}
