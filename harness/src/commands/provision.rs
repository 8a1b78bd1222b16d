//! `setpoint cluster provision`: the control plane's programs, downloaded or built where they are missing.

use anyhow::Context as _;
use clap::ValueEnum;
use setpoint_cluster::provision::{self, Binaries, Options, Way};

use super::BadInput;

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
    after_help = "Examples:\n  setpoint cluster provision\n  setpoint cluster provision --from go\n  \
        setpoint cluster provision --kubernetes-url https://mirror.example/kubernetes --etcd-url https://mirror.example/etcd"
)]
pub struct ProvisionArgs {
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
    fn over(self, mut options: Options) -> Options {
        let Self {
            from,
            kubernetes_url,
            etcd_url,
        } = self;
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

/// The programs for a plane, with progress on standard error where they have to be got first.
///
/// # Errors
/// As [`run`].
pub async fn binaries() -> anyhow::Result<Binaries> {
    got(Options::from_env()).await
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
