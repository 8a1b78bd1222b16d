//! What somebody may have meant by an id that no scenario has.

use std::collections::BTreeSet;

use super::load::Named;
use crate::matrix::{matrix, near};
use crate::nearest::nearest;

/// That no scenario has an id, and which ids of scenarios and of what they prove are near to it.
pub(super) fn unknown<'a>(id: &str, scenarios: impl Iterator<Item = &'a Named>) -> String {
    let meant = meant(id, scenarios);
    let near = match meant.as_slice() {
        [] => String::new(),
        [one] => format!("; there is `{one}`"),
        some => format!("; near it are {}", some.join(", ")),
    };
    format!(
        "no scenario is called `{id}`, and none proves it{near}; `setpoint list` shows the scenarios, `setpoint explain` what they prove"
    )
}

fn meant<'a>(id: &str, scenarios: impl Iterator<Item = &'a Named>) -> Vec<&'a str> {
    let (mut names, mut proven) = (BTreeSet::new(), BTreeSet::new());
    for (name, proves) in scenarios {
        names.insert(name.as_str());
        proven.extend(proves.iter().map(String::as_str));
    }
    let mut all = names.iter().chain(&proven).copied();
    if let Some(same) = all.find(|known| known.eq_ignore_ascii_case(id)) {
        return vec![same];
    }
    let matrix = matrix().ok();
    let obligations = matrix.iter().flat_map(|matrix| near(matrix, id));
    let obligations = obligations.filter_map(|near| proven.get(near).copied());
    let obligations: Vec<&str> = obligations.collect();
    if !obligations.is_empty() {
        return obligations;
    }
    // The folder is easily forgotten.
    let without_folder = |name: &&str| name.rsplit('/').next() == Some(id);
    let files: Vec<&str> = names.iter().copied().filter(without_folder).collect();
    if !files.is_empty() {
        return files;
    }
    nearest(id, names.into_iter()).into_iter().collect()
}
