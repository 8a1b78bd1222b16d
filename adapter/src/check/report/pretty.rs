//! For people.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Color, Style};
use setpoint_rules::{Finding, Severity};

use crate::check::checked::Checked;
use crate::check::discovery::Discovered;

/// How many metrics of a file are listed.
const LISTED: usize = 100;

const BOLD: Style = Style::new().bold();

/// With colours, which whoever prints it removes where there is no terminal.
pub(in crate::check) fn pretty(files: &[Checked], discovered: &[Option<Discovered>]) -> String {
    let mut text = String::new();
    for (position, file) in files.iter().enumerate() {
        for finding in &file.findings {
            write_finding(&mut text, file, finding);
        }
        let discovered = discovered.get(position).and_then(Option::as_ref);
        if let Some(discovered) = discovered {
            write_metrics(&mut text, discovered);
        }
        // Writing to a String doesn't fail.
        let _ = writeln!(text, "{}: {}", file.path.display(), summary(file));
    }
    text
}

fn write_finding(text: &mut String, file: &Checked, finding: &Finding) {
    let Finding {
        kind,
        subject,
        line,
        column,
        sentence,
        cure,
        ..
    } = finding;
    let path = file.path.display();
    let style = style(kind.severity);
    let (severity, code) = (kind.severity, kind.code);
    let subject = match subject.as_str() {
        "" => String::new(),
        subject => format!("{subject}: "),
    };
    let _ = writeln!(
        text,
        "{BOLD}{path}:{line}:{column}:{BOLD:#} {style}{severity}[{code}]{style:#}: {subject}{sentence}"
    );
    if !cure.is_empty() {
        let _ = writeln!(text, "    {BOLD}help:{BOLD:#} {cure}");
    }
}

/// The metrics that the adapter would list now.
fn write_metrics(text: &mut String, discovered: &Discovered) {
    let names: Vec<_> = discovered.names().collect();
    for (group, name) in names.iter().take(LISTED) {
        let _ = writeln!(text, "{group}/{name}");
    }
    let more = names.len().saturating_sub(LISTED);
    if more > 0 {
        let _ = writeln!(
            text,
            "and {more} further metrics, which --format json lists"
        );
    }
}

fn style(severity: Severity) -> Style {
    let color = match severity {
        Severity::Error => AnsiColor::Red,
        Severity::Warning => AnsiColor::Yellow,
        Severity::Note => AnsiColor::Cyan,
    };
    Style::new().bold().fg_color(Some(Color::Ansi(color)))
}

fn summary(file: &Checked) -> String {
    let counted = |count: usize, of: &str| match count {
        1 => format!("1 {of}"),
        count => format!("{count} {of}s"),
    };
    let mut parts = Vec::new();
    if let Some(rules) = &file.rules {
        let rules = rules.rules();
        let count = rules.custom().len() + rules.external().len();
        parts.push(counted(count, "rule"));
        if rules.usage().is_some() {
            parts.push("resource rules".to_owned());
        }
    }
    for severity in [Severity::Error, Severity::Warning, Severity::Note] {
        match file.count(severity) {
            0 => {}
            count => parts.push(counted(count, &severity.to_string())),
        }
    }
    if file.findings.is_empty() {
        parts.push("nothing found".to_owned());
    }
    parts.join(", ")
}
