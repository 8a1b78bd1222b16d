//! How much of a processor the strangers of an address take.

use std::collections::{HashMap, HashSet};
use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::counts::Counts;

/// An address may take this part of one processor for long, `1 / PART` of it.
const PART: u32 = 5;
/// What it may take at once: some hundred handshakes.
const AT_ONCE: Duration = Duration::from_millis(100);
/// What a TLS handshake takes, which is noted before it, since many begin before the first one ends.
const HANDSHAKE: Duration = Duration::from_micros(300);
/// What a connection may take after its handshake before it rests. A probe takes less, and isn't kept twice.
const CONNECTION: Duration = Duration::from_millis(1);
/// The shortest rest. Hundreds of connections rest at a time, and each that ends its rest takes some time itself.
const REST: Duration = Duration::from_millis(20);
/// The longest rest, for those that took much side by side. While it rests, a connection keeps its place.
const LONGEST_REST: Duration = Duration::from_millis(200);
/// How many addresses are remembered before those that owe nothing are forgotten.
const ADDRESSES: usize = 1024;
/// How many addresses of trusted clients are remembered. There is one for each kube-apiserver.
const TRUSTED: usize = 64;

/// The processor time that strangers have taken and not yet waited for, by their addresses.
///
/// Whoever isn't let in can have handshakes and refusals made as fast as a processor makes them, and requests of others,
/// of this program and of its neighbours, wait for it meanwhile. A client that is served owes nothing.
#[derive(Clone, Default)]
pub(crate) struct Processor {
    addresses: Arc<Mutex<Addresses>>,
    counts: Counts,
}

#[derive(Default)]
struct Addresses {
    strangers: HashMap<IpAddr, Account>,
    /// Those that trusted clients have. Nobody rests there: while strangers of a node rest they keep places, which
    /// kube-apiserver on that node needs for its checks.
    trusted: HashSet<IpAddr>,
}

struct Account {
    /// When the address will have waited for what it has taken.
    paid: Instant,
    /// Whose handshake is next; the others wait in the order in which they came.
    next: Arc<tokio::sync::Mutex<()>>,
}

impl Processor {
    pub(crate) fn new(counts: Counts) -> Self {
        Self {
            addresses: Arc::default(),
            counts,
        }
    }

    /// Runs a stranger's future, such as a connection. Once it has taken something itself, it isn't polled while its
    /// address has taken more than its part.
    pub(crate) async fn share<F: Future>(&self, address: IpAddr, work: F) -> F::Output {
        let mut work = pin!(work);
        let mut rest = Rest::default();
        let mut taken = Duration::ZERO;
        poll_fn(|context| {
            if taken >= CONNECTION {
                let next = || Some(self.rests_until(address)?.max(Instant::now() + REST));
                ready!(rest.poll(context, next));
            }
            let began = Instant::now();
            let polled = work.as_mut().poll(context);
            let step = began.elapsed();
            taken += step;
            self.take(address, step);
            polled
        })
        .await
    }

    /// Waits until a stranger's address may have another handshake.
    pub(crate) async fn wait_for_handshake(&self, address: IpAddr) {
        let next = self.account(address, |account| account.next.clone());
        let _next = next.lock().await;
        while let Some(until) = self.rests_until(address) {
            sleep_until(until).await;
        }
        self.take(address, HANDSHAKE);
    }

    /// Forgets what an address owes.
    pub(crate) fn forgive(&self, address: IpAddr) {
        self.account(address, |account| account.paid = Instant::now());
    }

    /// Notes that a trusted client has this address.
    pub(crate) fn trust(&self, address: IpAddr) {
        let mut addresses = self.addresses.lock();
        if addresses.trusted.len() < TRUSTED {
            addresses.trusted.insert(address);
        }
    }

    /// How long an address has to wait until it owes nothing.
    #[cfg(test)]
    pub(crate) fn owed(&self, address: IpAddr) -> Duration {
        self.account(address, |account| account.paid - Instant::now())
    }

    /// Notes time that was taken. On a busy machine other programs have a part of it, and more rest is right there.
    pub(crate) fn take(&self, address: IpAddr, taken: Duration) {
        let now = Instant::now();
        let most = now + AT_ONCE * PART + LONGEST_REST;
        self.account(address, |account| {
            account.paid = (account.paid.max(now) + taken * PART).min(most);
        });
    }

    fn rests_until(&self, address: IpAddr) -> Option<Instant> {
        let addresses = self.addresses.lock();
        if addresses.trusted.contains(&address) {
            return None;
        }
        let paid = addresses.strangers.get(&address)?.paid;
        let until = paid.checked_sub(AT_ONCE * PART)?;
        let rests = until > Instant::now();
        rests.then(|| {
            self.counts.rest();
            until
        })
    }

    fn account<T>(&self, address: IpAddr, change: impl FnOnce(&mut Account) -> T) -> T {
        let now = Instant::now();
        let strangers = &mut self.addresses.lock().strangers;
        if strangers.len() >= ADDRESSES && !strangers.contains_key(&address) {
            strangers.retain(|_, account| account.is_needed(now));
        }
        let account = strangers.entry(address);
        change(account.or_insert_with(|| Account {
            paid: now,
            next: Arc::default(),
        }))
    }
}

impl Account {
    fn is_needed(&self, now: Instant) -> bool {
        self.paid > now || Arc::strong_count(&self.next) > 1
    }
}

/// The time in which a future isn't polled.
#[derive(Default)]
struct Rest(Option<Pin<Box<Sleep>>>);

impl Rest {
    fn poll(&mut self, context: &mut Context<'_>, next: impl Fn() -> Option<Instant>) -> Poll<()> {
        loop {
            if let Some(rest) = &mut self.0 {
                ready!(rest.as_mut().poll(context));
            }
            self.0 = next().map(|until| Box::pin(sleep_until(until)));
            if self.0.is_none() {
                return Poll::Ready(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ATTACKER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    /// How long so many handshakes of a stranger take, one after another.
    async fn handshakes(processor: &Processor, address: IpAddr, count: u32) -> Duration {
        let began = Instant::now();
        for _ in 0..count {
            processor.wait_for_handshake(address).await;
        }
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_has_a_part_of_the_processor_for_handshakes_and_keeps_no_other() {
        let processor = Processor::default();
        assert_eq!(handshakes(&processor, ATTACKER, 300).await, Duration::ZERO);
        // 300 ms of processor time in five times as much.
        let for_long = handshakes(&processor, ATTACKER, 1_000).await;
        let (least, most) = (Duration::from_millis(1_350), Duration::from_millis(1_550));
        assert!((least..=most).contains(&for_long), "{for_long:?}");
        assert!(processor.counts.rests() > 0);
        assert_eq!(handshakes(&processor, OTHER, 300).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn handshakes_of_an_address_go_in_the_order_in_which_they_came() {
        let processor = Processor::default();
        processor.take(ATTACKER, Duration::from_secs(1));
        let mut first = Box::pin(processor.wait_for_handshake(ATTACKER));
        let mut second = Box::pin(processor.wait_for_handshake(ATTACKER));
        assert!(futures::poll!(&mut first).is_pending());
        assert!(futures::poll!(&mut second).is_pending());
        tokio::time::advance(2 * LONGEST_REST).await;
        assert!(futures::poll!(&mut second).is_pending());
        first.await;
        second.await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_has_taken_little_itself_doesnt_rest() {
        let processor = Processor::default();
        processor.take(ATTACKER, Duration::from_secs(1));
        let began = Instant::now();
        processor.share(ATTACKER, tokio::task::yield_now()).await;
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_is_served_owes_nothing() {
        let processor = Processor::default();
        processor.take(ATTACKER, Duration::from_secs(1));
        processor.forgive(ATTACKER);
        assert_eq!(handshakes(&processor, ATTACKER, 300).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn strangers_of_a_trusted_clients_address_dont_rest() {
        let processor = Processor::default();
        for address in [ATTACKER, OTHER] {
            processor.take(address, Duration::from_secs(1));
        }
        processor.trust(OTHER);
        assert_eq!(handshakes(&processor, OTHER, 1_000).await, Duration::ZERO);
        assert!(handshakes(&processor, ATTACKER, 1).await >= LONGEST_REST);
    }

    #[tokio::test(start_paused = true)]
    async fn addresses_that_owe_nothing_are_forgotten() {
        let processor = Processor::default();
        let address = |number: u32| IpAddr::V4(number.into());
        for number in 0..2 * ADDRESSES as u32 {
            processor.take(address(number), Duration::from_micros(1));
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert!(processor.addresses.lock().strangers.len() <= ADDRESSES);
    }
}
