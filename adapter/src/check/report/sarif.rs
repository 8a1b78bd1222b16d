//! SARIF 2.1.0, which code hosts show beside the code.

use serde_json::{Value, json};
use setpoint_rules::{Finding, KINDS, Kind};

use crate::check::checked::Checked;
use crate::check::{compare, discovery, manifest};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
const PAGE: &str = "https://github.com/setpoint-dev/setpoint/blob/main/docs/checking-rules.md";

pub(in crate::check) fn sarif(files: &[Checked]) -> Value {
    let kinds = KINDS.iter().chain(&manifest::KINDS);
    let kinds = kinds.chain(&discovery::KINDS).chain(&compare::KINDS);
    let rules: Vec<Value> = kinds.map(|kind| of_kind(kind)).collect();
    let results = files.iter().flat_map(|file| {
        let result = |finding| of_finding(file, finding);
        file.findings.iter().map(result)
    });
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "setpoint-adapter",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": PAGE,
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results.collect::<Vec<_>>(),
        }],
    })
}

fn of_kind(kind: &Kind) -> Value {
    json!({
        "id": kind.code,
        "shortDescription": {"text": kind.about},
        "helpUri": PAGE,
        // The levels have the names of severities.
        "defaultConfiguration": {"level": kind.severity.to_string()},
    })
}

fn of_finding(file: &Checked, finding: &Finding) -> Value {
    // Relative paths are those of the repository, where it is run there.
    let path = file.path.display().to_string().replace('\\', "/");
    json!({
        "ruleId": finding.kind.code,
        "level": finding.kind.severity.to_string(),
        "message": {"text": finding.to_string()},
        "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": path},
            "region": {"startLine": finding.line, "startColumn": finding.column},
        }}],
    })
}
