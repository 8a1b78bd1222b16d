//! What is seen of a caller, and what should be.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::StreamExt as _;
use setpoint_identities::{Combination, Difference, Identity, Kind, POOL, Request, Whose, World};

use crate::adapter::Adapter;
use crate::caller::ask;

/// Requests at a time. Some wait for reviews that come late.
const AT_A_TIME: usize = 24;
/// How often somebody asks again who gets no connection.
const AGAIN: usize = 3;
/// One of so many that have a certificate has the key of another.
const WITH_ANOTHER_KEY: usize = 17;
/// The group whose members may do everything, so that nobody asks for their rights.
const MASTERS: &str = "system:masters";

/// Somebody who asks.
pub(crate) struct Caller {
    credential: usize,
    has_its_key: bool,
    request: Request,
}

/// What becomes of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    NoConnection,
    Unauthorized,
    /// The adapter has asked for the rights of this user.
    User(Identity),
    /// It has not asked, and refuses nothing.
    Master,
    /// Another status.
    Other(u16),
}

/// What was seen of one adapter.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) asked: usize,
    pub(crate) kinds: BTreeMap<Kind, usize>,
    pub(crate) differences: BTreeMap<Difference, usize>,
    pub(crate) wrong: Vec<String>,
    without_connection: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} callers, {} wrong; {} without a connection; {:?}",
            self.asked,
            self.wrong.len(),
            self.without_connection,
            self.kinds
        )
    }
}

impl Caller {
    pub(crate) fn new(place: usize, credential: usize, request: Request) -> Self {
        let has_chain = !POOL.credentials[credential].chain.is_empty();
        Self {
            credential,
            has_its_key: !has_chain || place % WITH_ANOTHER_KEY != WITH_ANOTHER_KEY - 1,
            request,
        }
    }

    pub(crate) fn combination(&self, world: &World) -> Combination {
        Combination {
            world: world.clone(),
            credential: self.credential,
            request: self.request.clone(),
        }
    }

    pub(crate) async fn ask(&self, adapter: &Adapter) -> Seen {
        let credential = &POOL.credentials[self.credential];
        let key = match self.has_its_key {
            true => &credential.key,
            false => {
                let mut others = POOL.credentials.iter().map(|one| &one.key);
                let another = others.find(|key| !key.is_empty() && **key != credential.key);
                another.unwrap()
            }
        };
        let presented = (credential.chain.as_slice(), key.as_slice());
        // A path of its own: answers on rights are kept for seconds.
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let path = format!("/identity/{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let status = ask(adapter.address, presented, &path, &self.request).await;
        match (status, adapter.asked.take(&path)) {
            (None, None) => Seen::NoConnection,
            (Some(401), None) => Seen::Unauthorized,
            (Some(403), Some(user)) => Seen::User(user),
            (Some(404), None) => Seen::Master,
            (status, _) => Seen::Other(status.unwrap_or_default()),
        }
    }
}

impl Seen {
    pub(crate) fn expected(caller: &Caller, world: &World, whose: Whose) -> Self {
        let combination = caller.combination(world);
        let credential = combination.credential();
        let is_unknown =
            credential.has_unknown_extension && Difference::UnknownExtension.of() == whose;
        if !caller.has_its_key || !credential.is_readable || is_unknown {
            return Self::NoConnection;
        }
        match combination.caller(whose).identity {
            None => Self::Unauthorized,
            Some(user) if user.groups.iter().any(|group| group == MASTERS) => Self::Master,
            Some(user) => Self::User(user),
        }
    }
}

/// Asks for all callers, and writes down what was seen.
pub(crate) async fn ask_all(
    adapter: &Adapter,
    (world, whose): (&World, Whose),
    all: &[Caller],
    report: &mut Report,
) {
    let seen = futures::stream::iter(all).map(|caller| async move {
        let expected = Seen::expected(caller, world, whose);
        let mut seen = caller.ask(adapter).await;
        // On a busy machine a handshake may take too long, which tells nothing.
        for _ in 0..AGAIN {
            if seen == Seen::NoConnection && expected != Seen::NoConnection {
                seen = caller.ask(adapter).await;
            }
        }
        (caller, seen, expected)
    });
    let mut seen = seen.buffer_unordered(AT_A_TIME);
    while let Some((caller, seen, expected)) = seen.next().await {
        let combination = caller.combination(world);
        report.asked += 1;
        if expected == Seen::NoConnection {
            report.without_connection += 1;
            if combination.credential().has_unknown_extension {
                *report
                    .differences
                    .entry(Difference::UnknownExtension)
                    .or_default() += 1;
            }
        } else {
            let kind = combination.caller(whose).kind;
            *report.kinds.entry(kind).or_default() += 1;
            for difference in combination.differences(whose) {
                *report.differences.entry(difference).or_default() += 1;
            }
        }
        if seen != expected {
            report.wrong.push(format!(
                "{whose:?} saw {seen:?} instead of {expected:?} for {combination:#?}"
            ));
        }
    }
}

/// How often each intended difference decided.
pub(crate) fn differing(reports: &BTreeMap<&str, Report>) -> BTreeMap<Difference, usize> {
    let all = reports.values().flat_map(|report| &report.differences);
    all.map(|(difference, count)| (*difference, *count))
        .collect()
}
