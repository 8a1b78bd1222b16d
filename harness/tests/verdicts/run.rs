//! A `setpoint run` in a process of its own.

use std::fs::Permissions;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use setpoint::programs::Programs;
use setpoint::timeouts::Timeouts;
use tempfile::TempDir;

use super::processes::{Process, descendants, signal};

/// How long a run may take to come to what a test waits for, or to its end.
const LIMIT: Duration = Duration::from_secs(120);
/// How often it is looked at.
const INTERVAL: Duration = Duration::from_millis(20);

/// The product's programs, built once.
static PROGRAMS: LazyLock<Programs> = LazyLock::new(|| {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime
        .block_on(Programs::find(None, &Timeouts::default()))
        .unwrap()
});

/// A run of one scenario, with a folder of its own for everything that it keeps.
pub(crate) struct Run {
    folder: TempDir,
    process: Child,
    log: Arc<Mutex<String>>,
    /// All processes that were seen below it.
    seen: Vec<Process>,
}

/// How a run ended.
pub(crate) struct Ended {
    pub(crate) exit_code: Option<i32>,
    /// The report of the scenario.
    pub(crate) outcome: Value,
    pub(crate) log: String,
}

impl Ended {
    /// Compares verdict, owner and kind, and the exit code.
    pub(crate) fn assert_verdict(&self, expected: [&str; 3], exit_code: i32) {
        let verdict = &self.outcome["verdict"];
        let of = ["verdict", "owner", "kind"].map(|key| verdict[key].as_str());
        assert_eq!(of, expected.map(Some), "{verdict}\n{}", self.log);
        assert_eq!(self.exit_code, Some(exit_code), "{}", self.log);
    }

    /// The adapter fails by a finding of this kind, whose cause holds a text.
    pub(crate) fn assert_failed(&self, kind: &str, told: &str) {
        self.assert_verdict(["failed", "adapter", kind], 1);
        let cause = self.outcome["verdict"]["cause"].as_str().unwrap();
        assert!(cause.contains(told), "{cause}");
    }
}

impl Run {
    pub(crate) fn start(scenario: &str) -> Self {
        Self::on_slow_machine("1", scenario)
    }

    /// Starts one whose time-outs are longer by a factor.
    pub(crate) fn on_slow_machine(factor: &str, scenario: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::start_in(folder, &PROGRAMS.adapter, factor, scenario)
    }

    /// Starts one with this adapter.
    pub(crate) fn of_adapter(adapter: &Path, scenario: &str) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), adapter, "1", scenario)
    }

    /// Starts one whose adapter is this shell script.
    pub(crate) fn with_adapter(script: &str, scenario: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let adapter = folder.path().join("adapter");
        std::fs::write(&adapter, script).unwrap();
        std::fs::set_permissions(&adapter, Permissions::from_mode(0o755)).unwrap();
        Self::start_in(folder, &adapter, "1", scenario)
    }

    fn start_in(folder: TempDir, adapter: &Path, factor: &str, scenario: &str) -> Self {
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("run")).unwrap();
        std::fs::write(path("scenario.yaml"), scenario).unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_setpoint"))
            .args(["run", "--jobs=1", "--report=report", "scenario.yaml"])
            // Outside the checkout nothing is built.
            .current_dir(folder.path())
            .env("SETPOINT_ADAPTER_BIN", adapter)
            .envs(
                PROGRAMS
                    .plane
                    .iter()
                    .map(|plane| ("SETPOINT_PLANE_BIN", plane)),
            )
            .env("XDG_RUNTIME_DIR", path("run"))
            .env("SETPOINT_TIMEOUT_FACTOR", factor)
            .env("RUST_LOG", "setpoint::report=debug")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::<Mutex<String>>::default();
        let (lines, written) = (process.stderr.take().unwrap(), log.clone());
        std::thread::spawn(move || {
            for line in BufReader::new(lines).lines().map_while(Result::ok) {
                let mut written = written.lock().unwrap();
                written.push_str(&line);
                written.push('\n');
            }
        });
        Self {
            folder,
            process,
            log,
            seen: Vec::new(),
        }
    }

    /// Waits until it says that it does something.
    pub(crate) fn until(&mut self, doing: &str) {
        let log = self.log.clone();
        let doing = doing.to_owned();
        let what = format!("`{doing}`");
        self.wait_for(&what, |_| {
            log.lock().unwrap().contains(&doing).then_some(())
        });
    }

    /// Waits for a process of the run, and returns its number.
    pub(crate) fn find(&mut self, command: &str) -> u32 {
        let what = format!("a process `{command}`");
        let wanted = command.to_owned();
        self.wait_for(&what, |seen| {
            let found = seen.iter().rev();
            let mut found = found.filter(|process| process.command.contains(&wanted));
            found
                .find(|process| process.is_alive())
                .map(|process| process.pid)
        })
    }

    fn wait_for<T>(&mut self, what: &str, mut find: impl FnMut(&[Process]) -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            self.look();
            if let Some(found) = find(&self.seen) {
                return found;
            }
            let ended = self.process.try_wait().unwrap();
            let log = self.log.lock().unwrap();
            assert!(
                ended.is_none(),
                "ended with {ended:?} before {what}:\n{log}"
            );
            assert!(
                started.elapsed() < LIMIT,
                "no {what} within {LIMIT:?}:\n{log}"
            );
            drop(log);
            pause();
        }
    }

    /// Takes note of the processes that there are now.
    fn look(&mut self) {
        for process in descendants(self.process.id()) {
            if !self.seen.contains(&process) {
                self.seen.push(process);
            }
        }
    }

    /// Presses Ctrl-C.
    pub(crate) fn interrupt(&self) {
        assert!(signal("INT", self.process.id()), "the run has ended");
    }

    /// Does something again and again until the run ends.
    pub(crate) fn until_it_ends(&mut self, mut does: impl FnMut(&[Process])) {
        let started = Instant::now();
        while self.process.try_wait().unwrap().is_none() {
            self.look();
            does(&self.seen);
            assert!(
                started.elapsed() < LIMIT,
                "it doesn't end:\n{}",
                self.log.lock().unwrap()
            );
            pause();
        }
    }

    /// Waits for its end, and until nothing of it is left.
    pub(crate) fn end(mut self) -> Ended {
        self.until_it_ends(|_| {});
        let exit_code = self.process.wait().unwrap().code();
        let log = self.log.lock().unwrap().clone();
        assert!(!self.seen.is_empty(), "no process was seen:\n{log}");
        let planes = self.folder.path().join("run/setpoint/planes");
        let started = Instant::now();
        loop {
            let left: Vec<&Process> = self.seen.iter().filter(|seen| seen.is_alive()).collect();
            let folders = entries(&planes);
            if left.is_empty() && folders.is_empty() {
                break;
            }
            assert!(
                started.elapsed() < LIMIT,
                "left: {left:#?}, {folders:?}\n{log}"
            );
            pause();
        }
        let report = std::fs::read(self.folder.path().join("report/report.json"));
        let report: Value = serde_json::from_slice(&report.expect(&log)).unwrap();
        Ended {
            exit_code,
            outcome: report["scenarios"][0].clone(),
            log,
        }
    }
}

/// Until the next look.
#[expect(
    clippy::disallowed_methods,
    reason = "processes that aren't children can only be looked at"
)]
fn pause() {
    std::thread::sleep(INTERVAL);
}

fn entries(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}
