//! The program: parses the arguments, and connects and runs what they ask for.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use rustls::sign::SingleCertAndKey;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use setpoint_serve::{Limits, Server, TlsOptions, certified_key, server_config_with};
use setpoint_support::Termination;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::api::{Api, ApiGroup, CustomMetricsGroup, ExternalMetricsGroup, ResourceMetricsGroup};
use crate::args::{
    Args, AuthOptions, CertsArgs, Command, NamedPair, Related, ServeArgs, TlsSettings, told_of,
};
use crate::auth::{
    ApiServerAccessReviewer, ApiServerTokenReviewer, BearerTokens, DelegatedAuthenticator,
    DelegatedAuthorizer, watch_client_ca,
};
use crate::certs;
use crate::check;
use crate::config;
use crate::custom::CustomMetrics;
use crate::explain;
use crate::external::ExternalMetrics;
use crate::kubernetes::{self, Retries};
use crate::logging;
use crate::metrics::{OwnMetrics, ServerCounts};
use crate::prometheus::{HttpClient, Upstreams, watch_ca};
use crate::queries::Queries;
use crate::registry::{Registry, RelistOptions};
use crate::reload::Reloads;
use crate::serving::{ServingFiles, ServingPair};
use crate::usage::ObjectUsage;

/// The program: does what its arguments say, until that is done or SIGTERM ends it.
#[must_use]
pub fn main() -> ExitCode {
    // Fails only when there is a provider already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match run(Args::of_process()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.command {
        Some(Command::Certs(args)) => fill_in_certificates(&args)?,
        Some(Command::Check(args)) => return Ok(one_thread()?.block_on(check::run(&args))),
        Some(Command::Schema) => {
            anstream::print!("{}", include_str!("../../docs/config.schema.json"));
        }
        Some(Command::Explain(args)) => return Ok(one_thread()?.block_on(explain::run(&args))),
        None => {
            logging::start(args.serve.v, args.serve.logging_format);
            // Requests mostly wait for Prometheus; two threads keep the memory small.
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build();
            runtime
                .context("start the runtime")?
                .block_on(serve(args.serve))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// For a command that asks others.
fn one_thread() -> anyhow::Result<tokio::runtime::Runtime> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().context("start the runtime")
}

/// `setpoint-adapter certs`: manifests from standard input to standard output.
fn fill_in_certificates(args: &CertsArgs) -> anyhow::Result<()> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .context("read the manifests from standard input")?;
    let mut documents = certs::read(&text).context("read the manifests from standard input")?;
    certs::fill(&mut documents, args.valid_for, args.replace)?;
    let filled = certs::write(&documents)?;
    std::io::stdout()
        .write_all(filled.as_bytes())
        .context("write the manifests to standard output")
}

async fn serve(args: ServeArgs) -> anyhow::Result<()> {
    let Related {
        config,
        max_age,
        prometheus: options,
    } = args.related()?;
    // Whole, so that a flag without a meaning doesn't compile.
    let ServeArgs {
        config: _,
        prometheus: _,
        metrics_relist_interval,
        metrics_max_age: _,
        metrics_relist_timeout,
        metrics_relist_parallel,
        bind_address,
        secure_port,
        shutdown_delay_duration,
        tls_cert_file,
        tls_private_key_file,
        tls,
        lister_kubeconfig,
        auth,
        v: _,
        logging_format: _,
        klog: _,
        ignored,
        words,
    } = args;
    for (flag, reason) in ignored.told() {
        tracing::warn!("--{flag} has no effect: {reason}");
    }
    if let Some(told) = told_of(&words) {
        tracing::warn!("{told}");
    }
    let TlsSettings {
        options: tls,
        sni,
        streams,
    } = tls.into();
    let auth = AuthOptions::from(auth);
    let metrics = OwnMetrics::default();
    let reloads = Reloads::new(metrics.clone());
    let Shutdown {
        announced,
        begun: shutdown,
    } = shutdown_by_signal(shutdown_delay_duration)?;
    let relist = RelistOptions {
        interval: metrics_relist_interval,
        max_age,
        timeout: metrics_relist_timeout,
        parallel: metrics_relist_parallel.get().into(),
        answer_timeout: kubernetes::ANSWER_TIMEOUT,
    };
    let prometheus = HttpClient::new(options, &metrics)?;
    let prometheus = Arc::new(Upstreams::new(prometheus, metrics.clone()));
    let default = prometheus.default_client().clone();
    watch_ca(default, reloads.clone(), shutdown.clone());
    let rules = config::watch(
        config,
        prometheus.clone(),
        reloads.clone(),
        shutdown.clone(),
    )?;
    prometheus.watch(reloads.clone(), shutdown.clone());
    let client = |part, kubeconfig, retries| {
        kubernetes::client(part, kubeconfig, retries, reloads.clone(), shutdown.clone())
    };
    // The relist thread drives connections of its own, which end with it.
    let discovery = client("discovery-client", lister_kubeconfig.clone(), Retries::Some);
    let discovery = discovery.await?;
    let lister = client("lister-client", lister_kubeconfig, Retries::Some).await?;
    let (kubeconfig, part) = (auth.authentication_kubeconfig, "authentication-client");
    let authentication = client(part, kubeconfig, Retries::None).await?;
    let (kubeconfig, part) = (auth.authorization_kubeconfig, "authorization-client");
    let authorization = client(part, kubeconfig, Retries::None).await?;
    let address = SocketAddr::new(bind_address, secure_port);
    let listener = listen(address)
        .await
        .with_context(|| format!("listen on {address}"))?;

    let tokens = BearerTokens::new(
        Arc::new(ApiServerTokenReviewer::new(
            authentication.clone(),
            metrics.clone(),
        )),
        auth.token_cache_ttl,
    );
    let authenticator = Arc::new(DelegatedAuthenticator::new(Some(tokens)));
    watch_client_ca(
        authentication,
        auth.authentication,
        authenticator.clone(),
        reloads.clone(),
        shutdown.clone(),
    )?;
    let reviewer = ApiServerAccessReviewer::new(authorization, metrics.clone());
    let authorizer = DelegatedAuthorizer::new(Arc::new(reviewer), auth.authorization);
    let registry = Registry::start(
        rules,
        prometheus.clone(),
        discovery,
        relist,
        metrics.clone(),
        shutdown.clone(),
    )
    .context("start to relist")?;
    let queries = Queries::new(prometheus, metrics.rules().clone());
    let custom = CustomMetrics::new(
        registry.clone(),
        queries.clone(),
        lister.clone(),
        relist.answer_timeout,
    );
    let external = ExternalMetrics::new(registry.clone(), queries.clone());
    let usage = ObjectUsage::new(registry.clone(), queries, lister, relist.answer_timeout);
    let groups: Vec<Box<dyn ApiGroup>> = vec![
        Box::new(CustomMetricsGroup::new(Arc::new(custom))),
        Box::new(ExternalMetricsGroup::new(Arc::new(external))),
        Box::new(ResourceMetricsGroup::new(Arc::new(usage))),
    ];
    let api = Api::new(
        groups,
        registry,
        authenticator.clone(),
        Arc::new(authorizer),
        reloads.clone(),
    )
    .not_ready_from(announced);
    let mut limits = Limits::default();
    if let Some(streams) = streams {
        for client in [&mut limits.trusted, &mut limits.stranger] {
            client.streams = client.streams.min(streams);
        }
    }
    let server = Server::new(listener).limits(limits).trust(move |peer| {
        let authenticator = authenticator.clone();
        async move { authenticator.is_front_proxy(&peer).await }
    });
    metrics.collect(ServerCounts(server.counts()));
    let server = match tls_cert_file.zip(tls_private_key_file) {
        Some((certificate, key)) => {
            let default = NamedPair {
                certificate,
                key,
                names: Vec::new(),
            };
            let files = ServingFiles {
                default,
                named: sni,
                options: tls,
            };
            let pair = ServingPair::watch(files, reloads, shutdown.clone())?;
            server.tls_source(move || pair.config())
        }
        None => {
            tracing::warn!(
                "no --tls-cert-file: serve with a self-signed certificate for localhost"
            );
            if !sni.is_empty() {
                tracing::warn!("--tls-sni-cert-key has no effect without --tls-cert-file");
            }
            server.tls(self_signed(&tls)?)
        }
    };
    tracing::info!(%address, "serve the metrics APIs");
    server.run(api.router(), shutdown).await;
    tracing::info!("all requests are answered; end");
    Ok(())
}

/// What SIGTERM and SIGINT cancel.
struct Shutdown {
    /// At once: from then on the adapter isn't ready.
    announced: CancellationToken,
    /// After the delay: from then on it takes no new connections.
    begun: CancellationToken,
}

/// Ends the program by signals: after a delay, which a second signal ends.
fn shutdown_by_signal(delay: Duration) -> anyhow::Result<Shutdown> {
    let mut termination = Termination::watch().context("watch SIGTERM and SIGINT")?;
    let (announced, begun) = (CancellationToken::new(), CancellationToken::new());
    let shutdown = Shutdown {
        announced: announced.clone(),
        begun: begun.clone(),
    };
    tokio::spawn(async move {
        termination.received().await;
        announced.cancel();
        if !delay.is_zero() {
            tracing::info!(?delay, "end: not ready from now on, but serve for a while");
            let _ = tokio::time::timeout(delay, termination.received()).await;
        }
        tracing::info!("end: take no new connections, answer what is in flight");
        begun.cancel();
    });
    Ok(shutdown)
}

/// A pair for localhost that is never written, in place of the one that prometheus-adapter writes.
fn self_signed(options: &TlsOptions) -> anyhow::Result<Arc<rustls::ServerConfig>> {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let pair =
        rcgen::generate_simple_self_signed(names).context("make a self-signed certificate")?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pair.signing_key.serialize_der()));
    let pair = certified_key(vec![pair.cert.der().clone()], key)?;
    Ok(server_config_with(
        options,
        Arc::new(SingleCertAndKey::from(pair)),
    )?)
}

/// A listener as Go's `net.Listen` makes it: all addresses of IPv4 stand for all of IPv6 too, where
/// the kernel serves both by one listener.
async fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    if address.ip() == Ipv4Addr::UNSPECIFIED {
        let only_v6 = tokio::fs::read("/proc/sys/net/ipv6/bindv6only").await;
        if only_v6.is_ok_and(|only_v6| only_v6.starts_with(b"0")) {
            let both = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), address.port());
            if let Ok(listener) = TcpListener::bind(both).await {
                return Ok(listener);
            }
        }
    }
    TcpListener::bind(address).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_addresses_of_ipv4_stand_for_those_of_ipv6_too() {
        let all = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
        let listener = listen(all).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let reached = async |host: &str| {
            let connected = tokio::net::TcpStream::connect((host, port));
            let (connected, accepted) = tokio::join!(connected, listener.accept());
            connected.is_ok() && accepted.is_ok()
        };
        assert!(reached("127.0.0.1").await);
        // Where there is IPv6 at all.
        if listener.local_addr().unwrap().is_ipv6() {
            assert!(reached("::1").await);
        }
    }
}
