//! Figures of the process, under the names that all of Prometheus' clients give them.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Ticks in a second that `/proc` counts in, the same on every architecture.
const TICKS: f64 = 100.0;

/// Reads `/proc/self` at each scrape. What can't be read is left out.
#[derive(Debug)]
pub(super) struct Process {
    started: Duration,
}

impl Process {
    pub(super) fn starting_now() -> Self {
        let started = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            started: started.unwrap_or_default(),
        }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut figure = |name, help, figure: &dyn EncodeMetric| {
            let metric = encoder.encode_descriptor(name, help, None, figure.metric_type())?;
            figure.encode(metric)
        };
        if let Some(seconds) = processor_seconds() {
            let help = "Seconds of processors that the process has taken";
            figure("process_cpu_seconds", help, &ConstCounter::new(seconds))?;
        }
        if let Some(bytes) = resident_bytes() {
            let help = "Bytes of memory that the process takes";
            figure(
                "process_resident_memory_bytes",
                help,
                &ConstGauge::new(bytes),
            )?;
        }
        if let Ok(open) = fs::read_dir("/proc/self/fd") {
            let open = ConstGauge::new(i64::try_from(open.count()).unwrap_or(i64::MAX));
            figure("process_open_fds", "Open file descriptors", &open)?;
        }
        let help = "When the process started, in seconds since 1970";
        let started = ConstGauge::new(self.started.as_secs_f64());
        figure("process_start_time_seconds", help, &started)
    }
}

fn processor_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in parentheses, which may hold spaces.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut ticks = fields.split(' ').skip(11).map(str::parse::<f64>);
    Some((ticks.next()?.ok()? + ticks.next()?.ok()?) / TICKS)
}

fn resident_bytes() -> Option<i64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: i64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_proc_says_of_this_process_is_read() {
        let before = processor_seconds().unwrap();
        assert!(before < 24.0 * 3600.0);
        assert!(resident_bytes().unwrap() > 1 << 20);
        while processor_seconds().unwrap() < before + 0.05 {
            std::hint::spin_loop();
        }
    }
}
