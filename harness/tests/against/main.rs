//! Our adapter answers as the Go prometheus-adapter did when its answers were recorded, but for what `differences.yaml` lists.
//!
//! It is ignored where the control plane's programs or a real Prometheus are missing; under `SETPOINT_REQUIRE=local` it
//! fails then. What takes prometheus-adapter's program is ignored by default: `ci/peers/against` runs it.

mod asks;
mod case;
mod generated;
mod rules;
mod world;

use std::path::Path;

use libtest_mimic::{Failed, Trial};
use setpoint::against::{Against, Corpus, Options, compare};
use setpoint::profile::Profile;
use setpoint::programs::{Programs, find_prometheus};
use setpoint::timeouts::Timeouts;
use setpoint_cluster::provision;
use setpoint_test_support::run;
use tokio::runtime::Runtime;

/// Each night all configurations are compared (`ci/peers/against`), and by a test one of so many.
const STEP: usize = 4;
/// How many configurations are tried at once.
const JOBS: usize = 4;

fn main() -> anyhow::Result<()> {
    let runtime = Runtime::new()?;
    let timeouts = Timeouts::from_env()?;
    let large = Trial::test(
        "sixty_configurations_are_asked_eighty_requests_each",
        || {
            let (configurations, requests) = corpus()?.size();
            let enough = configurations >= 60 && requests >= 80;
            let found = format!("{configurations} configurations, {requests} requests");
            enough.then_some(()).ok_or_else(|| found.into())
        },
    );
    let missing = match runtime.block_on(find_prometheus(&timeouts)) {
        Ok(_) => {
            provision::find(&provision::Options::from_env()).map_err(|error| error.to_string())
        }
        Err(error) => Err(error.to_string()),
    };
    let generated = Trial::test("answers_by_generated_configurations_are_equal", move || {
        let compared =
            generated::answers_by_generated_configurations_are_equal(corpus()?, timeouts);
        Runtime::new()?.block_on(compared)
    });
    let generated = generated.with_ignored_flag(true);
    let compared = Trial::test("answers_are_those_of_the_recorded_adapter", move || {
        runtime.block_on(answers_are_those_of_the_recorded_adapter(timeouts))
    });
    run(vec![large], vec![compared, generated], missing)
}

fn corpus() -> Result<Corpus, Failed> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/against");
    Ok(Corpus::load(&folder)?)
}

async fn answers_are_those_of_the_recorded_adapter(timeouts: Timeouts) -> Result<(), Failed> {
    let binaries = provision::find(&provision::Options::from_env())?;
    let programs = Programs::find(None, &timeouts).await?;
    let other = Profile::named("prometheus-adapter")?.name;
    let mut options = Options::new(binaries, programs, Against::Recording, other);
    options.timeouts = timeouts;
    options.jobs = JOBS;
    options.whole = false;
    let comparison = compare(&corpus()?.sampled(STEP), &options).await?;
    if comparison.is_good() {
        return Ok(());
    }
    Err(comparison.to_string().into())
}
