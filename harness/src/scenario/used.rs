//! Manifests that many scenarios use: each is a file with one object, named in `uses`.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::Document;
use crate::format::{Checks, ObjectRef, Place, copies, in_file, located};

/// Puts the objects that a scenario uses before its own. An own object of the same kind, namespace and name is merged into
/// the one that is used, as a JSON merge patch (RFC 7396).
///
/// # Errors
/// Everything that is wrong with what is used, each as `file:line:column: …`.
pub(super) fn with_used(
    mut document: Document,
    text: &str,
    path: &Path,
) -> Result<Document, Vec<String>> {
    let mut objects = used(&document.uses, text, path)?;
    let identity = |object: &Value| ObjectRef::of(object).identity();
    let used: Vec<_> = objects.iter().map(identity).collect();
    for manifest in copies::manifests(document.manifests) {
        let own = identity(&manifest);
        match used.iter().position(|used| *used == own) {
            Some(index) => json_patch::merge(&mut objects[index], &manifest),
            None => objects.push(manifest),
        }
    }
    document.manifests = objects;
    Ok(document)
}

/// The objects in files that stand beside a scenario, each once.
fn used(names: &[String], text: &str, path: &Path) -> Result<Vec<Value>, Vec<String>> {
    let (mut files, mut known) = (BTreeSet::new(), BTreeSet::new());
    let (mut objects, mut of_names, mut of_files) = (Vec::new(), Vec::new(), Vec::new());
    for (index, name) in names.iter().enumerate() {
        let file = path.with_file_name(name);
        let real = std::fs::canonicalize(&file).unwrap_or_else(|_| file.clone());
        if !files.insert(real) {
            of_names.push((index, format!("`{name}` stands here twice")));
            continue;
        }
        let read = setpoint_support::read_text(&file);
        match read.map(|text| object(&text, &file)) {
            Ok(Ok(object)) => {
                let of = ObjectRef::of(&object);
                if !known.insert(of.identity()) {
                    let problem = format!("`{name}` has {of}, as a file before it has");
                    of_names.push((index, problem));
                }
                objects.push(object);
            }
            Ok(Err(found)) => of_files.extend(in_file(&file, found)),
            Err(error) => of_names.push((index, format!("read `{name}`: {error}"))),
        }
    }
    let mut problems = in_file(path, told(of_names, text));
    problems.extend(of_files);
    if problems.is_empty() {
        Ok(objects)
    } else {
        Err(problems)
    }
}

/// What is wrong with names in `uses`, by their positions, each as `line:column: …`.
fn told(wrong: Vec<(usize, String)>, text: &str) -> Vec<String> {
    if wrong.is_empty() {
        return Vec::new();
    }
    let places = Place::of(text);
    let mut checks = Checks::new(Path::new(""));
    for (index, problem) in wrong {
        checks.at(places.key("uses").item(index), problem);
    }
    checks.problems()
}

/// The object in a file, or what is wrong with it, each as `line:column: …`.
fn object(text: &str, file: &Path) -> Result<Value, Vec<String>> {
    let object: Value = serde_saphyr::from_str(text).map_err(|error| vec![located(&error)])?;
    let mut checks = Checks::new(file.parent().unwrap_or(file));
    checks.object(&object, &Place::of(text));
    let problems = checks.problems();
    if problems.is_empty() {
        Ok(object)
    } else {
        Err(problems)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::json;

    use super::*;
    use crate::scenario::load::parse;

    const SCENARIO: &str = "apiVersion: setpoint.dev/v1alpha1\nscenario: x\nuses: [one.yaml, base/two.yaml]\nmanifests:\n\
        - {apiVersion: v1, kind: Pod, metadata: {name: own}}\n\
        - {apiVersion: v1, kind: Pod, metadata: {name: two}, spec: {restartPolicy: null, containers: [3]}}\n\
        steps: [{restart: adapter}]\n";

    /// The scenario in a folder with these files.
    fn used(files: &[(&str, &str)]) -> (PathBuf, Result<Vec<Value>, Vec<String>>) {
        used_by(SCENARIO, files)
    }

    fn used_by(
        scenario: &str,
        files: &[(&str, &str)],
    ) -> (PathBuf, Result<Vec<Value>, Vec<String>>) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("base")).unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let path = folder.path().join("scenario.yaml");
        let document = parse(scenario, folder.path()).unwrap();
        let document = with_used(document, scenario, &path);
        (path, document.map(|document| document.manifests))
    }

    /// What is wrong, with paths that begin in the scenario's folder.
    fn problems((path, manifests): (PathBuf, Result<Vec<Value>, Vec<String>>)) -> String {
        let folder = path.parent().unwrap().display();
        let problems = manifests.unwrap_err().join("\n");
        problems.replace(&format!("{folder}/"), "")
    }

    #[test]
    fn objects_that_are_used_come_first_and_own_ones_are_merged_into_them() {
        let (_, manifests) = used(&[
            (
                "one.yaml",
                "{apiVersion: v1, kind: Pod, metadata: {name: one}}",
            ),
            (
                "base/two.yaml",
                "{apiVersion: v1, kind: Pod, metadata: {name: two, labels: {a: b}}, spec: {restartPolicy: Never, containers: [1, 2]}}",
            ),
        ]);
        let pod =
            |name: &str| json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}});
        let mut two = pod("two");
        two["metadata"]["labels"] = json!({"a": "b"});
        two["spec"] = json!({"containers": [3]});
        assert_eq!(manifests.unwrap(), [pod("one"), two, pod("own")]);
    }

    #[test]
    fn what_is_wrong_with_a_used_file_is_told_at_its_place_in_the_right_file() {
        let problems = problems(used(&[(
            "base/two.yaml",
            "apiVersion: v1\nkind: Pod\nmetadata:\n  labels: {}\n",
        )]));
        assert_eq!(
            problems,
            "scenario.yaml:3:8: read `one.yaml`: No such file or directory (os error 2)\n\
             base/two.yaml:4:3: a manifest has no `metadata.name`: {\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"labels\":{}}}"
        );
    }

    #[test]
    fn an_own_object_without_a_namespace_is_merged_into_the_one_of_the_default_namespace() {
        let (_, manifests) = used(&[
            (
                "one.yaml",
                "{apiVersion: v1, kind: Service, metadata: {name: two, namespace: default}}",
            ),
            (
                "base/two.yaml",
                "{apiVersion: v1, kind: Pod, metadata: {name: two, namespace: default}, spec: {restartPolicy: Never}}",
            ),
        ]);
        let manifests = manifests.unwrap();
        let names: Vec<String> = manifests
            .iter()
            .map(|object| ObjectRef::of(object).to_string())
            .collect();
        assert_eq!(names, ["Service two", "Pod two", "Pod own"]);
        assert_eq!(manifests[1]["spec"], json!({"containers": [3]}));
        assert_eq!(manifests[1]["metadata"]["namespace"], "default");
    }

    #[test]
    fn copies_are_all_there_and_may_be_merged_too() {
        let scenario = SCENARIO.replace(
            "- {apiVersion: v1, kind: Pod, metadata: {name: own}}",
            "- {copies: 2, of: {apiVersion: v1, kind: Pod, metadata: {name: 'web-{n}'}, spec: {nodeName: 'n{n}'}}}",
        );
        let pod = |name: &str| format!("{{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}}}");
        let (one, two) = (pod("web-2"), pod("two"));
        let files = [("one.yaml", one.as_str()), ("base/two.yaml", two.as_str())];
        let (_, manifests) = used_by(&scenario, &files);
        let manifests = manifests.unwrap();
        let names: Vec<&Value> = manifests
            .iter()
            .map(|object| &object["metadata"]["name"])
            .collect();
        assert_eq!(names, ["web-2", "two", "web-1"]);
        assert_eq!(manifests[0]["spec"]["nodeName"], "n2");
    }

    #[test]
    fn a_file_or_an_object_is_used_once() {
        let scenario = SCENARIO.replace("base/two.yaml", "./one.yaml, base/two.yaml");
        let pod = "{apiVersion: v1, kind: Pod, metadata: {name: one}}";
        let named = "{apiVersion: v1, kind: Pod, metadata: {name: one, namespace: default}}";
        assert_eq!(
            problems(used_by(
                &scenario,
                &[("one.yaml", pod), ("base/two.yaml", named)]
            )),
            "scenario.yaml:3:18: `./one.yaml` stands here twice\n\
             scenario.yaml:3:30: `base/two.yaml` has Pod one, as a file before it has"
        );
    }

    #[test]
    fn nothing_is_told_of_a_file_that_holds_no_object() {
        let files = [
            ("one.yaml", "root:x:0:0:root:/root:/bin/bash"),
            (
                "base/two.yaml",
                "{apiVersion: v1, kind: Pod, metadata: {name: Two}}",
            ),
        ];
        assert_eq!(
            problems(used(&files)),
            "one.yaml:1:1: expected an object of Kubernetes, such as `{apiVersion: v1, kind: Service, metadata: {name: web}}`\n\
             base/two.yaml:1:46: no object can have the name `Two`; expected small letters, digits, `-` and `.`, such as web-1"
        );
    }
}
