//! For programs.

use serde_json::{Value, json};
use setpoint_rules::Finding;

use crate::check::checked::Checked;
use crate::check::discovery::Discovered;

pub(in crate::check) fn json(files: &[Checked], discovered: &[Option<Discovered>]) -> Value {
    let of_file = |(position, file): (usize, &Checked)| {
        let mut document = of_file(file);
        // Only where Prometheus was asked.
        if let Some(discovered) = discovered.get(position).and_then(Option::as_ref) {
            let metrics = discovered.names();
            let metrics = metrics.map(|(group, name)| json!({"group": group, "resource": name}));
            document["metrics"] = metrics.collect();
        }
        document
    };
    let files: Vec<Value> = files.iter().enumerate().map(of_file).collect();
    json!({ "files": files })
}

fn of_file(file: &Checked) -> Value {
    let rules = file.rules.as_ref().map(|file| {
        let rules = file.rules();
        json!({
            "custom": rules.custom().len(),
            "external": rules.external().len(),
            "resource": rules.usage().is_some(),
        })
    });
    json!({
        "path": file.path.display().to_string(),
        "rules": rules,
        "findings": file.findings.iter().map(of_finding).collect::<Vec<_>>(),
    })
}

fn of_finding(finding: &Finding) -> Value {
    json!({
        "code": finding.kind.code,
        "severity": finding.kind.severity.to_string(),
        "line": finding.line,
        "column": finding.column,
        "subject": finding.subject,
        "message": finding.sentence,
        "cure": finding.cure,
    })
}
