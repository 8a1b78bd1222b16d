//! Filling the cache by `go build`.

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use super::source::{Module, Program};
use super::workshop::{Workshop, fill, io_at};
use super::{Progress, ProvisionError};

/// How much of go's output an error shows.
const LAST_LINES: usize = 20;

/// Builds what is missing of `wanted`, unless another process is just doing it: then waits for that one.
pub(super) fn into_cache(
    module: Module,
    wanted: &[Program],
    cache: &Path,
    go: &Path,
    progress: &mut impl FnMut(Progress),
) -> Result<(), ProvisionError> {
    let took = fill(module, wanted, cache, progress, |workshop, missing, say| {
        build(module, missing, go, workshop, say)
    })?;
    if let Some(elapsed) = took {
        progress(Progress::Built { module, elapsed });
    }
    Ok(())
}

fn build(
    module: Module,
    programs: &[Program],
    go: &Path,
    workshop: &Workshop,
    progress: &mut impl FnMut(Progress),
) -> Result<(), ProvisionError> {
    let started = Instant::now();
    progress(Progress::Building {
        module,
        programs: programs.to_vec(),
    });
    workshop.write("go.mod", module.go_mod())?;
    workshop.write("go.sum", module.go_sum())?;
    run_go(module, programs, go, workshop.path(), |line| {
        progress(Progress::Line {
            module,
            line,
            elapsed: started.elapsed(),
        });
    })?;
    for program in programs {
        let made = workshop.program(*program);
        let built = made.with_file_name(program.built_name());
        io_at("find the built program", &built, |built| {
            fs::rename(built, &made)
        })?;
    }
    Ok(())
}

fn run_go(
    module: Module,
    programs: &[Program],
    go: &Path,
    workshop: &Path,
    mut said: impl FnMut(String),
) -> Result<(), ProvisionError> {
    let mut command = Command::new(go);
    command
        .args(["build", "-v", "-mod=readonly", "-trimpath", "-ldflags"])
        .arg(module.ldflags())
        .args(["-o", "bin/"])
        .args(programs.iter().map(|program| program.package()))
        .current_dir(workshop)
        // A go.work above the cache must not replace the modules.
        .env("GOWORK", "off")
        .env("CGO_ENABLED", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let start_error = |source| ProvisionError::Start {
        go: go.to_owned(),
        source,
    };
    let mut build = KillOnDrop(command.spawn().map_err(start_error)?);
    let mut last_lines = VecDeque::new();
    if let Some(output) = build.0.stderr.take() {
        for line in BufReader::new(output).split(b'\n') {
            let line = String::from_utf8_lossy(&line.map_err(start_error)?).into_owned();
            if last_lines.len() == LAST_LINES {
                last_lines.pop_front();
            }
            last_lines.push_back(line.clone());
            said(line);
        }
    }
    let status = build.0.wait().map_err(start_error)?;
    if status.success() {
        return Ok(());
    }
    Err(ProvisionError::Build {
        module,
        workshop: workshop.to_owned(),
        status: status.to_string(),
        last_lines: Vec::from(last_lines).join("\n"),
    })
}

/// A build is ended when its caller stops waiting, also when the progress callback panics.
struct KillOnDrop(Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            // Both fail only when the process has just ended by itself.
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}
