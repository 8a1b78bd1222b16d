use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::*;

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

fn volume() -> (tempfile::TempDir, ServingPair) {
    let volume = tempfile::tempdir().unwrap();
    write(&volume.path().join("..1"));
    swap(volume.path(), "..1");
    for file in ["tls.crt", "tls.key"] {
        symlink(format!("..data/{file}"), volume.path().join(file)).unwrap();
    }
    let pair = ServingPair::load(volume.path().join("tls.crt"), volume.path().join("tls.key"));
    (volume, pair.unwrap())
}

fn same(before: &Arc<rustls::ServerConfig>, pair: &ServingPair) -> bool {
    Arc::ptr_eq(before, &pair.config())
}

#[tokio::test]
async fn a_swapped_volume_is_served_without_waiting_for_the_next_look() {
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
        assert!(same(&before, &pair), "{version} was taken over");
    }
    write(&volume.path().join("..good"));
    swap(volume.path(), "..good");
    pair.reload();
    assert!(!same(&before, &pair));
}

#[test]
fn a_pair_that_is_the_same_is_no_news() {
    let (_volume, pair) = volume();
    let before = pair.config();
    pair.reload();
    assert!(same(&before, &pair));
}
