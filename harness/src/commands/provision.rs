//! `setpoint cluster provision`: the control plane's programs, downloaded or built where they are missing.

use anyhow::Context as _;
use clap::ValueEnum;
use setpoint_cluster::provision::{self, Binaries, Options, Release, Way};

use super::BadInput;
use crate::run::ClusterKind;

mod display;

use display::Display;

/// Downloads or builds etcd, kube-apiserver and kube-controller-manager into the cache, unless they are there
#[derive(Debug, Default, clap::Args)]
#[command(
    long_about = "Finds etcd, kube-apiserver and kube-controller-manager, and gets into the cache what is missing.\n\n\
        Each is looked for by SETPOINT_ETCD, SETPOINT_KUBE_APISERVER and SETPOINT_KUBE_CONTROLLER_MANAGER, in \
        KUBEBUILDER_ASSETS and in the cache (SETPOINT_CACHE_DIR, else $XDG_CACHE_HOME/setpoint, else \
        ~/.cache/setpoint). What is nowhere is downloaded from the Kubernetes and etcd projects, its SHA-256 compared \
        with the one that the server says. Where the server can't be reached or lacks it, it is built, which takes Go \
        and some minutes. A wrong SHA-256 is never a reason to go on. `run` and `cluster up` do the same.",
    after_help = "Examples:\n  setpoint cluster provision\n  setpoint cluster provision --kubernetes 1.36 --from go\n  \
        setpoint cluster provision \\\n    --kubernetes-url https://mirror.example/kubernetes \\\n    \
        --etcd-url https://mirror.example/etcd"
)]
pub struct ProvisionArgs {
    #[command(flatten)]
    kubernetes: KubernetesArgs,
    /// The only way to get what is missing [default: a download, and a build where that can't be had]
    #[arg(long, value_enum, value_name = "WAY")]
    from: Option<From>,
    /// Folder that holds VERSION/bin/linux/ARCHITECTURE/PROGRAM and its .sha256
    /// [default: $SETPOINT_KUBERNETES_URL, else https://dl.k8s.io/release]
    #[arg(long, value_name = "URL")]
    kubernetes_url: Option<String>,
    /// Folder that holds VERSION/etcd-VERSION-linux-ARCHITECTURE.tar.gz and SHA256SUMS
    /// [default: $SETPOINT_ETCD_URL, else https://github.com/etcd-io/etcd/releases/download]
    #[arg(long, value_name = "URL")]
    etcd_url: Option<String>,
}

/// Which Kubernetes a local cluster is made of.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct KubernetesArgs {
    /// Kubernetes' minor version, 1.36 or 1.37, on local clusters
    /// [default: that of the programs that SETPOINT_KUBE_APISERVER and the like name, else 1.37]
    #[arg(long, value_name = "VERSION")]
    kubernetes: Option<Release>,
}

impl KubernetesArgs {
    /// The programs for a plane, with progress on standard error where they have to be got first.
    ///
    /// # Errors
    /// As [`run`].
    pub async fn binaries(self) -> anyhow::Result<Binaries> {
        got(self.over(Options::from_env())).await
    }

    /// Refuses a choice that such a cluster doesn't have.
    ///
    /// # Errors
    /// When a version is chosen for a cluster that isn't local: [`BadInput`].
    pub fn check(self, cluster: ClusterKind) -> anyhow::Result<()> {
        let instead = match cluster {
            ClusterKind::Kind => {
                "kind has the version of its node's image, which --node-image chooses"
            }
            ClusterKind::Existing => "a cluster that exists has the version of its own",
            ClusterKind::Local => return Ok(()),
        };
        if self.kubernetes.is_none() {
            return Ok(());
        }
        let why = format!("--kubernetes is for --cluster local: {instead}");
        Err(BadInput(anyhow::anyhow!(why)).into())
    }

    /// What repeats the choice on another command line.
    pub fn arguments(self) -> Option<String> {
        let release = self.kubernetes?;
        Some(format!("--kubernetes {release}"))
    }

    fn over(self, options: Options) -> Options {
        Options {
            release: self.kubernetes,
            ..options
        }
    }
}

/// How missing programs are got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum From {
    /// The official programs
    Download,
    /// Built from pinned Go modules
    Go,
}

impl ProvisionArgs {
    /// What the environment says, and what the command line says instead.
    fn over(self, options: Options) -> Options {
        let Self {
            kubernetes,
            from,
            kubernetes_url,
            etcd_url,
        } = self;
        let mut options = kubernetes.over(options);
        options.from = from.map(|way| match way {
            From::Download => Way::Download,
            From::Go => Way::Go,
        });
        if let Some(downloads) = &mut options.downloads {
            downloads.kubernetes = kubernetes_url.unwrap_or_else(|| downloads.kubernetes.clone());
            downloads.etcd = etcd_url.unwrap_or_else(|| downloads.etcd.clone());
        }
        options
    }
}

/// Provisions and prints one line a program.
///
/// # Errors
/// When a program is neither found nor got; the message says what was tried and what helps.
pub async fn run(args: ProvisionArgs) -> anyhow::Result<()> {
    let Binaries {
        etcd,
        kube_apiserver,
        kube_controller_manager,
    } = got(args.over(Options::from_env())).await?;
    for path in [etcd, kube_apiserver, kube_controller_manager] {
        anstream::println!("{}", path.display());
    }
    Ok(())
}

async fn got(options: Options) -> anyhow::Result<Binaries> {
    let work = move || {
        let mut display = Display::default();
        provision::provision(&options, |progress| display.show(progress))
    };
    let outcome = tokio::task::spawn_blocking(work)
        .await
        .context("provision the control plane")?;
    outcome.map_err(|error| match error {
        error @ provision::ProvisionError::Url { .. } => BadInput(error.into()).into(),
        error => error.into(),
    })
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};
    use setpoint_cluster::provision::Downloads;

    use super::*;

    fn options(line: &[&str]) -> Result<Options, clap::Error> {
        let command = ProvisionArgs::augment_args(clap::Command::new("provision"));
        let line = std::iter::once("provision").chain(line.iter().copied());
        let args = ProvisionArgs::from_arg_matches(&command.try_get_matches_from(line)?)?;
        Ok(args.over(Options {
            downloads: Some(Downloads::official()),
            ..Options::default()
        }))
    }

    #[test]
    fn the_command_line_goes_before_the_environment() {
        let plain = options(&[]).unwrap();
        assert_eq!(plain.downloads, Some(Downloads::official()));
        assert_eq!(plain.from, None);
        let told = options(&["--from", "go", "--etcd-url", "http://mirror.example"]).unwrap();
        assert_eq!(told.from, Some(Way::Go));
        let expected = Downloads {
            etcd: "http://mirror.example".to_owned(),
            ..Downloads::official()
        };
        assert_eq!(told.downloads, Some(expected));
    }

    #[test]
    fn a_version_is_chosen_by_its_name_and_only_for_planes() {
        assert_eq!(options(&[]).unwrap().release, None);
        let chosen = options(&["--kubernetes", "1.36"]).unwrap();
        assert_eq!(chosen.release, Some(Release::V1_36));
        let error = options(&["--kubernetes", "1.35"]).unwrap_err().to_string();
        assert!(error.contains("expected 1.36 or 1.37"), "{error}");

        let chosen = KubernetesArgs {
            kubernetes: chosen.release,
        };
        assert_eq!(chosen.arguments().unwrap(), "--kubernetes 1.36");
        chosen.check(ClusterKind::Local).unwrap();
        for (cluster, instead) in [
            (ClusterKind::Kind, "--node-image"),
            (ClusterKind::Existing, "of its own"),
        ] {
            let error = chosen.check(cluster).unwrap_err();
            assert_eq!(super::super::exit_code(&error), 2);
            assert!(format!("{error:#}").contains(instead), "{error:#}");
            KubernetesArgs::default().check(cluster).unwrap();
        }
    }

    #[test]
    fn an_unknown_way_is_refused_with_the_known_ones() {
        let error = options(&["--from", "apt"]).unwrap_err().to_string();
        assert!(error.contains("download, go"), "{error}");
    }

    #[tokio::test]
    async fn an_address_that_is_none_is_bad_usage() {
        let cache = tempfile::tempdir().unwrap();
        let mut options = options(&["--etcd-url", "mirror.example"]).unwrap();
        options.cache = Some(cache.path().to_owned());
        let error = got(options).await.unwrap_err();
        assert_eq!(super::super::exit_code(&error), 2);
        assert!(format!("{error:#}").contains("--etcd-url"), "{error:#}");
    }
}
