//! Showing how provisioning goes on.

use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use setpoint_cluster::provision::Progress;

/// A spinner or bar on a terminal. Elsewhere a line when something begins or ends, and one a minute between.
#[derive(Default)]
pub(super) struct Display {
    bar: Option<ProgressBar>,
    packages: usize,
    minutes_told: u64,
}

impl Display {
    pub(super) fn show(&mut self, progress: Progress) {
        match progress {
            Progress::Waiting { module, lock } => self.begin(format!(
                "waiting for another process that gets {module} (it holds {})",
                lock.display()
            )),
            Progress::Downloading { url, .. } => self.begin(format!("downloading {url}")),
            Progress::Received {
                bytes,
                total,
                elapsed,
                ..
            } => self.received(bytes, total, elapsed),
            Progress::Downloaded { module, elapsed } => {
                self.ended(&format!(
                    "downloaded {module} in {}s, its SHA-256 is right",
                    elapsed.as_secs()
                ));
            }
            Progress::NotDownloaded { module, why } => {
                self.ended(&format!(
                    "{module} can't be downloaded, so it is built: {why}"
                ));
            }
            Progress::Building { module, programs } => {
                let names: Vec<_> = programs.iter().map(|program| program.name()).collect();
                self.begin(format!("building {} from {module}", names.join(" and ")));
            }
            Progress::Line { elapsed, line, .. } => self.compiled(elapsed, &line),
            Progress::Built { module, elapsed } => {
                self.ended(&format!("built {module} in {}s", elapsed.as_secs()));
            }
            // Progress may learn to say more; what this display doesn't know it leaves out.
            _ => {}
        }
    }

    fn begin(&mut self, what: String) {
        self.clear();
        (self.packages, self.minutes_told) = (0, 0);
        let bar = ProgressBar::new_spinner();
        if bar.is_hidden() {
            anstream::eprintln!("{what}");
            return;
        }
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} [{elapsed}] {msg:.dim}")
        {
            bar.set_style(style);
        }
        bar.set_prefix(what);
        bar.enable_steady_tick(Duration::from_millis(100));
        self.bar = Some(bar);
    }

    fn received(&mut self, bytes: u64, total: Option<u64>, elapsed: Duration) {
        self.on(elapsed, || match total {
            Some(total) => format!("{} of {}", HumanBytes(bytes), HumanBytes(total)),
            None => HumanBytes(bytes).to_string(),
        });
    }

    fn compiled(&mut self, elapsed: Duration, line: &str) {
        self.packages += 1;
        let packages = self.packages;
        let is_shown = self.bar.is_some();
        self.on(elapsed, || {
            if is_shown {
                format!("{packages} packages, {line}")
            } else {
                format!("{packages} packages compiled")
            }
        });
    }

    /// How far it is: at once on a terminal, elsewhere when a minute is over.
    fn on(&mut self, elapsed: Duration, far: impl FnOnce() -> String) {
        if let Some(bar) = &self.bar {
            bar.set_message(far());
            return;
        }
        let minutes = elapsed.as_secs() / 60;
        if minutes > self.minutes_told {
            self.minutes_told = minutes;
            anstream::eprintln!("  {minutes} min: {}", far());
        }
    }

    fn ended(&mut self, what: &str) {
        self.clear();
        anstream::eprintln!("{what}");
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
