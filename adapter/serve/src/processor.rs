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
    /// When each will have waited for what it has taken.
    paid: HashMap<IpAddr, Instant>,
    /// Those that trusted clients have. Nobody rests there: while strangers of a node rest they keep places, which
    /// kube-apiserver on that node needs for its checks.
    trusted: HashSet<IpAddr>,
}

impl Processor {
    pub(crate) fn new(counts: Counts) -> Self {
        Self {
            addresses: Arc::default(),
            counts,
        }
    }

    /// Runs a stranger's future. It isn't polled while its address has taken more than its part.
    pub(crate) async fn share<F: Future>(&self, address: IpAddr, work: F) -> F::Output {
        let mut work = pin!(work);
        let mut rest = Rest::default();
        poll_fn(|context| {
            ready!(rest.poll(context, || self.rests_until(address)));
            self.poll(address, work.as_mut(), context)
        })
        .await
    }

    /// Waits until a stranger's address may have another handshake. It doesn't rest within one: one of many would rest at each
    /// of its steps.
    pub(crate) async fn rest_before_handshake(&self, address: IpAddr) {
        self.share(address, std::future::ready(())).await;
    }

    /// Runs a stranger's future, and notes the time that it takes.
    pub(crate) async fn measure<F: Future>(&self, address: IpAddr, work: F) -> F::Output {
        let mut work = pin!(work);
        poll_fn(|context| self.poll(address, work.as_mut(), context)).await
    }

    fn poll<F: Future>(
        &self,
        address: IpAddr,
        work: Pin<&mut F>,
        context: &mut Context<'_>,
    ) -> Poll<F::Output> {
        let began = Instant::now();
        let polled = work.poll(context);
        self.take(address, began.elapsed());
        polled
    }

    /// Forgets what an address owes.
    pub(crate) fn forgive(&self, address: IpAddr) {
        self.addresses.lock().paid.remove(&address);
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
        let paid = self.addresses.lock().paid.get(&address).copied();
        paid.map_or(Duration::ZERO, |paid| paid - Instant::now())
    }

    /// Notes time that was taken. On a busy machine other programs have a part of it, and more rest is right there.
    pub(crate) fn take(&self, address: IpAddr, taken: Duration) {
        let now = Instant::now();
        let owing = &mut self.addresses.lock().paid;
        if owing.len() >= ADDRESSES && !owing.contains_key(&address) {
            owing.retain(|_, paid| *paid > now);
        }
        let paid = owing.entry(address).or_insert(now);
        let most = now + AT_ONCE * PART + LONGEST_REST;
        *paid = ((*paid).max(now) + taken * PART).min(most);
    }

    fn rests_until(&self, address: IpAddr) -> Option<Instant> {
        let addresses = self.addresses.lock();
        let paid = addresses.paid.get(&address).copied()?;
        if addresses.trusted.contains(&address) {
            return None;
        }
        let now = Instant::now();
        let until = paid.checked_sub(AT_ONCE * PART)?;
        (until > now).then(|| {
            self.counts.rest();
            until.max(now + REST)
        })
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

    /// How long a stranger who takes a millisecond at each of so many polls is kept.
    async fn kept(processor: &Processor, address: IpAddr, polls: u32) -> Duration {
        let began = Instant::now();
        for _ in 0..polls {
            processor.share(address, async {}).await;
            processor.take(address, Duration::from_millis(1));
        }
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_stranger_takes_a_part_of_the_processor_and_keeps_no_other_address() {
        let processor = Processor::default();
        assert_eq!(kept(&processor, ATTACKER, 100).await, Duration::ZERO);
        let kept_for_long = kept(&processor, ATTACKER, 1_000).await;
        let (least, most) = (Duration::from_millis(4_900), Duration::from_millis(5_100));
        assert!((least..=most).contains(&kept_for_long), "{kept_for_long:?}");
        assert!(processor.counts.rests() > 0);
        assert_eq!(kept(&processor, OTHER, 100).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_is_served_owes_nothing() {
        let processor = Processor::default();
        processor.take(ATTACKER, Duration::from_secs(1));
        processor.forgive(ATTACKER);
        assert_eq!(kept(&processor, ATTACKER, 100).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn strangers_of_a_trusted_clients_address_dont_rest() {
        let processor = Processor::default();
        for address in [ATTACKER, OTHER] {
            processor.take(address, Duration::from_secs(1));
        }
        processor.trust(OTHER);
        let began = Instant::now();
        processor.rest_before_handshake(OTHER).await;
        assert_eq!(began.elapsed(), Duration::ZERO);
        processor.rest_before_handshake(ATTACKER).await;
        assert_eq!(began.elapsed(), LONGEST_REST);
        let handshake = tokio::time::sleep(Duration::from_secs(1));
        processor.measure(ATTACKER, handshake).await;
    }

    #[tokio::test(start_paused = true)]
    async fn addresses_that_owe_nothing_are_forgotten() {
        let processor = Processor::default();
        let address = |number: u32| IpAddr::V4(number.into());
        for number in 0..2 * ADDRESSES as u32 {
            processor.take(address(number), Duration::from_micros(1));
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert!(processor.addresses.lock().paid.len() <= ADDRESSES);
    }
}
