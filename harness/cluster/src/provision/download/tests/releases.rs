//! A server that has what the official ones have, and what goes wrong there.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use http::StatusCode;
use http::header::{CONTENT_LENGTH, LOCATION};
use tokio::runtime::Runtime;

use super::super::checksum;
use super::{Downloads, Module, Program, Release};
use setpoint_support::go_architecture as architecture;

const ETCD: Module = Module::Etcd(Release::V1_37);

/// What the server has at a path.
#[derive(Clone)]
pub(super) enum Has {
    File(Vec<u8>),
    /// All but the last byte, and then the connection ends.
    Cut(Vec<u8>),
    Redirect(String),
    /// Nothing at all, for ever.
    Silence,
}

/// Stands for the release servers.
pub(super) struct Releases {
    runtime: Runtime,
    pub(super) base: String,
    files: Arc<Mutex<HashMap<String, Has>>>,
    pub(super) asked: Arc<Mutex<Vec<String>>>,
}

impl Releases {
    /// With everything that the official servers have.
    pub(super) fn complete() -> Self {
        let releases = Self::empty();
        for program in [Program::KubeApiserver, Program::KubeControllerManager] {
            let content = program_of(program);
            releases.put(&path(program, ".sha256"), sum(&content).into_bytes());
            releases.put(&path(program, ""), content);
        }
        let archive = archive_of(&format!("{}/etcd", etcd_folder()));
        let sums = format!(
            "{}  etcd-other.zip\n{}  {}.tar.gz\n",
            sum(b"another"),
            sum(&archive),
            etcd_folder()
        );
        releases.put(&etcd_path("SHA256SUMS"), sums.into_bytes());
        releases.put(&path(Program::Etcd, ""), archive);
        releases
    }

    pub(super) fn empty() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let files = Arc::new(Mutex::new(HashMap::<String, Has>::new()));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (has, log) = (files.clone(), asked.clone());
        let app = Router::new().fallback(async move |request: Request| {
            let path = request.uri().path().to_owned();
            log.lock().unwrap().push(path.clone());
            let found = has.lock().unwrap().get(&path).cloned();
            match found {
                Some(Has::Silence) => std::future::pending().await,
                found => answer(found),
            }
        });
        let listening = tokio::net::TcpListener::bind(("127.0.0.1", 0));
        let listener = runtime.block_on(listening).unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            runtime,
            base,
            files,
            asked,
        }
    }

    pub(super) fn put(&self, path: &str, content: Vec<u8>) {
        self.has(path, Has::File(content));
    }

    pub(super) fn has(&self, path: &str, what: Has) {
        self.files.lock().unwrap().insert(path.to_owned(), what);
    }

    pub(super) fn downloads(&self) -> Downloads {
        Downloads {
            kubernetes: format!("{}/k8s", self.base),
            etcd: format!("{}/etcd/", self.base),
        }
    }

    /// Ends the server: afterwards nobody listens there.
    pub(super) fn end(self) -> Downloads {
        let downloads = self.downloads();
        self.runtime.shutdown_timeout(Duration::from_secs(10));
        downloads
    }
}

fn answer(found: Option<Has>) -> Response {
    match found {
        Some(Has::File(content)) => Body::from(content).into_response(),
        Some(Has::Cut(content)) => {
            let length = content.len();
            let most = Bytes::from(content).slice(..length - 1);
            // What comes before the end is sent first: a body that isn't ready is a reason to.
            let end = futures::stream::once(async {
                tokio::task::yield_now().await;
                Err(std::io::Error::other("the connection ends here"))
            });
            let body = futures::stream::iter([Ok(most)]).chain(end);
            ([(CONTENT_LENGTH, length)], Body::from_stream(body)).into_response()
        }
        Some(Has::Redirect(to)) => (StatusCode::FOUND, [(LOCATION, to)]).into_response(),
        Some(Has::Silence) | None => StatusCode::NOT_FOUND.into_response(),
    }
}

pub(super) fn sum(content: &[u8]) -> String {
    checksum::hex(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, content).as_ref())
}

/// Enough bytes for several pieces.
pub(super) fn program_of(program: Program) -> Vec<u8> {
    let mut content = format!("#!/bin/sh\necho {program}\n").into_bytes();
    content.resize(300_000, b'\n');
    content
}

pub(super) fn archive_of(member: &str) -> Vec<u8> {
    let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut archive = tar::Builder::new(gzip);
    for (path, content) in [
        ("README.md", b"read me".to_vec()),
        (member, program_of(Program::Etcd)),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive
            .append_data(&mut header, path, content.as_slice())
            .unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

pub(super) fn etcd_folder() -> String {
    format!("etcd-{}-linux-{}", ETCD.version(), architecture())
}

pub(super) fn etcd_path(file: &str) -> String {
    format!("/etcd/{}/{file}", ETCD.version())
}

pub(super) fn path(program: Program, suffix: &str) -> String {
    match program {
        Program::Etcd => etcd_path(&format!("{}.tar.gz{suffix}", etcd_folder())),
        _ => format!(
            "/k8s/{}/bin/linux/{}/{program}{suffix}",
            Module::Kubernetes(Release::default()).version(),
            architecture()
        ),
    }
}
