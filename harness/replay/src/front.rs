//! The wire: wiremock in front of the API, faults as a mock of higher priority.
//!
//! The faults' mock stays mounted and matches what the faults of the moment concern: wiremock sorts its mocks by
//! priority at each request, so that the guard of a scoped mock with a priority unmounts another one than its own.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use flate2::{Compression, write::GzEncoder};
use parking_lot::Mutex;
use wiremock::matchers::any;
use wiremock::{Match, Mock, MockServer, Request, Respond, ResponseTemplate};

use setpoint_support::error_chain;

use crate::api::{self, Answer};
use crate::clock::wall_millis;
use crate::journal::JournalBook;
use crate::promql::Settings;
use crate::{Fault, FaultAnswer, JournalEntry, World, remote_write};

const FAULTS: u8 = 1;
const THE_REST: u8 = 9;

/// What the wire and the control port share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) world: ArcSwap<World>,
    pub(crate) faults: ArcSwap<Vec<Fault>>,
    pub(crate) journal: JournalBook,
    pub(crate) settings: Settings,
    /// Held while the world is changed, so that no change is lost.
    pub(crate) change: Mutex<()>,
}

impl Shared {
    /// Replaces the world by what `change` makes of it.
    pub(crate) fn change<E>(
        &self,
        change: impl FnOnce(&World) -> Result<World, E>,
    ) -> Result<(), E> {
        let _one_at_a_time = self.change.lock();
        let world = change(&self.world.load())?;
        self.world.store(Arc::new(world));
        Ok(())
    }

    /// The first fault that concerns a path.
    fn fault(&self, path: &str) -> Option<Fault> {
        let concerns = |fault: &&Fault| {
            if fault.paths.is_empty() {
                path.starts_with("/api/v1/")
            } else {
                fault.paths.iter().any(|concerned| concerned == path)
            }
        };
        self.faults.load().iter().find(concerns).cloned()
    }
}

/// The listening server; it ends when dropped.
#[derive(Debug)]
pub(crate) struct Front {
    server: MockServer,
}

impl Front {
    pub(crate) async fn start(listener: TcpListener, shared: Arc<Shared>) -> Self {
        let server = MockServer::builder()
            .listener(listener)
            .disable_request_recording()
            .start()
            .await;
        let responder = |faulty| Responder {
            shared: Arc::clone(&shared),
            faulty,
        };
        // First: wiremock listens already, and answers by 404, readiness too, as long as no mock is there.
        Mock::given(any())
            .respond_with(responder(false))
            .with_priority(THE_REST)
            .mount(&server)
            .await;
        Mock::given(Concerned(Arc::clone(&shared)))
            .respond_with(responder(true))
            .with_priority(FAULTS)
            .mount(&server)
            .await;
        Self { server }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        *self.server.address()
    }
}

/// Matches what a fault concerns.
struct Concerned(Arc<Shared>);

impl Match for Concerned {
    fn matches(&self, request: &Request) -> bool {
        self.0.fault(request.url.path()).is_some()
    }
}

/// Answers from the snapshot of the moment, or with the fault of the moment.
struct Responder {
    shared: Arc<Shared>,
    faulty: bool,
}

impl Respond for Responder {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let world = self.shared.world.load();
        let now = wall_millis(SystemTime::now());
        let parameters = parameters(request);
        let path = request.url.path();
        let fault = self.faulty.then(|| self.shared.fault(path)).flatten();
        let told = fault.as_ref().map(|fault| &fault.answer);
        let answer = match told.and_then(|told| told.status) {
            Some(status) => api::error_of_status(status),
            None => truth(&self.shared, now, request, &parameters),
        };
        self.shared.journal.write(JournalEntry {
            seq: 0,
            wall: now as f64 / 1000.0,
            at: world.clock.to_scenario(now) as f64 / 1000.0,
            method: request.method.to_string(),
            path: path.to_owned(),
            parameters,
            status: answer.status,
            series: answer.series,
            fault: fault.is_some(),
        });
        template(answer, told, accepts_gzip(request))
    }
}

fn truth(shared: &Shared, now: i64, request: &Request, parameters: &[(String, String)]) -> Answer {
    let path = request.url.path();
    if api::refuses_method(path, request.method.as_str()) {
        return Answer::text(405, "Method Not Allowed\n");
    }
    if path == "/api/v1/write" {
        return match shared.change(|world| remote_write::received(world, &request.body)) {
            Ok(()) => Answer::text(204, ""),
            Err(refusal) => Answer::text(400, &format!("{}\n", error_chain(&refusal))),
        };
    }
    let world = shared.world.load();
    api::answer(&world, &shared.settings, now, path, parameters)
}

fn accepts_gzip(request: &Request) -> bool {
    let accepted = request.headers.get_all(http::header::ACCEPT_ENCODING);
    let mut accepted = accepted.iter().filter_map(|value| value.to_str().ok());
    accepted.any(|value| value.split(',').any(|coding| coding.trim() == "gzip"))
}

/// What is sent. A fault's own body goes out as it is.
fn template(answer: Answer, told: Option<&FaultAnswer>, gzip: bool) -> ResponseTemplate {
    let own = told
        .filter(|told| told.status.is_some())
        .and_then(|told| told.body.clone());
    let mut template = ResponseTemplate::new(answer.status);
    template = match (own, gzip) {
        (None, true) if !answer.body.is_empty() => template
            .insert_header("Content-Encoding", "gzip")
            .set_body_raw(compressed(&answer.body), answer.content_type),
        (own, _) => template.set_body_raw(own.unwrap_or(answer.body), answer.content_type),
    };
    if let Some(told) = told {
        for (name, value) in &told.headers {
            template = template.insert_header(name.as_str(), value.as_str());
        }
        template = template.set_delay(Duration::from_secs_f64(told.delay));
    }
    template
}

fn compressed(body: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // A vector takes all that is written.
    let _ = encoder.write_all(body.as_bytes());
    encoder.finish().unwrap_or_default()
}

/// The form body's parameters, then the query's, as Go's `ParseForm` orders them.
fn parameters(request: &Request) -> Vec<(String, String)> {
    let is_form = request
        .headers
        .get(http::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"));
    let body = if is_form {
        request.body.as_slice()
    } else {
        &[]
    };
    url::form_urlencoded::parse(body)
        .chain(request.url.query_pairs())
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect()
}
