//! Which file of the official releases holds a program.

use url::Url;

use super::super::source::{Module, Program};
use super::super::{Downloads, ProvisionError};
use setpoint_support::go_architecture as architecture;

/// A file of a release, and where its checksum is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Artifact {
    pub(super) url: Url,
    pub(super) checksums: Url,
    /// The file's name, by which a list of checksums knows it.
    pub(super) file: String,
    pub(super) program: Program,
    /// The program's path inside the file, when that is a `tar.gz`.
    pub(super) member: Option<String>,
}

impl Artifact {
    /// That of the module's program.
    pub(super) fn of(
        module: Module,
        program: Program,
        downloads: &Downloads,
    ) -> Result<Self, ProvisionError> {
        let (version, architecture) = (module.version(), architecture());
        let base = base(module, downloads)?;
        Ok(match module {
            Module::Kubernetes(_) => {
                let path = format!("{version}/bin/linux/{architecture}/{program}");
                Self {
                    url: below(&base, &path),
                    checksums: below(&base, &format!("{path}.sha256")),
                    file: program.name().to_owned(),
                    program,
                    member: None,
                }
            }
            Module::Etcd(_) => {
                let folder = format!("etcd-{version}-linux-{architecture}");
                let file = format!("{folder}.tar.gz");
                Self {
                    url: below(&base, &format!("{version}/{file}")),
                    checksums: below(&base, &format!("{version}/SHA256SUMS")),
                    file,
                    program,
                    member: Some(format!("{folder}/{program}")),
                }
            }
        })
    }
}

/// The folder that the module's releases are in.
pub(super) fn base(module: Module, downloads: &Downloads) -> Result<Url, ProvisionError> {
    let text = downloads.base(module);
    let wrong = |why: String| ProvisionError::Url { module, why };
    // The text may hold a password, so the message doesn't repeat it.
    let url = Url::parse(text).map_err(|error| wrong(error.to_string()))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => Err(wrong(format!("expected http or https, not {other}"))),
    }
}

fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

#[cfg(test)]
mod tests {
    use super::super::super::Release;
    use super::*;

    #[test]
    fn the_official_files_are_these() {
        let [etcd_module, module] = Module::of(Release::default());
        let (etcd, kubernetes) = (etcd_module.version(), module.version());
        let architecture = architecture();
        let official = Downloads::official();
        let artifact = Artifact::of(module, Program::KubeApiserver, &official).unwrap();
        let url = format!(
            "https://dl.k8s.io/release/{kubernetes}/bin/linux/{architecture}/kube-apiserver"
        );
        assert_eq!(artifact.url.as_str(), url);
        assert_eq!(artifact.checksums.as_str(), format!("{url}.sha256"));
        let artifact = Artifact::of(etcd_module, Program::Etcd, &official).unwrap();
        let release = format!("https://github.com/etcd-io/etcd/releases/download/{etcd}");
        let name = format!("etcd-{etcd}-linux-{architecture}");
        assert_eq!(artifact.url.as_str(), format!("{release}/{name}.tar.gz"));
        assert_eq!(artifact.checksums.as_str(), format!("{release}/SHA256SUMS"));
        assert_eq!(artifact.member, Some(format!("{name}/etcd")));
    }

    #[test]
    fn what_is_no_web_address_is_refused_without_repeating_its_password() {
        for base in [
            "mirror.example",
            "ftp://user:secret@mirror.example/",
            "http://u:secret@[/",
        ] {
            let downloads = Downloads {
                kubernetes: base.to_owned(),
                ..Downloads::official()
            };
            let module = Module::Kubernetes(Release::default());
            let artifact = Artifact::of(module, Program::KubeApiserver, &downloads);
            let error = artifact.unwrap_err();
            let text = error.to_string();
            assert!(text.contains("SETPOINT_KUBERNETES_URL"), "{text}");
            assert!(!text.contains("secret"), "{text}");
        }
    }
}
