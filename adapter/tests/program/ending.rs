//! How the program ends.

use axum::Router;
use serde_json::json;

use super::reloads::answer;
use super::support::{Adapter, client, config, in_time, serve};

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
