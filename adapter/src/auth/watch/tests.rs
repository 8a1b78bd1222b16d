use std::path::Path;
use std::time::Duration;

use futures::stream;
use http::{HeaderMap, HeaderValue};
use rustls_pki_types::CertificateDer;

use super::*;
use crate::auth::Authenticator as _;
use crate::auth::delegated::tests::{Ca, peer};

const HOUR: Duration = Duration::from_secs(3600);

/// The ConfigMap of a cluster with these authorities.
fn map(front_proxy: &Ca, clients: &Ca) -> ConfigMap {
    let list = |name: &str| format!("[\"{name}\"]");
    let data = [
        ("client-ca-file", clients.0.pem()),
        ("requestheader-client-ca-file", front_proxy.0.pem()),
        ("requestheader-allowed-names", list("proxy")),
        ("requestheader-username-headers", list("X-Remote-User")),
    ];
    let data = data.map(|(key, value)| (key.to_owned(), value));
    ConfigMap {
        data: Some(data.into()),
        ..ConfigMap::default()
    }
}

fn forbidden() -> watcher::Error {
    watcher::Error::NoResourceVersion
}

/// Watches until all events are applied.
async fn fed(watch: Watch, events: Vec<Event>) -> Arc<DelegatedAuthenticator> {
    let authenticator = watch.authenticator.clone();
    let parts = watch.options.looked_up().expect("something is looked up");
    let files = Changes::of(watch.options.files(), HOUR);
    let all_seen = CancellationToken::new();
    let seen = all_seen.clone();
    let end = stream::once(async move {
        seen.cancel();
        std::future::pending().await
    });
    let watching = watch.run(files, stream::iter(events).chain(end), parts);
    let ended = all_seen.run_until_cancelled(watching);
    let ended = tokio::time::timeout(Duration::from_secs(20), ended).await;
    assert!(ended.expect("all events are taken").is_none());
    authenticator
}

fn watch(options: AuthenticationOptions) -> Watch {
    Watch::new(options, Arc::default(), Reloads::default()).unwrap()
}

/// The user of a request with this certificate and headers that name alice.
async fn name(
    authenticator: &DelegatedAuthenticator,
    certificate: CertificateDer<'static>,
) -> String {
    let mut headers = HeaderMap::new();
    headers.insert("x-remote-user", HeaderValue::from_static("alice"));
    let user = authenticator
        .authenticate(&peer(&[certificate]), &headers)
        .await;
    user.map_or_else(|_| "refused".to_owned(), |user| user.name)
}

#[tokio::test]
async fn trusted_cas_follow_the_config_map_and_outlive_it() {
    let (old, new, clients) = (Ca::new(), Ca::new(), Ca::new());
    let started = |map| vec![Ok(watcher::Event::Init), Ok(watcher::Event::InitApply(map))];
    let mut events = started(map(&old, &clients));
    events.push(Ok(watcher::Event::InitDone));
    let authenticator = fed(watch(AuthenticationOptions::default()), events).await;
    assert_eq!(
        name(&authenticator, old.issue("proxy", |_| {})).await,
        "alice"
    );
    assert_eq!(
        name(&authenticator, clients.issue("bob", |_| {})).await,
        "bob"
    );
    assert_eq!(
        name(&authenticator, new.issue("proxy", |_| {})).await,
        "refused"
    );

    let mut events = started(map(&old, &clients));
    events.push(Ok(watcher::Event::Apply(map(&new, &clients))));
    events.push(Ok(watcher::Event::Delete(map(&new, &clients))));
    events.push(Err(forbidden()));
    events.push(Ok(watcher::Event::Init));
    events.push(Ok(watcher::Event::InitDone));
    let authenticator = fed(watch(AuthenticationOptions::default()), events).await;
    assert_eq!(
        name(&authenticator, new.issue("proxy", |_| {})).await,
        "alice"
    );
    assert_eq!(
        name(&authenticator, old.issue("proxy", |_| {})).await,
        "refused"
    );
}

#[tokio::test]
async fn without_a_config_map_no_certificate_is_trusted_and_the_adapter_becomes_ready() {
    let events = vec![Ok(watcher::Event::Init), Ok(watcher::Event::InitDone)];
    let authenticator = fed(watch(AuthenticationOptions::default()), events).await;
    assert!(authenticator.is_configured());
    let anybody = Ca::new().issue("proxy", |_| {});
    assert_eq!(name(&authenticator, anybody).await, "system:anonymous");
}

#[tokio::test]
async fn a_lookup_that_fails_is_tolerated_only_if_asked_for() {
    for tolerate_lookup_failure in [false, true] {
        let options = AuthenticationOptions {
            tolerate_lookup_failure,
            ..AuthenticationOptions::default()
        };
        let authenticator = fed(watch(options), vec![Err(forbidden())]).await;
        assert_eq!(authenticator.is_configured(), tolerate_lookup_failure);
        // No certificate is verified, so all are ignored, as in the Go library.
        let anybody = Ca::new().issue("proxy", |_| {});
        assert_eq!(name(&authenticator, anybody).await, "system:anonymous");
    }
}

/// Writes the certificate of an authority to a file.
fn write(folder: &Path, name: &str, ca: &Ca) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, ca.0.pem()).unwrap();
    path
}

fn front_proxy(client_ca_file: PathBuf) -> RequestHeaderOptions {
    RequestHeaderOptions {
        client_ca_file,
        allowed_names: vec!["proxy".to_owned()],
        username_headers: vec!["X-Remote-User".to_owned()],
        group_headers: Vec::new(),
        extra_headers_prefix: Vec::new(),
    }
}

#[tokio::test]
async fn without_a_lookup_the_files_suffice_for_readiness() {
    let folder = tempfile::tempdir().unwrap();
    let (proxy, clients) = (Ca::new(), Ca::new());
    let nothing = AuthenticationOptions {
        skip_lookup: true,
        ..AuthenticationOptions::default()
    };
    let everything = AuthenticationOptions {
        client_ca_file: Some(write(folder.path(), "clients.crt", &clients)),
        request_header: Some(front_proxy(write(folder.path(), "proxy.crt", &proxy))),
        ..AuthenticationOptions::default()
    };
    for (options, expected) in [
        (nothing, ["system:anonymous"; 2]),
        (everything, ["alice", "bob"]),
    ] {
        assert!(options.looked_up().is_none());
        let authenticator = watch(options).authenticator;
        assert!(authenticator.is_configured());
        let names = [
            name(&authenticator, proxy.issue("proxy", |_| {})).await,
            name(&authenticator, clients.issue("bob", |_| {})).await,
        ];
        assert_eq!(names, expected);
    }
}

#[tokio::test]
async fn a_file_replaces_one_part_of_the_config_map_and_the_other_part_counts() {
    let folder = tempfile::tempdir().unwrap();
    let (of_file, proxy, clients) = (Ca::new(), Ca::new(), Ca::new());
    let path = write(folder.path(), "ca.crt", &of_file);
    let by_file = AuthenticationOptions {
        client_ca_file: Some(path.clone()),
        ..AuthenticationOptions::default()
    };
    let apply = || vec![Ok(watcher::Event::Apply(map(&proxy, &clients)))];
    let authenticator = fed(watch(by_file), apply()).await;
    assert_eq!(
        name(&authenticator, of_file.issue("bob", |_| {})).await,
        "bob"
    );
    assert_eq!(
        name(&authenticator, clients.issue("bob", |_| {})).await,
        "refused"
    );
    assert_eq!(
        name(&authenticator, proxy.issue("proxy", |_| {})).await,
        "alice"
    );

    let by_file = AuthenticationOptions {
        request_header: Some(front_proxy(path)),
        ..AuthenticationOptions::default()
    };
    let authenticator = fed(watch(by_file), apply()).await;
    assert_eq!(
        name(&authenticator, of_file.issue("proxy", |_| {})).await,
        "alice"
    );
    assert_eq!(
        name(&authenticator, proxy.issue("proxy", |_| {})).await,
        "refused"
    );
    assert_eq!(
        name(&authenticator, clients.issue("bob", |_| {})).await,
        "bob"
    );
}

/// Waits until a certificate gives the expected user.
async fn becomes(
    authenticator: &DelegatedAuthenticator,
    certificate: &CertificateDer<'static>,
    expected: &str,
) {
    let looking = async {
        while name(authenticator, certificate.clone()).await != expected {
            tokio::task::yield_now().await;
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(20), looking).await;
    found.expect("the file is read again");
}

#[tokio::test]
async fn a_changed_file_is_read_again_and_a_broken_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (Ca::new(), Ca::new());
    let path = write(folder.path(), "ca.crt", &old);
    let options = AuthenticationOptions {
        client_ca_file: Some(path.clone()),
        skip_lookup: true,
        ..AuthenticationOptions::default()
    };
    let files = Changes::of(options.files(), HOUR);
    let mut watch = watch(options);
    let authenticator = watch.authenticator.clone();
    let bob = |ca: &Ca| ca.issue("bob", |_| {});
    assert_eq!(name(&authenticator, bob(&old)).await, "bob");

    std::fs::write(&path, "no certificate").unwrap();
    watch.reread();
    assert_eq!(name(&authenticator, bob(&old)).await, "bob");

    let watching = watch.watch_files(files);
    let (of_old, of_new) = (bob(&old), bob(&new));
    let changing = async {
        write(folder.path(), "ca.crt", &new);
        becomes(&authenticator, &of_new, "bob").await;
        assert_eq!(name(&authenticator, of_old).await, "refused");
    };
    tokio::select! {
        () = changing => {}
        () = watching => panic!("files are watched for ever"),
    }
}
