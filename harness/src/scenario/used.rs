//! Manifests that many scenarios use: each is a file with one object, named in `uses`.

use std::path::Path;

use serde_json::Value;

use super::Document;
use crate::format::{Checks, Place, in_file, located};

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
    let mut objects = Vec::new();
    let mut problems = Vec::new();
    for (index, name) in document.uses.iter().enumerate() {
        let file = path.with_file_name(name);
        match setpoint_support::read_text(&file) {
            Ok(text) => match object(&text, &file) {
                Ok(object) => objects.push(object),
                Err(found) => problems.extend(in_file(&file, found)),
            },
            Err(error) => {
                let places = Place::of(text);
                let Place { line, column, .. } = places.key("uses").item(index);
                let scenario = path.display();
                problems.push(format!(
                    "{scenario}:{line}:{column}: read `{name}`: {error}"
                ));
            }
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let (used, mut own) = (objects.len(), Vec::new());
    for manifest in document.manifests {
        let same = objects[..used]
            .iter_mut()
            .find(|object| is_same(object, &manifest));
        match same {
            Some(object) => json_patch::merge(object, &manifest),
            None => own.push(manifest),
        }
    }
    objects.extend(own);
    document.manifests = objects;
    Ok(document)
}

/// The object in a file, or what is wrong with it, each as `line:column: …`.
fn object(text: &str, file: &Path) -> Result<Value, Vec<String>> {
    let object: Value = serde_saphyr::from_str(text).map_err(|error| vec![located(&error)])?;
    let mut checks = Checks::new(file.parent().unwrap_or(file));
    checks.manifest(&object, &Place::of(text));
    let problems = checks.problems();
    if problems.is_empty() {
        Ok(object)
    } else {
        Err(problems)
    }
}

fn is_same(one: &Value, other: &Value) -> bool {
    let identity = |object: &Value| {
        let metadata = &object["metadata"];
        [&object["kind"], &metadata["namespace"], &metadata["name"]].map(Clone::clone)
    };
    identity(one) == identity(other)
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
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("base")).unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let path = folder.path().join("scenario.yaml");
        let document = parse(SCENARIO, folder.path()).unwrap();
        let document = with_used(document, SCENARIO, &path);
        (path, document.map(|document| document.manifests))
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
        let (path, manifests) = used(&[(
            "base/two.yaml",
            "apiVersion: v1\nkind: Pod\nmetadata:\n  labels: {}\n",
        )]);
        let folder = path.parent().unwrap().display();
        let problems = manifests
            .unwrap_err()
            .join("\n")
            .replace(&format!("{folder}/"), "");
        assert_eq!(
            problems,
            "scenario.yaml:3:8: read `one.yaml`: No such file or directory (os error 2)\n\
             base/two.yaml:4:3: a manifest has no `metadata.name`: {\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"labels\":{}}}"
        );
    }
}
