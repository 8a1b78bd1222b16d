//! Labels that name objects, as kinds of findings look at them.

use std::collections::BTreeMap;

use crate::expression::Selector;
use crate::resources::{GroupResource, Resource};
use crate::rule::ResourceLabels;

use super::finding::At;
use super::subject::{BUILT_IN, Of};

/// `resources` of a rule, or of a measure of `resourceRules`.
pub(super) struct Mapping<'a> {
    /// Where it stands.
    pub(super) at: At,
    /// What the rule is for; pods stand for nodes too.
    pub(super) of: Of,
    /// Whether a namespace is asked for.
    pub(super) in_namespaces: bool,
    pub(super) labels: &'a ResourceLabels,
    /// The series that the rule is about, where that can be read; `resourceRules` says nothing of them.
    pub(super) series: Option<&'a Selector>,
}

impl Mapping<'_> {
    /// The labels that overrides have for each resource, sorted.
    pub(super) fn overridden(&self) -> BTreeMap<GroupResource, Vec<&str>> {
        let mut labels: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (label, resource) in self.labels.overrides() {
            let known = BUILT_IN.resource(resource);
            let known = known.map_or_else(|| resource.clone(), Resource::group_resource);
            labels.entry(known).or_default().push(label);
        }
        labels
    }
}
