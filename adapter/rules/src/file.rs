//! Rules from the files that people keep them in: prometheus-adapter's configuration, a ConfigMap that holds it, and values
//! of the chart, also among other documents.

mod shapes;

use serde_json::Value;

use crate::config::{DiscoveryRule, MetricsDiscoveryConfig};
use crate::destination::Destination;
use crate::findings::{At, Expected, Finding, NOT_YAML, REFUSED, sample_queries};
use crate::place::{Embedded, Place};
use crate::rules::{Examined, Rules};
use crate::yaml_error::{error_place, error_without_place};
use shapes::{is_configuration, of_configuration, of_document};

/// The rules of a file.
#[derive(Debug)]
pub struct RuleFile {
    rules: Rules,
    config: MetricsDiscoveryConfig,
    findings: Vec<Finding>,
    is_refused: bool,
    has_default_rules: bool,
    places: Places,
}

/// Where rules stand in a file.
#[derive(Debug)]
enum Places {
    Configuration(Place),
    Embedded(Place, Embedded),
    /// Of the chart's values below `rules`.
    Values(Place),
}

/// The lists of the chart's values and those of the configuration that they become.
const LISTS: [(&str, &str); 2] = [("custom", "rules"), ("external", "externalRules")];

impl RuleFile {
    /// What a file may hold.
    pub const SHAPES: &str = "prometheus-adapter's configuration (`rules: [...]`), a ConfigMap that holds it, or values of its chart (`rules: {custom: [...]}`)";

    /// The rules in a text; none where it has no rules. It may have several documents, as files of manifests do; one
    /// of them has the rules.
    ///
    /// # Errors
    /// What is wrong with a text that is no YAML, or whose rules can't be read.
    pub fn parse(text: &str) -> Result<Option<Self>, Vec<Finding>> {
        let mut found = Vec::new();
        for document in yaml_documents(text) {
            let unreadable = |error: serde_saphyr::Error| {
                vec![not_yaml(error_place(&error), error_without_place(&error))]
            };
            let place = Place::read(&document).map_err(unreadable)?;
            // To read a long document once more takes longer than everything else.
            if is_configuration(&place) {
                found.push(of_configuration(&document, place, None));
                continue;
            }
            let value = serde_saphyr::from_str::<Value>(&document).map_err(unreadable)?;
            found.extend(of_document(&document, &value, place));
        }
        match found.len() {
            0 => Ok(None),
            1 => found.remove(0).map(Some),
            several => Err(vec![not_yaml(
                (1, 1),
                format!(
                    "{several} documents have rules, and an adapter has one configuration: keep one of them in this file"
                ),
            )]),
        }
    }

    /// The rules that can be used: all of them unless something is refused.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The rules for custom metrics as they are written.
    #[must_use]
    pub fn custom(&self) -> &[DiscoveryRule] {
        &self.config.rules
    }

    /// The rules for external metrics as they are written.
    #[must_use]
    pub fn external(&self) -> &[DiscoveryRule] {
        &self.config.external_rules
    }

    /// The names of the upstreams as they are written.
    pub fn upstream_names(&self) -> impl Iterator<Item = &str> {
        let upstreams = self.config.upstreams.iter();
        upstreams.map(|upstream| upstream.name.as_str())
    }

    /// What is refused and found, with places in the file, in the order of the configuration.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Whether the adapter doesn't start with it.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.is_refused
    }

    /// Whether these are values of the chart, which puts rules of its own before them (`rules.default`).
    #[must_use]
    pub fn has_default_rules(&self) -> bool {
        self.has_default_rules
    }

    /// What the rules give as far as that is known without series.
    #[must_use]
    pub fn expected(&self) -> Expected {
        Expected::of(&self.rules.looked_at(&self.config))
    }

    /// A query of each rule, as a usual request makes it, the key that gives it, and who is asked.
    #[must_use]
    pub fn sample_queries(&self) -> Vec<(At, Destination, String)> {
        sample_queries(&self.rules.looked_at(&self.config))
    }

    /// Where something of the configuration stands in the file, from 1.
    #[must_use]
    pub fn place(&self, at: &At) -> (usize, usize) {
        self.places.of(at)
    }

    fn new(config: MetricsDiscoveryConfig, places: Places) -> Self {
        let Examined { rules, refused } = Rules::examine(&config);
        let is_refused = !refused.is_empty();
        let refused = refused.into_iter();
        let refusals = refused.map(|(at, error)| Finding {
            // The reason names the key.
            subject: At {
                key: "".into(),
                ..at.clone()
            }
            .to_string(),
            ..Finding::about(&REFUSED, at, error.reason(), "")
        });
        let mut findings: Vec<_> = refusals.collect();
        findings.extend(rules.findings().iter().cloned());
        for finding in &mut findings {
            finding.place_in(|at| places.of(at));
        }
        findings.sort_by_key(|finding| (finding.line, finding.column));
        Self {
            rules,
            findings,
            is_refused,
            has_default_rules: false,
            config,
            places,
        }
    }
}

impl Places {
    fn of(&self, at: &At) -> (usize, usize) {
        match self {
            Self::Configuration(root) => position(at.below(root.key(at.list))),
            Self::Embedded(root, outer) => {
                let (line, column) = position(at.below(root.key(at.list)));
                outer.outer(line, column)
            }
            Self::Values(rules) => {
                let list = LISTS.iter().find(|(_, to)| *to == at.list);
                let list = list.map_or("resource", |(from, _)| from);
                position(at.below(rules.key(list)))
            }
        }
    }
}

fn position(place: &Place) -> (usize, usize) {
    (place.line, place.column)
}

fn not_yaml(place: (usize, usize), problem: String) -> Finding {
    Finding::new(&NOT_YAML, "", place, problem, "")
}

/// The documents of a text, each at the lines where it stands in the whole.
#[must_use]
pub fn yaml_documents(text: &str) -> Vec<String> {
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

#[cfg(test)]
mod tests;
