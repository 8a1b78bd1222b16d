//! What the mock and the control port share.

use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use crate::fault::Faults;
use crate::journal::JournalBook;
use crate::promql::Settings;
use crate::tenants::Worlds;

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) worlds: ArcSwap<Worlds>,
    pub(crate) faults: ArcSwap<Faults>,
    pub(crate) journal: JournalBook,
    pub(crate) settings: Settings,
    /// Held while the worlds are changed, so that no change is lost.
    pub(crate) change: Mutex<()>,
}

impl Shared {
    /// Replaces the worlds by what `change` makes of it.
    pub(crate) fn change<E>(
        &self,
        change: impl FnOnce(&Worlds) -> Result<Worlds, E>,
    ) -> Result<(), E> {
        let _one_at_a_time = self.change.lock();
        let worlds = change(&self.worlds.load())?;
        self.worlds.store(Arc::new(worlds));
        Ok(())
    }
}
