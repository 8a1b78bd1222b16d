mod releases;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use super::super::{Binaries, Options, Release, Way, find, provision};
use super::server::Patience;
use super::*;
use releases::{Has, Releases, archive_of, etcd_folder, etcd_path, path, program_of, sum};

struct TestCache {
    root: tempfile::TempDir,
    options: Options,
}

impl TestCache {
    fn with(downloads: Downloads) -> Self {
        let root = tempfile::tempdir().unwrap();
        let options = Options {
            cache: Some(root.path().join("cache")),
            downloads: Some(downloads),
            ..Options::default()
        };
        Self { root, options }
    }

    fn fails(&self) -> String {
        let error = provision(&self.options, |_| ()).unwrap_err();
        setpoint_support::error_chain(&error)
    }

    /// Everything in the cache but the locks and empty folders, by its path.
    fn kept(&self) -> Vec<String> {
        let mut folders = vec![self.options.cache.clone().unwrap()];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_none_or(|extension| extension != "lock") {
                    files.push(path.strip_prefix(self.root.path()).unwrap().to_owned());
                }
            }
        }
        let mut files: Vec<_> = files
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        files.sort();
        files
    }
}

fn runs(program: &Path) -> String {
    // By the shell: a file that another test's fork still holds open for writing can be read, but not run.
    let output = std::process::Command::new("sh").arg(program).output();
    String::from_utf8(output.unwrap().stdout).unwrap()
}

#[test]
fn what_is_missing_is_downloaded_once_checked_and_found_afterwards() {
    let releases = Releases::complete();
    let cache = TestCache::with(releases.downloads());
    let mut said = Vec::new();
    let got = provision(&cache.options, |progress| said.push(progress)).unwrap();
    assert_eq!(find(&cache.options).unwrap(), got);
    let Binaries {
        etcd,
        kube_apiserver,
        kube_controller_manager,
    } = &got;
    for (path, program) in [
        (etcd, "etcd\n"),
        (kube_apiserver, "kube-apiserver\n"),
        (kube_controller_manager, "kube-controller-manager\n"),
    ] {
        assert_eq!(runs(path), program);
        assert_eq!(
            fs::metadata(path).unwrap().permissions().mode() & 0o777,
            0o755
        );
    }
    let asked = releases.asked.lock().unwrap().len();
    assert_eq!(asked, 6, "each file and its checksum");
    provision(&cache.options, |progress| panic!("{progress:?}")).unwrap();
    assert_eq!(releases.asked.lock().unwrap().len(), asked);
    assert_eq!(cache.kept().len(), 3, "{:?}", cache.kept());
}

#[test]
fn the_progress_tells_from_where_how_much_and_how_long() {
    let releases = Releases::complete();
    let cache = TestCache::with(releases.downloads());
    let mut said = Vec::new();
    provision(&cache.options, |progress| said.push(progress)).unwrap();
    let archive = format!("{}{}", releases.base, path(Program::Etcd, ""));
    assert!(
        matches!(&said[0], Progress::Downloading { module: Module::Etcd(_), url } if *url == archive)
    );
    let whole = program_of(Program::KubeApiserver).len() as u64;
    let last = said.iter().rev().find_map(|progress| match progress {
        Progress::Received { bytes, total, .. } => Some((*bytes, *total)),
        _ => None,
    });
    assert_eq!(last, Some((whole, Some(whole))));
    let ended = said.last().unwrap();
    assert!(matches!(
        ended,
        Progress::Downloaded {
            module: Module::Kubernetes(_),
            ..
        }
    ));
}

#[test]
fn a_wrong_checksum_is_refused_leaves_nothing_and_is_no_reason_to_build() {
    let releases = Releases::complete();
    let sums = path(Program::KubeApiserver, ".sha256");
    let other = sum(b"another");
    releases.put(&sums, other.clone().into_bytes());
    let mut cache = TestCache::with(releases.downloads());
    cache.options.go = Some("/no/such/go".into());
    let error = cache.fails();
    for part in [
        "kube-apiserver is not kept",
        &sum(&program_of(Program::KubeApiserver)),
        &other,
        &sums,
    ] {
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
    let kept = cache.kept();
    assert!(!kept.iter().any(|file| file.contains("kube")), "{kept:?}");
}

#[test]
fn a_server_without_a_checksum_of_the_file_is_doubted() {
    let releases = Releases::complete();
    releases.put(
        &etcd_path("SHA256SUMS"),
        b"<html>please log in</html>".to_vec(),
    );
    let cache = TestCache::with(releases.downloads());
    let error = cache.fails();
    assert!(
        error.contains("SHA256SUMS holds no SHA-256 of it"),
        "{error}"
    );
    assert!(error.contains(&etcd_folder()), "{error}");
    assert_eq!(cache.kept(), Vec::<String>::new());
}

#[test]
fn a_download_that_breaks_off_is_told_and_leaves_nothing() {
    let releases = Releases::complete();
    let apiserver = path(Program::KubeApiserver, "");
    releases.has(&apiserver, Has::Cut(program_of(Program::KubeApiserver)));
    let cache = TestCache::with(releases.downloads());
    let error = cache.fails();
    assert!(
        error.contains(&format!("{apiserver}: error decoding response body")),
        "{error}"
    );
    assert!(error.contains("not built: no `go` in PATH"), "{error}");
    let kept = cache.kept();
    assert!(!kept.iter().any(|file| file.contains("kube")), "{kept:?}");
}

#[test]
fn a_missing_file_is_told_with_every_other_way() {
    let releases = Releases::empty();
    let cache = TestCache::with(releases.downloads());
    let error = cache.fails();
    for part in [
        "no etcd: SETPOINT_ETCD is not set",
        "SHA256SUMS: the server answers 404\n",
        "is not built: no `go` in PATH\n",
        "SETPOINT_ETCD_URL",
        "or set SETPOINT_ETCD, SETPOINT_KUBE_APISERVER, SETPOINT_KUBE_CONTROLLER_MANAGER to ready ones",
    ] {
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
}

#[test]
fn a_server_that_nobody_reaches_gives_way_to_a_build_only_when_none_is_forbidden() {
    let mut cache = TestCache::with(Releases::complete().end());
    let go = cache.root.path().join("go");
    cache.options.go = Some(go.clone());
    let mut said = Vec::new();
    let error = provision(&cache.options, |progress| said.push(progress)).unwrap_err();
    assert_eq!(error.to_string(), format!("start {}", go.display()));
    let Progress::NotDownloaded { module, why } = &said[0] else {
        panic!("{said:?}")
    };
    assert_eq!(*module, Module::Etcd(Release::default()));
    assert!(why.contains("onnection refused"), "{why}");

    cache.options.from = Some(Way::Download);
    let error = cache.fails();
    assert!(error.contains("onnection refused"), "{error}");
    assert!(
        error.contains("not built: only a download is wanted"),
        "{error}"
    );
}

#[test]
fn a_build_that_is_asked_for_downloads_nothing() {
    let releases = Releases::complete();
    let mut cache = TestCache::with(releases.downloads());
    cache.options.from = Some(Way::Go);
    let error = cache.fails();
    assert!(
        error.contains("not downloaded: only a build is wanted"),
        "{error}"
    );
    assert_eq!(releases.asked.lock().unwrap().len(), 0);
}

#[test]
fn a_redirect_is_followed() {
    let releases = Releases::complete();
    let apiserver = path(Program::KubeApiserver, "");
    releases.put("/elsewhere", program_of(Program::KubeApiserver));
    releases.has(&apiserver, Has::Redirect("/elsewhere".to_owned()));
    let cache = TestCache::with(releases.downloads());
    provision(&cache.options, |_| ()).unwrap();
}

#[test]
fn an_archive_without_the_program_is_told() {
    let releases = Releases::complete();
    let archive = archive_of("elsewhere/etcd");
    let sums = format!("{} *{}.tar.gz\n", sum(&archive), etcd_folder());
    releases.put(&etcd_path("SHA256SUMS"), sums.into_bytes());
    releases.put(&path(Program::Etcd, ""), archive);
    let cache = TestCache::with(releases.downloads());
    let error = cache.fails();
    assert!(
        error.contains(&format!("take {}/etcd out of", etcd_folder())),
        "{error}"
    );
    assert!(error.ends_with("it isn't in there"), "{error}");
    assert_eq!(cache.kept(), Vec::<String>::new());
}

#[test]
fn credentials_in_the_address_are_not_repeated() {
    let releases = Releases::empty();
    let mut downloads = releases.downloads();
    downloads.etcd = downloads.etcd.replace("http://", "http://user:secret@");
    let cache = TestCache::with(downloads);
    let error = cache.fails();
    assert!(
        error.contains("SHA256SUMS: the server answers 404"),
        "{error}"
    );
    assert!(
        !error.contains("secret") && !error.contains("user"),
        "{error}"
    );
}

#[test]
fn a_full_disk_is_told_with_what_helps() {
    let releases = Releases::complete();
    let base = releases.base.parse().unwrap();
    let url = format!("{}{}", releases.base, path(Program::KubeApiserver, ""));
    let server = Server::new(&base, PATIENCE).unwrap();
    // The system's own full disk.
    let error = server
        .save(&url.parse().unwrap(), Path::new("/dev/full"), |_, _| ())
        .unwrap_err();
    let text = setpoint_support::error_chain(&error);
    assert!(
        text.starts_with(
            "write /dev/full (free some space, or name another folder by SETPOINT_CACHE_DIR)"
        ),
        "{text}"
    );
    assert!(text.contains("No space left on device"), "{text}");
}

#[test]
fn a_silent_server_is_waited_for_only_so_long() {
    let releases = Releases::empty();
    releases.has("/silent", Has::Silence);
    let base = releases.base.parse().unwrap();
    let patience = Patience {
        silence: Duration::from_millis(50),
        ..PATIENCE
    };
    let server = Server::new(&base, patience).unwrap();
    let url = format!("{}/silent", releases.base).parse().unwrap();
    let error = server.text(&url).unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    assert!(
        setpoint_support::error_chain(&error).contains("timed out"),
        "{error:?}"
    );
}

#[test]
fn a_text_that_never_ends_is_not_read_to_its_end() {
    let releases = Releases::empty();
    releases.put("/long", vec![b'a'; 1 << 20]);
    let base = releases.base.parse().unwrap();
    let server = Server::new(&base, PATIENCE).unwrap();
    let url = format!("{}/long", releases.base).parse().unwrap();
    assert_eq!(server.text(&url).unwrap(), "");
}

#[test]
fn two_at_once_download_once_and_the_second_says_that_it_waits() {
    let releases = Releases::complete();
    let cache = TestCache::with(releases.downloads());
    let (waits, waiting) = mpsc::channel();
    let waiting: Mutex<Receiver<()>> = Mutex::new(waiting);
    // The first one goes on when the second has said that it waits.
    let note = |progress| match progress {
        Progress::Downloading {
            module: Module::Etcd(_),
            ..
        } => {
            let limit = Duration::from_secs(30);
            waiting
                .lock()
                .unwrap()
                .recv_timeout(limit)
                .expect("nobody waits");
        }
        Progress::Waiting {
            module: Module::Etcd(_),
            ..
        } => waits.send(()).unwrap(),
        _ => {}
    };
    let note = &note;
    let (one, two) = std::thread::scope(|threads| {
        let one = threads.spawn(|| provision(&cache.options, note).unwrap());
        let two = threads.spawn(|| provision(&cache.options, note).unwrap());
        (one.join().unwrap(), two.join().unwrap())
    });
    assert_eq!(one, two);
    assert_eq!(releases.asked.lock().unwrap().len(), 6, "each file once");
}
