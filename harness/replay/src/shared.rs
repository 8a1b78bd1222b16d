//! What the mock and the control port share.

use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use crate::World;
use crate::fault::Faults;
use crate::journal::JournalBook;
use crate::promql::Settings;

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) world: ArcSwap<World>,
    pub(crate) faults: ArcSwap<Faults>,
    pub(crate) journal: JournalBook,
    pub(crate) settings: Settings,
    /// Held while the world is changed, so that no change is lost.
    pub(crate) change: Mutex<()>,
}

impl Shared {
    /// Replaces the world by what `change` makes of it.
    pub(crate) fn change<E>(
        &self,
        change: impl FnOnce(&World) -> Result<World, E>,
    ) -> Result<(), E> {
        let _one_at_a_time = self.change.lock();
        let world = change(&self.world.load())?;
        self.world.store(Arc::new(world));
        Ok(())
    }
}
