use std::fs;
use std::process::Command;
use std::sync::Mutex;

use std::path::Path;

use super::*;

/// The newest release's.
const ETCD: Module = Module::Etcd(Release::V1_37);

/// Stands for `go`: notes each call and puts a program for every package into `bin/`.
const BUILDS: &str = r#"
echo "$@" >> "$(dirname "$0")/calls"
test "$GOWORK" = off && test "$CGO_ENABLED" = 0 && test -s go.mod && test -s go.sum || exit 9
for package in "$@"; do
    case "$package" in
        go.etcd.io/etcd/server/v3) name=server ;;
        k8s.io/kubernetes/cmd/*) name=${package##*/} ;;
        *) continue ;;
    esac
    echo "$package" >&2
    printf '#!/bin/sh\n' > "bin/$name" && chmod +x "bin/$name"
done
"#;

struct Fixture {
    root: tempfile::TempDir,
    options: Options,
}

impl Fixture {
    fn with_go(script: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let go = root.path().join("go");
        executable(&go, &format!("#!/bin/sh\n{script}"));
        let options = Options {
            cache: Some(root.path().join("cache")),
            go: Some(go),
            ..Options::default()
        };
        Self { root, options }
    }

    fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.root.path().join("calls")).unwrap_or_default();
        calls.lines().map(str::to_owned).collect()
    }

    fn files_in_cache(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.options.cache.as_ref().unwrap())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

/// Written by another process: a file that this one has open for writing would be inherited by children
/// that other tests fork at the same moment, and running it would fail with ETXTBSY.
fn executable(path: &Path, content: &str) {
    let draft = path.with_extension("draft");
    fs::write(&draft, content).unwrap();
    let mut install = Command::new("install");
    let installed = install.args(["-m", "755"]).args([&draft, path]).status();
    assert!(installed.unwrap().success());
}

#[test]
fn what_is_missing_is_built_once_and_found_afterwards() {
    let fixture = Fixture::with_go(BUILDS);
    assert!(find(&fixture.options).is_err());
    let mut said = Vec::new();
    let built = provision(&fixture.options, |progress| said.push(progress)).unwrap();
    assert_eq!(find(&fixture.options).unwrap(), built);
    let calls = fixture.calls();
    assert_eq!(calls.len(), 2, "{calls:?}");
    assert!(calls[1].contains("-mod=readonly -trimpath -ldflags -s -w -X k8s.io"));
    assert!(matches!(
        said[0],
        Progress::Building {
            module: Module::Etcd(_),
            ..
        }
    ));
    assert!(matches!(said[1], Progress::Line { .. }));
    assert!(matches!(said[2], Progress::Built { .. }));

    let again = provision(&fixture.options, |progress| panic!("{progress:?}")).unwrap();
    assert_eq!(again, built);
    assert_eq!(fixture.calls().len(), 2);
    let left = fixture.files_in_cache();
    assert!(
        left.iter().all(|name| !name.ends_with(".build")),
        "{left:?}"
    );
}

#[test]
fn only_the_missing_program_is_built() {
    let mut fixture = Fixture::with_go(BUILDS);
    let assets = fixture.root.path().join("assets");
    fs::create_dir(&assets).unwrap();
    for program in [Program::Etcd, Program::KubeApiserver] {
        executable(&assets.join(program.name()), "");
    }
    fixture.options.kubebuilder_assets = Some(assets.clone());
    let built = provision(&fixture.options, |_| ()).unwrap();
    assert_eq!(built.etcd, assets.join("etcd"));
    let calls = fixture.calls();
    assert_eq!(calls.len(), 1);
    assert!(calls[0].ends_with("-o bin/ k8s.io/kubernetes/cmd/kube-controller-manager"));
}

#[test]
fn an_explicit_path_goes_before_everything_and_is_never_replaced_by_another() {
    let mut fixture = Fixture::with_go(BUILDS);
    provision(&fixture.options, |_| ()).unwrap();
    let own = fixture.root.path().join("my-etcd");
    fixture.options.etcd = Some(own.clone());
    let error = find(&fixture.options).unwrap_err().to_string();
    assert!(
        error.contains("my-etcd") && error.contains("SETPOINT_ETCD"),
        "{error}"
    );
    executable(&own, "");
    assert_eq!(find(&fixture.options).unwrap().etcd, own);
}

#[test]
fn a_release_that_is_chosen_is_built_beside_the_newest_and_found_by_who_chooses_it() {
    let mut fixture = Fixture::with_go(BUILDS);
    let newest = provision(&fixture.options, |_| ()).unwrap();
    fixture.options.release = Some(Release::V1_36);
    assert!(find(&fixture.options).is_err());
    let chosen = provision(&fixture.options, |_| ()).unwrap();
    assert_eq!(fixture.calls().len(), 4);
    let version = Module::Kubernetes(Release::V1_36).version();
    assert!(fixture.calls()[3].contains(&format!("gitVersion={version} ")));
    let folder = chosen
        .kube_apiserver
        .parent()
        .unwrap()
        .display()
        .to_string();
    assert!(
        folder.contains(&format!("/kubernetes-{version}-")),
        "{folder}"
    );
    assert_ne!(chosen, newest);
    fixture.options.release = None;
    assert_eq!(find(&fixture.options).unwrap(), newest);
}

#[test]
fn no_program_of_an_unknown_version_is_taken_for_the_chosen_release() {
    let mut fixture = Fixture::with_go(BUILDS);
    fixture.options.release = Some(Release::V1_36);
    let assets = fixture.root.path().join("assets");
    fs::create_dir(&assets).unwrap();
    executable(&assets.join("kube-apiserver"), "");
    fixture.options.kubebuilder_assets = Some(assets.clone());
    let built = provision(&fixture.options, |_| ()).unwrap();
    assert!(!built.kube_apiserver.starts_with(&assets), "{built:?}");

    fixture.options.kube_apiserver = Some(assets.join("kube-apiserver"));
    let error = find(&fixture.options).unwrap_err().to_string();
    assert!(
        error.starts_with("use Kubernetes 1.36: SETPOINT_KUBE_APISERVER names "),
        "{error}"
    );
}

#[test]
fn two_builders_at_once_build_once_and_the_second_says_that_it_waits() {
    // The first go waits until the second builder has said that it waits.
    let until_somebody_waits = r#"
        for _ in $(seq 3000); do
            test -e "$(dirname "$0")/waiting" && exit 0
            sleep 0.01
        done
        echo 'nobody waits' >&2
        exit 8"#;
    let fixture = Fixture::with_go(&format!("{BUILDS}{until_somebody_waits}"));
    let waiting = fixture.root.path().join("waiting");
    let waits = Mutex::new(Vec::new());
    let note = |progress| {
        if let Progress::Waiting { module, .. } = progress {
            waits.lock().unwrap().push(module);
            fs::write(&waiting, "").unwrap();
        }
    };
    let (one, two) = std::thread::scope(|threads| {
        let one = threads.spawn(|| provision(&fixture.options, note).unwrap());
        let two = threads.spawn(|| provision(&fixture.options, note).unwrap());
        (one.join().unwrap(), two.join().unwrap())
    });
    assert_eq!(one, two);
    assert_eq!(fixture.calls().len(), 2, "one call a module");
    assert_eq!(waits.lock().unwrap()[0], ETCD);
}

#[test]
fn a_failed_build_shows_gos_last_words_and_leaves_no_program() {
    let fixture = Fixture::with_go("echo 'write: no space left on device' >&2; exit 3");
    let error = provision(&fixture.options, |_| ()).unwrap_err().to_string();
    assert!(error.contains("no space left on device"), "{error}");
    assert!(error.contains("exit status: 3"), "{error}");
    assert!(error.contains(&fixture.root.path().display().to_string()));
    let left = fixture.files_in_cache();
    assert!(left.iter().all(|name| name.ends_with(".lock")), "{left:?}");
}

#[test]
fn an_unusable_cache_is_named() {
    let mut fixture = Fixture::with_go(BUILDS);
    let file = fixture.root.path().join("file");
    fs::write(&file, "").unwrap();
    fixture.options.cache = Some(file.join("cache"));
    let error = provision(&fixture.options, |_| ()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("create {}", file.join("cache").display())
    );
}

#[test]
fn one_error_names_every_way() {
    let options = Options {
        kubebuilder_assets: Some("/assets".into()),
        cache: Some("/cache".into()),
        ..Options::default()
    };
    let error = provision(&options, |_| ()).unwrap_err().to_string();
    let kubernetes = Module::Kubernetes(Release::default()).version();
    for part in [
        "no etcd: SETPOINT_ETCD is not set; KUBEBUILDER_ASSETS=/assets has no etcd; /cache/etcd-v"
            .to_owned(),
        format!("/cache/kubernetes-{kubernetes}-linux-"),
        format!(
            "etcd {} is not downloaded: no place to download from is known\n",
            ETCD.version()
        ),
        "not built: no `go` in PATH".to_owned(),
        "SETPOINT_ETCD_URL".to_owned(),
        "SETPOINT_ETCD, SETPOINT_KUBE_APISERVER, SETPOINT_KUBE_CONTROLLER_MANAGER".to_owned(),
    ] {
        assert!(error.contains(&part), "`{part}` is not in:\n{error}");
    }
    let found = find(&options).unwrap_err().to_string();
    assert!(!found.contains("not built"), "{found}");
    assert!(found.contains("setpoint cluster provision"), "{found}");
}
