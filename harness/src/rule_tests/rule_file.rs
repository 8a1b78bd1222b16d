//! Rules whose queries Prometheus takes, from the files that people keep them in.

use setpoint_rules::config::DiscoveryRule;
use setpoint_rules::{At, Finding, Rules, leaves_nothing};

use crate::format::rules::query_problems;

/// The rules of a file.
#[derive(Debug)]
pub(crate) struct RuleFile {
    pub(crate) rules: Rules,
    /// The rules for custom metrics as they are written.
    pub(crate) custom: Vec<DiscoveryRule>,
    /// Those for external metrics.
    pub(crate) external: Vec<DiscoveryRule>,
    /// What of the file isn't tested.
    pub(crate) notes: Vec<String>,
}

/// A line, a column, and what is wrong there.
type Problem = (usize, usize, String);

/// The rules in a text, or everything that is wrong with it. What is only questionable is what tests are for.
pub(super) fn parse(text: &str) -> Result<RuleFile, Vec<Problem>> {
    let problem = |finding: &Finding| (finding.line, finding.column, finding.to_string());
    let file = match setpoint_rules::RuleFile::parse(text) {
        Ok(Some(file)) => file,
        Ok(None) => {
            let shapes = setpoint_rules::RuleFile::SHAPES;
            return Err(vec![(1, 1, format!("no rules here: expected {shapes}"))]);
        }
        Err(findings) => return Err(findings.iter().map(problem).collect()),
    };
    let lists = [("rules", file.custom()), ("externalRules", file.external())];
    let mut found = Vec::new();
    for (list, rules) in lists {
        for (index, key, problem) in query_problems(rules) {
            let (line, column) = file.place(&At::rule(list, index, key));
            found.push((line, column, problem));
        }
    }
    let findings = file.findings().iter();
    found.extend(
        findings
            .filter(|found| leaves_nothing(found.kind))
            .map(problem),
    );
    if !found.is_empty() {
        found.sort();
        return Err(found);
    }
    Ok(RuleFile {
        notes: notes(&file),
        rules: file.rules().clone(),
        custom: file.custom().to_vec(),
        external: file.external().to_vec(),
    })
}

fn notes(file: &setpoint_rules::RuleFile) -> Vec<String> {
    let mut notes = Vec::new();
    if file.has_default_rules() {
        notes.push("`rules.default` isn't false, so the chart puts rules of its own before these; they are not part of the test".to_owned());
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = "{seriesQuery: 'load{pod!=\"\"}', resources: {template: '<<.Resource>>'}, metricsQuery: 'sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)'}";
    const BROKEN: &str = "{seriesQuery: 'load{pod!=\"\"}', resources: {template: '<<.Resource>>'}, metricsQuery: 'summ(<<.Series>>)'}";

    fn counted(text: &str) -> (usize, Vec<String>) {
        let file = parse(text).unwrap();
        (file.rules.custom().len(), file.notes)
    }

    fn refused(text: &str) -> String {
        let found = parse(text).unwrap_err().into_iter();
        let found = found.map(|(line, column, problem)| format!("{line}:{column}: {problem}"));
        found.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_configuration_a_config_map_and_values_give_the_same_rules() {
        let none = Vec::<String>::new();
        assert_eq!(counted(&format!("rules:\n- {RULE}\n")), (1, none.clone()));
        let map = |key: &str| {
            format!(
                "apiVersion: v1\nkind: Service\n---\n# rules\n---\napiVersion: v1\nkind: ConfigMap\ndata:\n  other: x\n  {key}: |\n    rules:\n    - {RULE}\n    - {RULE}\n"
            )
        };
        assert_eq!(counted(&map("config.yaml")), (2, none.clone()));
        assert_eq!(counted(&map("rules.yml")), (2, none.clone()));
        let values = format!("rules: {{default: false, custom: [{RULE}], resource: {{}}}}\n");
        assert_eq!(counted(&values), (1, none.clone()));
        let part = format!("x: 1\nprometheus-adapter:\n  rules:\n    custom:\n    - {RULE}\n");
        let (rules, notes) = counted(&part);
        assert_eq!((rules, notes.len()), (1, 1), "{notes:?}");
        assert!(notes[0].starts_with("`rules.default` isn't false"));
    }

    #[test]
    fn problems_are_told_where_they_stand_in_the_file() {
        assert_eq!(
            refused(&format!("rules:\n- {RULE}\n- {BROKEN}\n")),
            "3:88: metricsQuery `summ(<<.Series>>)`: parse error: unknown function with name 'summ'"
        );
        let map = format!(
            "kind: Service\n---\nkind: ConfigMap\ndata:\n  config.yaml: |\n    rules:\n    - {BROKEN}\n"
        );
        assert_eq!(refused(&map).split(' ').next(), Some("7:92:"));
        let unknown =
            "kind: ConfigMap\ndata:\n  config.yaml: |\n    rules:\n    - seriesQuerry: x\n";
        assert!(
            refused(unknown).starts_with("5:7: unknown field"),
            "{}",
            refused(unknown)
        );
        let values = format!("rules:\n  default: false\n  custom:\n  - {RULE}\n  - {BROKEN}\n");
        assert_eq!(refused(&values).split(' ').next(), Some("5:90:"));
        let key = "rules:\n  custom:\n  - seriesQuerry: x\n";
        assert!(
            refused(key).starts_with("3:5: unknown field"),
            "{}",
            refused(key)
        );
        let no_query = "rules:\n- {seriesQuery: x}\n";
        assert!(
            refused(no_query).starts_with("2:3: rules[0]"),
            "{}",
            refused(no_query)
        );
        assert!(refused("a: 1\n").contains("1:1: no rules here"));
        let two = format!("rules: [{RULE}]\n---\nrules: [{RULE}]\n");
        assert!(refused(&two).contains("2 documents have rules"));
        assert!(refused("rules: {existing: mine}").contains("ConfigMap mine"));
    }
}
