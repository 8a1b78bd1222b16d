//! The answers: wiremock, with the fault of the moment or the truth.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use wiremock::matchers::any;
use wiremock::{MockServer, Request, Respond, ResponseTemplate};

use setpoint_support::error_chain;

use crate::JournalEntry;
use crate::api::{self, Answer};
use crate::clock::wall_millis;
use crate::fault::{Reply, Told};
use crate::remote_write::WriteError;
use crate::shared::Shared;
use crate::tenants::NoTenant;
use crate::wire::{parameters, template};

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
        wiremock::Mock::given(any())
            .respond_with(Responder(shared))
            .mount(&server)
            .await;
        Self { server }
    }

    pub(crate) fn address(&self) -> &SocketAddr {
        self.server.address()
    }
}

/// Answers from the snapshot of the moment, or with the fault of the moment.
struct Responder(Arc<Shared>);

impl Respond for Responder {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let shared = &self.0;
        let worlds = shared.worlds.load();
        let clock = worlds.clock();
        let now = wall_millis(SystemTime::now());
        let at = clock.to_scenario(now);
        let parameters = parameters(request);
        let path = request.url.path();
        let faults = shared.faults.load();
        let told = faults.next(path, at);
        let reply = match &told {
            Some(told) => faulty(shared, told, now, request, &parameters),
            None => Reply::of(truth(shared, now, request, &parameters)),
        };
        shared.journal.write(JournalEntry {
            seq: 0,
            wall: now as f64 / 1000.0,
            at: at as f64 / 1000.0,
            method: request.method.to_string(),
            path: path.to_owned(),
            parameters,
            status: reply.answer.status,
            series: reply.answer.series,
            tenant: worlds.tenant(&request.headers).map(str::to_owned),
            fault: told.is_some(),
        });
        template(request, reply, shared.settings.version)
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
    match api::methods_of(path, shared.settings.version) {
        _ if method == "OPTIONS" && is_of_api => return Answer::text(204, ""),
        Some(methods) if !methods.contains(&method) => {
            return Answer::text(405, "Method Not Allowed\n");
        }
        _ if method == "DELETE" => return api::not_implemented(),
        _ => {}
    }
    if path == "/api/v1/write" {
        return match shared.change(|worlds| worlds.received(&request.headers, &request.body)) {
            Ok(()) => Answer::text(204, ""),
            Err(WriteError::NoTenant(refusal)) => refused(&refusal),
            Err(refusal) => Answer::text(400, &format!("{}\n", error_chain(&refusal))),
        };
    }
    let worlds = shared.worlds.load();
    let world = match worlds.seen(&request.headers) {
        Ok(seen) => seen,
        Err(refusal) if is_of_api && path != "/api/v1/status/buildinfo" => {
            return refused(&refusal);
        }
        Err(_) => Cow::Borrowed(worlds.of_all()),
    };
    api::answer(&world, &shared.settings, now, path, parameters)
}

/// As Mimir and Cortex refuse who names no tenant.
fn refused(refusal: &NoTenant) -> Answer {
    Answer::text(401, &format!("{refusal}\n"))
}
