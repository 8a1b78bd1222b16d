//! `setpoint cluster provision`: the control plane's programs, built where they are missing.

use std::time::Duration;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use setpoint_cluster::provision::{self, Binaries, Options, Progress};

/// Builds etcd, kube-apiserver and kube-controller-manager into the cache, unless they are there
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Finds etcd, kube-apiserver and kube-controller-manager, and builds into the cache what is missing.\n\n\
        Each is looked for by SETPOINT_ETCD, SETPOINT_KUBE_APISERVER and SETPOINT_KUBE_CONTROLLER_MANAGER, in \
        KUBEBUILDER_ASSETS and in the cache (SETPOINT_CACHE_DIR, else $XDG_CACHE_HOME/setpoint, else \
        ~/.cache/setpoint). A build takes Go and some minutes.",
    after_help = "Example:\n  setpoint cluster provision"
)]
pub struct Args {}

/// Provisions and prints one line a program.
///
/// # Errors
/// When a program is neither found nor built; the message says what was tried and what helps.
pub async fn run(_args: Args) -> anyhow::Result<()> {
    let Binaries {
        etcd,
        kube_apiserver,
        kube_controller_manager,
    } = binaries().await?;
    for path in [etcd, kube_apiserver, kube_controller_manager] {
        anstream::println!("{}", path.display());
    }
    Ok(())
}

/// The programs for a plane, with progress on standard error where they have to be built first.
///
/// # Errors
/// As [`run`].
pub async fn binaries() -> anyhow::Result<Binaries> {
    let work = || {
        let mut display = Display::default();
        provision::provision(&Options::from_env(), |progress| display.show(progress))
    };
    let outcome = tokio::task::spawn_blocking(work)
        .await
        .context("provision the control plane")?;
    Ok(outcome?)
}

/// A spinner on a terminal. Elsewhere a line when something begins or ends, and one a minute between.
#[derive(Default)]
struct Display {
    spinner: Option<ProgressBar>,
    packages: usize,
    minutes_told: u64,
}

impl Display {
    fn show(&mut self, progress: Progress) {
        match progress {
            Progress::Waiting { module, lock } => self.begin(format!(
                "waiting for another process that builds {module} (it holds {})",
                lock.display()
            )),
            Progress::Building { module, programs } => {
                let names: Vec<_> = programs.iter().map(|program| program.name()).collect();
                self.begin(format!("building {} from {module}", names.join(" and ")));
            }
            Progress::Line { elapsed, line, .. } => self.line(elapsed, &line),
            Progress::Built { module, elapsed } => {
                self.end();
                anstream::eprintln!("built {module} in {}s", elapsed.as_secs());
            }
            // Progress may learn to say more; what this display doesn't know it leaves out.
            _ => {}
        }
    }

    fn begin(&mut self, what: String) {
        self.end();
        (self.packages, self.minutes_told) = (0, 0);
        let spinner = ProgressBar::new_spinner();
        if spinner.is_hidden() {
            anstream::eprintln!("{what}");
            return;
        }
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} [{elapsed}] {msg:.dim}")
        {
            spinner.set_style(style);
        }
        spinner.set_prefix(what);
        spinner.enable_steady_tick(Duration::from_millis(100));
        self.spinner = Some(spinner);
    }

    fn line(&mut self, elapsed: Duration, line: &str) {
        self.packages += 1;
        if let Some(spinner) = &self.spinner {
            spinner.set_message(format!("{} packages, {line}", self.packages));
            return;
        }
        let minutes = elapsed.as_secs() / 60;
        if minutes > self.minutes_told {
            self.minutes_told = minutes;
            anstream::eprintln!("  {minutes} min: {} packages compiled", self.packages);
        }
    }

    fn end(&mut self) {
        if let Some(spinner) = self.spinner.take() {
            spinner.finish_and_clear();
        }
    }
}
