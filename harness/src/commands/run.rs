//! `setpoint run`: scenarios, one after another and side by side.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::ValueEnum;
use setpoint_cluster::Provider as _;
use setpoint_cluster::existing::ExistingProvider;
use setpoint_cluster::kind::{KindOptions, KindProvider};
use setpoint_support::{Termination, error_chain};
use tokio_util::sync::CancellationToken;

use super::against::{self, Comparing, Other};
use super::existing::{ExistingArgs, InstalledArgs, NamedImage, images, plan, unusable};
use super::selection::SelectionArgs;
use super::{BadInput, make_report_folder, provision};
use crate::installed::{Feed, Installed};
use crate::known_failures::KnownFailures;
use crate::profile::Profile;
use crate::programs::{ADAPTER_VARIABLE, ProgramError, Programs};
use crate::report::{Report, Terminal};
use crate::run::{Backend, ClusterKind, RunOptions, run as run_scenarios};
use crate::scenario::{self, Scenario};
use crate::scripted::Lie;
use crate::timeouts::{self, TimeoutFactor, Timeouts};

mod check;

/// Runs scenarios and judges an adapter by them
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Runs scenarios on real control planes, and judges an adapter by them. A scenario has a plane for itself, and leaves it clean to the next.\n\n\
        Exit codes: 0 all scenarios passed or were skipped, 1 the adapter failed a scenario, 2 bad usage or a bad scenario, 3 a scenario was \
        inconclusive, none passed, or the run was interrupted. If a scenario also failed, the code is 1.",
    after_help = "Examples:\n  setpoint run\n  setpoint run scenarios/hpa --jobs 1\n  setpoint run --suite hpa,tls --shard 1/2 --report report\n  setpoint run --known-failures known-failures.yaml\n  setpoint run --cluster kind\n  setpoint run --kubernetes 1.36\n  \
        setpoint run --timeout-factor 3\n  \
        setpoint run --adapter binary:target/release/setpoint-adapter \\\n    --format json > report.json"
)]
pub struct RunArgs {
    /// Scenario files, or folders of them [default: scenarios, else the product's own]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// What the scenarios run on: control planes on this machine or kind clusters, which they share one at a time, or a cluster that exists
    #[arg(long, value_enum, default_value = "local")]
    cluster: ClusterKind,
    #[command(flatten)]
    kubernetes: provision::KubernetesArgs,
    #[command(flatten)]
    existing: ExistingArgs,
    /// Lets the cluster that exists pull this image in place of the one that manifests name (may be repeated)
    #[arg(long = "image", value_name = "NAME=REFERENCE")]
    images: Vec<NamedImage>,
    /// Really creates objects in a cluster that exists; without it, they and the rights that they take are printed
    #[arg(long)]
    yes: bool,
    /// The `kind` command [default: SETPOINT_KIND, else `kind` in PATH]
    #[arg(long, value_name = "PATH")]
    kind: Option<PathBuf>,
    /// The image of kind's node [default: SETPOINT_KIND_NODE_IMAGE, else kind's own]
    #[arg(long, value_name = "IMAGE")]
    node_image: Option<String>,
    /// The adapter: binary:PATH for any program with prometheus-adapter's flags, prometheus-adapter:PATH, test-adapter:PATH,
    /// profile:FILE for one that its authors describe, scripted[:LIE] for the built-in test adapter, or installed for the one that a cluster that exists has [default: setpoint-adapter]
    #[arg(long, value_name = "ADAPTER", value_parser = adapter)]
    adapter: Option<Adapter>,
    /// Compares the adapter with another one by the configurations of a folder, instead of judging it by scenarios:
    /// prometheus-adapter:PATH, or prometheus-adapter for what was recorded of it. PATH is the folder then [default: fixtures/against]
    #[arg(long, value_name = "ADAPTER", value_parser = against::other, conflicts_with_all = ["keep", "yes"])]
    against: Option<Other>,
    #[command(flatten)]
    installed: InstalledArgs,
    #[command(flatten)]
    selection: SelectionArgs,
    /// Failures that are known: a file of ids, reasons and last days; those don't fail the run, and one that passes does
    #[arg(long, value_name = "FILE", conflicts_with = "against")]
    known_failures: Option<PathBuf>,
    /// How many scenarios run in parallel [default: 2; on local, two more than there are processors, and 8 at most]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// By which factor this machine is slow: time-outs and each `within:` are longer by it; how long a state must stay is not
    #[arg(long, value_name = "F", default_value_t, env = timeouts::VARIABLE)]
    timeout_factor: TimeoutFactor,
    /// Leave the kind cluster of each scenario that fails as it is, for two hours at most
    #[arg(long)]
    keep: bool,
    /// Write report.json, report.html, report.md, junit.xml, the curves of HPAs and the evidence of failures into this folder
    #[arg(long, value_name = "FOLDER")]
    report: Option<PathBuf>,
    /// What is printed on standard output
    #[arg(long, value_enum, default_value = "pretty")]
    format: Format,
}

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Pretty,
    /// For programs
    Json,
}

/// Which adapter is judged.
#[derive(Debug, Clone)]
pub(super) struct Adapter {
    pub(super) profile: Profile,
    /// Its program, where it isn't this one.
    path: Option<PathBuf>,
}

/// The value of `--adapter`.
pub(super) fn adapter(text: &str) -> anyhow::Result<Adapter> {
    // clap shows an error without its sources.
    named(text).map_err(|error| anyhow::anyhow!(error_chain(error.as_ref())))
}

fn named(text: &str) -> anyhow::Result<Adapter> {
    let (name, rest) = match text.split_once(':') {
        Some((name, rest)) => (name, Some(rest)),
        None => (text, None),
    };
    if name == "profile" {
        let file = rest.filter(|file| !file.is_empty());
        let file = file.context("expected profile:FILE; docs/conformance.md has its form")?;
        let profile = Profile::from_file(Path::new(file))?;
        let path = profile.program.clone();
        let path = path.or_else(|| std::env::var_os(ADAPTER_VARIABLE).map(PathBuf::from));
        let none = || format!("{file} names no `program`, and neither does {ADAPTER_VARIABLE}");
        let path = path.with_context(none)?;
        return Ok(Adapter {
            profile,
            path: Some(path),
        });
    }
    let mut profile = Profile::named(name)?;
    if name == "scripted" {
        let lie = rest.map(|lie| Lie::from_str(lie, false)).transpose();
        profile.lie = lie.map_err(|_| anyhow::anyhow!("expected one of {}", lies()))?;
        return Ok(Adapter {
            profile,
            path: None,
        });
    }
    if profile.is_installed() {
        anyhow::ensure!(rest.is_none(), "expected {name} alone");
        return Ok(Adapter {
            profile,
            path: None,
        });
    }
    match rest {
        None | Some("") => anyhow::bail!("expected {name}:PATH"),
        Some(path) => Ok(Adapter {
            profile,
            path: Some(path.into()),
        }),
    }
}

impl Adapter {
    /// Whether its programs are there and may be run.
    fn check_programs(&self) -> Result<(), BadInput> {
        let beside = self.profile.beside.programs.values();
        let programs = beside.chain(&self.path);
        for program in programs {
            let place = self.profile.named.get(program).map(String::as_str);
            let place = place.unwrap_or("use the adapter").to_owned();
            is_program(program).context(place).map_err(BadInput)?;
        }
        Ok(())
    }
}

fn is_program(path: &Path) -> anyhow::Result<()> {
    let metadata = std::fs::metadata(path);
    let metadata = metadata.with_context(|| format!("look at {}", path.display()))?;
    let may_run = metadata.is_file() && metadata.permissions().mode() & 0o111 != 0;
    anyhow::ensure!(may_run, "{} is no program that may be run", path.display());
    Ok(())
}

/// The names of all lies.
fn lies() -> String {
    let values = Lie::value_variants().iter();
    let values = values.filter_map(Lie::to_possible_value);
    let names: Vec<String> = values.map(|value| value.get_name().to_owned()).collect();
    names.join(", ")
}

/// Scenarios in paths, or in `scenarios/` of the working directory, or the product's own where that has none.
///
/// # Errors
/// When they can't be read: [`BadInput`].
pub(super) fn load(paths: &[PathBuf]) -> Result<Vec<Scenario>, BadInput> {
    let here = PathBuf::from("scenarios");
    let default = [if here.is_dir() {
        here
    } else {
        scenario::shipped()
    }];
    let paths = if paths.is_empty() { &default } else { paths };
    scenario::load(paths).map_err(|error| BadInput(error.into()))
}

/// Tells a step of a GitHub workflow that runs this program: its summary, and an annotation of each failure.
fn tell_github(report: &Report) -> anyhow::Result<()> {
    if std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true") {
        // Standard output may be for programs; the runner reads both.
        anstream::eprint!("{}", report.to_github_annotations());
    }
    let Some(summary) = std::env::var_os("GITHUB_STEP_SUMMARY").map(PathBuf::from) else {
        return Ok(());
    };
    let file = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(&summary);
    let written = file.and_then(|mut file| file.write_all(report.to_markdown().as_bytes()));
    written.with_context(|| format!("write the summary into {}", summary.display()))
}

/// Scenarios as they are played with an adapter that is there already. Those that can't be are skipped later, with the reason.
fn adopted(
    scenarios: Vec<Scenario>,
    installed: Option<&Installed>,
) -> anyhow::Result<Vec<Scenario>> {
    let Some(installed) = installed else {
        return Ok(scenarios);
    };
    let adopt = |scenario: Scenario| match scenario.misfit() {
        None => scenario.adopted(installed).map_err(anyhow::Error::new),
        Some(_) => Ok(scenario),
    };
    scenarios.into_iter().map(adopt).collect()
}

/// Runs, prints and tells by the exit code.
///
/// # Errors
/// When scenarios are no scenarios ([`BadInput`]), or the environment can't be set up.
pub async fn run(args: RunArgs) -> anyhow::Result<ExitCode> {
    // From here on neither Ctrl-C nor SIGTERM ends the process before what it started.
    let mut termination = Termination::watch().context("watch SIGTERM and SIGINT")?;
    args.check_cluster_flags()?;
    if let Some(other) = args.against {
        if args.selection.is_of_scenarios() {
            let why =
                "--suite and --shard are for scenarios; --against takes configurations by --filter";
            return Err(BadInput(anyhow::anyhow!(why)).into());
        }
        return against::run(Comparing {
            other,
            adapter: args.adapter.and_then(|adapter| adapter.path),
            kubernetes: args.kubernetes,
            paths: args.paths,
            filter: args.selection.filter,
            jobs: args.jobs.map_or(2, usize::from),
            timeouts: Timeouts::scaled_by(args.timeout_factor),
            report: args.report,
        })
        .await;
    }
    // Everything that can be refused is refused before anything is started.
    if let Some(adapter) = &args.adapter {
        adapter.check_programs()?;
    }
    let all = load(&args.paths)?;
    let known = args.known_failures.as_deref();
    // A file may be about all scenarios where a part of them is named. Those that can't be read are unknown to it.
    let others = match (known, args.paths.as_slice()) {
        (None, _) | (_, []) => Vec::new(),
        (Some(_), _) => load(&[]).unwrap_or_default(),
    };
    let known = known.map(|path| KnownFailures::load(path, &all, &others));
    let known = known.transpose().map_err(|error| BadInput(error.into()))?;
    let scenarios = args.selection.of(all)?;
    if let Some(folder) = &args.report {
        make_report_folder(folder)?;
    }
    args.kubernetes.check(args.cluster)?;
    let existing = args.existing.options(args.cluster)?;
    let (profile, path) = match args.adapter {
        Some(adapter) => (adapter.profile, adapter.path),
        None => (Profile::named("binary")?, None),
    };
    if args.cluster == ClusterKind::Existing && !profile.beside.is_empty() {
        let why = "the adapter's profile brings programs or manifests along, which a cluster of others doesn't get: --cluster local or kind";
        return Err(BadInput(anyhow::anyhow!(why)).into());
    }
    let timeouts = Timeouts::scaled_by(args.timeout_factor);
    let installed = args.installed.installed(&profile, args.cluster)?;
    let scenarios = adopted(scenarios, installed.as_ref())?;
    let fitted = scenarios.iter().map(|one| one.for_profile(&profile));
    let scenarios: Vec<Scenario> = fitted.collect::<Result<_, _>>()?;
    let existing = existing.map(|mut options| {
        options.images = images(&scenarios, &args.images);
        options.observes = installed.is_some();
        let feed = installed.as_ref().map(|installed| &installed.feed);
        options.pod_monitors = matches!(feed, Some(Feed::PodMonitor(_)));
        options
    });
    if let (Some(options), false) = (&existing, args.yes) {
        let skips = |scenario: &&Scenario| {
            profile.lacks_one_of(&scenario.document.needs).is_none()
                && args.cluster.lacks(&scenario.document).is_none()
                && (installed.is_none() || scenario.misfit().is_none())
        };
        let scenarios: Vec<&Scenario> = scenarios.iter().filter(skips).collect();
        let provider = ExistingProvider::new(options.clone());
        let (server, placement) = provider.preview().await.map_err(unusable)?;
        anstream::print!("{}", plan(&scenarios, options, &server, &placement));
        return Ok(ExitCode::from(2));
    }
    let programs = async {
        if profile.is_installed() {
            return Programs::without_adapter();
        }
        let mut programs = Programs::find(path, &timeouts).await?;
        if profile.is_this_program() {
            programs.judge_setpoint()?;
        }
        programs.run_beside(&profile.beside.programs)?;
        Ok::<_, ProgramError>(programs)
    };
    // What a backend needs is asked for before programs are built.
    let (backend, programs) = match args.cluster {
        ClusterKind::Local => {
            let binaries = args.kubernetes.binaries().await?;
            let programs = programs.await?;
            (Backend::local(binaries, &programs)?, programs)
        }
        ClusterKind::Kind => {
            let mut options = KindOptions::default();
            options.kind = args.kind;
            options.node_image = args.node_image;
            KindProvider::new(options.clone()).check().await?;
            let programs = programs.await?;
            (
                Backend::kind(options, &scenarios, &profile.beside.manifests, &programs)?,
                programs,
            )
        }
        ClusterKind::Existing => {
            let provider = existing.map_or_else(ExistingProvider::default, ExistingProvider::new);
            provider.check().await.map_err(unusable)?;
            (Backend::existing(provider), programs.await?)
        }
    };
    let mut arguments = args.existing.arguments();
    arguments.extend(args.kubernetes.arguments());
    arguments.extend(args.installed.arguments());
    arguments.extend(args.images.iter().map(|image| format!("--image {image}")));
    let interrupted = CancellationToken::new();
    let options = RunOptions::new(backend, programs, profile)
        .jobs(args.jobs.map_or_else(|| args.cluster.jobs(), usize::from))
        .interrupted_by(interrupted.clone())
        .keep_failed(args.keep)
        .timeouts(timeouts)
        .observing(installed)
        .repeated_by(arguments);
    let running = run_scenarios(scenarios, options, Arc::new(Terminal::default()));
    tokio::pin!(running);
    let mut report = tokio::select! {
        report = &mut running => report,
        () = termination.received() => {
            anstream::eprintln!("interrupted: collecting evidence and removing the clusters");
            interrupted.cancel();
            running.await
        }
    };
    if let Some(known) = &known {
        known.mark(&mut report, jiff::Zoned::now().date());
    }
    match args.format {
        Format::Pretty => report.print_summary(),
        Format::Json => anstream::println!("{}", serde_json::to_string_pretty(&report)?),
    }
    if let Some(folder) = &args.report {
        report
            .write(folder)
            .with_context(|| format!("write the report into {}", folder.display()))?;
    }
    tell_github(&report)?;
    Ok(ExitCode::from(report.exit_code()))
}
