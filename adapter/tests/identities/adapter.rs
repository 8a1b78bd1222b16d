//! A program with the flags of prometheus-adapter, beside an API server and a Prometheus of its own.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use setpoint_identities::{Field, POOL, Request, Whose, World};

use crate::api_server::{self, Asked, prometheus};
use crate::caller::ask;
use crate::compared::{Caller, Seen};
use crate::launch::{IN_TIME, arguments, free_port};

const AGAIN: Duration = Duration::from_millis(50);
const CONFIG: &str = "rules:\n- {seriesQuery: requests, resources: {template: '<<.Resource>>'}, metricsQuery: '<<.Series>>{<<.LabelMatchers>>}'}\n";

/// The program. It is killed at the end.
pub(crate) struct Adapter {
    pub(crate) address: SocketAddr,
    pub(crate) asked: Asked,
    folder: tempfile::TempDir,
    child: Child,
}

impl Adapter {
    /// Starts a program under a ConfigMap of this data, and waits until it serves.
    pub(crate) async fn start(program: &Path, data: &BTreeMap<String, String>) -> Self {
        let asked = Asked::default();
        let api_server = api_server::serve(data, asked.clone()).await;
        let prometheus = prometheus().await;
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let pair = rcgen::generate_simple_self_signed(vec!["adapter".to_owned()]).unwrap();
        std::fs::write(file("tls.crt"), pair.cert.pem()).unwrap();
        std::fs::write(file("tls.key"), pair.signing_key.serialize_pem()).unwrap();
        let port = free_port();
        let servers = (prometheus, api_server);
        let child = Command::new(program)
            .args(arguments(folder.path(), CONFIG, servers, port))
            .stderr(File::create(file("log")).unwrap())
            .spawn()
            .unwrap();
        let mut adapter = Self {
            address: (Ipv4Addr::LOCALHOST, port).into(),
            asked,
            folder,
            child,
        };
        adapter.served().await;
        adapter
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    async fn served(&mut self) {
        let began = Instant::now();
        let nothing = Request { fields: Vec::new() };
        while ask(self.address, (&[], &[]), "/readyz", &nothing).await != Some(200) {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "it has ended: {}", self.log());
            assert!(
                began.elapsed() < IN_TIME,
                "it doesn't serve: {}",
                self.log()
            );
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Waits until it has taken over the ConfigMap: prometheus-adapter reads the bundles only after it has begun to serve. That is so
    /// when a client of each authority, with headers and without, is who the rules say.
    pub(crate) async fn until_it_trusts(&self, world: &World, whose: Whose) {
        let usual = POOL.credentials.iter().enumerate();
        let usual = usual.filter(|(_, one)| one.name.ends_with("usual") || one.chain.is_empty());
        let field = |name: &str, value: &str| Field {
            name: name.to_owned(),
            value: value.into(),
            is_padded: false,
        };
        let claim = ["X-Remote-User", "X-Our-User"].map(|name| field(name, "alice"));
        let probes: Vec<Caller> = usual
            .flat_map(|(credential, _)| [(credential, Vec::new()), (credential, claim.to_vec())])
            .enumerate()
            .map(|(place, (credential, fields))| Caller::new(place, credential, Request { fields }))
            .collect();
        let began = Instant::now();
        for probe in &probes {
            loop {
                let seen = probe.ask(self).await;
                let expected = Seen::expected(probe, world, whose);
                if seen == expected {
                    break;
                }
                assert!(
                    began.elapsed() < IN_TIME,
                    "{whose:?} doesn't trust what it should: {seen:?} instead of {expected:?} for {:?}: {}",
                    probe.combination(world),
                    self.log(),
                );
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

impl Drop for Adapter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
