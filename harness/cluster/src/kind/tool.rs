//! The `kind` command and the container engine's: found, run, and quoted when they fail.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use setpoint_support::find_in_path;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use super::KindError;
use super::cure::cure;
use crate::provider::Progress;

/// Which engine kind uses; its own variable, so that what is said to one is said to both.
const PROVIDER_VARIABLE: &str = "KIND_EXPERIMENTAL_PROVIDER";
/// The variable that names the `kind` command.
const KIND_VARIABLE: &str = "SETPOINT_KIND";
/// How long the engine may take to say that it is there.
const ENGINE_ANSWER: Duration = Duration::from_secs(20);
/// How many of a command's last lines an error shows.
const SHOWN_LINES: usize = 20;

/// The commands that a kind cluster is made and looked after with.
#[derive(Debug, Clone)]
pub(super) struct Tools {
    kind: PathBuf,
    /// `docker`, `podman` or `nerdctl`.
    engine: String,
}

impl Tools {
    /// The `kind` command is `explicit`, else what `SETPOINT_KIND` names, else in PATH, else in the cache.
    pub(super) fn find(explicit: Option<PathBuf>, cache: Option<&Path>) -> Result<Self, KindError> {
        let named = explicit.or_else(|| {
            let named = std::env::var_os(KIND_VARIABLE).filter(|path| !path.is_empty());
            named.map(PathBuf::from)
        });
        let kind = match named {
            Some(path) if path.is_file() => path,
            Some(path) => return Err(KindError::NotAProgram { path }),
            None => {
                let cached = cache.map(|cache| cache.join("kind/bin/kind"));
                let found = find_in_path("kind").or(cached.filter(|file| file.is_file()));
                found.ok_or(KindError::NoKind)?
            }
        };
        let engine = std::env::var(PROVIDER_VARIABLE)
            .ok()
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| "docker".to_owned());
        Ok(Self { kind, engine })
    }

    /// Whether the engine answers, before anything is asked of it.
    pub(super) async fn check_engine(&self) -> Result<(), KindError> {
        let mut info = self.engine(&["info"]);
        info.stdout(Stdio::null()).stdin(Stdio::null());
        let no_engine = |reason: String| KindError::NoEngine {
            engine: self.engine.clone(),
            reason,
        };
        match timeout(ENGINE_ANSWER, info.output()).await {
            Err(_) => Err(no_engine(format!("it is silent for {ENGINE_ANSWER:?}"))),
            Ok(Err(error)) => Err(no_engine(error.to_string())),
            Ok(Ok(output)) if output.status.success() => Ok(()),
            Ok(Ok(output)) => Err(no_engine(last_lines(&output.stderr))),
        }
    }

    fn engine(&self, arguments: &[&str]) -> Command {
        command(Path::new(&self.engine), arguments)
    }

    /// Runs `kind` with something on its standard input, and tells its lines as they come.
    pub(super) async fn kind(
        &self,
        arguments: &[&str],
        input: &[u8],
        progress: Option<&Progress>,
    ) -> Result<String, KindError> {
        let shown = format!("kind {}", arguments.join(" "));
        let failed = |source| KindError::Start {
            command: shown.clone(),
            source,
        };
        let mut child = command(&self.kind, arguments)
            .stdin(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let mut stdin = child.stdin.take();
        let feed = async {
            if let Some(stdin) = &mut stdin {
                // A command that doesn't read to its end says why in what it prints.
                let _ = stdin.write_all(input).await;
            }
            stdin = None;
        };
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let listen = async {
            let mut said = String::new();
            let Some(stderr) = stderr else { return said };
            let mut lines = BufReader::new(stderr).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some(progress) = progress
                    && let Some(step) = step(&line)
                {
                    progress(step);
                }
                said.push_str(&line);
                said.push('\n');
            }
            said
        };
        let answer = async {
            let mut answer = String::new();
            if let Some(mut stdout) = stdout {
                // What is no text is nothing that is waited for.
                let _ = stdout.read_to_string(&mut answer).await;
            }
            answer
        };
        let ((), said, answer) = tokio::join!(feed, listen, answer);
        let status = child.wait().await.map_err(failed)?;
        if status.success() {
            return Ok(answer);
        }
        Err(KindError::Command {
            command: shown,
            status: status.to_string(),
            said: last_lines(said.as_bytes()),
            cure: cure(&said),
        })
    }

    /// Removes a cluster without anybody waiting for it.
    pub(super) fn delete_unattended(&self, name: &str) {
        let mut command = std::process::Command::new(&self.kind);
        command
            .args(["delete", "cluster", "--name", name])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        if let Err(error) = command.spawn() {
            tracing::warn!(name, %error, "remove a kind cluster; `setpoint reap` tries again");
        }
    }

    /// What a program on a node prints.
    pub(super) async fn on_node(&self, node: &str, program: &[&str]) -> Result<String, KindError> {
        let arguments = [&["exec", node], program].concat();
        let output = self.run_engine(&arguments).await?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs the engine's command.
    async fn run_engine(&self, arguments: &[&str]) -> Result<Output, KindError> {
        let shown = format!("{} {}", self.engine, arguments.join(" "));
        let output = self.engine(arguments).stdin(Stdio::null()).output().await;
        let output = output.map_err(|source| KindError::Start {
            command: shown.clone(),
            source,
        })?;
        if output.status.success() {
            return Ok(output);
        }
        Err(KindError::Command {
            command: shown,
            status: output.status.to_string(),
            said: last_lines(&output.stderr),
            cure: cure(&String::from_utf8_lossy(&output.stderr)),
        })
    }
}

/// A command in a process group of its own: Ctrl-C reaches only the harness, which ends things in order.
fn command(program: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    command
}

/// What kind says of a step that begins: ` • Preparing nodes 📦  ...`, without its ornaments.
fn step(line: &str) -> Option<&str> {
    let step = line.trim().strip_prefix("• ")?;
    let ornament = |c: char| !c.is_ascii() || c == '.' || c.is_whitespace();
    Some(step.trim_end_matches(ornament))
}

fn last_lines(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<&str> = text.trim().lines().collect();
    lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn kinds_steps_are_told_without_ornaments() {
        assert_eq!(step(" • Preparing nodes 📦   ..."), Some("Preparing nodes"));
        assert_eq!(step(" ✓ Preparing nodes 📦 "), None);
    }

    #[tokio::test]
    async fn a_command_that_fails_is_quoted() {
        let tools = Tools {
            kind: "/bin/sh".into(),
            engine: "docker".to_owned(),
        };
        let script = "cat; echo ' • Starting control-plane 🕹️ ...' >&2; echo no room >&2; exit 3";
        let told = Arc::new(std::sync::Mutex::new(Vec::new()));
        let progress: Progress = {
            let told = told.clone();
            Arc::new(move |step| told.lock().unwrap().push(step.to_owned()))
        };
        let error = tools
            .kind(&["-c", script], b"nodes: []", Some(&progress))
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains("no room"), "{error}");
        assert!(error.contains("exit status: 3"), "{error}");
        assert_eq!(*told.lock().unwrap(), ["Starting control-plane"]);
        let answer = tools.kind(&["-c", "cat"], b"a\n", None).await.unwrap();
        assert_eq!(answer, "a\n");
    }

    #[tokio::test]
    async fn an_engine_that_is_not_there_is_an_error_with_its_cure() {
        let tools = Tools {
            kind: "/bin/sh".into(),
            engine: "no-such-engine".to_owned(),
        };
        let error = tools.check_engine().await.unwrap_err().to_string();
        assert!(error.contains("no-such-engine"), "{error}");
        assert!(error.contains("DOCKER_HOST"), "{error}");
    }
}
