//! A Prometheus that restarts.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use parking_lot::Mutex;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, sleep};

use crate::support::{parameter, series, value_of};

/// How long after a restart requests may still fail: as long as a connection takes to be made again.
const RECOVERY: Duration = Duration::from_secs(2);

/// Answers the number of the pod that is asked for.
async fn answer(request: Request) -> Response {
    if !request.uri().path().ends_with("/query") {
        return series(&parameter(&request, "match[]"));
    }
    let query = parameter(&request, "query");
    let pod = query.split("pod-").nth(1).unwrap_or_default();
    let number = pod.split(|character: char| !character.is_ascii_digit());
    match number.take(1).collect::<String>().parse() {
        Ok(number) => value_of(&format!("pod-{number}"), number),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

pub(crate) struct Prometheus {
    pub(crate) address: SocketAddr,
    server: Mutex<Option<Runtime>>,
    /// The times without a server, with the time to recover.
    outages: Mutex<Vec<(Instant, Instant)>>,
}

/// A server in threads of its own: when they end, its connections end as those of a process do.
fn server(address: SocketAddr) -> (Runtime, SocketAddr) {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let (told, bound) = std::sync::mpsc::channel();
    runtime.spawn(async move {
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        told.send(listener.local_addr().unwrap()).unwrap();
        axum::serve(listener, Router::new().fallback(answer)).await
    });
    let address = bound.recv().unwrap();
    (runtime, address)
}

impl Prometheus {
    pub(crate) fn start() -> Self {
        let (runtime, address) = server(([127, 0, 0, 1], 0).into());
        Self {
            address,
            server: Mutex::new(Some(runtime)),
            outages: Mutex::default(),
        }
    }

    /// Ends for so long and starts again.
    pub(crate) async fn restart(&self, down: Duration) {
        let began = Instant::now();
        // Announced before it begins, with an end that is surely later than its own.
        self.outages.lock().push((began, began + down * 10));
        self.end();
        sleep(down).await;
        *self.server.lock() = Some(server(self.address).0);
        if let Some(last) = self.outages.lock().last_mut() {
            last.1 = Instant::now() + RECOVERY;
        }
    }

    fn end(&self) {
        if let Some(runtime) = self.server.lock().take() {
            runtime.shutdown_background();
        }
    }

    /// Whether there was an outage at some time between the two.
    pub(crate) fn was_down(&self, from: Instant, to: Instant) -> bool {
        let outages = self.outages.lock();
        outages
            .iter()
            .any(|(began, ended)| *began <= to && from <= *ended)
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.end();
    }
}
