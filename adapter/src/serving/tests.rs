use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use setpoint_metrics_api::Quantity;
use setpoint_serve::{Limits, Server};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::api::tests::{Fixed, router_of};

/// Writes a pair into a folder, as one version of a mounted Secret.
fn write(folder: &Path) {
    let pair = rcgen::generate_simple_self_signed(vec!["adapter".to_owned()]).unwrap();
    fs::create_dir(folder).unwrap();
    fs::write(folder.join("tls.crt"), pair.cert.pem()).unwrap();
    fs::write(folder.join("tls.key"), pair.signing_key.serialize_pem()).unwrap();
}

/// Points `..data` at another version, as the kubelet does.
fn swap(volume: &Path, version: &str) {
    symlink(version, volume.join("..data_tmp")).unwrap();
    fs::rename(volume.join("..data_tmp"), volume.join("..data")).unwrap();
}

/// The pair of a folder, and those of others for names.
fn files(folder: &Path, named: &[(&Path, &[&str])]) -> ServingFiles {
    let pair = |folder: &Path, names: &[&str]| NamedPair {
        certificate: folder.join("tls.crt"),
        key: folder.join("tls.key"),
        names: names.iter().map(|&name| name.to_owned()).collect(),
    };
    ServingFiles {
        default: pair(folder, &[]),
        named: named
            .iter()
            .map(|(folder, names)| pair(folder, names))
            .collect(),
        options: TlsOptions::default(),
    }
}

fn volume() -> (tempfile::TempDir, ServingPair) {
    let volume = tempfile::tempdir().unwrap();
    write(&volume.path().join("..1"));
    swap(volume.path(), "..1");
    for file in ["tls.crt", "tls.key"] {
        symlink(format!("..data/{file}"), volume.path().join(file)).unwrap();
    }
    let pair = ServingPair::load(files(volume.path(), &[]), Reloads::default());
    (volume, pair.unwrap())
}

fn same(before: &Arc<rustls::ServerConfig>, pair: &ServingPair) -> bool {
    Arc::ptr_eq(before, &pair.config())
}

#[tokio::test]
async fn a_swapped_volume_is_served_before_the_next_interval() {
    let (volume, pair) = volume();
    let (pair, shutdown) = (Arc::new(pair), CancellationToken::new());
    let before = pair.config();
    let following = pair.clone();
    let (hour, ending) = (Duration::from_secs(3600), shutdown.clone());
    let follower = tokio::spawn(async move { following.follow(hour, ending).await });
    write(&volume.path().join("..2"));
    swap(volume.path(), "..2");
    let swapped = async {
        while same(&before, &pair) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), swapped)
        .await
        .expect("the new pair is served");
    shutdown.cancel();
    follower.await.unwrap();
}

#[test]
fn a_pair_that_cannot_be_used_leaves_the_old_one() {
    let (volume, pair) = volume();
    let before = pair.config();
    let broken: [(&str, &str, &[u8]); 4] = [
        ("..empty", "tls.crt", b""),
        ("..cut", "tls.key", b"-----BEGIN PRIVATE KEY-----\nMC4C"),
        ("..noise", "tls.crt", b"\xff\x00 no PEM"),
        ("..other", "tls.key", b""),
    ];
    for (version, file, content) in broken {
        let folder = volume.path().join(version);
        write(&folder);
        fs::write(folder.join(file), content).unwrap();
        if version == "..other" {
            fs::copy(volume.path().join("..1/tls.key"), folder.join(file)).unwrap();
        }
        swap(volume.path(), version);
        pair.reload();
        assert_eq!(pair.reloads.states(), [(PART, true)]);
        assert!(same(&before, &pair), "{version} was taken over");
    }
    write(&volume.path().join("..good"));
    swap(volume.path(), "..good");
    pair.reload();
    assert!(!same(&before, &pair));
    assert_eq!(pair.reloads.states(), [(PART, false)]);
    let metrics = pair.reloads.metrics().text();
    for (outcome, count) in [("failure", 4), ("success", 1)] {
        let line = format!(
            "setpoint_adapter_reloads_total{{part=\"{PART}\",outcome=\"{outcome}\"}} {count}"
        );
        assert!(metrics.contains(&line), "{metrics}");
    }
    // rcgen's certificates end on the first day of 4096.
    let end = "setpoint_adapter_certificate_expiration_timestamp_seconds{part=\"serving-certificate\"} 67090118400";
    assert!(metrics.contains(end), "{metrics}");
}

#[test]
fn an_unchanged_pair_is_not_replaced() {
    let (_volume, pair) = volume();
    let before = pair.config();
    pair.reload();
    assert!(same(&before, &pair));
}

/// An adapter that is ready, served with a pair that is followed.
///
/// `/held` says that it was asked, and answers when `release` says so.
async fn served(
    pair: &Arc<ServingPair>,
    shutdown: &CancellationToken,
    (asked, release): (CancellationToken, CancellationToken),
) -> (String, JoinHandle<()>) {
    let held = axum::routing::get(move || async move {
        asked.cancel();
        release.cancelled().await;
        "held"
    });
    let router = router_of(Fixed {
        relisted: true,
        failure: None,
    })
    .route("/held", held);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let (following, ending) = (pair.clone(), shutdown.clone());
    tokio::spawn(async move { following.follow(Duration::from_secs(3600), ending).await });
    let pair = pair.clone();
    let server = Server::new(listener).tls_source(move || pair.config());
    let running = tokio::spawn(server.run(router, shutdown.clone()));
    (url, running)
}

/// A client without connections. It accepts any certificate, because the served one changes.
fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .tls_danger_accept_invalid_certs(true)
        .build()
        .unwrap()
}

/// Asks whether the adapter is ready, over a new connection each time, until told to stop. Returns
/// how often.
async fn ask_again_and_again(url: String, stop: CancellationToken) -> Result<usize, String> {
    let mut asked = 0;
    while !stop.is_cancelled() {
        let answer = client().get(format!("{url}/readyz")).send().await;
        let answer = answer.map_err(|error| format!("{error:?}"))?;
        if answer.status() != 200 {
            return Err(format!("answered {}", answer.status()));
        }
        asked += 1;
    }
    Ok(asked)
}

#[tokio::test]
async fn the_adapter_stays_ready_while_its_pair_is_renewed_under_load_and_then_answers_what_is_in_flight()
 {
    let (volume, pair) = volume();
    let pair = Arc::new(pair);
    let [shutdown, stop, asked, release] = std::array::from_fn(|_| CancellationToken::new());
    let (url, running) = served(&pair, &shutdown, (asked.clone(), release.clone())).await;
    let in_flight = tokio::spawn(client().get(format!("{url}/held")).send());
    let waited = tokio::time::timeout(Duration::from_secs(20), asked.cancelled()).await;
    waited.expect("the request is in flight");
    let asking: Vec<_> = (0..3)
        .map(|_| tokio::spawn(ask_again_and_again(url.clone(), stop.clone())))
        .collect();
    let rotations = async {
        for version in 2..12 {
            let before = pair.config();
            let name = format!("..{version}");
            write(&volume.path().join(&name));
            swap(volume.path(), &name);
            while same(&before, &pair) {
                tokio::task::yield_now().await;
            }
        }
    };
    let rotated = tokio::time::timeout(Duration::from_secs(60), rotations).await;
    rotated.expect("ten renewed pairs are served");
    stop.cancel();
    for asked in asking {
        let asked = asked.await.unwrap();
        assert!(asked.as_ref().is_ok_and(|asked| *asked > 0), "{asked:?}");
    }
    shutdown.cancel();
    let refused = async { while client().get(&url).send().await.is_ok() {} };
    let refused = tokio::time::timeout(Duration::from_secs(20), refused).await;
    refused.expect("no new connection is taken");
    assert!(!running.is_finished(), "one request is in flight");
    release.cancel();
    let answer = in_flight.await.unwrap().unwrap();
    assert_eq!(answer.text().await.unwrap(), "held");
    let ended = tokio::time::timeout(Duration::from_secs(20), running).await;
    ended.expect("the server ends").unwrap();
}

#[test]
fn what_clients_send_takes_less_memory_than_the_manifests_grant() {
    /// The rest of a release build: programs, stacks and what is served. `ci/reports/relist.md` has it at
    /// rest, and what relists add; `ci/bench` attacks it.
    const REST: f64 = 16.0 * 1024.0 * 1024.0;
    let manifests = include_str!("../../deploy/base/adapter.yaml");
    let documents: Vec<serde_json::Value> = serde_saphyr::from_multiple(manifests).unwrap();
    let limits: Vec<Quantity> = documents
        .iter()
        .filter_map(|document| {
            let container = &document["spec"]["template"]["spec"]["containers"][0];
            container["resources"]["limits"]["memory"].as_str()
        })
        .map(|limit| limit.parse().unwrap())
        .collect();
    assert_eq!(limits.len(), 1, "one Deployment says how much");
    #[expect(clippy::cast_precision_loss, reason = "a few hundred million")]
    let taken = Limits::default().most_bytes() as f64;
    assert!(
        taken + REST <= limits[0].as_f64(),
        "{taken} of {}",
        limits[0]
    );
}

#[test]
fn a_pair_without_a_certificate_says_what_fills_it_in() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
    fs::write(&certificate, "").unwrap();
    fs::write(&key, "").unwrap();
    let error = ServingPair::load(
        ServingFiles {
            default: NamedPair {
                certificate: certificate.clone(),
                key,
                names: Vec::new(),
            },
            named: Vec::new(),
            options: TlsOptions::default(),
        },
        Reloads::default(),
    )
    .err()
    .unwrap();
    let text = error.to_string();
    assert!(text.contains(&certificate.display().to_string()), "{text}");
    assert!(text.contains("setpoint-adapter certs"), "{text}");
}

#[test]
fn further_pairs_are_followed_too() {
    let folder = tempfile::tempdir().unwrap();
    let [default, other] = ["default", "other"].map(|name| folder.path().join(name));
    write(&default);
    write(&other);
    let named: [(&Path, &[&str]); 1] = [(&other, &["*.example.com"])];
    let pair = ServingPair::load(files(&default, &named), Reloads::default()).unwrap();
    let before = pair.config();
    fs::write(other.join("tls.key"), "").unwrap();
    pair.reload();
    assert!(
        same(&before, &pair),
        "a broken pair for a name was taken over"
    );
    fs::remove_dir_all(&other).unwrap();
    write(&other);
    pair.reload();
    assert!(!same(&before, &pair));
}

#[test]
fn http2_is_offered_unless_it_is_switched_off() {
    let folder = tempfile::tempdir().unwrap();
    let default = folder.path().join("default");
    write(&default);
    let mut files = files(&default, &[]);
    files.options.http2 = false;
    let pair = ServingPair::load(files, Reloads::default()).unwrap();
    assert_eq!(pair.config().alpn_protocols, [b"http/1.1"]);
}
