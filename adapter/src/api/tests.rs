use futures::future::BoxFuture;
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use setpoint_metrics_api::{MetricIdentifier, MetricValue, ObjectReference, Quantity};
use setpoint_rules::{GroupResource, MetricError, MetricInfo, MetricQuery};
use tower::ServiceExt as _;

use super::*;
use crate::auth::error::TokenReviewError;
use crate::auth::{AccessReviewError, AuthenticationError, ReviewError, User};
use crate::prometheus::PrometheusError;
use crate::provider::{CustomMetricsProvider, ProviderError, Relist, Relists};

mod external;
mod health;
mod metrics;
mod resource;

/// Two metrics; `http_requests` has a value for the pod `web-1` alone.
#[derive(Default)]
pub(crate) struct Fixed {
    pub(crate) relisted: bool,
    /// Of the only rule.
    pub(crate) failure: Option<&'static str>,
}

fn info(resource: &str, metric: &str, namespaced: bool) -> MetricInfo {
    MetricInfo {
        group_resource: GroupResource::parse(resource).into(),
        namespaced,
        metric: metric.into(),
    }
}

impl CustomMetricsProvider for Fixed {
    fn has_rules(&self) -> bool {
        true
    }

    fn metrics(&self) -> Vec<MetricInfo> {
        vec![
            info("deployments.apps", "http_requests", true),
            info("namespaces", "http_requests", false),
            info("pods", "http_requests", true),
            info("pods", "a_load", true),
        ]
    }

    fn values<'a>(
        &'a self,
        query: &'a MetricQuery,
    ) -> BoxFuture<'a, Result<Vec<MetricValue>, ProviderError>> {
        Box::pin(async move {
            let group_resource = query.group_resource.clone();
            match query.metric.as_str() {
                "http_requests" => Ok(vec![MetricValue {
                    described_object: ObjectReference {
                        kind: Some("Pod".to_owned()),
                        namespace: query.namespace.clone(),
                        name: Some("web-1".to_owned()),
                        api_version: Some("/v1".to_owned()),
                    },
                    metric: MetricIdentifier {
                        name: query.metric.clone(),
                        selector: query.metric_selector.to_label_selector(),
                    },
                    timestamp: Timestamp::UNIX_EPOCH,
                    window_seconds: None,
                    value: Quantity::from_milli(1500),
                }]),
                "broken" => Err(ProviderError::Prometheus(PrometheusError::Rejected {
                    url: "http://prometheus:9090/".to_owned(),
                    status: 503,
                    kind: "unavailable".to_owned(),
                    message: "shutting down {token=\"hunter2\"}".to_owned(),
                })),
                "slow" => std::future::pending().await,
                "panics" => panic!("on purpose"),
                _ => Err(ProviderError::Metric(MetricError::NoSuchMetric {
                    metric: query.metric.clone(),
                    group_resource,
                })),
            }
        })
    }
}

impl Relists for Fixed {
    fn attempted(&self) -> bool {
        self.relisted
    }

    fn relists(&self) -> Vec<Relist> {
        vec![Relist {
            name: "relist-rule-0".to_owned(),
            failure: self.failure.or((!self.relisted).then_some("pending")),
        }]
    }
}

struct Everybody;

impl Authenticator for Everybody {
    fn authenticate<'a>(
        &'a self,
        _: &'a Peer,
        headers: &'a HeaderMap,
    ) -> BoxFuture<'a, Result<User, AuthenticationError>> {
        let shown = headers.get("x-bad").map(HeaderValue::as_bytes);
        let outcome = match shown {
            None => Ok(User::anonymous()),
            Some(b"no") => Ok(User {
                name: "bob".to_owned(),
                ..User::default()
            }),
            Some(b"unreviewed") => {
                let beneath = std::io::Error::other("the reason beneath");
                let asked = TokenReviewError::Ask(kube::Error::Service(beneath.into()).into());
                Err(AuthenticationError::TokenReview(Arc::new(asked)))
            }
            Some(_) => Err(AuthenticationError::NotAllowed {
                common_name: "bad\nnow WARN all is well".to_owned(),
            }),
        };
        Box::pin(std::future::ready(outcome))
    }

    fn is_configured(&self) -> bool {
        true
    }
}

/// Allows everything but the namespace `secret`; fails for the namespace `broken`.
struct NotSecret;

impl Authorizer for NotSecret {
    fn authorize<'a>(
        &'a self,
        _: &'a User,
        request: &'a RequestInfo,
    ) -> BoxFuture<'a, Result<Decision, Arc<AccessReviewError>>> {
        Box::pin(async move {
            match request {
                RequestInfo::Resource(resource)
                    if resource.path.namespace.as_deref() == Some("secret") =>
                {
                    Ok(Decision::Deny(String::new()))
                }
                RequestInfo::Resource(resource)
                    if resource.path.namespace.as_deref() == Some("broken") =>
                {
                    let late = ReviewError::Late(Duration::from_secs(10));
                    Err(Arc::new(AccessReviewError::Ask(late)))
                }
                RequestInfo::Path { path, .. } if path == "/busy" => {
                    Err(Arc::new(AccessReviewError::Ask(ReviewError::Busy)))
                }
                _ => Ok(Decision::Allow),
            }
        })
    }
}

/// A client without certificates.
fn stranger() -> Peer {
    Peer::new(([192, 0, 2, 1], 1024).into(), Arc::default())
}

fn router() -> Router {
    router_of(Fixed::default())
}

/// The API with these metrics, for everybody.
pub(crate) fn router_of(metrics: Fixed) -> Router {
    router_with(metrics, Reloads::default())
}

fn router_with(metrics: Fixed, reloads: Reloads) -> Router {
    let metrics = Arc::new(metrics);
    let group = CustomMetricsGroup::new(metrics.clone());
    let groups: Vec<Box<dyn ApiGroup>> = vec![Box::new(group)];
    let api = Api::new(
        groups,
        metrics,
        Arc::new(Everybody),
        Arc::new(NotSecret),
        reloads,
    );
    api.router().layer(axum::Extension(stranger()))
}

async fn ask(request: http::request::Builder) -> (u16, String) {
    let request = request.body(axum::body::Body::empty()).unwrap();
    let response = router().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn get(path: &str) -> String {
    let (status, body) = ask(http::Request::get(path)).await;
    let body = serde_json::from_str::<serde_json::Value>(&body)
        .map_or(body, |json| serde_json::to_string_pretty(&json).unwrap());
    format!("{status}\n{body}")
}

const V1: &str = "/apis/custom.metrics.k8s.io/v1beta1";
const V2: &str = "/apis/custom.metrics.k8s.io/v1beta2";

#[tokio::test]
async fn discovery_documents_are_whole_and_sorted() {
    insta::assert_snapshot!("legacy_groups", get("/apis").await);
    insta::assert_snapshot!("group", get("/apis/custom.metrics.k8s.io").await);
    insta::assert_snapshot!("resources", get(V1).await);
    let aggregated = http::Request::get("/apis").header(
        "Accept",
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json",
    );
    let (_, body) = ask(aggregated).await;
    let document: serde_json::Value = serde_json::from_str(&body).unwrap();
    insta::assert_json_snapshot!("aggregated", document);
}

#[tokio::test]
async fn values_are_answered_in_the_version_asked_for() {
    insta::assert_snapshot!(
        "values_v1beta1",
        get(&format!("{V1}/namespaces/default/pods/*/http_requests")).await
    );
    let selected =
        format!("{V2}/namespaces/default/pods/%2A/http_requests?metricLabelSelector=verb%3DGET");
    insta::assert_snapshot!("values_v1beta2", get(&selected).await);
    // The metrics of a namespace itself.
    insta::assert_snapshot!(
        "values_of_a_namespace",
        get(&format!("{V1}/namespaces/default/metrics/http_requests")).await
    );
}

#[tokio::test]
async fn what_goes_wrong_is_a_status() {
    insta::assert_snapshot!(
        "no_such_metric",
        get(&format!("{V1}/namespaces/default/pods/*/nothing")).await
    );
    insta::assert_snapshot!(
        "prometheus_is_down",
        get(&format!("{V1}/namespaces/default/pods/*/broken")).await
    );
    insta::assert_snapshot!(
        "forbidden",
        get(&format!("{V1}/namespaces/secret/pods/*/http_requests")).await
    );
    insta::assert_snapshot!(
        "authorizer_is_down",
        get(&format!("{V1}/namespaces/broken/pods/*/http_requests")).await
    );
    insta::assert_snapshot!(
        "bad_selector",
        get(&format!(
            "{V1}/namespaces/default/pods/*/x?labelSelector=a%20b"
        ))
        .await
    );
    insta::assert_snapshot!(
        "bad_path",
        get(&format!("{V1}/namespaces/default/pods/web-1")).await
    );
    insta::assert_snapshot!("bad_escape", get("/apis/%zz").await);
    insta::assert_snapshot!(
        "panic",
        get(&format!("{V1}/namespaces/default/pods/*/panics")).await
    );
    let (status, _) = ask(http::Request::get(V1).header("x-bad", "1")).await;
    assert_eq!(status, 401);
    let (status, _) = ask(http::Request::post(format!(
        "{V1}/namespaces/default/pods/web-1/http_requests"
    )))
    .await;
    assert_eq!(status, 405);
    let (status, _) = ask(http::Request::get("/apis/custom.metrics.k8s.io/v1")).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn health_says_what_is_still_missing() {
    assert_eq!(get("/livez").await, "200\nok");
    insta::assert_snapshot!("not_ready", get("/readyz").await);
}

#[tokio::test]
async fn discovery_that_has_not_changed_is_not_sent_again() {
    const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    let ask = |tag: Option<HeaderValue>| {
        let mut request = http::Request::get("/apis")
            .header("Accept", AGGREGATED)
            .body(axum::body::Body::empty())
            .unwrap();
        if let Some(tag) = tag {
            request.headers_mut().insert(header::IF_NONE_MATCH, tag);
        }
        router().oneshot(request)
    };
    let first = ask(None).await.unwrap();
    assert_eq!(first.headers()[header::CONTENT_TYPE], AGGREGATED);
    // The same in every replica and every build: clients keep documents across an update.
    insta::assert_snapshot!(
        first.headers()[header::ETAG].to_str().unwrap(),
        @r#""6502181d1ea11ead3188cddb5ef6020077d98ae6425211dbc2b203ae6e8dd294""#
    );
    let second = ask(first.headers().get(header::ETAG).cloned())
        .await
        .unwrap();
    assert_eq!(second.status(), StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn the_version_and_the_open_api_document_are_whole() {
    let document = async |path: &str| -> serde_json::Value {
        let (status, body) = ask(http::Request::get(path)).await;
        assert_eq!(status, 200);
        serde_json::from_str(&body).unwrap()
    };
    let mut version = document("/version").await;
    // Its form is Go's, such as `linux/amd64`.
    let platform = version["platform"].take();
    assert!(platform.as_str().unwrap().contains('/'), "{platform}");
    insta::assert_json_snapshot!("version", version);
    insta::assert_json_snapshot!("openapi_v2", document("/openapi/v2").await);
    let index = document("/openapi/v3").await;
    let versions: Vec<&str> = index["paths"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let expected =
        ["v1beta1", "v1beta2"].map(|version| format!("apis/custom.metrics.k8s.io/{version}"));
    assert_eq!(versions, expected);
    for name in versions {
        let address = index["paths"][name]["serverRelativeURL"].as_str().unwrap();
        let document = document(address).await;
        let version = name.rsplit('/').next().unwrap();
        insta::assert_json_snapshot!(format!("openapi_v3_{version}"), document);
    }
}

/// The log of something that is done.
async fn logged(done: impl Future<Output = ()>) -> String {
    #[derive(Clone, Default)]
    struct Lines(Arc<parking_lot::Mutex<Vec<u8>>>);
    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    done.await;
    drop(guard);
    String::from_utf8(lines.0.lock().clone()).unwrap()
}

#[tokio::test]
async fn the_log_says_why_a_caller_is_refused_and_what_helps_and_the_caller_doesnt_hear_it() {
    let log = logged(async {
        let (status, body) = ask(http::Request::get(V1).header("x-bad", "unreviewed")).await;
        assert_eq!(status, 401);
        assert!(!body.contains("auth-delegator"), "{body}");
    });
    let log = log.await;
    assert!(log.contains("Unable to authenticate the request"), "{log}");
    assert!(log.contains("ClusterRole system:auth-delegator"), "{log}");
    assert!(log.contains("the reason beneath"), "{log}");
}

#[tokio::test]
async fn a_name_in_a_certificate_forges_no_line_of_the_log() {
    let log = logged(async {
        ask(http::Request::get(V1).header("x-bad", "forged")).await;
    });
    let log = log.await;
    assert!(log.contains("Unable to authenticate the request"), "{log}");
    assert_eq!(log.lines().count(), 1, "{log}");
}

#[tokio::test]
async fn what_prometheus_says_is_in_the_log_and_not_in_the_answer() {
    let path = format!("{V1}/namespaces/default/pods/*/broken");
    let log = logged(async {
        let answer = get(&path).await;
        assert!(answer.contains("answered 503 unavailable"), "{answer}");
        assert!(
            !answer.contains("hunter2") && !answer.contains("http://"),
            "{answer}"
        );
    });
    let log = log.await;
    assert!(
        log.contains("hunter2") && log.contains("http://prometheus"),
        "{log}"
    );
    assert!(log.contains("request{trace_id="), "{log}");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_longer_than_a_minute_is_answered_with_504() {
    insta::assert_snapshot!(
        "timeout",
        get(&format!("{V1}/namespaces/default/pods/*/slow")).await
    );
}

#[tokio::test]
async fn too_many_questions_to_the_api_server_are_the_clients_to_repeat() {
    insta::assert_snapshot!("too_many_requests", get("/busy").await);
}

#[tokio::test]
async fn what_a_client_sends_is_repeated_to_it_in_part() {
    // A control character is six bytes of JSON.
    for (segment, most) in [("a".repeat(7000), 9 << 10), ("%01".repeat(2500), 44 << 10)] {
        for path in [
            format!("{V1}/namespaces/secret/{segment}/a/b"),
            format!("{V1}/namespaces/secret/pods/{segment}/{segment}"),
            format!("/apis/{segment}/v1/namespaces/secret/pods/a/b"),
            format!("{V1}/namespaces/default/pods/*/{segment}"),
            format!("{V1}/namespaces/broken/pods/*/{segment}"),
        ] {
            let (_, body) = ask(http::Request::get(&path)).await;
            assert!(body.len() < most, "{} of {}", body.len(), path.len());
        }
    }
}

#[tokio::test]
async fn an_http2_connection_ends_after_a_strangers_request() {
    for (version, user, closed) in [
        (Version::HTTP_2, None, true),
        (Version::HTTP_2, Some("forged"), true),
        (Version::HTTP_2, Some("no"), false),
        (Version::HTTP_11, None, false),
    ] {
        let mut request = http::Request::get("/version").version(version);
        if let Some(user) = user {
            request = request.header("x-bad", user);
        }
        let request = request.body(axum::body::Body::empty()).unwrap();
        let response = router().oneshot(request).await.unwrap();
        let says = response.headers().get(header::CONNECTION);
        assert_eq!(says.is_some_and(|says| says == "close"), closed, "{user:?}");
    }
}

#[tokio::test]
async fn a_request_to_impersonate_is_not_answered_as_its_caller() {
    for header in [
        "Impersonate-User",
        "impersonate-group",
        "Impersonate-Extra-scopes",
        "Impersonate-Uid",
    ] {
        let request = http::Request::get(format!("{V1}/namespaces/default/pods/*/http_requests"));
        let (status, body) = ask(request.header(header, "bob")).await;
        assert_eq!(status, 403, "{header}");
        assert!(
            body.contains("impersonation is not supported here"),
            "{body}"
        );
    }
}

/// The answers to GETs, one after the other.
async fn answers<const N: usize>(router: &Router, paths: [&str; N]) -> [(u16, String); N] {
    let mut answers = [const { (0, String::new()) }; N];
    for (path, answer) in paths.into_iter().zip(&mut answers) {
        let request = http::Request::get(path).body(axum::body::Body::empty());
        let response = router.clone().oneshot(request.unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        *answer = (status, String::from_utf8(body.to_vec()).unwrap());
    }
    answers
}
