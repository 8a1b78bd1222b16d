//! Profiles that the authors of an adapter write: files of their own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::beside::Beside;
use super::external::ExternalMetrics;
use super::manifests::objects_of;
use super::mount::Mount;
use super::{Container, Profile, ProfileError, lacks};
use crate::format::{ApiVersion, Checks, Place, in_file, located};

/// How an adapter takes its place in the manifests, and what it doesn't claim to do.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ProfileFile {
    /// `setpoint.dev/v1alpha1`
    #[expect(dead_code, reason = "the deserializer has checked it")]
    api_version: ApiVersion,
    /// The adapter's name, as reports write it.
    adapter: String,
    /// Its version, as reports write it.
    version: Option<String>,
    /// Its program, by its path from this file's folder; without it `SETPOINT_ADAPTER_BIN` names one.
    program: Option<PathBuf>,
    /// What it doesn't do, each with the reason. Scenarios that need it are skipped, and the report says why.
    #[serde(default)]
    #[schemars(schema_with = "lacks::schema")]
    lacks: BTreeMap<String, String>,
    /// Its arguments; without them it gets prometheus-adapter's. `$(PROMETHEUS)` is the address of Prometheus, `host:port`, `$(ADAPTER_NAMESPACE)` the
    /// adapter's namespace, and `$(ADAPTER_SERVICE_ACCOUNT)` its ServiceAccount. Rules in prometheus-adapter's form are in `/etc/adapter/config.yaml`, the
    /// serving certificate and its key in `/var/run/serving-cert/tls.crt` and `tls.key`, and port 6443 is the one that is asked.
    args: Option<Vec<String>>,
    /// A JSON merge patch of the Deployment's container, such as other probes: `{readinessProbe: {httpGet: {path: /healthz}}, livenessProbe: null}`.
    /// It has the placeholders of `args`. `$(NAME)` of a variable that its `env` defines is left to Kubernetes.
    container: Option<Value>,
    /// The port of its pod that takes values, for an adapter without a Prometheus: `POST /write-metrics/namespaces/…`, as
    /// custom-metrics-apiserver's test adapter has it.
    write_metrics: Option<u16>,
    /// Programs beside the adapter, each by its path from this file's folder, under the name of the image, without a tag, that `manifests` have for it.
    #[serde(default)]
    programs: BTreeMap<String, PathBuf>,
    /// Files with Kubernetes objects that are applied before the adapter, by their paths from this file's folder: `CustomResourceDefinitions`, then other objects, such as
    /// the Deployment of another program. They have the placeholders of `args`.
    #[serde(default)]
    manifests: Vec<PathBuf>,
    /// Volumes that its container has beside those of the Deployment. They have the placeholders of `args`.
    #[serde(default)]
    volumes: Vec<Mount>,
    /// How it names external metrics, where it doesn't serve them under the names of their series.
    external_metrics: Option<ExternalMetrics>,
}

impl ProfileFile {
    fn check(&self, file: &Place, checks: &mut Checks<'_>) {
        let name = self.adapter.as_str();
        if name.is_empty() || Profile::BUILT_IN.contains(&name) {
            let names = Profile::BUILT_IN.join(", ");
            checks.at(
                file.key("adapter"),
                format!("expected a name of its own: not empty, and none of {names}"),
            );
        }
        lacks::check(&self.lacks, file.key("lacks"), checks);
        for (place, program) in self.programs(file) {
            if program.as_os_str().is_empty() {
                checks.at(place, "expected the path of a program");
            }
        }
        let container = self.container();
        container.check(file, checks);
        if !self.volumes.is_empty() {
            let mut taken = container.mount_paths();
            for (index, mount) in self.volumes.iter().enumerate() {
                mount.check(file.key("volumes").item(index), &mut taken, checks);
            }
        }
        if self.write_metrics == Some(0) {
            checks.at(
                file.key("writeMetrics"),
                "expected a port between 1 and 65535",
            );
        }
        if let Some(metrics) = &self.external_metrics {
            metrics.check(file.key("externalMetrics"), checks);
        }
    }

    /// What stands in the place of the adapter's container.
    fn container(&self) -> Container {
        Container {
            is_this_program: false,
            args: self.args.clone(),
            patch: self.container.clone(),
        }
    }

    /// The programs that it names, each with its place.
    fn programs<'f>(&'f self, file: &'f Place) -> impl Iterator<Item = (&'f Place, &'f PathBuf)> {
        let own = self.program.iter();
        let own = own.map(move |program| (file.key("program"), program));
        let beside = self.programs.iter();
        let beside = beside.map(move |(image, program)| {
            let place = file.key("programs").key(image);
            (place, program)
        });
        own.chain(beside)
    }

    /// The profile, where nothing is wrong.
    fn profile(self, path: &Path, folder: &Path, file: &Place, manifests: Vec<Value>) -> Profile {
        let named = self.programs(file).map(|(place, program)| {
            let place = format!("{}:{}:{}", path.display(), place.line, place.column);
            (folder.join(program), place)
        });
        let named = named.collect();
        let container = self.container();
        let is_changed = container.args.is_some() || container.patch.is_some();
        let programs = self.programs.into_iter();
        let programs = programs.map(|(image, program)| (image, folder.join(program)));
        Profile {
            name: self.adapter,
            version: self.version,
            lacks: lacks::read(self.lacks),
            container: is_changed.then_some(container),
            write_metrics: self.write_metrics,
            beside: Beside {
                programs: programs.collect(),
                manifests,
                volumes: self.volumes,
            },
            external_metrics: self.external_metrics,
            lie: None,
            file: Some(path.to_owned()),
            program: self.program.map(|program| folder.join(program)),
            named,
        }
    }

    /// The objects of the files that it names. What is wrong in these has other places than what is wrong in its own file.
    fn objects(
        &self,
        file: &Place,
        checks: &mut Checks<'_>,
        in_manifests: &mut Vec<String>,
    ) -> Vec<Value> {
        let mut objects = Vec::new();
        for (index, name) in self.manifests.iter().enumerate() {
            let path = checks.folder.join(name);
            match setpoint_support::read_text(&path) {
                Ok(text) => match objects_of(&text) {
                    Ok(found) => objects.extend(found),
                    Err(problems) => in_manifests.extend(in_file(&path, problems)),
                },
                Err(error) => checks.at(
                    file.key("manifests").item(index),
                    format!("read {}: {error}", path.display()),
                ),
            }
        }
        objects
    }
}

/// A profile from a file.
///
/// # Errors
/// When the file can't be read, and everything that is wrong in it and in the files that it names.
pub(super) fn read(path: &Path) -> Result<Profile, ProfileError> {
    let text = setpoint_support::read_text(path).map_err(|source| ProfileError::Read {
        path: path.to_owned(),
        source,
    })?;
    let broken = |problems| ProfileError::File { problems };
    let file: ProfileFile = serde_saphyr::from_str(&text)
        .map_err(|error| broken(in_file(path, vec![located(&error)])))?;
    let places = Place::of(&text);
    let folder = path.parent().unwrap_or(path);
    let mut checks = Checks::new(folder);
    file.check(&places, &mut checks);
    let mut in_manifests = Vec::new();
    let manifests = file.objects(&places, &mut checks, &mut in_manifests);
    let mut problems = in_file(path, checks.problems());
    problems.append(&mut in_manifests);
    if problems.is_empty() {
        Ok(file.profile(path, folder, &places, manifests))
    } else {
        Err(broken(problems))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Need;

    const WHOLE: &str = "\
apiVersion: setpoint.dev/v1alpha1
adapter: example
version: v1.2.3
program: target/example
lacks:
  external-metrics: it serves custom metrics alone
args: [--prometheus=$(PROMETHEUS), --port=6443]
container:
  livenessProbe: null
volumes: [{mountPath: /certs, volume: {secret: {secretName: certificates}}}]
programs: {example.org/operator: target/operator}
externalMetrics:
  name: $(METRIC)
  selector: {example.org/object: $(NAMESPACE)-x}
  manifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: $(OBJECT)}}]
";

    #[test]
    fn a_file_of_an_author_is_a_profile() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("profile.yaml");
        std::fs::write(&path, WHOLE).unwrap();
        let profile = Profile::from_file(&path).unwrap();
        assert_eq!(profile.to_string(), "example");
        assert_eq!(profile.version.as_deref(), Some("v1.2.3"));
        assert_eq!(profile.program, Some(folder.path().join("target/example")));
        assert_eq!(
            profile.argument(Path::new("/other")),
            format!("profile:{}", path.display())
        );
        let operator = folder.path().join("target/operator");
        assert_eq!(profile.beside.programs["example.org/operator"], operator);
        let at = format!("{}:11:34", path.display());
        assert_eq!(profile.named.get(&operator), Some(&at));
        assert_eq!(profile.beside.volumes[0].mount_path, "/certs");
        assert_eq!(profile.external_metrics.as_ref().unwrap().name, "$(METRIC)");
        let lacked = profile.lacks_one_of(&[Need::ExternalMetrics]);
        assert!(lacked.is_some());
        let mut objects = [serde_json::json!({
            "kind": "Deployment",
            "spec": {"template": {"spec": {"containers": [
                {"name": "adapter", "args": ["--prometheus-url=http://p.x.svc:9090"], "livenessProbe": {}, "readinessProbe": {}},
            ]}}},
        })];
        profile.take_place(&mut objects, "setpoint");
        let container = &objects[0]["spec"]["template"]["spec"]["containers"][0];
        let expected = serde_json::json!({"name": "adapter", "args": ["--prometheus=p.x.svc:9090", "--port=6443"], "readinessProbe": {}});
        assert_eq!(container, &expected);
    }

    /// What is told of a file with one thing changed, which stands beside these manifests.
    fn told_beside(manifests: &str, from: &str, to: &str) -> String {
        let text = WHOLE.replace(from, to);
        assert_ne!(text, WHOLE, "{from}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("profile.yaml");
        std::fs::write(&path, text).unwrap();
        std::fs::write(folder.path().join("manifests.yaml"), manifests).unwrap();
        let told = Profile::from_file(&path).unwrap_err().to_string();
        told.replace(&format!("{}/", folder.path().display()), "")
            .replace("profile.yaml:", "")
    }

    fn told(from: &str, to: &str) -> String {
        told_beside("", from, to)
    }

    #[test]
    fn what_is_wrong_in_a_file_is_told_with_its_place() {
        let all = [
            told("adapter: example", "adapter: scripted"),
            told("external-metrics:", "external-metric:"),
            told("external-metrics:", "hpa:"),
            told("it serves custom metrics alone", "''"),
            told("--port=6443", "--port=$(PORT)"),
            told("\n  livenessProbe: null", " none"),
            told("version:", "versions:"),
            told("v1alpha1", "v2"),
            told("mountPath", "path"),
            told("$(METRIC)", "$(METRICS)"),
            told("$(NAMESPACE)-x", "''"),
            told("kind: ConfigMap, ", ""),
            told("$(OBJECT)", "$(OBJEKT"),
            told("program: target/example", "program: ''"),
            told("target/operator", "''"),
        ];
        insta::assert_snapshot!(all.join("\n"));
    }

    #[test]
    fn what_kubernetes_would_refuse_of_a_container_is_told_with_its_place() {
        let told = |to: &str| told("livenessProbe: null", to);
        let all = [
            told("readinesProbe: {}"),
            told("livenessProb: null"),
            told("readinessProbe: 5"),
            told("name: other"),
            told("livenessProbe: {httpGet: {path: /healthz}}"),
            told("livenessProbe: {periodSeconds: 1}"),
            told("readinessProbe: {tcpSocket: {port: 6443}}"),
            told("env: [{name: URL, value: $(PROMETHEUS)$(URL)$(HOST)}]"),
        ];
        insta::assert_snapshot!(all.join("\n"));
    }

    #[test]
    fn what_kubernetes_would_refuse_of_a_volume_is_told_with_its_place() {
        let other = "volumes: [{mountPath: /certs, volume: {emptyDir: {}}}, {";
        let all = [
            told("mountPath: /certs", "mountPath: certs"),
            told("mountPath: /certs", "mountPath: ''"),
            told("mountPath: /certs", "mountPath: /etc/adapter/"),
            told("volumes: [{", other),
            told("{secret: {secretName: certificates}}", "{}"),
            told("secret: {", "secrets: {"),
            told("{secret: {", "{emptyDir: {}, secret: {"),
            told("{secret: {", "{name: a, secret: {"),
            told("secretName: certificates", "secretName: $(SECRET)"),
        ];
        insta::assert_snapshot!(all.join("\n"));
    }

    #[test]
    fn variables_that_a_container_has_itself_are_no_mistakes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("profile.yaml");
        for container in [
            "env: [{name: PORT, value: '1'}]",
            "envFrom: [{configMapRef: {name: a}}]",
        ] {
            let text = WHOLE.replace("livenessProbe: null", container);
            let text = text.replace(
                "--port=6443",
                "--port=$(PORT), --host=$(KUBERNETES_SERVICE_HOST)",
            );
            std::fs::write(&path, text).unwrap();
            let profile = Profile::from_file(&path).unwrap();
            let args = profile.container.unwrap().args.unwrap();
            assert_eq!(args[1], "--port=$(PORT)");
        }
        let shell =
            "readinessProbe: {httpGet: null, exec: {command: [sh, -c, 'test $(id -u) = 1']}}";
        std::fs::write(&path, WHOLE.replace("livenessProbe: null", shell)).unwrap();
        Profile::from_file(&path).unwrap();
    }

    #[test]
    fn mistakes_of_a_file_and_of_its_manifests_are_told_together() {
        let manifests = "# Nothing.\n---\n---\n{apiVersion: v1, kind: Secret}\n";
        let told = told_beside(
            manifests,
            "program: target/example\nlacks:",
            "manifests: [nothing.yaml, '', manifests.yaml]\nlacks:\n  shutdown-dela: it ends at once",
        );
        let told: Vec<&str> = told.lines().collect();
        let expected = [
            "4:13: read nothing.yaml: No such file or directory (os error 2)",
            "4:27: read : Is a directory (os error 21)",
        ];
        assert_eq!(told[..2], expected);
        assert!(told[2].starts_with(
            "6:18: shutdown-dela is nothing that an adapter can lack; expected one of shutdown-delay, "
        ));
        let expected =
            "manifests.yaml:4:1: a document has no metadata.name, so it is no Kubernetes object";
        assert_eq!(told[3..], [expected]);
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = Profile::from_file(Path::new("no-such.yaml")).unwrap_err();
        assert_eq!(
            setpoint_support::error_chain(&error),
            "read the adapter's profile no-such.yaml: No such file or directory (os error 2)"
        );
    }
}
