//! Any Kubernetes object: that it has some fields, or that there is none.

use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt as _};
use kube::Client;
use kube::api::DynamicObject;
use kube::runtime::watcher;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::time::sleep;

use super::{Expect, ExpectContext};
use crate::format::{Checks, ObjectRef, Place, Span};
use crate::install::api_of;
use crate::outcome::{Finding, Kind, Unmet};
use crate::subset::{Difference, holds};
use crate::wait::{Wait, watch_object};

/// The pause before the API server is asked again for a kind that it doesn't serve (yet).
const PAUSE: Duration = Duration::from_millis(250);

/// A Kubernetes object of any kind: that it has some fields, or that there is none.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Object {
    /// Its API version, such as `apps/v1`.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace; `default` where its kind has namespaces and this is left out.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// The fields that it must have. Maps may have further keys, lists must be equally long, anything else must be equal.
    pub has: Option<Map<String, Value>>,
    /// With `true`, there must be no such object. One that is being deleted is still there.
    #[serde(default)]
    pub absent: bool,
    /// Time until then.
    pub within: Option<Span>,
}

/// An object is not as expected.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum UnexpectedObject {
    #[error("there is no such object")]
    Absent,
    #[error("it is there")]
    Present,
    #[error("it is being deleted, and waits for its finalizers [{}]", .0.join(", "))]
    Finalizing(Vec<String>),
    #[error(transparent)]
    Field(Difference),
    /// Reports are shown around; what a Secret holds must not be in them.
    #[error("{0} is not as expected; what Secrets hold isn't shown")]
    Hidden(String),
}

impl Finding for UnexpectedObject {
    fn kind(&self) -> Kind {
        match self {
            Self::Absent => Kind::NoSuchObject,
            Self::Present | Self::Finalizing(_) | Self::Field(_) | Self::Hidden(_) => {
                Kind::UnexpectedObject
            }
        }
    }
}

impl Expect for Object {
    fn check(&self, place: &Place, checks: &mut Checks<'_>) {
        checks.reference(&self.reference(), place);
        checks.longer_than_zero(self.within, place.key("within"));
        match (&self.has, self.absent) {
            (None, false) => checks.at(
                place,
                "say what the object `has`, or that it is `absent: true`",
            ),
            (Some(_), true) => checks.at(
                place.key("absent"),
                "an object that is absent has no fields; leave out `has` or `absent`",
            ),
            (Some(fields), false) if fields.is_empty() => {
                checks.at(place.key("has"), "expect a field at least");
            }
            _ => {}
        }
    }

    fn describe(&self) -> String {
        let Self { kind, name, .. } = self;
        match &self.has {
            Some(fields) => {
                let mut places = Vec::new();
                leaves(fields, "", &mut places);
                format!("{kind} {name} with {}", places.join(", "))
            }
            None => format!("{kind} {name} to be absent"),
        }
    }

    fn judge<'a>(&'a self, context: &'a ExpectContext) -> BoxFuture<'a, Result<(), Unmet>> {
        Box::pin(async move {
            let Self { kind, name, .. } = self;
            let what = match &self.has {
                // Not the fields: the finding tells the one that differs.
                Some(_) => format!("{kind} {name} has the expected fields"),
                None => format!("{kind} {name} is absent"),
            };
            let states = states(context.cluster.client(), self.reference());
            Wait::until(what, context.within(self.within))
                .over(states, |found| Ok(self.judge_object(found)?))
                .await
        })
    }
}

impl Object {
    fn reference(&self) -> ObjectRef {
        ObjectRef {
            api_version: self.api_version.clone(),
            kind: self.kind.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }

    fn judge_object(&self, found: Option<DynamicObject>) -> Result<(), UnexpectedObject> {
        let Some(fields) = &self.has else {
            return found.map_or(Ok(()), |object| Err(still_there(&object)));
        };
        let object = found.ok_or(UnexpectedObject::Absent)?;
        // An object is JSON already, so this can't fail.
        let seen = serde_json::to_value(&object).unwrap_or_default();
        let fields = Value::Object(fields.clone());
        holds(&seen, &fields, "", &[]).map_err(|difference| {
            if self.kind == "Secret" {
                UnexpectedObject::Hidden(difference.place().to_owned())
            } else {
                UnexpectedObject::Field(difference)
            }
        })
    }
}

fn still_there(object: &DynamicObject) -> UnexpectedObject {
    let metadata = &object.metadata;
    match (&metadata.deletion_timestamp, &metadata.finalizers) {
        (Some(_), finalizers) => {
            UnexpectedObject::Finalizing(finalizers.clone().unwrap_or_default())
        }
        (None, _) => UnexpectedObject::Present,
    }
}

/// Names each expected field by its place, without its value.
fn leaves(fields: &Map<String, Value>, place: &str, places: &mut Vec<String>) {
    for (key, value) in fields {
        let place = format!("{place}.{key}");
        match value {
            Value::Object(fields) if !fields.is_empty() => leaves(fields, &place, places),
            _ => places.push(place),
        }
    }
}

/// Why an object can't be seen.
#[derive(Debug, thiserror::Error)]
enum NotSeen {
    #[error(transparent)]
    Kind(kube::Error),
    #[error(transparent)]
    Watch(watcher::Error),
}

/// The object's states. Its kind may be one that the API server will serve only after a while, such as that of a
/// CustomResourceDefinition that was just applied: then it is asked for again.
fn states(
    client: Client,
    object: ObjectRef,
) -> impl Stream<Item = Result<Option<DynamicObject>, NotSeen>> {
    stream::unfold((client, object, None), next_state)
}

type Watched = BoxStream<'static, watcher::Result<Option<DynamicObject>>>;
type State = (Client, ObjectRef, Option<Watched>);
type Seen = Result<Option<DynamicObject>, NotSeen>;

async fn next_state((client, object, watched): State) -> Option<(Seen, State)> {
    let mut watched = match watched {
        Some(watched) => watched,
        None => match api_of(&client, &object).await {
            Ok(api) => watch_object(api, &object.name).boxed(),
            Err(error) => {
                sleep(PAUSE).await;
                return Some((Err(NotSeen::Kind(error)), (client, object, None)));
            }
        },
    };
    let seen = watched.next().await?.map_err(NotSeen::Watch);
    Some((seen, (client, object, Some(watched))))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;

    fn expected(rest: Value) -> Object {
        let mut keys = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "x"});
        let rest = rest.as_object().unwrap().clone();
        keys.as_object_mut().unwrap().extend(rest);
        serde_json::from_value(keys).unwrap()
    }

    fn found() -> Option<DynamicObject> {
        let object = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "x", "labels": {"app": "web"}},
            "data": {"a": "1", "b": "2"}, "list": [1, {"c": true, "d": null}],
        });
        Some(serde_json::from_value(object).unwrap())
    }

    #[test]
    fn an_object_may_have_more_fields_than_are_expected() {
        for has in [
            json!({"data": {"a": "1"}}),
            json!({"metadata": {"labels": {"app": "web"}}, "data": {"b": "2"}}),
            json!({"list": [1, {"c": true}]}),
        ] {
            let wanted = expected(json!({"has": has}));
            assert_eq!(wanted.judge_object(found()), Ok(()), "{has}");
        }
    }

    #[test]
    fn the_first_field_that_differs_is_named_with_what_is_expected_and_seen() {
        for (has, told) in [
            (
                json!({"data": {"a": "1", "b": "3"}}),
                r#".data.b is "2" instead of "3""#,
            ),
            (
                json!({"data": {"z": 1}}),
                ".data.z is missing; 1 is expected",
            ),
            (
                json!({"metadata": {"labels": {"app": 1}}}),
                r#".metadata.labels.app is "web" instead of 1"#,
            ),
            (
                json!({"list": [1, {"c": false}]}),
                ".list[1].c is true instead of false",
            ),
            (
                json!({"list": [1]}),
                r#".list is [1,{"c":true,"d":null}], which is not 1 long"#,
            ),
        ] {
            let unexpected = expected(json!({"has": has})).judge_object(found());
            let unexpected = unexpected.unwrap_err();
            assert_eq!(unexpected.to_string(), told);
            assert_eq!(unexpected.kind(), Kind::UnexpectedObject);
        }
    }

    #[test]
    fn an_object_that_is_not_there_has_no_fields() {
        let wanted = expected(json!({"has": {"data": {"a": "1"}}}));
        let absent = wanted.judge_object(None).unwrap_err();
        assert_eq!(absent.kind(), Kind::NoSuchObject);
        assert_eq!(expected(json!({"absent": true})).judge_object(None), Ok(()));
    }

    #[test]
    fn an_object_that_waits_for_finalizers_is_not_absent() {
        let wanted = expected(json!({"absent": true}));
        let there = wanted.judge_object(found()).unwrap_err();
        assert_eq!(there, UnexpectedObject::Present);
        assert_eq!(there.kind(), Kind::UnexpectedObject);
        let mut leaving = found().unwrap();
        let metadata = json!({"name": "x", "deletionTimestamp": "2026-01-01T12:00:00Z", "finalizers": ["example.org/a"]});
        leaving.metadata = serde_json::from_value(metadata).unwrap();
        assert_eq!(
            wanted.judge_object(Some(leaving)).unwrap_err().to_string(),
            "it is being deleted, and waits for its finalizers [example.org/a]"
        );
    }

    #[test]
    fn what_a_secret_holds_is_not_told() {
        let wanted = expected(json!({"kind": "Secret", "has": {"data": {"a": "guess"}}}));
        assert_eq!(
            wanted.judge_object(found()).unwrap_err().to_string(),
            ".data.a is not as expected; what Secrets hold isn't shown"
        );
        assert_eq!(wanted.describe(), "Secret x with .data.a");
    }

    #[test]
    fn an_expectation_that_every_object_meets_is_refused() {
        let problems = |rest: Value| {
            let text = "{has: {}, absent: true}";
            let mut checks = Checks::new(Path::new("."));
            expected(rest).check(&Place::of(text), &mut checks);
            checks.problems()
        };
        assert_eq!(
            problems(json!({})),
            ["1:1: say what the object `has`, or that it is `absent: true`"]
        );
        assert_eq!(
            problems(json!({"has": {}})),
            ["1:7: expect a field at least"]
        );
        assert_eq!(
            problems(json!({"has": {"data": {}}, "absent": true})),
            ["1:19: an object that is absent has no fields; leave out `has` or `absent`"]
        );
        assert!(problems(json!({"absent": true})).is_empty());
        assert!(problems(json!({"has": {"data": {}}})).is_empty());
    }
}
