//! Profiles that the authors of an adapter write: files of their own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Value, json};

use super::beside::{Beside, Mount, objects_of};
use super::external::ExternalMetrics;
use super::placeholders::{PROMETHEUS, unknown};
use super::{Container, Profile, ProfileError};
use crate::format::{ApiVersion, Checks, Need, Place, in_file, located};

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
    #[schemars(schema_with = "lacks_schema")]
    lacks: BTreeMap<Need, String>,
    /// Its arguments; without them it gets prometheus-adapter's. `$(PROMETHEUS)` is the address of Prometheus, `host:port`. Rules in
    /// prometheus-adapter's form are in `/etc/adapter/config.yaml`, the serving certificate and its key in `/var/run/serving-cert/tls.crt` and `tls.key`,
    /// and port 6443 is the one that is asked.
    args: Option<Vec<String>>,
    /// A JSON merge patch of the Deployment's container, such as other probes: `{readinessProbe: {httpGet: {path: /healthz}}, livenessProbe: null}`.
    container: Option<Value>,
    /// The port of its pod that takes values, for an adapter without a Prometheus: `POST /write-metrics/namespaces/…`, as
    /// custom-metrics-apiserver's test adapter has it.
    write_metrics: Option<u16>,
    /// Programs beside the adapter, each by its path from this file's folder, under the name of the image, without a tag, that `manifests` have for it.
    #[serde(default)]
    programs: BTreeMap<String, PathBuf>,
    /// Files with Kubernetes objects that are applied before the adapter, by their paths from this file's folder: `CustomResourceDefinitions`, then other objects, such as
    /// the Deployment of another program. `$(ADAPTER_NAMESPACE)` is the adapter's namespace, `$(ADAPTER_SERVICE_ACCOUNT)` its ServiceAccount, and
    /// `$(PROMETHEUS)` is what it is in `args`.
    #[serde(default)]
    manifests: Vec<PathBuf>,
    /// Volumes that its container has beside those of the Deployment.
    #[serde(default)]
    volumes: Vec<Mount>,
    /// How it names external metrics, where it doesn't serve them under the names of their series.
    external_metrics: Option<ExternalMetrics>,
}

/// The names of what an adapter can lack, each with what it means.
fn lacks_schema(generator: &mut SchemaGenerator) -> Schema {
    let needs = Need::json_schema(generator);
    let needs = needs.get("oneOf").and_then(Value::as_array);
    let of_adapters = needs.into_iter().flatten().filter_map(|shape| {
        let need: Need = serde_json::from_value(shape["const"].clone()).ok()?;
        let reason = json!({"type": "string", "description": shape["description"]});
        (!need.is_of_the_cluster()).then(|| (need.to_string(), reason))
    });
    let properties: serde_json::Map<String, Value> = of_adapters.collect();
    json_schema!({"type": "object", "properties": properties, "additionalProperties": false})
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
        let lacks = file.key("lacks");
        for (need, reason) in &self.lacks {
            let place = lacks.key(&need.to_string());
            if need.is_of_the_cluster() {
                checks.at(
                    place,
                    format!("{need} is what a cluster offers, not an adapter"),
                );
            } else if reason.trim().is_empty() {
                checks.at(place, "expected the reason, which reports write");
            }
        }
        for (index, arg) in self.args.iter().flatten().enumerate() {
            if let Some(unknown) = unknown(arg, &[PROMETHEUS]) {
                checks.at(
                    file.key("args").item(index),
                    format!("{unknown} is unknown; there is {PROMETHEUS}"),
                );
            }
        }
        let container = self.container.as_ref();
        if container.is_some_and(|patch| !patch.is_object()) {
            checks.at(
                file.key("container"),
                "expected fields of a container, such as {livenessProbe: null}",
            );
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
}

/// A profile from a file.
///
/// # Errors
/// When the file can't be read, and everything that is wrong in it.
pub(super) fn read(path: &Path) -> Result<Profile, ProfileError> {
    let text = setpoint_support::read_text(path).map_err(|source| ProfileError::Read {
        path: path.to_owned(),
        source,
    })?;
    let folder = path.parent().unwrap_or(path);
    let file = parse(&text, folder).map_err(|problems| ProfileError::File {
        problems: in_file(path, problems),
    })?;
    let mut manifests = Vec::new();
    for name in &file.manifests {
        manifests.extend(objects_of(&folder.join(name))?);
    }
    let programs = file.programs.into_iter();
    let programs = programs.map(|(image, program)| (image, folder.join(program)));
    Ok(Profile {
        name: file.adapter,
        version: file.version,
        lacks: file.lacks,
        container: (file.args.is_some() || file.container.is_some()).then_some(Container {
            is_this_program: false,
            args: file.args,
            patch: file.container,
        }),
        write_metrics: file.write_metrics,
        beside: Beside {
            programs: programs.collect(),
            manifests,
            volumes: file.volumes,
        },
        external_metrics: file.external_metrics,
        lie: None,
        file: Some(path.to_owned()),
        program: file.program.map(|program| folder.join(program)),
    })
}

fn parse(text: &str, folder: &Path) -> Result<ProfileFile, Vec<String>> {
    let file: ProfileFile = serde_saphyr::from_str(text).map_err(|error| vec![located(&error)])?;
    let mut checks = Checks::new(folder);
    file.check(&Place::of(text), &mut checks);
    let problems = checks.problems();
    if problems.is_empty() {
        Ok(file)
    } else {
        Err(problems)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn what_is_wrong_in_a_file_is_told_with_its_place() {
        let told = |from: &str, to: &str| {
            let text = WHOLE.replace(from, to);
            assert_ne!(text, WHOLE, "{from}");
            parse(&text, Path::new(".")).unwrap_err().join("\n")
        };
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
        ];
        insta::assert_snapshot!(all.join("\n"));
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
