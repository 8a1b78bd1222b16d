//! The bytes that requests in flight take, shared fairly among clients.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

/// Whose bytes they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    Trusted,
    Stranger(IpAddr),
}

/// The most bytes at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Most {
    pub(crate) all: usize,
    pub(crate) strangers: usize,
    /// Of a stranger's address.
    pub(crate) address: usize,
}

/// The bytes that are taken now, and how many may be.
pub(crate) struct Budget {
    most: Most,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    strangers: usize,
    /// Of strangers that have taken any.
    addresses: HashMap<IpAddr, usize>,
}

impl Budget {
    pub(crate) fn new(most: Most) -> Arc<Self> {
        Arc::new(Self {
            most,
            taken: Mutex::default(),
        })
    }

    /// Takes bytes; none if that would be too many.
    pub(crate) fn take(self: &Arc<Self>, owner: Owner, bytes: usize) -> Option<Share> {
        let mut share = Share {
            budget: self.clone(),
            owner,
            bytes: 0,
        };
        share.grow(bytes).then_some(share)
    }
}

impl Taken {
    fn add(&mut self, owner: Owner, bytes: usize, most: &Most) -> bool {
        if bytes > most.all.saturating_sub(self.all) {
            return false;
        }
        if let Owner::Stranger(address) = owner {
            let of_address = self.addresses.get(&address).copied().unwrap_or_default();
            if bytes > most.strangers.saturating_sub(self.strangers)
                || bytes > most.address.saturating_sub(of_address)
            {
                return false;
            }
            self.strangers += bytes;
            self.addresses.insert(address, of_address + bytes);
        }
        self.all += bytes;
        true
    }

    fn remove(&mut self, owner: Owner, bytes: usize) {
        self.all -= bytes;
        if let Owner::Stranger(address) = owner {
            self.strangers -= bytes;
            if let Some(of_address) = self.addresses.get_mut(&address) {
                *of_address -= bytes;
                if *of_address == 0 {
                    self.addresses.remove(&address);
                }
            }
        }
    }
}

/// Bytes that are taken until this is dropped.
pub(crate) struct Share {
    budget: Arc<Budget>,
    owner: Owner,
    bytes: usize,
}

impl Share {
    /// Takes more; says whether that was possible.
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        let budget = &self.budget;
        let taken = budget.taken.lock().add(self.owner, bytes, &budget.most);
        if taken {
            self.bytes += bytes;
        }
        taken
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.taken.lock().remove(self.owner, self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MOST: Most = Most {
        all: 100,
        strangers: 50,
        address: 20,
    };

    fn stranger(last: u8) -> Owner {
        Owner::Stranger(IpAddr::from([10, 0, 0, last]))
    }

    #[test]
    fn strangers_leave_the_others_and_the_trusted_what_is_theirs() {
        let budget = Budget::new(MOST);
        let first = budget.take(stranger(1), 20).expect("within its share");
        assert!(budget.take(stranger(1), 1).is_none(), "one too many");
        let second = budget.take(stranger(2), 20).expect("another address");
        let mut third = budget.take(stranger(3), 10).expect("another address");
        assert!(!third.grow(1), "all strangers together");
        let trusted = budget.take(Owner::Trusted, 50).expect("the reserve");
        assert!(budget.take(Owner::Trusted, 1).is_none());
        drop((first, trusted));
        assert!(third.grow(1) && budget.take(Owner::Trusted, 59).is_some());
        drop(second);
    }

    proptest! {
        #[test]
        fn what_is_taken_never_exceeds_a_limit_and_is_given_back(
            steps in proptest::collection::vec((0u8..6, 0usize..30, any::<bool>()), 0..60),
        ) {
            let budget = Budget::new(MOST);
            let mut shares: Vec<Share> = Vec::new();
            for (client, bytes, gives_back) in steps {
                let owner = if client == 0 { Owner::Trusted } else { stranger(client) };
                if gives_back && !shares.is_empty() {
                    shares.remove(bytes % shares.len());
                }
                shares.extend(budget.take(owner, bytes));
                let of = |owner: Owner| -> usize {
                    shares.iter().filter(|share| share.owner == owner).map(|share| share.bytes).sum()
                };
                let strangers: usize = (1..6).map(|client| of(stranger(client))).sum();
                prop_assert!((1..6).all(|client| of(stranger(client)) <= MOST.address));
                prop_assert!(strangers <= MOST.strangers);
                prop_assert!(strangers + of(Owner::Trusted) <= MOST.all);
                prop_assert_eq!(budget.taken.lock().all, strangers + of(Owner::Trusted));
            }
            shares.clear();
            let taken = budget.taken.lock();
            prop_assert!(taken.all == 0 && taken.strangers == 0 && taken.addresses.is_empty());
        }
    }
}
