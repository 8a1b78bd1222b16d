//! Which labels of series name objects. A rule may have several labels for one resource; that which a
//! series carries goes before others. In prometheus-adapter, chance decides.

use std::sync::Arc;

use crate::resources::{GroupResource, RestMapper};
use crate::rule::Rule;
use crate::series::SeriesNames;

/// Labels by the resource whose objects they name; none where they are those of the rule.
pub(crate) type Labels = Option<Arc<[(Arc<GroupResource>, Arc<str>)]>>;

/// What series with one set of labels are about.
#[derive(Debug)]
pub(super) struct Carried {
    /// Sorted.
    pub(super) resources: Vec<Arc<GroupResource>>,
    /// Labels in place of those that the rule has for these resources, which the series don't carry.
    pub(super) labels: Labels,
}

/// For each set of labels that a name of series has.
pub(super) fn by_labels(rule: &Rule, series: &SeriesNames, mapper: &RestMapper) -> Vec<Carried> {
    let of_label = |label: &str| {
        let resource = rule.resources.of_label(label, mapper)?;
        Some((Arc::new(resource), Arc::<str>::from(label)))
    };
    let sets = series.by_labels(of_label).into_iter();
    sets.map(|labels| carried(rule, &labels, mapper)).collect()
}

/// `labels` are sorted.
fn carried(rule: &Rule, labels: &[(Arc<GroupResource>, Arc<str>)], mapper: &RestMapper) -> Carried {
    let mut resources = Vec::new();
    let mut others = Vec::new();
    for of_one in labels.chunk_by(|(a, _), (b, _)| a == b) {
        let Some((resource, first)) = of_one.first() else {
            continue;
        };
        resources.push(resource.clone());
        let usual = rule.resources.label(resource, mapper).ok();
        let usual = usual.as_deref();
        if !of_one.iter().any(|(_, label)| usual == Some(&**label)) {
            others.push((resource.clone(), first.clone()));
        }
    }
    Carried {
        resources,
        labels: (!others.is_empty()).then(|| others.into()),
    }
}
