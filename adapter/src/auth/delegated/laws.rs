//! Any certificates, headers, tokens and ConfigMaps give the user that the rules of Kubernetes give
//! (`setpoint_identities`, which shares no code with this crate).

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Response};
use http_body_util::BodyExt as _;
use kube::client::Body;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use setpoint_identities::{Combination, Difference, Identity, Kind, Token, Whose, combinations};
use tokio::runtime::{Builder, Runtime};
use tokio::time::sleep;

use super::tests::{ALL, peer};
use super::*;
use crate::auth::ApiServerTokenReviewer;
use crate::auth::error::TokenReviewError;
use crate::metrics::OwnMetrics;

/// How many combinations are tried where `SETPOINT_IDENTITIES` doesn't say it (`ci/nightly` does).
const USUAL: u32 = 10_000;
/// Beyond the ten seconds that a review may take.
const TOO_LATE: Duration = Duration::from_secs(11);

/// A client of an API server that answers TokenReviews, and nothing else.
fn api_server() -> kube::Client {
    let answer = async |request: http::Request<Body>| {
        let bytes = request.into_body().collect().await?.to_bytes();
        let review: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let token = review["spec"]["token"].as_str().unwrap_or_default();
        let answer = Token::answer(token);
        if answer.is_late {
            sleep(TOO_LATE).await;
        }
        let response = Response::builder().status(answer.status);
        let response = response.body(Body::from(answer.body.into_bytes()));
        Ok::<_, kube::Error>(response.unwrap())
    };
    let answer = move |request| Box::pin(answer(request)) as BoxFuture<'static, _>;
    kube::Client::new(tower::service_fn(answer), "default")
}

fn headers(combination: &Combination) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for field in &combination.request.fields {
        headers.append(
            HeaderName::try_from(field.name.as_str()).unwrap(),
            HeaderValue::from_bytes(&field.value).unwrap(),
        );
    }
    headers
}

/// Where a refusal comes from.
fn kind(error: &AuthenticationError) -> Kind {
    match error {
        AuthenticationError::Certificate { .. } | AuthenticationError::Unreadable { .. } => {
            Kind::BadCertificate
        }
        AuthenticationError::NotAllowed { .. } => Kind::BadName,
        AuthenticationError::InvalidToken => Kind::BadToken,
        AuthenticationError::TokenReview(error) => match &**error {
            TokenReviewError::Ask(_) => Kind::Unreviewed,
            TokenReviewError::Reviewed(_) => Kind::BadToken,
        },
    }
}

fn identity(user: User) -> Identity {
    let identity = Identity {
        name: user.name,
        uid: user.uid,
        groups: user.groups,
        extra: user.extra,
    };
    identity.sorted()
}

/// Time passes at once where nothing happens, so that late answers cost none.
fn runtime() -> Runtime {
    let mut runtime = Builder::new_current_thread();
    runtime.enable_all().start_paused(true).build().unwrap()
}

struct Judged {
    runtime: Runtime,
    reviewer: Arc<ApiServerTokenReviewer>,
    kinds: Mutex<BTreeMap<Kind, u32>>,
    /// How often an intended difference from Kubernetes decides.
    differences: Mutex<BTreeMap<Difference, u32>>,
}

impl Judged {
    fn new() -> Self {
        let runtime = runtime();
        let client = runtime.block_on(async { api_server() });
        let reviewer = ApiServerTokenReviewer::new(client, OwnMetrics::default());
        Self {
            runtime,
            reviewer: Arc::new(reviewer),
            kinds: Mutex::default(),
            differences: Mutex::default(),
        }
    }

    fn judge(&self, combination: &Combination) -> Result<(), TestCaseError> {
        let tokens = BearerTokens::new(self.reviewer.clone(), Duration::from_secs(10));
        let authenticator = DelegatedAuthenticator::new(Some(tokens));
        let mut config = AuthenticationConfig::default();
        for map in &combination.world.0 {
            config.update(&map.data(), ALL);
            authenticator.replace(Arc::new(config.clone()));
        }
        let peer = peer(&combination.credential().chain);
        let headers = headers(combination);
        let user = self.runtime.block_on(authenticator.user(&peer, &headers));
        let model = combination.caller(Whose::Setpoint);
        match user {
            Ok(user) => prop_assert_eq!(Some(identity(user)), model.identity),
            Err(error) => {
                prop_assert_eq!(None, model.identity, "{}", error);
                prop_assert_eq!(kind(&error), model.kind, "{}", error);
            }
        }
        *self.kinds.lock().unwrap().entry(model.kind).or_default() += 1;
        for difference in combination.differences(Whose::Setpoint) {
            let mut differences = self.differences.lock().unwrap();
            *differences.entry(difference).or_default() += 1;
        }
        Ok(())
    }
}

#[test]
fn a_caller_is_who_the_rules_of_kubernetes_say() {
    let wanted = std::env::var("SETPOINT_IDENTITIES").ok();
    let cases = wanted.map_or(USUAL, |text| text.parse().unwrap());
    let judged = Judged::new();
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(&combinations(), |combination| judged.judge(&combination));
    outcome.unwrap_or_else(|error| panic!("{error}"));
    let kinds = judged.kinds.lock().unwrap();
    let differences = judged.differences.lock().unwrap();
    println!("{cases} combinations: {kinds:?}; intendedly not as in Kubernetes: {differences:?}");
    // Each way is gone often enough to be trusted.
    for kind in Kind::ALL {
        let count = kinds.get(&kind).copied().unwrap_or_default();
        assert!(count >= cases / 100, "{kind:?}: {count} of {cases}");
    }
    for difference in Difference::ALL {
        let is_ours = difference.of() == Whose::Setpoint && !difference.is_of_handshakes();
        assert_eq!(
            differences.contains_key(&difference),
            is_ours,
            "{}",
            difference.reason()
        );
    }
}
