//! Rules from the files that people keep them in: prometheus-adapter's configuration, a ConfigMap that holds it, and values
//! of the chart.

use serde::Deserialize as _;
use serde_json::{Map, Value, json};
use setpoint_rules::config::{DiscoveryRule, MetricsDiscoveryConfig, ResourceRules};
use setpoint_rules::{ConfigError, Rules};
use setpoint_support::error_chain;

use crate::format::Place;
use crate::format::rules::{located, outer, own_problems, query_problems, without_place};

/// The rules of a file.
#[derive(Debug)]
pub(crate) struct RuleFile {
    pub(crate) rules: Rules,
    /// The custom rules as they are written.
    pub(crate) written: Vec<DiscoveryRule>,
    /// What of the file isn't tested.
    pub(crate) notes: Vec<String>,
}

/// A line, a column, and what is wrong there.
type Problem = (usize, usize, String);

/// The lists of the chart's values and those of the configuration that they become.
const LISTS: [(&str, &str); 2] = [("custom", "rules"), ("external", "externalRules")];

const SHAPES: &str = "expected prometheus-adapter's configuration (`rules: [...]`), a ConfigMap that holds it, or values of its chart (`rules: {custom: [...]}`)";

/// The rules in a text, or everything that is wrong with it.
///
/// A text may have several documents, as files of manifests do; one of them has the rules.
pub(super) fn parse(text: &str) -> Result<RuleFile, Vec<Problem>> {
    let mut found = Vec::new();
    for document in documents(text) {
        let value: Value = serde_saphyr::from_str(&document).map_err(|error| {
            let (line, column) = located(&error);
            vec![(line, column, without_place(&error))]
        })?;
        let place = Place::of(&document);
        found.extend(of_document(&document, &value, &place));
    }
    match found.len() {
        0 => Err(vec![(1, 1, format!("no rules here: {SHAPES}"))]),
        1 => found.remove(0),
        several => Err(vec![(
            1,
            1,
            format!(
                "{several} documents have rules, and an adapter has one configuration: keep one of them in this file"
            ),
        )]),
    }
}

/// The documents of a text, each at the lines where it stands in the whole.
fn documents(text: &str) -> Vec<String> {
    let mut documents = vec![String::new()];
    for (number, line) in text.lines().enumerate() {
        if line.trim_end() == "---" {
            documents.push("\n".repeat(number + 1));
        } else if let Some(document) = documents.last_mut() {
            document.push_str(line);
            document.push('\n');
        }
    }
    let says_something = |document: &String| {
        let mut lines = document.lines().map(str::trim);
        lines.any(|line| !line.is_empty() && !line.starts_with('#'))
    };
    documents.retain(says_something);
    documents
}

fn of_document(text: &str, value: &Value, place: &Place) -> Option<Result<RuleFile, Vec<Problem>>> {
    if value["kind"] == "ConfigMap" {
        let (key, rules) = configuration(&value["data"])?;
        let place = place.key("data").key(key);
        return Some(of_configuration(rules, |line, column| {
            outer(line, column, place, text)
        }));
    }
    if is_configuration(value) {
        return Some(of_configuration(text, |line, column| (line, column)));
    }
    if value["rules"].is_object() {
        return Some(of_values(&value["rules"], place.key("rules")));
    }
    // Values of a chart that has the adapter's chart as a part.
    let mut parts = value.as_object()?.iter();
    let (part, values) = parts.find(|(_, part)| part["rules"].is_object())?;
    Some(of_values(&values["rules"], place.key(part).key("rules")))
}

fn is_configuration(value: &Value) -> bool {
    value["rules"].is_array()
        || value["externalRules"].is_array()
        || value["resourceRules"].is_object()
}

/// The key and the text of the configuration in the data of a ConfigMap.
fn configuration(data: &Value) -> Option<(&str, &str)> {
    let data = data.as_object()?;
    let text = |key: &'static str| Some((key, data.get(key)?.as_str()?));
    text("config.yaml").or_else(|| {
        let mut texts = data
            .iter()
            .filter_map(|(key, text)| Some((key.as_str(), text.as_str()?)));
        texts.find(|(_, text)| {
            serde_saphyr::from_str::<Value>(text).is_ok_and(|value| is_configuration(&value))
        })
    })
}

/// The rules of a configuration; `outer` makes places in the file of places in it.
fn of_configuration(
    text: &str,
    outer: impl Fn(usize, usize) -> (usize, usize),
) -> Result<RuleFile, Vec<Problem>> {
    let at = |(line, column): (usize, usize), problem| {
        let (line, column) = outer(line, column);
        (line, column, problem)
    };
    let rules = Rules::parse(text).map_err(|error| {
        let place = match &error {
            ConfigError::Yaml(error) => return vec![at(located(error), without_place(error))],
            ConfigError::Rule { list, index, .. } => {
                let places = Place::of(text);
                let place = places.key(list).item(*index);
                (place.line, place.column)
            }
            ConfigError::Shape { line, column, .. } => (*line, *column),
            _ => (1, 1),
        };
        vec![at(place, error_chain(&error))]
    })?;
    let lacking = rules.findings().iter();
    let lacking = lacking.map(|finding| (finding.line, finding.column, finding.to_string()));
    let found = own_problems(text).into_iter().chain(lacking);
    let found: Vec<Problem> = found
        .map(|(line, column, problem)| at((line, column), problem))
        .collect();
    if found.is_empty() {
        let written: Option<MetricsDiscoveryConfig> = serde_saphyr::from_str(text).ok();
        let written = written.map(|written| written.rules).unwrap_or_default();
        Ok(with_notes(rules, written, Vec::new()))
    } else {
        Err(found)
    }
}

/// The rules of the chart's values below `rules`.
fn of_values(values: &Value, place: &Place) -> Result<RuleFile, Vec<Problem>> {
    let at = |place: &Place, problem: String| (place.line, place.column, problem);
    if let Some(name) = values["existing"].as_str() {
        let problem =
            format!("the rules are in the ConfigMap {name}: give its file in place of this one");
        return Err(vec![at(place.key("existing"), problem)]);
    }
    let mut found = Vec::new();
    let mut configuration = Map::new();
    let mut written = Vec::new();
    for (from, to) in LISTS {
        let rules = &values[from];
        let place = place.key(from);
        if rules.is_null() {
            continue;
        }
        let Some(list) = rules.as_array() else {
            found.push(at(place, format!("`{from}` is no list of rules")));
            continue;
        };
        for (index, rule) in list.iter().enumerate() {
            match DiscoveryRule::deserialize(rule) {
                Err(error) => found.push(at(place.item(index), error.to_string())),
                Ok(rule) if to == "rules" => written.push(rule),
                Ok(_) => {}
            }
        }
        let problems = query_problems(rules).into_iter();
        found.extend(problems.map(|(index, key, problem)| at(place.item(index).key(key), problem)));
        configuration.insert(to.to_owned(), rules.clone());
    }
    let resource = &values["resource"];
    if resource.as_object().is_some_and(|rules| !rules.is_empty()) {
        if let Err(error) = ResourceRules::deserialize(resource) {
            found.push(at(place.key("resource"), error.to_string()));
        }
        configuration.insert("resourceRules".to_owned(), resource.clone());
    }
    if !found.is_empty() {
        return Err(found);
    }
    // JSON is YAML.
    let rules = Rules::parse(&json!(configuration).to_string());
    let rules = rules.map_err(|error| {
        let place = match &error {
            ConfigError::Rule { list, index, .. } => {
                let key = LISTS.iter().find(|(_, to)| to == list);
                key.map_or(place, |(from, _)| place.key(from).item(*index))
            }
            _ => place,
        };
        vec![at(place, error_chain(&error))]
    })?;
    let lacking = rules.findings().iter().map(|finding| {
        let list = LISTS.iter().find(|(_, to)| *to == finding.list);
        let place = list.map_or(place, |(from, _)| place.key(from));
        at(
            place.item(finding.index).key(finding.key),
            finding.to_string(),
        )
    });
    let lacking: Vec<_> = lacking.collect();
    if !lacking.is_empty() {
        return Err(lacking);
    }
    let mut notes = Vec::new();
    if values["default"] != false {
        notes.push("`rules.default` isn't false, so the chart puts rules of its own before these; they are not part of the test".to_owned());
    }
    Ok(with_notes(rules, written, notes))
}

fn with_notes(rules: Rules, written: Vec<DiscoveryRule>, mut notes: Vec<String>) -> RuleFile {
    if !rules.external().is_empty() {
        notes.push("external rules are checked, and not evaluated yet".to_owned());
    }
    if rules.usage().is_some() {
        notes.push("resource rules are checked, and not evaluated yet".to_owned());
    }
    RuleFile {
        rules,
        written,
        notes,
    }
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
