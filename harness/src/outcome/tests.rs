use std::time::Duration;

use super::*;

/// A finding for tests.
#[derive(Debug, thiserror::Error)]
#[error("it measures 9")]
pub(crate) struct Measured;

impl Finding for Measured {
    fn kind(&self) -> Kind {
        Kind::UnexpectedValue
    }
}

fn stay() -> Context {
    Context::Stay {
        what: "HPA web measures 10 for 3s".to_owned(),
        after: Duration::from_millis(500),
    }
}

#[test]
fn a_problem_keeps_its_owner_and_kind_whatever_was_being_done() {
    let unmet = Unmet::from(Measured).during(Context::Wait {
        what: "HPA web measures 10".to_owned(),
        within: Duration::from_secs(20),
        ago: Some(Duration::from_secs(1)),
    });
    let unmet = unmet.during(Context::Step {
        step: "step 2 of 3 (expect HPA web)".to_owned(),
    });
    assert_eq!(unmet.owner(), Owner::Adapter);
    assert_eq!(unmet.kind(), Kind::UnexpectedValue);
    assert_eq!(
        unmet.to_string(),
        "step 2 of 3 (expect HPA web): HPA web measures 10: not within 20s; it measures 9 (seen 1.0s ago)"
    );
}

#[test]
fn a_state_that_has_to_stay_and_does_not_is_a_kind_of_its_own_unless_it_is_not_the_adapters() {
    let unmet = Unmet::from(Measured).during(stay());
    assert_eq!(unmet.kind(), Kind::DidNotStay);
    let unmet = Unmet::from(HarnessProblem::Interrupted).during(stay());
    assert_eq!(unmet.kind(), Kind::Interrupted);
    assert_eq!(unmet.owner(), Owner::Harness);
}

#[test]
fn what_the_api_server_refuses_is_told_from_what_does_not_reach_it() {
    let status = kube::core::Status::failure("no", "Forbidden").with_code(403);
    let refused = kube::Error::Api(Box::new(status));
    let problem = ClusterProblem::call("list pods", refused);
    assert_eq!(problem.kind(), Kind::ApiServerRefused);
    let broken = kube::Error::Service("connection reset".into());
    let problem = ClusterProblem::call("list pods", broken);
    assert_eq!(problem.kind(), Kind::ApiServerUnreachable);
    assert_eq!(
        Unmet::from(problem).to_string(),
        "list pods: ServiceError: connection reset"
    );
}

#[test]
fn what_the_api_server_says_is_told_once() {
    let told = |message: &str, reason: &str| {
        let status = kube::core::Status::failure(message, reason).with_code(500);
        let refused = kube::Error::Api(Box::new(status));
        Unmet::from(ClusterProblem::call("list pods", refused)).to_string()
    };
    assert_eq!(told("no", "Forbidden"), "list pods: no");
    assert_eq!(told("", "Forbidden"), "list pods: Forbidden");
    assert_eq!(told("", ""), "list pods: status 500");
}

#[test]
fn kinds_are_words_with_hyphens() {
    assert_eq!(Kind::DiscoveryUnsorted.to_string(), "discovery-unsorted");
    let kind = Kind::Request(RequestFailure::TlsAlert);
    assert_eq!(kind.to_string(), "tls-alert");
    let read: Kind = serde_json::from_str("\"tls-alert\"").unwrap();
    assert_eq!(read, kind);
    assert_eq!(Owner::Adapter.to_string(), "adapter");
}
