//! Building the control plane's programs with the real `go`, from the Go modules of this crate.

#![expect(clippy::unwrap_used, reason = "a test's own steps fail by panicking")]

use std::path::Path;
use std::process::Command;

use setpoint_cluster::provision::{self, Module, Options, Release};

/// What the program says about itself.
fn version(program: &Path) -> String {
    let output = Command::new(program).arg("--version").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
#[ignore = "builds etcd and Kubernetes with go: several minutes and the module proxy; ci/nightly runs it"]
fn an_empty_cache_is_filled_with_programs_that_report_the_pinned_versions() {
    let cache = tempfile::tempdir().unwrap();
    let options = Options {
        cache: Some(cache.path().to_owned()),
        go: Options::from_env().go,
        ..Options::default()
    };
    let built = provision::provision(&options, |progress| println!("{progress:?}")).unwrap();
    let etcd = version(&built.etcd);
    let wanted = Module::Etcd(Release::default())
        .version()
        .trim_start_matches('v');
    assert!(
        etcd.starts_with(&format!("etcd Version: {wanted}\n")),
        "{etcd}"
    );
    for program in [&built.kube_apiserver, &built.kube_controller_manager] {
        let module = Module::Kubernetes(Release::default());
        let wanted = format!("Kubernetes {}\n", module.version());
        assert_eq!(version(program), wanted);
    }
}
