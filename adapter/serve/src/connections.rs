//! The open connections, and which of them has to go when there are too many.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// At most a number of connections.
///
/// A new one is never kept waiting by strangers: when there are too many, the oldest connection of
/// the address with the most is closed. So whoever opens many loses its own, and a probe's
/// connection, the newest of a node, is served.
pub(crate) struct Connections {
    most: usize,
    open: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    next: u64,
    /// By their numbers, so the oldest first.
    connections: BTreeMap<u64, Open>,
}

struct Open {
    address: IpAddr,
    trusted: bool,
    close: CancellationToken,
}

impl Connections {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            open: Mutex::default(),
        })
    }

    /// Adds a connection; none if all are of trusted clients.
    pub(crate) fn add(self: &Arc<Self>, address: IpAddr) -> Option<Entry> {
        let mut open = self.open.lock();
        if open.connections.len() >= self.most {
            let number = open.superfluous()?;
            open.connections.remove(&number)?.close.cancel();
        }
        let number = open.next;
        open.next += 1;
        let close = CancellationToken::new();
        let connection = Open {
            address,
            trusted: false,
            close: close.clone(),
        };
        open.connections.insert(number, connection);
        Some(Entry {
            connections: self.clone(),
            number,
            close,
        })
    }
}

impl Table {
    /// The oldest connection of the stranger that has the most.
    fn superfluous(&self) -> Option<u64> {
        let strangers = || self.connections.iter().filter(|(_, open)| !open.trusted);
        let mut counts: HashMap<IpAddr, usize> = HashMap::new();
        for (_, open) in strangers() {
            *counts.entry(open.address).or_default() += 1;
        }
        let most = counts.values().max()?;
        let (number, _) = strangers().find(|(_, open)| counts.get(&open.address) == Some(most))?;
        Some(*number)
    }
}

/// A connection in the table, until this is dropped.
pub(crate) struct Entry {
    connections: Arc<Connections>,
    number: u64,
    /// Cancelled when the connection has to go.
    pub(crate) close: CancellationToken,
}

impl Entry {
    /// Never closes this connection for another one.
    pub(crate) fn trust(&self) {
        let mut open = self.connections.open.lock();
        if let Some(connection) = open.connections.get_mut(&self.number) {
            connection.trusted = true;
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.connections
            .open
            .lock()
            .connections
            .remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    /// Which of the entries have to go.
    fn closed(entries: &[Entry]) -> Vec<usize> {
        let closed = |index: &usize| entries[*index].close.is_cancelled();
        (0..entries.len()).filter(closed).collect()
    }

    #[test]
    fn one_connection_too_many_closes_the_oldest_of_the_address_with_the_most() {
        let connections = Connections::new(4);
        let add = |last| connections.add(address(last)).expect("a place");
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

    #[test]
    fn a_trusted_clients_connection_is_never_closed_for_another_one() {
        let connections = Connections::new(2);
        let add = |last| connections.add(address(last));
        let trusted = [add(1).expect("a place"), add(1).expect("a place")];
        trusted[0].trust();
        let stranger = add(2).expect("a place");
        assert!(trusted[1].close.is_cancelled() && !stranger.close.is_cancelled());
        stranger.trust();
        assert!(add(3).is_none());
        drop(stranger);
        assert!(add(3).is_some());
    }
}
