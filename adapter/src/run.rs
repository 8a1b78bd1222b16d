//! From arguments to a running server, and to its end.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use setpoint_serve::{Server, server_config};
use setpoint_support::Termination;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::api::{Api, ApiGroup, CustomMetricsGroup};
use crate::args::{Args, CertsArgs, Command, ServeArgs, Verb};
use crate::auth::{
    ApiServerAccessReviewer, ApiServerTokenReviewer, BearerTokens, DelegatedAuthenticator,
    DelegatedAuthorizer, follow_trust,
};
use crate::certs;
use crate::config;
use crate::custom::CustomMetrics;
use crate::files::REREAD;
use crate::kubernetes;
use crate::prometheus::{HttpClient, HttpClientOptions};
use crate::registry::RelistOptions;
use crate::serving::ServingPair;

/// The program: does what its arguments say, until that is done or SIGTERM ends it.
#[must_use]
pub fn main() -> ExitCode {
    // Fails only when there is a provider already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match run(Args::of_process()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> anyhow::Result<()> {
    match args.command {
        Some(Command::Certs(args)) => fill_in_certificates(&args),
        None => {
            log(args.serve.v);
            // Requests mostly wait for Prometheus; two threads keep the memory small.
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build();
            runtime
                .context("start the runtime")?
                .block_on(serve(args.serve))
        }
    }
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

/// Log lines on standard error: klog's levels as levels of ours.
fn log(verbosity: u8) {
    let level = match verbosity {
        0..=3 => "info",
        4..=5 => "debug",
        _ => "trace",
    };
    let filter = EnvFilter::new(format!(
        "warn,setpoint_adapter={level},setpoint_serve={level}"
    ));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
}

async fn serve(args: ServeArgs) -> anyhow::Result<()> {
    let shutdown = CancellationToken::new();
    end_on_signals(&shutdown)?;
    let path = args
        .config
        .as_deref()
        .context("no rules: name a configuration file by --config")?;
    let rules = config::load(path)?;
    let prometheus = HttpClient::new(prometheus(&args)?)?;
    let lister = kubernetes::client(args.lister_kubeconfig.as_deref()).await?;
    let authentication = kubernetes::client(args.auth.authentication_kubeconfig.as_deref()).await?;
    let authorization = kubernetes::client(args.auth.authorization_kubeconfig.as_deref()).await?;
    let address = SocketAddr::new(args.bind_address, args.secure_port);
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("listen on {address}"))?;

    let tokens = BearerTokens::new(
        Arc::new(ApiServerTokenReviewer::new(authentication.clone())),
        args.auth.authentication_token_webhook_cache_ttl,
    );
    let authenticator = Arc::new(DelegatedAuthenticator::new(Some(tokens)));
    follow_trust(
        authentication,
        args.auth.trust(),
        authenticator.clone(),
        shutdown.clone(),
    )?;
    let authorizer = DelegatedAuthorizer::new(
        Arc::new(ApiServerAccessReviewer::new(authorization)),
        args.auth.authorization(),
    );
    let relist = RelistOptions {
        interval: args.metrics_relist_interval,
        max_age: args.metrics_max_age.unwrap_or(args.metrics_relist_interval),
        answer_timeout: kubernetes::ANSWER_TIMEOUT,
    };
    let provider = CustomMetrics::start(
        rules,
        Arc::new(prometheus),
        lister,
        relist,
        shutdown.clone(),
    );
    let groups: Vec<Box<dyn ApiGroup>> =
        vec![Box::new(CustomMetricsGroup::new(Arc::new(provider)))];
    let api = Api::new(groups, authenticator, Arc::new(authorizer));
    tracing::info!(%address, "serve custom.metrics.k8s.io");
    server_with_pair(&args, listener, &shutdown)?
        .run(api.router(), shutdown)
        .await;
    tracing::info!("all requests are answered; end");
    Ok(())
}

fn end_on_signals(shutdown: &CancellationToken) -> anyhow::Result<()> {
    let mut termination = Termination::watch().context("watch SIGTERM and SIGINT")?;
    let shutdown = shutdown.clone();
    tokio::spawn(async move {
        termination.received().await;
        tracing::info!("end: take no new connections, answer what is in flight");
        shutdown.cancel();
    });
    Ok(())
}

fn prometheus(args: &ServeArgs) -> anyhow::Result<HttpClientOptions> {
    let read =
        |path: &PathBuf| std::fs::read(path).with_context(|| format!("read {}", path.display()));
    anyhow::ensure!(
        args.metrics_max_age
            .is_none_or(|age| age >= args.metrics_relist_interval),
        "--metrics-max-age must not be shorter than --metrics-relist-interval: series would come and go"
    );
    Ok(HttpClientOptions {
        url: args.prometheus_url.clone(),
        ca: args.prometheus_ca_file.as_ref().map(read).transpose()?,
        token_file: args.prometheus_token_file.clone(),
        headers: args.prometheus_header.clone(),
        post: args.prometheus_verb == Verb::Post,
    })
}

/// A server with the pair from files, followed as they change; else with a self-signed one for localhost as the
/// Go adapter makes it.
fn server_with_pair(
    args: &ServeArgs,
    listener: TcpListener,
    shutdown: &CancellationToken,
) -> anyhow::Result<Server> {
    let (Some(certificate), Some(key)) = (&args.tls_cert_file, &args.tls_private_key_file) else {
        tracing::warn!("no --tls-cert-file: serve with a self-signed certificate for localhost");
        let pair =
            rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()])
                .context("make a self-signed certificate")?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pair.signing_key.serialize_der()));
        let config = server_config(vec![pair.cert.der().clone()], key)?;
        return Ok(Server::new(listener).tls(config));
    };
    let pair = Arc::new(ServingPair::load(certificate.clone(), key.clone())?);
    let following = pair.clone();
    let shutdown = shutdown.clone();
    tokio::spawn(async move { following.follow(REREAD, shutdown).await });
    Ok(Server::new(listener).tls_source(move || pair.config()))
}
