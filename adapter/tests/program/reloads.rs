//! Files that change while requests are answered.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::support::{Adapter, client, config, parameter, series, serve, swap_pair, value};

/// Requests a second, and how many may be open.
const RATE: u64 = 200;
const OPEN: usize = 64;
/// Requests between one reload and the next.
const BETWEEN: usize = 10;
/// Longer than this no request may take, however busy the machine is.
const HUNG: Duration = Duration::from_secs(20);

/// A Prometheus that has every series, with value 5.
pub(super) async fn answer(request: Request) -> Response {
    if request.uri().path().ends_with("/query") {
        value(5)
    } else {
        series(&parameter(&request, "match[]"))
    }
}

/// Asks at a rate until it is told to stop; how often, and what has failed.
async fn load(
    adapter: Arc<Adapter>,
    so_far: watch::Sender<usize>,
    stop: CancellationToken,
) -> (usize, Vec<String>) {
    let mut tick = interval(Duration::from_millis(1000 / RATE));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (kept, open) = (client(), Arc::new(Semaphore::new(OPEN)));
    let (mut requests, mut asked) = (JoinSet::new(), 0);
    while !stop.is_cancelled() {
        tick.tick().await;
        let permit = open.clone().acquire_owned().await;
        asked += 1;
        so_far.send_replace(asked);
        // Each tenth over a connection of its own, with a handshake.
        let client = if asked % 10 == 0 {
            client()
        } else {
            kept.clone()
        };
        let adapter = adapter.clone();
        requests.spawn(async move {
            let (began, _permit) = (Instant::now(), permit);
            let answer = adapter.value(&client, "good").await;
            let took = began.elapsed();
            match answer {
                Ok((200, value)) if value == "5" && took < HUNG => None,
                other => Some(format!("{other:?} after {took:?}")),
            }
        });
    }
    let outcomes = requests.join_all().await;
    (asked, outcomes.into_iter().flatten().collect())
}

/// Reloads the configuration and swaps the certificate so many times under load.
async fn reloaded(times: u32) {
    let prometheus = serve(Router::new().fallback(answer)).await;
    let adapter = Adapter::start(prometheus, &config(&["good"]), &[]).await;
    let known = "setpoint_adapter_rule_metrics{rule=\"0\"} ";
    adapter.until(known, |metrics| metrics > 0.0).await;
    let (adapter, stop) = (Arc::new(adapter), CancellationToken::new());
    let began = Instant::now();
    let (sender, mut so_far) = watch::channel(0);
    let load = tokio::spawn(load(adapter.clone(), sender, stop.clone()));
    let successes =
        |part| format!("setpoint_adapter_reloads_total{{part=\"{part}\",outcome=\"success\"}} ");
    for time in 1..=times {
        let other = format!("other_{time}");
        let position = time as usize % 2;
        let rules = if position == 0 {
            ["good", other.as_str()]
        } else {
            [other.as_str(), "good"]
        };
        adapter.configure(&rules);
        swap_pair(adapter.folder.path(), time);
        for part in ["configuration", "serving-certificate"] {
            adapter
                .until(&successes(part), |number| number >= f64::from(time))
                .await;
        }
        let at_its_position =
            format!("setpoint_adapter_rule_info{{rule=\"{position}\",series_query=\"good\"}} ");
        adapter.until(&at_its_position, |info| info == 1.0).await;
        let enough = time as usize * BETWEEN;
        so_far.wait_for(|asked| *asked > enough).await.unwrap();
    }
    stop.cancel();
    let (asked, failed) = load.await.unwrap();
    let failures = adapter.metric(
        "setpoint_adapter_reloads_total{part=\"serving-certificate\",outcome=\"failure\"} ",
    );
    assert_eq!(failures.await, None, "each pair was whole");
    assert!(
        failed.is_empty(),
        "{} of {asked} failed: {:?}",
        failed.len(),
        &failed[..failed.len().min(3)]
    );
    println!(
        "{asked} requests in {:.0?} during {times} reloads and {times} certificate swaps",
        began.elapsed()
    );
    assert!(asked > times as usize * BETWEEN, "{asked}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_rules_and_certificates_change() {
    reloaded(5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: ci/nightly runs it"]
async fn no_request_fails_while_rules_and_certificates_change_a_hundred_times() {
    reloaded(100).await;
}
