//! A real Prometheus as a child process, and the same series for it and for us.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde_json::Value;
use setpoint_replay::labels::Labels;
use setpoint_replay::promql::{Settings, Version};
use setpoint_replay::{Replay, ReplayOptions, Script, ScriptedSeries, World, api, remote_write};

/// Where the times of the first set of series begin, milliseconds since 1970.
const FIRST: i64 = 1_700_000_000_000;
/// From set to set: farther apart than any query looks.
const APART: i64 = 24 * 60 * 60 * 1000;

pub(crate) struct Server {
    process: Child,
    pub(crate) address: String,
    http: reqwest::Client,
    /// Neither asks for compression nor follows redirects by itself.
    plain: reqwest::Client,
    runtime: tokio::runtime::Runtime,
    pub(crate) settings: Settings,
    next: AtomicI64,
    _folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Series that a server has, and the world of the same series.
pub(crate) struct Set {
    pub(crate) world: World,
    pub(crate) origin: i64,
}

impl Set {
    /// All samples, at their wall times.
    fn samples(&self) -> Vec<(Labels, Vec<(i64, f64)>)> {
        let samples = self.world.series().map(|series| {
            let mut samples = Vec::new();
            series.collect(i64::MIN, i64::MAX, usize::MAX, &mut samples);
            let samples = samples.into_iter();
            let samples = samples.map(|(at, value)| (at + self.origin, value));
            (series.labels.clone(), samples.collect())
        });
        samples.collect()
    }
}

impl Server {
    pub(crate) fn start(program: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("prometheus.yml");
        std::fs::write(&config, "{}").unwrap();
        let mut process = Command::new(program)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ))
            // All that the tests write stays in one block, whatever its time.
            .args([
                "--storage.tsdb.min-block-duration=10y",
                "--storage.tsdb.max-block-duration=10y",
            ])
            .args([
                "--storage.tsdb.retention.time=100y",
                "--web.enable-remote-write-receiver",
            ])
            .args([
                "--web.listen-address=127.0.0.1:0",
                "--query.max-concurrency=4",
            ])
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("starting {}: {error}", program.display()));
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut seen = Vec::new();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                let listening = line.contains("Listening on");
                let address = line
                    .split("address=")
                    .nth(1)
                    .map(|rest| rest.trim_end().to_owned());
                seen.push(line);
                address.filter(|_| listening)
            })
            .unwrap_or_else(|| panic!("Prometheus ended before it listened:\n{}", seen.join("\n")));
        // Its log goes on, and a full pipe would stop it.
        std::thread::spawn(move || lines.for_each(drop));
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let http = reqwest::Client::builder()
            .tls_certs_only([])
            .no_proxy()
            .build()
            .unwrap();
        let plain = reqwest::Client::builder()
            .tls_certs_only([])
            .no_proxy()
            .no_gzip()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let mut server = Self {
            process,
            address,
            http,
            plain,
            runtime: tokio::runtime::Runtime::new().unwrap(),
            settings: Settings::default(),
            next: AtomicI64::new(FIRST),
            _folder: folder,
        };
        server.runtime.block_on(server.is_ready());
        let told = server.get("/api/v1/status/buildinfo", &[]);
        let version = told["data"]["version"].as_str().unwrap();
        let version = version.split(['+', '-']).next().unwrap();
        server.settings.version = version.parse::<Version>().unwrap();
        server
    }

    /// Whether a time-out that isn't above zero is a bad parameter, and not one that is over.
    pub(crate) fn refuses_no_time(&self) -> bool {
        self.settings.version >= Version::new(3, 16)
    }

    /// Whether the window of a fixed time moves with the steps where another argument isn't fixed: before v3, and again
    /// between v3.5 and v3.16. That isn't played.
    pub(crate) fn moves_fixed_windows(&self) -> bool {
        let version = self.settings.version;
        let again = Version::new(3, 6)..Version::new(3, 16);
        version < Version::new(3, 0) || again.contains(&version)
    }

    /// Whether `rate` and `increase` say of a series that has one sample in the last window that it may be no counter;
    /// that isn't played.
    pub(crate) fn notes_single_samples(&self) -> bool {
        let version = self.settings.version;
        version >= Version::new(2, 48) && version < Version::new(3, 0)
    }

    async fn is_ready(&self) {
        let ready = async {
            let mut tick = tokio::time::interval(Duration::from_millis(20));
            loop {
                tick.tick().await;
                let answer = self
                    .http
                    .get(format!("http://{}/-/ready", self.address))
                    .send()
                    .await;
                if answer.is_ok_and(|answer| answer.status() == 200) {
                    return;
                }
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(60), ready).await;
        assert!(waited.is_ok(), "Prometheus isn't ready within a minute");
    }

    /// Gives both the same series, at times that no other series have.
    pub(crate) fn load(&self, series: Vec<ScriptedSeries>) -> Set {
        let origin = self.next.fetch_add(APART, Ordering::Relaxed);
        let script = Script {
            series,
            ..Script::default()
        };
        let world = World::new(&script, origin).unwrap();
        let set = Set { world, origin };
        self.write(&self.address, &set.samples());
        set
    }

    /// Gives samples to a server by remote write.
    fn write(&self, address: &str, samples: &[(Labels, Vec<(i64, f64)>)]) {
        let send = async {
            let answer = self
                .http
                .post(format!("http://{address}/api/v1/write"))
                .header("Content-Encoding", "snappy")
                .header("Content-Type", "application/x-protobuf")
                .header("X-Prometheus-Remote-Write-Version", "0.1.0")
                .body(remote_write::request(samples))
                .send()
                .await
                .unwrap();
            let status = answer.status();
            assert_eq!(
                status,
                204,
                "remote write: {}",
                answer.text().await.unwrap()
            );
        };
        self.runtime.block_on(send);
    }

    pub(crate) fn get(&self, path: &str, parameters: &[(String, String)]) -> Value {
        self.runtime.block_on(self.ask(path, parameters))
    }

    async fn ask(&self, path: &str, parameters: &[(String, String)]) -> Value {
        let mut request = self.http.get(format!("http://{}{path}", self.address));
        if !parameters.is_empty() {
            request = self
                .http
                .post(format!("http://{}{path}", self.address))
                .form(parameters);
        }
        let body = request.send().await.unwrap().bytes().await.unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    /// What the server and we answer to a question.
    pub(crate) fn both(&self, set: &Set, question: &Question) -> (Value, Value) {
        (self.theirs(set, question), self.ours(set, question))
    }

    pub(crate) fn theirs(&self, set: &Set, question: &Question) -> Value {
        let (path, parameters) = question.request(set.origin);
        self.get(path, &parameters)
    }

    pub(crate) fn ours(&self, set: &Set, question: &Question) -> Value {
        let (path, parameters) = question.request(set.origin);
        let wall = set.origin + APART;
        let ours = api::answer(&set.world, &self.settings, wall, path, &parameters);
        serde_json::from_str(&ours.body).unwrap()
    }
}

/// A real server and a fake one with the same series, both over the wire.
pub(crate) struct Both<'a> {
    server: &'a Server,
    fake: Replay,
    /// Where the times of the series begin, milliseconds since 1970.
    pub(crate) origin: i64,
}

impl<'a> Both<'a> {
    pub(crate) fn start(server: &'a Server, series: Vec<ScriptedSeries>) -> Self {
        let set = server.load(series);
        let options = ReplayOptions {
            settings: server.settings,
            ..ReplayOptions::default()
        };
        let fake = server.runtime.block_on(Replay::start(options)).unwrap();
        let both = Self {
            server,
            fake,
            origin: set.origin,
        };
        server.write(&both.fake.address().to_string(), &set.samples());
        both
    }

    /// The real server's URL, and the fake one's.
    pub(crate) fn urls(&self) -> [String; 2] {
        let addresses = [self.server.address.clone(), self.fake.address().to_string()];
        addresses.map(|address| format!("http://{address}"))
    }

    /// What both answer; bodies are decompressed.
    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        form: &str,
    ) -> [Received; 2] {
        self.urls().map(|url| {
            let ask = async {
                let method = method.parse().unwrap();
                let mut request = self.server.plain.request(method, format!("{url}{path}"));
                for (name, value) in headers {
                    request = request.header(*name, *value);
                }
                if !form.is_empty() {
                    request = request
                        .header("Content-Type", "application/x-www-form-urlencoded")
                        .body(form.to_owned());
                }
                let answer = request.send().await.unwrap();
                let status = answer.status().as_u16();
                let headers = answer.headers().iter();
                let headers: Vec<(String, String)> = headers
                    .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
                    .collect();
                let body = answer.bytes().await.unwrap();
                let coding = headers.iter().find(|(name, _)| name == "content-encoding");
                let body = match coding.map(|(_, coding)| coding.as_str()) {
                    Some("gzip") => read(flate2::read::GzDecoder::new(&body[..])),
                    Some("deflate") => read(flate2::read::ZlibDecoder::new(&body[..])),
                    _ => read(&body[..]),
                };
                Received {
                    status,
                    headers,
                    body,
                }
            };
            self.server.runtime.block_on(ask)
        })
    }
}

fn read(mut source: impl std::io::Read) -> String {
    let mut text = String::new();
    source.read_to_string(&mut text).unwrap();
    text
}

/// What came over the wire.
pub(crate) struct Received {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// A query and when it is evaluated, seconds since the beginning of its series.
#[derive(Debug, Clone)]
pub(crate) enum Question {
    At {
        query: String,
        time: i64,
    },
    Over {
        query: String,
        start: i64,
        end: i64,
        step: i64,
    },
}

impl Question {
    pub(crate) fn query(&self) -> &str {
        match self {
            Self::At { query, .. } | Self::Over { query, .. } => query,
        }
    }

    pub(crate) fn request(&self, origin: i64) -> (&'static str, Vec<(String, String)>) {
        let at = |seconds: i64| (origin / 1000 + seconds).to_string();
        let owned = |pairs: Vec<(&str, String)>| {
            pairs
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()
        };
        match self {
            Self::At { query, time } => (
                "/api/v1/query",
                owned(vec![("query", query.clone()), ("time", at(*time))]),
            ),
            Self::Over {
                query,
                start,
                end,
                step,
            } => (
                "/api/v1/query_range",
                owned(vec![
                    ("query", query.clone()),
                    ("start", at(*start)),
                    ("end", at(*end)),
                    ("step", step.to_string()),
                ]),
            ),
        }
    }
}
