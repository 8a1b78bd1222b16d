//! The answers: wiremock, and the faults as a mock of higher priority.
//!
//! The faults' mock stays mounted and matches what the faults of the moment concern: wiremock sorts its mocks by
//! priority at each request, so that the guard of a scoped mock with a priority unmounts another one than its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use wiremock::matchers::any;
use wiremock::{Match, MockServer, Request, Respond, ResponseTemplate};

use setpoint_support::error_chain;

use crate::api::{self, Answer};
use crate::clock::wall_millis;
use crate::fault::{Reply, Told};
use crate::shared::Shared;
use crate::wire::{parameters, template};
use crate::{JournalEntry, remote_write};

const FAULTS: u8 = 1;
const THE_REST: u8 = 9;

/// The mock server, on a port of the loopback device; it ends when dropped.
#[derive(Debug)]
pub(crate) struct Mock {
    server: MockServer,
}

impl Mock {
    pub(crate) async fn start(shared: Arc<Shared>) -> Self {
        let server = MockServer::builder()
            .disable_request_recording()
            .start()
            .await;
        let responder = |faulty| Responder {
            shared: Arc::clone(&shared),
            faulty,
        };
        wiremock::Mock::given(any())
            .respond_with(responder(false))
            .with_priority(THE_REST)
            .mount(&server)
            .await;
        wiremock::Mock::given(Concerned(Arc::clone(&shared)))
            .respond_with(responder(true))
            .with_priority(FAULTS)
            .mount(&server)
            .await;
        Self { server }
    }

    pub(crate) fn address(&self) -> &SocketAddr {
        self.server.address()
    }
}

/// Matches what a fault concerns.
struct Concerned(Arc<Shared>);

impl Match for Concerned {
    fn matches(&self, request: &Request) -> bool {
        let shared = &self.0;
        let now = wall_millis(SystemTime::now());
        let at = shared.world.load().clock.to_scenario(now);
        shared.faults.load().concerns(request.url.path(), at)
    }
}

/// Answers from the snapshot of the moment, or with the fault of the moment.
struct Responder {
    shared: Arc<Shared>,
    faulty: bool,
}

impl Respond for Responder {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let clock = self.shared.world.load().clock;
        let now = wall_millis(SystemTime::now());
        let at = clock.to_scenario(now);
        let parameters = parameters(request);
        let path = request.url.path();
        let faults = self.shared.faults.load();
        let told = self.faulty.then(|| faults.next(path, at)).flatten();
        let reply = match &told {
            Some(told) => faulty(&self.shared, told, now, request, &parameters),
            None => Reply::of(truth(&self.shared, now, request, &parameters)),
        };
        self.shared.journal.write(JournalEntry {
            seq: 0,
            wall: now as f64 / 1000.0,
            at: at as f64 / 1000.0,
            method: request.method.to_string(),
            path: path.to_owned(),
            parameters,
            status: reply.answer.status,
            series: reply.answer.series,
            fault: told.is_some(),
        });
        template(request, reply)
    }
}

fn faulty(
    shared: &Shared,
    told: &Told<'_>,
    now: i64,
    request: &Request,
    parameters: &[(String, String)],
) -> Reply {
    let mut asked = parameters.to_vec();
    told.ask(now, &mut asked);
    let truth = || truth(shared, now, request, &asked);
    told.reply(request.url.as_str(), truth)
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
