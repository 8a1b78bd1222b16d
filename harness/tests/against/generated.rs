//! Generated configurations, given to our adapter and to the other one, which is run.
//!
//! They are made of a seed, so that they can be made again. What differs without a reason is made as small as that is
//! possible in a few steps, and printed in the form of the corpus.

use std::path::PathBuf;

use anyhow::Context as _;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use libtest_mimic::Failed;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use setpoint::against::{Against, Compared, Corpus, Options, Session, Trial};
use setpoint::programs::Programs;
use setpoint::timeouts::Timeouts;
use setpoint_cluster::provision;

use super::case::{Case, case, configuration};
use super::world::{OBJECTS, World, world};

/// How many configurations there are where no number is given.
const COUNT: usize = 100;
/// How many are tried at once.
const JOBS: usize = 3;
/// How often a configuration that shows a difference is made smaller. Each time takes seconds.
const STEPS: usize = 30;
/// How many configurations with a difference are made smaller.
const SHRUNK: usize = 5;

/// What is asked for by the environment.
struct Wanted {
    theirs: PathBuf,
    count: usize,
    seed: u64,
}

impl Wanted {
    fn from_env() -> anyhow::Result<Self> {
        let number = |name: &str| {
            let text = std::env::var(name).ok().filter(|text| !text.is_empty());
            let number = text.map(|text| text.parse::<u64>());
            number.transpose().with_context(|| format!("read {name}"))
        };
        let theirs = std::env::var_os("PROMETHEUS_ADAPTER");
        let theirs =
            theirs.context("PROMETHEUS_ADAPTER is to name prometheus-adapter's program")?;
        let count = number("SETPOINT_GENERATED")?.map(usize::try_from);
        let now = std::time::SystemTime::now();
        let now = now.duration_since(std::time::UNIX_EPOCH)?.as_secs();
        Ok(Self {
            theirs: theirs.into(),
            count: count.transpose()?.unwrap_or(COUNT),
            seed: number("SETPOINT_SEED")?.unwrap_or(now),
        })
    }
}

/// What a number of a seed's always makes the same.
fn runner(seed: u64, number: u64) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&number.to_le_bytes());
    TestRunner::new_with_rng(
        Config::default(),
        TestRng::from_seed(RngAlgorithm::ChaCha, &bytes),
    )
}

pub(crate) async fn answers_by_generated_configurations_are_equal(
    corpus: Corpus,
    timeouts: Timeouts,
) -> Result<(), Failed> {
    let Wanted {
        theirs,
        count,
        seed,
    } = Wanted::from_env()?;
    let world = world().new_tree(&mut runner(seed, 0))?.current();
    let binaries = provision::find(&provision::Options::from_env())?;
    let programs = Programs::find(None, &timeouts).await?;
    let against = Against::Program {
        path: theirs,
        record: false,
    };
    let mut options = Options::new(binaries, programs, against, "prometheus-adapter".to_owned());
    options.timeouts = timeouts;
    let corpus = corpus.with(&world.series, OBJECTS)?;
    let session = Session::start(&corpus, &options).await?;
    let failed = compared(&session, &world, (seed, count)).await;
    session.end().await;
    match failed? {
        0 => Ok(()),
        failed => Err(format!("{failed} of {count} configurations show a difference that isn't listed; once more: ci/peers/against --generated {count} --seed {seed}").into()),
    }
}

/// Compares all, and tells how many show a difference that isn't listed.
async fn compared(
    session: &Session,
    world: &World,
    (seed, count): (u64, usize),
) -> anyhow::Result<usize> {
    let strategy = case(world);
    let mut trees = Vec::new();
    for number in 1..=count {
        let mut runner = runner(seed, u64::try_from(number)?);
        let tree = strategy.new_tree(&mut runner);
        trees.push(tree.map_err(|error| anyhow::anyhow!("make a configuration: {error}"))?);
    }
    let name = |number: usize| format!("generated-{seed}-{}", number + 1);
    let all = trees.iter().enumerate().map(|(number, tree)| {
        let case = tree.current();
        async move { one(session, name(number), &case).await }
    });
    let mut all: Vec<Compared> = stream::iter(all).buffered(JOBS).try_collect().await?;
    let mut unsteady = 0;
    let mut failed = 0;
    for (number, (compared, tree)) in all.iter_mut().zip(&mut trees).enumerate() {
        if compared.is_good() {
            continue;
        }
        let again = one(session, format!("{}-again", name(number)), &tree.current()).await?;
        unsteady += compared.keep_repeated(&again);
        if compared.is_good() {
            continue;
        }
        failed += 1;
        // One that an adapter doesn't start with takes long to try.
        let starts = compared.requests().all(|request| request != "start");
        let small = match starts && failed <= SHRUNK {
            true => smaller(session, &name(number), tree).await?,
            false => None,
        };
        let (case, found) = match &small {
            Some((case, small)) => (case.clone(), small),
            None => (tree.current(), &*compared),
        };
        println!("== {}: rules.yaml\n{case}", name(number));
        println!(
            "== configuration.yaml\n{}",
            configuration(&case, found.requests())
        );
        if let Some((_, small)) = small {
            print!("{}", session.comparison(vec![small]));
        }
    }
    if failed > 0 {
        println!("== series.yaml\n{}", world.series);
    }
    println!("{}", session.comparison(all));
    println!(
        "Seed {seed}; {unsteady} answers left out, since prometheus-adapter didn't give them again."
    );
    Ok(failed)
}

async fn one(session: &Session, name: String, case: &Case) -> anyhow::Result<Compared> {
    let trial = Trial {
        name,
        rules: case.to_string(),
        serves: case.serves(),
        requests: &|listed| case.requests(listed),
    };
    Ok(session.compare(&trial).await?)
}

/// Leaves out of a configuration what a difference doesn't need.
async fn smaller(
    session: &Session,
    name: &str,
    tree: &mut impl ValueTree<Value = Case>,
) -> anyhow::Result<Option<(Case, Compared)>> {
    let mut smallest = None;
    let mut simpler = tree.simplify();
    for step in 0..STEPS {
        if !simpler {
            break;
        }
        let case = tree.current();
        let compared = one(session, format!("{name}-smaller-{step}"), &case).await?;
        simpler = if compared.is_good() {
            tree.complicate()
        } else {
            smallest = Some((case, compared));
            tree.simplify()
        };
    }
    Ok(smallest)
}
