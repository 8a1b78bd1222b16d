//! The connections that are served, and which of them has to go when there are too many.

use std::collections::{BTreeMap, HashMap, VecDeque, hash_map};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};
use tokio::task::yield_now;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::reading::Waiting;

/// Connections that wait for a place. They are sockets with the client's first bytes and nothing else.
const WAITING: usize = 1024;
/// The part of [`Limits::unused`](crate::Limits::unused) that a client has for its next bytes before its first request.
const SILENT_PART: u32 = 10;
/// How long it isn't looked again for a connection to close after there was none. Each look is at all
/// connections, and a thousand that wait would have the server look all the time.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// At most a number of connections.
///
/// When there are as many, a new one of an address that has fewer than another closes the oldest
/// of the address with the most. So nobody is kept waiting by whoever opens many. One of an address
/// that has the most itself closes the oldest without a request there: behind one address there may
/// be an attacker and kube-apiserver, on a node or where addresses are translated. While all have
/// requests, it waits for a place: a burst of requests is slowed down, not cut off.
pub(crate) struct Connections {
    most: usize,
    /// How long one is without a request when it counts as unused.
    unused: Duration,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    next: u64,
    /// By their numbers, so the oldest first.
    connections: BTreeMap<u64, Open>,
    /// How many of them each stranger's address has.
    strangers: HashMap<IpAddr, usize>,
    /// The oldest first. Whoever gave up waiting has closed its channel.
    waiting: VecDeque<Newcomer>,
    /// The address that had no unused connection, and when.
    none_unused: Option<(IpAddr, Instant)>,
}

struct Open {
    address: IpAddr,
    trusted: bool,
    since: Instant,
    requests: watch::Receiver<usize>,
    waiting: Waiting,
    close: CancellationToken,
}

impl Open {
    fn has_had_requests(&self) -> bool {
        // This receiver never takes note of a change.
        self.requests.has_changed().unwrap_or(true)
    }

    /// Whether the client does nothing with it, or has not got to a request for too long.
    fn is_unused(&self, now: Instant, unused: Duration) -> bool {
        let waited = self.waiting.until(now);
        let is_long = if self.has_had_requests() {
            waited >= unused
        } else {
            waited >= unused / SILENT_PART || now - self.since >= unused
        };
        is_long && *self.requests.borrow() == 0
    }
}

struct Newcomer {
    address: IpAddr,
    place: oneshot::Sender<Entry>,
}

impl Connections {
    pub(crate) fn new(most: usize, unused: Duration) -> Arc<Self> {
        Arc::new(Self {
            most,
            unused,
            table: Mutex::default(),
        })
    }

    /// A place for a connection, when there is one; none if too many wait.
    pub(crate) async fn place(self: &Arc<Self>, address: IpAddr) -> Option<Entry> {
        let mut place = {
            let mut table = self.table.lock();
            if table.make_room(address, self) {
                return Some(self.enter(&mut table, address));
            }
            if table.waiting.len() >= WAITING {
                table.waiting.retain(|waiting| !waiting.place.is_closed());
            }
            if table.waiting.len() >= WAITING {
                return None;
            }
            let (sender, place) = oneshot::channel();
            table.waiting.push_back(Newcomer {
                address,
                place: sender,
            });
            place
        };
        let between_looks = (self.unused / SILENT_PART).max(BETWEEN_LOOKS);
        loop {
            if let Ok(place) = timeout(between_looks, &mut place).await {
                return place.ok();
            }
            // What has come for other connections is mostly read meanwhile: where the processor is busy, or the container's share of it is
            // used up, it isn't their clients that are silent.
            yield_now().await;
            let mut table = self.table.lock();
            if let Ok(place) = place.try_recv() {
                // It may have to leave again, by the lock.
                drop(table);
                return Some(place);
            }
            if table.make_room(address, self) {
                return Some(self.enter(&mut table, address));
            }
        }
    }

    fn enter(self: &Arc<Self>, table: &mut Table, address: IpAddr) -> Entry {
        let number = table.next;
        table.next += 1;
        let close = CancellationToken::new();
        let (in_flight, requests) = watch::channel(0);
        let waiting = Waiting::default();
        let connection = Open {
            address,
            trusted: false,
            since: Instant::now(),
            requests,
            waiting: waiting.clone(),
            close: close.clone(),
        };
        table.connections.insert(number, connection);
        *table.strangers.entry(address).or_default() += 1;
        Entry {
            connections: self.clone(),
            number,
            in_flight,
            waiting,
            close,
        }
    }

    /// Removes a connection; its place goes to the first that waits.
    fn leave(self: &Arc<Self>, number: u64) {
        let (entry, waiting) = {
            let mut table = self.table.lock();
            table.remove(number);
            if table.connections.len() >= self.most {
                return;
            }
            let Some(waiting) = table.first_waiting() else {
                return;
            };
            (self.enter(&mut table, waiting.address), waiting)
        };
        // Not under the lock: if nobody waits any more, the entry is dropped and leaves in its turn.
        let _ = waiting.place.send(entry);
    }
}

impl Table {
    /// Whether there is a place for one more connection of this address, perhaps since another one
    /// was closed for it.
    fn make_room(&mut self, address: IpAddr, limits: &Connections) -> bool {
        if self.connections.len() < limits.most {
            return true;
        }
        let superfluous = self.superfluous(address, limits.unused);
        let closed = superfluous.and_then(|number| self.remove(number));
        closed.inspect(|open| open.close.cancel()).is_some()
    }

    /// The oldest connection of the stranger that has the most; where that is `address`, the oldest
    /// that is unused.
    fn superfluous(&mut self, address: IpAddr, unused: Duration) -> Option<u64> {
        let most = self.strangers.values().max()?;
        if self.strangers.get(&address) == Some(most) {
            return self.unused(address, unused);
        }
        let mut strangers = self.connections.iter().filter(|(_, open)| !open.trusted);
        let (number, _) =
            strangers.find(|(_, open)| self.strangers.get(&open.address) == Some(most))?;
        Some(*number)
    }

    /// The oldest connection of a stranger that is unused.
    fn unused(&mut self, address: IpAddr, unused: Duration) -> Option<u64> {
        let now = Instant::now();
        let looked = self.none_unused.filter(|(looked, _)| *looked == address);
        if looked.is_some_and(|(_, at)| now - at < BETWEEN_LOOKS) {
            return None;
        }
        let own =
            |open: &Open| !open.trusted && open.address == address && open.is_unused(now, unused);
        let mut number = None;
        for (candidate, open) in self.connections.iter().filter(|(_, open)| own(open)) {
            // One that has had a request is rather a client between two of them. The search ends at the first of the
            // others: a thousand newcomers may look at once.
            if !open.has_had_requests() {
                number = Some(*candidate);
                break;
            }
            number.get_or_insert(*candidate);
        }
        self.none_unused = number.is_none().then_some((address, now));
        number
    }

    fn remove(&mut self, number: u64) -> Option<Open> {
        let open = self.connections.remove(&number)?;
        if !open.trusted {
            self.count_one_less(open.address);
        }
        Some(open)
    }

    fn trust(&mut self, number: u64) {
        let Some(open) = self.connections.get_mut(&number) else {
            return;
        };
        let address = open.address;
        if !std::mem::replace(&mut open.trusted, true) {
            self.count_one_less(address);
        }
    }

    fn count_one_less(&mut self, stranger: IpAddr) {
        if let hash_map::Entry::Occupied(mut count) = self.strangers.entry(stranger) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }

    fn first_waiting(&mut self) -> Option<Newcomer> {
        while let Some(waiting) = self.waiting.pop_front() {
            if !waiting.place.is_closed() {
                return Some(waiting);
            }
        }
        None
    }
}

/// A connection in the table, until this is dropped.
pub(crate) struct Entry {
    connections: Arc<Connections>,
    number: u64,
    /// The number of its requests in flight.
    pub(crate) in_flight: watch::Sender<usize>,
    pub(crate) waiting: Waiting,
    /// Cancelled when the connection has to go.
    pub(crate) close: CancellationToken,
}

impl Entry {
    /// Never closes this connection for another one.
    pub(crate) fn trust(&self) {
        self.connections.table.lock().trust(self.number);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.connections.leave(self.number);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    const UNUSED: Duration = Duration::from_secs(1);
    const SILENT: Duration = Duration::from_millis(100);

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    /// A place that is free now.
    fn add(connections: &Arc<Connections>, last: u8) -> Option<Entry> {
        connections.place(address(last)).now_or_never().flatten()
    }

    /// Which of the entries have to go.
    fn closed(entries: &[Entry]) -> Vec<usize> {
        let closed = |index: &usize| entries[*index].close.is_cancelled();
        (0..entries.len()).filter(closed).collect()
    }

    #[tokio::test]
    async fn one_connection_too_many_closes_the_oldest_of_the_address_with_the_most() {
        let connections = Connections::new(4, UNUSED);
        let add = |last| add(&connections, last).expect("a place");
        let mut entries = vec![add(1), add(2), add(2), add(2)];
        assert!(closed(&entries).is_empty());
        entries.push(add(3));
        assert_eq!(closed(&entries), [1]);
        entries.push(add(4));
        assert_eq!(closed(&entries), [1, 2]);
        // All have one now: the oldest of all goes.
        entries.push(add(5));
        assert_eq!(closed(&entries), [0, 1, 2]);
    }

    #[tokio::test]
    async fn a_trusted_clients_connection_is_never_closed_for_another_one() {
        let connections = Connections::new(2, UNUSED);
        let add = |last| add(&connections, last);
        let trusted = [add(1).expect("a place"), add(1).expect("a place")];
        trusted[0].trust();
        let stranger = add(2).expect("a place");
        assert!(trusted[1].close.is_cancelled() && !stranger.close.is_cancelled());
        stranger.trust();
        assert!(add(3).is_none());
        drop(stranger);
        assert!(add(3).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_of_the_address_with_the_most_waits_for_the_end_of_another_one() {
        let connections = Connections::new(2, UNUSED);
        let mut places: Vec<_> = (0..4)
            .map(|_| Box::pin(connections.place(address(1))))
            .collect();
        let mut third = places.remove(2);
        let first = places.remove(0).await.expect("a place");
        let second = places.remove(0).await.expect("a place");
        assert!(futures::poll!(&mut third).is_pending());
        drop(second);
        let third = third.await.expect("a place");
        assert!(!first.close.is_cancelled() && !third.close.is_cancelled());
        let other = connections.place(address(2)).await;
        assert!(other.is_some() && first.close.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_of_the_address_with_the_most_closes_the_oldest_one_without_a_request() {
        let connections = Connections::new(2, UNUSED);
        let used = add(&connections, 1).expect("a place");
        let unused = add(&connections, 1).expect("a place");
        used.in_flight.send_replace(1);
        // They may be about to send one.
        assert!(add(&connections, 1).is_none());
        let waits = connections.place(address(1));
        let third = waits.await.expect("a place");
        assert!(unused.close.is_cancelled() && !used.close.is_cancelled());
        third.in_flight.send_replace(1);
        tokio::time::advance(2 * UNUSED).await;
        assert!(add(&connections, 1).is_none());
        assert!(!used.close.is_cancelled() && !third.close.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_client_has_a_tenth_of_the_time_of_one_that_sends() {
        let connections = Connections::new(2, UNUSED);
        let sends = add(&connections, 1).expect("a place");
        let silent = add(&connections, 1).expect("a place");
        silent.waiting.begin();
        tokio::time::advance(SILENT).await;
        let third = add(&connections, 1);
        assert!(third.is_some() && silent.close.is_cancelled() && !sends.close.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_whose_bytes_have_come_and_are_not_read_yet_is_not_silent() {
        let connections = Connections::new(1, UNUSED);
        let sends = add(&connections, 1).expect("a place");
        let (mut client, server) = tokio::io::duplex(64);
        let mut server = crate::reading::ReadWatched::new(server, sends.waiting.clone());
        let mut byte = [0];
        let mut reads = Box::pin(tokio::io::AsyncReadExt::read_exact(&mut server, &mut byte));
        assert!(futures::poll!(&mut reads).is_pending());
        let mut waits = Box::pin(connections.place(address(1)));
        assert!(futures::poll!(&mut waits).is_pending());
        tokio::time::advance(SILENT).await;
        tokio::io::AsyncWriteExt::write_all(&mut client, b"x")
            .await
            .expect("the byte is taken");
        // It is the turn of the one that waits first.
        assert!(futures::poll!(&mut waits).is_pending());
        reads.await.expect("a byte");
        assert!(futures::poll!(&mut waits).is_pending() && !sends.close.is_cancelled());
        tokio::time::advance(UNUSED).await;
        assert!(waits.await.is_some() && sends.close.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_that_comes_while_it_is_looked_for_another_one_is_taken() {
        let connections = Connections::new(2, UNUSED);
        let ended = add(&connections, 1).expect("a place");
        let silent = add(&connections, 1).expect("a place");
        silent.waiting.begin();
        let mut waits = Box::pin(connections.place(address(1)));
        assert!(futures::poll!(&mut waits).is_pending());
        tokio::time::advance(SILENT).await;
        // It lets others have their turn before it looks.
        assert!(futures::poll!(&mut waits).is_pending());
        drop(ended);
        assert!(waits.await.is_some() && !silent.close.is_cancelled());
        assert_eq!(connections.table.lock().connections.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_between_two_requests_is_kept_for_longer_than_one_that_never_had_any() {
        let connections = Connections::new(2, UNUSED);
        let used = add(&connections, 1).expect("a place");
        used.in_flight.send_replace(1);
        used.in_flight.send_replace(0);
        used.waiting.begin();
        tokio::time::advance(SILENT).await;
        let silent = add(&connections, 1).expect("a place");
        assert!(add(&connections, 1).is_none());
        silent.waiting.begin();
        tokio::time::advance(UNUSED).await;
        let third = add(&connections, 1).expect("a place");
        assert!(silent.close.is_cancelled() && !used.close.is_cancelled());
        third.in_flight.send_replace(1);
        assert!(add(&connections, 1).is_some() && used.close.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_look_for_an_unused_connection_the_next_one_is_a_moment_later() {
        let connections = Connections::new(1, UNUSED);
        let unused = add(&connections, 1).expect("a place");
        tokio::time::advance(UNUSED.saturating_sub(BETWEEN_LOOKS / 2)).await;
        assert!(add(&connections, 1).is_none());
        tokio::time::advance(BETWEEN_LOOKS / 2).await;
        assert!(add(&connections, 1).is_none() && !unused.close.is_cancelled());
        tokio::time::advance(BETWEEN_LOOKS / 2).await;
        assert!(add(&connections, 1).is_some() && unused.close.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_longest_has_the_next_place_even_before_newcomers() {
        let connections = Connections::new(1, UNUSED);
        let first = add(&connections, 1).expect("a place");
        let mut given_up = Box::pin(connections.place(address(1)));
        let mut second = Box::pin(connections.place(address(1)));
        let mut third = Box::pin(connections.place(address(1)));
        for place in [&mut given_up, &mut second, &mut third] {
            assert!(futures::poll!(place).is_pending());
        }
        drop((given_up, first));
        assert!(add(&connections, 1).is_none());
        let second = second.await.expect("a place");
        assert!(futures::poll!(&mut third).is_pending());
        drop(second);
        assert!(third.await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn more_waiting_connections_than_the_limit_are_refused() {
        let connections = Connections::new(1, UNUSED);
        let _first = connections.place(address(1)).await;
        let mut waiting: Vec<_> = (0..WAITING)
            .map(|_| Box::pin(connections.place(address(1))))
            .collect();
        for place in &mut waiting {
            assert!(futures::poll!(place).is_pending());
        }
        assert!(connections.place(address(1)).await.is_none());
        assert!(connections.place(address(2)).await.is_some());
    }
}
