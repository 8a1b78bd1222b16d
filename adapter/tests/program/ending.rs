//! How the program ends.

use std::sync::Arc;

use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::reloads::answer;
use super::support::{Adapter, api_answer, client, config, in_time, serve};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_sigterm_it_is_not_ready_but_answers_until_its_delay_is_over() {
    let prometheus = serve(Router::new().fallback(answer)).await;
    // Longer than the test may take: the second signal ends it.
    let delay = ["--shutdown-delay-duration=1h"];
    let mut adapter = Adapter::start(prometheus, &config(&["good"]), &delay).await;
    let known = "setpoint_adapter_rule_metrics{rule=\"0\"} ";
    adapter.until(known, |metrics| metrics > 0.0).await;

    adapter.terminate();
    let announced = async || (adapter.get("/readyz/shutdown").await.0 != 200).then_some(());
    in_time(announced, || format!("{:?}", adapter.log())).await;
    assert_eq!(adapter.get("/readyz").await.0, 500);
    assert_eq!(adapter.get("/livez").await.0, 200);
    let (code, answered) = adapter.value(&client(), "good").await.unwrap();
    assert_eq!((code, answered), (200, json!("5")));

    adapter.terminate();
    assert!(adapter.ended().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_waits_for_the_api_server_at_the_end_is_answered() {
    let prometheus = serve(Router::new().fallback(answer)).await;
    let [asked, released] = std::array::from_fn(|_| Arc::new(Semaphore::new(0)));
    let pods = {
        let (asked, released) = (asked.clone(), released.clone());
        async move || {
            asked.add_permits(1);
            let _released = released.acquire().await;
            let pod = json!({"metadata": {"name": "p", "namespace": "n"}});
            Json(
                json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "items": [pod]}),
            )
        }
    };
    let api_server = Router::new().route("/api/v1/namespaces/n/pods", get(pods));
    let api_server = serve(api_server.fallback(api_answer)).await;
    let mut adapter =
        Adapter::start_beside((prometheus, api_server), &config(&["good"]), &[]).await;
    let known = "setpoint_adapter_rule_metrics{rule=\"0\"} ";
    adapter.until(known, |metrics| metrics > 0.0).await;

    let url = format!(
        "{}/apis/custom.metrics.k8s.io/v1beta1/namespaces/n/pods/*/good",
        adapter.url
    );
    let answered = tokio::spawn(client().get(url).send());
    let _asked = asked.acquire().await;
    adapter.terminate();
    let refused = async || client().get(&adapter.url).send().await.err();
    in_time(refused, || format!("{:?}", adapter.log())).await;
    released.add_permits(1);
    let answer = answered.await.unwrap().unwrap();
    let code = answer.status();
    let list: Value = answer.json().await.unwrap();
    assert_eq!(code, 200, "{list}: {:?}", adapter.log());
    assert_eq!(list["items"][0]["value"], "5");
    assert!(adapter.ended().await.success());
}
