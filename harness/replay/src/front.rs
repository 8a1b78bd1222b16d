//! The wire: wiremock in front of the API, faults as a mock of higher priority.
//!
//! The faults' mock stays mounted and matches what the faults of the moment concern: wiremock sorts its mocks by
//! priority at each request, so that the guard of a scoped mock with a priority unmounts another one than its own.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use wiremock::matchers::any;
use wiremock::{Match, Mock, MockServer, Request, Respond, ResponseTemplate};

use setpoint_support::error_chain;

use crate::api::{self, Answer};
use crate::clock::wall_millis;
use crate::journal::JournalBook;
use crate::promql::Settings;
use crate::wire::{parameters, template};
use crate::{Fault, JournalEntry, World, remote_write};

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
        template(request, answer, told)
    }
}

fn truth(shared: &Shared, now: i64, request: &Request, parameters: &[(String, String)]) -> Answer {
    let path = request.url.path();
    let method = request.method.as_str();
    let is_of_api = path.starts_with("/api/v1/");
    match api::methods_of(path) {
        _ if method == "OPTIONS" && is_of_api => return Answer::text(204, ""),
        Some(methods) if !methods.contains(&method) => {
            return Answer::text(405, "Method Not Allowed\n");
        }
        _ => {}
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
