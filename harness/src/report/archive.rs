//! Everything that a run can show for itself, in one archive to be attached elsewhere.

use std::io;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::{Outcome, Report};

/// The archive's name in the report's folder.
pub(super) const NAME: &str = "evidence.tar.gz";

impl Report {
    /// `report.json` and `junit.xml`, and of each scenario that was run its objects as they were applied, and its history: every change of
    /// replicas, of HPAs and of APIServices, and the events, each with its time.
    pub(super) fn archive(&self, json: &str, junit: &str) -> io::Result<Vec<u8>> {
        let encoder = GzEncoder::new(Vec::new(), Compression::default());
        let mut archive = tar::Builder::new(encoder);
        append(&mut archive, "report.json", json)?;
        append(&mut archive, "junit.xml", junit)?;
        let run = |outcome: &&Outcome| outcome.cluster.is_some();
        for outcome in self.scenarios.iter().filter(run) {
            let objects = outcome.applied.iter().map(without_secrets);
            let objects: Vec<String> = objects.map(|object| object.to_string()).collect();
            let history: String = outcome
                .history
                .iter()
                .map(|entry| format!("{entry}\n"))
                .collect();
            let name = &outcome.name;
            append(
                &mut archive,
                &format!("{name}/objects.yaml"),
                &objects.join("\n---\n"),
            )?;
            append(&mut archive, &format!("{name}/history.txt"), &history)?;
        }
        archive.into_inner()?.finish()
    }
}

fn append(
    archive: &mut tar::Builder<GzEncoder<Vec<u8>>>,
    name: &str,
    text: &str,
) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, format!("evidence/{name}"), text.as_bytes())
}

/// Reports are shown around.
fn without_secrets(object: &Value) -> Value {
    let mut object = object.clone();
    for key in ["data", "stringData"] {
        if object["kind"] == "Secret" && !object[key].is_null() {
            object[key] = json!("not shown");
        }
    }
    object
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::super::tests::report;
    use super::*;
    use crate::notes::{Entry, Source};

    #[test]
    fn the_archive_tells_what_was_applied_and_what_happened_and_no_secret() {
        let mut report = report();
        let outcome = &mut report.scenarios[0];
        outcome.cluster = Some(setpoint_cluster::Facts {
            backend: "existing".to_owned(),
            kubernetes_version: "v1.36.3".to_owned(),
            hpa_sync_period: std::time::Duration::from_secs(15),
            options: Vec::new(),
            ready_after: std::time::Duration::ZERO,
        });
        outcome.applied = vec![
            json!({"kind": "Secret", "data": {"tls.key": "c2VjcmV0"}}),
            json!({"kind": "Service"}),
        ];
        outcome.history = vec![Entry {
            seconds: 1.5,
            source: Source::Replicas,
            text: "a/web 1 -> 4".to_owned(),
        }];
        let name = outcome.name.clone();
        let archive = report.archive("{}", "<x/>").unwrap();
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(archive.as_slice()));
        let mut files = std::collections::BTreeMap::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().display().to_string();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            files.insert(path, text);
        }
        let objects = &files[&format!("evidence/{name}/objects.yaml")];
        assert_eq!(
            objects,
            "{\"data\":\"not shown\",\"kind\":\"Secret\"}\n---\n{\"kind\":\"Service\"}"
        );
        assert!(files[&format!("evidence/{name}/history.txt")].contains("a/web 1 -> 4"));
        // Those that were not run have nothing to show.
        assert_eq!(files.len(), 4, "{files:?}");
    }
}
