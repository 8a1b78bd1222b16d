//! `setpoint scripted`: an adapter that serves a table.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use setpoint_serve::{
    ByName, Server, TlsOptions, certificate_names, certified_key, server_config, server_config_with,
};
use setpoint_support::Termination;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::BadInput;
use crate::scripted::{Lie, Table, guarded_router, router};

/// A test adapter, which can misbehave on purpose
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Serves custom.metrics.k8s.io from a table or a Prometheus, over TLS: an honest adapter to prove with what a control \
        plane does, and one that lies, to prove that the suite sees it.\n\nSIGTERM and SIGINT end it.",
    after_help = "Example:\n  setpoint scripted --table table.yaml --tls-cert-file tls.crt \\\n    --tls-private-key-file tls.key\n\n\
        table.yaml:\n  metrics:\n    - {metric: rps, resource: pods, kind: Pod, apiVersion: v1,\n       \
        namespace: default, name: web-1, labels: {app: web}, value: '5'}"
)]
pub struct ScriptedArgs {
    /// The values, YAML or JSON; whoever asks is answered
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "prometheus",
        conflicts_with = "prometheus"
    )]
    pub table: Option<PathBuf>,
    /// Take the values from this Prometheus instead, and let in who is known to the cluster and may
    #[arg(long, value_name = "HOST:PORT")]
    pub prometheus: Option<String>,
    /// What to do wrong, for judging the judge
    #[arg(long, value_enum, requires = "prometheus")]
    pub lie: Option<Lie>,
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:6443")]
    pub listen: SocketAddr,
    /// Certificate chain to serve with
    #[arg(long, value_name = "FILE")]
    pub tls_cert_file: PathBuf,
    /// Key of the certificate
    #[arg(long, value_name = "FILE")]
    pub tls_private_key_file: PathBuf,
    /// Another chain and key, for clients that ask for one of the certificate's names
    #[arg(long, value_name = "CHAIN,KEY", value_parser = parse_sni)]
    pub tls_sni_cert_key: Vec<PairFiles>,
}

/// The files of a serving pair.
#[derive(Debug, Clone)]
pub struct PairFiles {
    certificate: PathBuf,
    key: PathBuf,
}

fn parse_sni(text: &str) -> Result<PairFiles, &'static str> {
    let files = text.split_once(',');
    let (certificate, key) = files.ok_or("a chain and a key are needed, chain.crt,chain.key")?;
    Ok(PairFiles {
        certificate: certificate.into(),
        key: key.into(),
    })
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// When the table or the pair can't be used, or the address can't be listened on.
pub async fn run(args: ScriptedArgs) -> anyhow::Result<()> {
    let shutdown = CancellationToken::new();
    let mut termination = Termination::watch().context("watch SIGTERM and SIGINT")?;
    let app = match (&args.table, args.prometheus) {
        (Some(table), _) => router(Table::read(table).map_err(BadInput)?),
        (None, Some(address)) => {
            let config = kube::Config::incluster().context("find the API server from a pod")?;
            let client = kube::Client::try_from(config).context("make a client")?;
            guarded_router(address, client, args.lie)
        }
        (None, None) => router(Table::default()),
    };
    let files = PairFiles {
        certificate: args.tls_cert_file,
        key: args.tls_private_key_file,
    };
    let mut named = args.tls_sni_cert_key;
    if args.lie == Some(Lie::OneCertificate) {
        named.clear();
    }
    let last = ArcSwap::new(served(&files, &named, args.lie)?);
    let nothing = without_certificate()?;
    // Read for each connection: slow, and never stale. Half a renewal leaves the last one that was whole.
    let tls = move || {
        if args.lie == Some(Lie::KeepsServingPair) {
            return last.load_full();
        }
        match served(&files, &named, args.lie) {
            Ok(renewed) => last.store(renewed),
            Err(_) if args.lie == Some(Lie::TakesAnyPair) => return nothing.clone(),
            Err(_) => {}
        }
        last.load_full()
    };
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("listen on {}", args.listen))?;
    anstream::println!(
        "serving on {}",
        listener.local_addr().context("ask for the address")?
    );
    let ended = shutdown.clone();
    tokio::spawn(async move {
        termination.received().await;
        ended.cancel();
    });
    Server::new(listener)
        .tls_source(tls)
        .run(app, shutdown)
        .await;
    Ok(())
}

/// What a pair that can't be used comes to: no handshake succeeds.
fn without_certificate() -> anyhow::Result<Arc<rustls::ServerConfig>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("set TLS up")?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::server::ResolvesServerCertUsingSni::new()));
    Ok(Arc::new(config))
}

/// What to serve with.
fn served(
    files: &PairFiles,
    named: &[PairFiles],
    lie: Option<Lie>,
) -> anyhow::Result<Arc<rustls::ServerConfig>> {
    if lie == Some(Lie::WrongSan) {
        let other = rcgen::generate_simple_self_signed(vec!["adapter.example".to_owned()])
            .context("make a certificate")?;
        let key = PrivatePkcs8KeyDer::from(other.signing_key.serialize_der());
        return Ok(server_config(vec![other.cert.der().clone()], key.into())?);
    }
    let named = named.iter().map(|files| {
        let pair = files.read()?;
        let names = pair.cert.first().map(certificate_names);
        Ok((names.unwrap_or_default(), pair))
    });
    let named = named.collect::<anyhow::Result<Vec<_>>>()?;
    let resolver = Arc::new(ByName::new(files.read()?, named));
    Ok(server_config_with(&TlsOptions::default(), resolver)?)
}

impl PairFiles {
    fn read(&self) -> anyhow::Result<Arc<CertifiedKey>> {
        let Self { certificate, key } = self;
        let chain = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .with_context(|| format!("read the certificate {}", certificate.display()))?;
        anyhow::ensure!(
            !chain.is_empty(),
            "{} holds no certificate",
            certificate.display()
        );
        let key = PrivateKeyDer::from_pem_file(key)
            .with_context(|| format!("read the key {}", key.display()))?;
        Ok(Arc::new(certified_key(chain, key)?))
    }
}
