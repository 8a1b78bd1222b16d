//! What is wrong with a configuration that can be used: rules that are served, but not as they were meant.
//!
//! A kind of finding is a file in `kinds`, and a line in its list. The adapter logs findings when it reads a configuration,
//! and `setpoint-adapter check` shows them; there is no other list of them.

mod expected;
mod finding;
mod kinds;
mod mapping;
mod subject;
mod usage;

pub use expected::Expected;
pub(crate) use expected::sample_queries;
pub use finding::{At, Finding, Kind, Severity};
pub use kinds::{KINDS, NOT_YAML, REFUSED, leaves_nothing};
pub(crate) use subject::Looked;

/// Everything that is found in rules, in the order of the configuration, without places.
pub(crate) fn found(looked: &Looked<'_>) -> Vec<Finding> {
    let subjects = subject::subjects(looked);
    let usage = looked.usage();
    let mut found = Vec::new();
    for check in kinds::CHECKS {
        check.run(looked.config, &subjects, usage.as_ref(), &mut found);
    }
    let position = |finding: &Finding| {
        let at = finding.at.as_ref()?;
        let list = ["upstreams", "rules", "externalRules", "resourceRules"];
        let list = list.into_iter().position(|list| list == at.list);
        Some((list, at.index))
    };
    found.sort_by_key(position);
    found
}
