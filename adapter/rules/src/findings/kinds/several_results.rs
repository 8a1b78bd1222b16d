use super::{Check, Kind, Look, Severity, Told};
use crate::expression::ResultLabels;
use crate::findings::subject::Query;

static KIND: Kind = Kind {
    code: "several-results",
    severity: Severity::Warning,
    about: "A query is grouped by more labels than the object's, so an object may have several results, of which the last counts.",
};

pub(super) const CHECK: Check = Check {
    kind: &KIND,
    look: Look::Query(look),
};

fn look(query: &Query<'_>, told: &mut Told<'_>) {
    let further = query.samples.iter().find_map(|sample| {
        let (_, label) = sample.object.as_ref()?;
        let ResultLabels::Only(labels) = ResultLabels::that_tell_apart(sample.expression()?) else {
            // Without an aggregation there may well be one series of each object.
            return None;
        };
        let is_further = |found: &&String| *found != label && !sample.others.contains(found);
        let mut further = labels.iter().filter(|found| is_further(found));
        labels.contains(label).then(|| further.next().cloned())?
    });
    if let Some(further) = further {
        told.tell(
            query.at.clone(),
            format!(
                "its results are grouped by `{further}` too, so an object may have several of them, of which the last counts"
            ),
            "aggregate by <<.GroupBy>> alone",
        );
    }
}
