//! Tokens, what the API server answers to a TokenReview of each, and what that means.

use serde_json::{Value, json};

use crate::Identity;

/// A token that the API server knows something of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    /// Valid, with a uid, groups and an extra attribute.
    Alice,
    /// Valid, of a ServiceAccount.
    ServiceAccount,
    /// Valid; the user may do everything.
    Master,
    /// Valid, of the anonymous user.
    Anonymous,
    /// Valid, and the user says itself that it is not authenticated.
    Unauthenticated,
    /// Valid, and an error is told too, which counts for nothing.
    DespiteError,
    /// Valid, for another audience than the API server's; the adapters ask for none.
    OfAudience,
    /// Valid, but the user has no name.
    Nameless,
    /// Not valid any more, which an error says.
    Expired,
    /// Not valid for the API server's audiences, which an error says.
    OtherAudience,
    /// Not valid, without a reason.
    Revoked,
    /// Not valid, though a user is named.
    RefusedButNamed,
    /// The review has no status.
    WithoutStatus,
    /// The adapter may not ask.
    Forbidden,
    /// The API server has no time, each time it is asked.
    Unavailable,
    /// The answer is no JSON.
    NotJson,
    /// The answer is an object of another kind.
    OtherKind,
    /// The answer comes too late.
    Slow,
}

/// What the API server answers to a TokenReview.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, whose type is JSON.
    pub body: String,
    /// Whether it comes only after more than the ten seconds that the library waits.
    pub is_late: bool,
}

/// What a review of a token gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reviewed {
    User(Identity),
    Invalid,
    Failed,
}

impl Token {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Alice,
        Self::ServiceAccount,
        Self::Master,
        Self::Anonymous,
        Self::Unauthenticated,
        Self::DespiteError,
        Self::OfAudience,
        Self::Nameless,
        Self::Expired,
        Self::OtherAudience,
        Self::Revoked,
        Self::RefusedButNamed,
        Self::WithoutStatus,
        Self::Forbidden,
        Self::Unavailable,
        Self::NotJson,
        Self::OtherKind,
        Self::Slow,
    ];

    /// As it stands behind `Bearer`.
    #[must_use]
    pub fn text(self) -> String {
        format!("token-{self:?}").to_ascii_lowercase()
    }

    /// What the API server answers to a review of a token, which may be none that it knows.
    #[must_use]
    pub fn answer(text: &str) -> Answer {
        let known = Self::ALL.into_iter().find(|token| token.text() == text);
        let named = |user: Value| json!({"authenticated": true, "user": user});
        let because = |error: &str| json!({"authenticated": false, "error": error});
        let status = match known {
            Some(Self::Alice) => named(
                json!({"username": "alice", "uid": "a-1", "groups": ["singers", "team"], "extra": {"scopes.example.org/read": ["pods", "nodes"]}}),
            ),
            Some(Self::ServiceAccount) => named(
                json!({"username": "system:serviceaccount:shop:web", "uid": "5f2c", "groups": ["system:serviceaccounts", "system:serviceaccounts:shop", "system:authenticated"],
                       "extra": {"authentication.kubernetes.io/pod-name": ["web-1"]}}),
            ),
            Some(Self::Master) => named(json!({"username": "root", "groups": ["system:masters"]})),
            Some(Self::Anonymous) => {
                named(json!({"username": "system:anonymous", "groups": ["odd"]}))
            }
            Some(Self::Unauthenticated) => {
                named(json!({"username": "odd", "groups": ["system:unauthenticated"]}))
            }
            Some(Self::DespiteError) => {
                json!({"authenticated": true, "error": "an authenticator failed", "user": {"username": "dora"}})
            }
            Some(Self::OfAudience) => {
                json!({"authenticated": true, "audiences": ["vault"], "user": {"username": "vera", "groups": ["team"]}})
            }
            Some(Self::Nameless) => json!({"authenticated": true, "user": {}}),
            Some(Self::Expired) => because("token has expired"),
            Some(Self::OtherAudience) => {
                because("token audiences [\"vault\"] is invalid for the target audiences")
            }
            Some(Self::RefusedButNamed) => {
                json!({"authenticated": false, "user": {"username": "mallory", "groups": ["system:masters"]}})
            }
            Some(Self::Slow) => named(json!({"username": "sloth"})),
            _ => json!({"authenticated": false}),
        };
        let mut review = json!({
            "kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {}, "spec": {"token": text}, "status": status,
        });
        let failure = |code: u16, reason: &str| {
            let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": reason, "message": "no", "code": code});
            (code, status.to_string())
        };
        let (code, body) = match known {
            Some(Self::Forbidden) => failure(403, "Forbidden"),
            Some(Self::Unavailable) => failure(503, "ServiceUnavailable"),
            Some(Self::NotJson) => (201, "<html>".to_owned()),
            Some(Self::OtherKind) => (201, json!({"kind": "List", "status": 7}).to_string()),
            Some(Self::WithoutStatus) => {
                review["status"].take();
                (201, review.to_string())
            }
            _ => (201, review.to_string()),
        };
        Answer {
            status: code,
            body,
            is_late: known == Some(Self::Slow),
        }
    }

    /// What the library makes of the answer.
    pub(crate) fn reviewed(text: &str) -> Reviewed {
        let known = Self::ALL.into_iter().find(|token| token.text() == text);
        let user = |name: &str, uid: &str, groups: &[&str]| Identity {
            name: name.to_owned(),
            uid: uid.to_owned(),
            groups: groups.iter().map(|&group| group.to_owned()).collect(),
            ..Identity::default()
        };
        let with = |mut user: Identity, key: &str, values: &[&str]| {
            let values = values.iter().map(|&value| value.to_owned()).collect();
            user.extra.insert(key.to_owned(), values);
            user
        };
        Reviewed::User(match known {
            Some(Self::Alice) => with(
                user("alice", "a-1", &["singers", "team"]),
                "scopes.example.org/read",
                &["nodes", "pods"],
            ),
            Some(Self::ServiceAccount) => with(
                user(
                    "system:serviceaccount:shop:web",
                    "5f2c",
                    &[
                        "system:serviceaccounts",
                        "system:serviceaccounts:shop",
                        "system:authenticated",
                    ],
                ),
                "authentication.kubernetes.io/pod-name",
                &["web-1"],
            ),
            Some(Self::Master) => user("root", "", &["system:masters"]),
            Some(Self::Anonymous) => user("system:anonymous", "", &["odd"]),
            Some(Self::Unauthenticated) => user("odd", "", &["system:unauthenticated"]),
            Some(Self::DespiteError) => user("dora", "", &[]),
            Some(Self::OfAudience) => user("vera", "", &["team"]),
            Some(Self::Nameless) => user("", "", &[]),
            Some(
                Self::Forbidden | Self::Unavailable | Self::NotJson | Self::OtherKind | Self::Slow,
            ) => return Reviewed::Failed,
            Some(
                Self::Expired
                | Self::OtherAudience
                | Self::Revoked
                | Self::RefusedButNamed
                | Self::WithoutStatus,
            )
            | None => return Reviewed::Invalid,
        })
    }
}
