//! What was asked: a bounded journal.

use std::collections::VecDeque;

use parking_lot::Mutex;

use crate::{Journal, JournalEntry};

/// The newest entries, oldest first.
#[derive(Debug)]
pub(crate) struct JournalBook {
    capacity: usize,
    pages: Mutex<Pages>,
}

#[derive(Debug, Default)]
struct Pages {
    entries: VecDeque<JournalEntry>,
    written: u64,
}

impl JournalBook {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            pages: Mutex::default(),
        }
    }

    /// Writes an entry; its `seq` is given here.
    pub(crate) fn write(&self, mut entry: JournalEntry) {
        let mut pages = self.pages.lock();
        pages.written += 1;
        entry.seq = pages.written;
        pages.entries.push_back(entry);
        while pages.entries.len() > self.capacity {
            pages.entries.pop_front();
        }
    }

    /// The entries after a position, and how many were forgotten in all.
    pub(crate) fn after(&self, seq: u64) -> Journal {
        let pages = self.pages.lock();
        Journal {
            forgotten: pages.written - pages.entries.len() as u64,
            entries: pages
                .entries
                .iter()
                .filter(|entry| entry.seq > seq)
                .cloned()
                .collect(),
        }
    }
}
