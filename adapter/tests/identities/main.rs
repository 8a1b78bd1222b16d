//! Who a caller is to the real program, over TLS, and to prometheus-adapter beside it, as the reviews say that each asks for.
//!
//! Where `PROMETHEUS_ADAPTER` names the program of prometheus-adapter v0.12.0, both are asked, and more (`ci/peers/identities`).

#![expect(
    clippy::unwrap_used,
    reason = "a test's own steps fail by panicking, in what it shares with others too"
)]

mod adapter;
mod api_server;
mod caller;
mod compared;
#[path = "../launch/mod.rs"]
mod launch;

use std::collections::BTreeMap;
use std::path::PathBuf;

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use setpoint_identities::{Difference, Kind, Whose, callers, first_config_maps};

use adapter::Adapter;
use compared::{Caller, Report, ask_all, differing};

/// ConfigMaps, for each of which the programs are started anew, and callers under each.
const ALONE: (usize, usize) = (4, 60);
const BESIDE: (usize, usize) = (30, 80);

/// What a seed always makes the same.
fn runner(seed: u64) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRunner::new_with_rng(
        Config::default(),
        TestRng::from_seed(RngAlgorithm::ChaCha, &bytes),
    )
}

fn seed() -> u64 {
    let named = std::env::var("SETPOINT_SEED").ok();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    named.map_or_else(|| now.unwrap().as_secs(), |text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn both_adapters_ask_for_the_user_that_the_rules_name() {
    let ours = std::env::var_os("SETPOINT_ADAPTER");
    let ours = ours.unwrap_or_else(|| env!("CARGO_BIN_EXE_setpoint-adapter").into());
    let mut programs = vec![(Whose::Setpoint, PathBuf::from(ours))];
    let (worlds, each) = match std::env::var_os("PROMETHEUS_ADAPTER") {
        Some(theirs) => {
            programs.push((Whose::PrometheusAdapter, theirs.into()));
            BESIDE
        }
        None => ALONE,
    };
    let is_beside = programs.len() > 1;
    let seed = seed();
    println!("Seed {seed}; once more: SETPOINT_SEED={seed} ci/peers/identities");
    let mut runner = runner(seed);
    let mut reports = BTreeMap::<&str, Report>::new();
    for number in 0..worlds {
        let world = first_config_maps().new_tree(&mut runner).unwrap().current();
        let all: Vec<Caller> = (0..each)
            .map(|place| {
                let (credential, request) = callers().new_tree(&mut runner).unwrap().current();
                Caller::new(place, credential, request)
            })
            .collect();
        for (whose, program) in &programs {
            let adapter = Adapter::start(program, &world.0[0].data()).await;
            let report = reports.entry(name(*whose)).or_default();
            adapter.until_it_trusts(&world, *whose).await;
            ask_all(&adapter, (&world, *whose), &all, report).await;
        }
        println!("{} of {worlds} ConfigMaps", number + 1);
    }
    for (name, report) in &reports {
        println!("{name}: {report}");
    }
    let wrong: Vec<&String> = reports.values().flat_map(|report| &report.wrong).collect();
    for one in &wrong {
        println!("{one}");
    }
    assert_eq!(wrong.len(), 0, "wrong identities");
    for report in reports.values() {
        assert_eq!(report.asked, worlds * each);
        if is_beside {
            for kind in Kind::ALL {
                assert!(report.kinds.contains_key(&kind), "{kind:?} didn't come up");
            }
        }
    }
    let seen = differing(&reports);
    for difference in Difference::ALL {
        let count = seen.get(&difference).copied().unwrap_or_default();
        println!(
            "{difference:?} of {:?}, seen {count} times: {}",
            difference.of(),
            difference.reason()
        );
    }
}

fn name(whose: Whose) -> &'static str {
    match whose {
        Whose::PrometheusAdapter => "prometheus-adapter",
        Whose::Kubernetes | Whose::Setpoint => "setpoint-adapter",
    }
}
